/* SPDX-License-Identifier: MIT */
/*
 * Guests' page tables: walking them, changing entries. The hypercalls that do
 * so are in mmu_update.c, mmuext.c, va_mapping.c; the rules of types and
 * references in asm/pv/ptype.h.
 */
#ifndef ASM_PV_MM_H
#define ASM_PV_MM_H

#include <asm/page.h>
#include <hv/cpumask.h>
#include <hv/page.h>

#include <public/xen.h>

struct vcpu;
struct domain;

/* ---- walk.c ---- */
/*
 * What a walk from a root found. Entries are read once each, without locks: a
 * guest may change them meanwhile, so what is found is a hint that the taker
 * of references and locks checks again.
 */
struct pt_walk {
    unsigned int level; /* of the last entry read: 1 if there is an L1 entry */
    pte_t entry;        /* that entry; not present if level > 1 */
    pte_t rights;       /* AND of RW and US, OR of NX over the levels */
    mfn_t table;        /* the table holding entry */
};
/* False: va is not canonical or not the guest's, or there is no root. */
bool pt_walk(mfn_t root, unsigned long va, struct pt_walk *w);
/* Root that is live for v now. */
mfn_t vcpu_live_root(const struct vcpu *v);

/*
 * The L1 entry of current's va in its kernel's tables: referenced and locked
 * (pt_lock) table, or NULL. pt_entry_unlock() gives back.
 */
pte_t *pt_entry_lock_va(unsigned long va, struct page_info **table);
/* The entry at a machine address, of a table of d with the given type. */
pte_t *pt_entry_lock_maddr(paddr_t pa, const struct domain *d,
                           struct page_info **table);
void pt_entry_unlock(struct page_info *table);

/* ---- pt_entry.c ---- */
#define PTU_PRESERVE_AD 1U /* keep the accessed and dirty bits */
/*
 * Change an L1 entry: *slot in a locked table of table_owner := new, which
 * maps a frame of pg_owner if it is present. 0 or -Exxx (nothing changed).
 */
int pt_set_l1(pte_t *slot, pte_t new, const struct domain *table_owner,
              const struct domain *pg_owner, unsigned int how) MUST_CHECK;
/* The same only if *slot is still expected: -EAGAIN otherwise. */
int pt_cmpxchg_l1(pte_t *slot, pte_t expected, pte_t new,
                  const struct domain *d) MUST_CHECK;
/*
 * Change an entry of an L2, L3 or L4 table; it is referenced, not locked.
 * Flushes before a table that was linked is let go. -ERESTART: not done, try
 * again. Dropping the old table may be left to pv_finish_drops().
 */
int pt_set_table(struct page_info *table, unsigned int slot, pte_t new,
                 unsigned int level, unsigned int how) MUST_CHECK;

/*
 * Drops of page-table trees that were preempted: at most one per vcpu, to be
 * finished before the vcpu changes page tables again. -ERESTART: more to do.
 */
int pv_finish_drops(void) MUST_CHECK;
/* Drop a typed reference, leaving the rest to pv_finish_drops(). True: there
 * is a rest, so the caller should come to an end. */
bool pv_put_or_defer(struct page_info *pg);
bool pv_drop_is_pending(void);

/* ---- mm_args.c ---- */
/*
 * Domain named by an argument of MMU hypercalls, with a reference; errors as
 * pointers would be unclear: 0, -ESRCH, -EPERM.
 */
int pv_get_pg_owner(domid_t id, struct domain **out) MUST_CHECK;
void pv_put_pg_owner(struct domain *d);

/* Flush for UVMF_* of update_va_mapping. */
int pv_uvm_flush(unsigned long va, unsigned long flags);
/* CPUs of the vcpus in a guest's bitmap. */
int pv_vcpumask_cpus(uint64_t bitmap_va, cpumask_t *out);

/* Recount everything; domains are paused meanwhile. Number of differences. */
unsigned int pv_audit(void);
void pv_audit_init(void);

#endif
