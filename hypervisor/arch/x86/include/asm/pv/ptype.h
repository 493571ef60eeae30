/* SPDX-License-Identifier: MIT */
/*
 * Page types: what makes direct paging safe. The rules, with drawings, are in
 * docs/paging.md. The word they live in, and the functions that core uses,
 * are in hv/page.h; these are the machine's own.
 *
 * Life of the type of a frame (n = type count):
 *
 *   NONE 0 --get--> T 1 busy --checked--> T n VALIDATED --last put--> T 1 busy
 *                     |  ^                                              |
 *         preempted   v  | claimed                            dropped   v
 *                   T 1 PARTIAL <----------- preempted ----------     NONE 0
 *
 * busy: one CPU, the claimer, validates or devalidates; others wait.
 * PARTIAL: the first pt.nr_done entries hold their references, the others do
 * not, the entry at nr_done may lead to a PARTIAL table. Such a frame owns one
 * general and one type reference of itself; who claims it gets them, and may
 * go on in either direction. WRITABLE needs no check and is never busy.
 */
#ifndef ASM_PV_PTYPE_H
#define ASM_PV_PTYPE_H

#include <asm/page.h>
#include <hv/cpumask.h>
#include <hv/lib.h>
#include <hv/page.h>

struct vcpu;

static inline enum page_type pgs_type(uint64_t state)
{
    return (enum page_type)((state & PGS_TYPE_MASK) >> PGS_TYPE_SHIFT);
}

static inline uint64_t pgs_refs(uint64_t state)
{
    return state & PGS_REF_MASK;
}

static inline uint64_t pgs_trefs(uint64_t state)
{
    return (state & PGS_TREF_MASK) >> PGS_TREF_SHIFT;
}

static inline bool type_is_table(enum page_type t)
{
    return t >= PGT_L1 && t <= PGT_L4;
}

/* One compare-exchange of the state word; *old is refreshed on failure. */
static inline bool pgs_cmpxchg(struct page_info *pg, uint64_t *old,
                               uint64_t new)
{
    return __atomic_compare_exchange_n(&pg->state, old, new, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * page_put_and_type() that may stop half-way: -ERESTART, then the frame is
 * PARTIAL and page_type_resume_drop() goes on. The caller's references are
 * gone in either case.
 */
int page_put_and_type_preemptible(struct page_info *pg) MUST_CHECK;
int page_type_resume_drop(struct page_info *pg) MUST_CHECK;
/* The same if the frame is PARTIAL as this type, else nothing (0). */
int page_type_resume_drop_of(struct page_info *pg,
                             enum page_type type) MUST_CHECK;

/* A writable reference is held for a mapping in tables of another domain than
 * the owner: PGS_FOREIGN (hv/page.h). */
static inline void page_mark_foreign(struct page_info *pg)
{
    if (!(READ_ONCE(pg->state) & PGS_FOREIGN))
        __atomic_fetch_or(&pg->state, PGS_FOREIGN, __ATOMIC_SEQ_CST);
}

/* The guest's pin: a reference and a type reference that last. Refused, a table
 * may be left half-way (pv_drop_refused()). */
int page_pin(struct page_info *pg, const struct domain *d,
             enum page_type type) MUST_CHECK;
/* -EINVAL: not pinned. -ERESTART: as page_put_and_type_preemptible(). */
int page_unpin(struct page_info *pg) MUST_CHECK;

/*
 * Updates of a validated table: while locked it stays validated. Returns the
 * type, PGT_NONE (not locked) if it is no validated table. Tables are locked
 * from L4 towards L1, one at a time.
 */
enum page_type pt_lock(struct page_info *pg) MUST_CHECK;
static inline void pt_unlock(struct page_info *pg)
{
    ASSERT(READ_ONCE(pg->state) & PGS_LOCKED);
    __atomic_fetch_and(&pg->state, ~PGS_LOCKED, __ATOMIC_RELEASE);
}

/* ---- entries of L2, L3, L4 tables (pt_tables.c); of L1: asm/pv/l1e.h ---- */
/* Take what a present entry of a table of d needs: a reference and type of the
 * level below. Changes *e to what is to be stored. -EINVAL, or -ERESTART if
 * preempted. */
int table_entry_get(pte_t *e, const struct domain *d,
                    unsigned int level) MUST_CHECK;
/* Slots that a guest may fill. */
static inline bool l4_slot_is_guests(unsigned int slot)
{
    return slot < HV_SLOT_FIRST || slot > HV_SLOT_LAST;
}

/* Check all entries from nr_done on / drop those below nr_done (tables.c). */
int table_validate(struct page_info *pg, unsigned int level) MUST_CHECK;
int table_devalidate(struct page_info *pg, unsigned int level) MUST_CHECK;

/* CPUs that may hold translations of d's page tables. */
void domain_dirty_mask(const struct domain *d, cpumask_t *out);

/* The M2P's frames can be mapped read-only by DOMID_XEN (boot). */
void pv_share_m2p(void);

#endif
