/* SPDX-License-Identifier: MIT */
/*
 * Guests' page tables: walking them, changing entries. The hypercalls that do
 * so are in mmu_update.c, mmuext.c, va_mapping.c; the rules of types and
 * references in asm/pv/ptype.h.
 */
#ifndef ASM_PV_MM_H
#define ASM_PV_MM_H

#include <asm/cpu_info.h>
#include <asm/page.h>
#include <asm/pv/ptype_fast.h>
#include <hv/cpumask.h>
#include <hv/domain.h>
#include <hv/page.h>

#include <public/xen.h>

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
/* One level: the frame that the entry of va in the table *m names. is_ram is
 * mfn_is_ram(), or what is true for some of that. */
static ALWAYS_INLINE bool pt_walk_down(mfn_t *m, unsigned long va,
                                       unsigned int level,
                                       bool (*is_ram)(mfn_t m))
{
    const pte_t *pt = mfn_to_virt(*m);
    pte_t e = READ_ONCE(pt[PT_INDEX(va, level)]);

    *m = pte_mfn(e);
    return (e & PTE_P) && is_ram(*m);
}

/* Canonical, and not in the hypervisor's slots, which are the lowest of the
 * upper half: sign-extended, what is above HV_VIRT_SHIFT is one of few. */
static ALWAYS_INLINE bool va_is_guests(unsigned long va)
{
    const unsigned long half = 1UL << (47 - HV_VIRT_SHIFT);

    _Static_assert(HV_VIRT_START == -1UL << 47, "the lowest");
    _Static_assert(HV_VIRT_END - HV_VIRT_START == 1UL << HV_VIRT_SHIFT, "one");
    return (unsigned long)((long)va >> HV_VIRT_SHIFT) + half - 1 < 2 * half - 1;
}

/*
 * The shortest form: the L1 table of va, false if there is none. It stays
 * mapped for the hypervisor, whatever becomes of it. root is a validated L4
 * that is held, or INVALID_MFN.
 */
static ALWAYS_INLINE bool pt_walk_to_l1_in(mfn_t root, unsigned long va,
                                           mfn_t *m, bool (*is_ram)(mfn_t m))
{
    const pte_t *l4;
    pte_t e;

    if (unlikely(!va_is_guests(va)) || unlikely(mfn_eq(root, INVALID_MFN)))
        return false;
    /* What a held table names, is there. */
    l4 = mfn_to_virt(root);
    e = READ_ONCE(l4[PT_INDEX(va, 4)]);
    *m = pte_mfn(e);
    return likely(e & PTE_P) && likely(pt_walk_down(m, va, 3, is_ram)) &&
           likely(pt_walk_down(m, va, 2, is_ram));
}

static ALWAYS_INLINE bool pt_walk_to_l1(mfn_t root, unsigned long va, mfn_t *m)
{
    return pt_walk_to_l1_in(root, va, m, mfn_is_ram);
}
/* Root that is live for v now. */
mfn_t vcpu_live_root(const struct vcpu *v);

/* pt_try_lock_l1() for a table that may be locked, or of any kind. */
bool pt_lock_l1_wait(struct page_info *pg, const struct domain *d) MUST_CHECK;

/* Entry n of frame m, which was an L1 table a moment ago; the rest as below. */
static ALWAYS_INLINE pte_t *pt_entry_lock(mfn_t m, unsigned int n,
                                          const struct domain *d,
                                          struct page_info **table)
{
    struct page_info *pg = mfn_to_page(m);

    if (unlikely(!pt_try_lock_l1(pg, d)) && !pt_lock_l1_wait(pg, d))
        return NULL;
    *table = pg;
    return (pte_t *)mfn_to_virt(m) + n;
}

/*
 * The L1 entry of current's va in its kernel's tables; the table is locked
 * (pt_lock), or NULL. The lock keeps it: pt_try_lock_l1().
 */
static ALWAYS_INLINE pte_t *pt_entry_lock_va(unsigned long va,
                                             struct page_info **table)
{
    const struct vcpu *v = current;
    mfn_t m;

    if (unlikely(!pt_walk_to_l1(v->arch.kernel_l4, va, &m)))
        return NULL;
    return pt_entry_lock(m, PT_INDEX(va, 1), v->domain, table);
}

/* The same without any call, for who has another way: NULL also for a table
 * that is locked, or not in the main range of RAM. */
static ALWAYS_INLINE pte_t *pt_entry_try_lock_va(unsigned long va,
                                                 struct page_info **table)
{
    const struct vcpu *v = current;
    mfn_t m;

    if (unlikely(!pt_walk_to_l1_in(v->arch.kernel_l4, va, &m, mfn_is_main_ram)))
        return NULL;
    *table = mfn_to_page(m);
    if (unlikely(!pt_try_lock_l1(*table, v->domain)))
        return NULL;
    return (pte_t *)mfn_to_virt(m) + PT_INDEX(va, 1);
}

/* The entry at a machine address, of a table of d with the given type. */
pte_t *pt_entry_lock_maddr(paddr_t pa, const struct domain *d,
                           struct page_info **table);

/* ---- pt_entry.c ---- */
/*
 * Change an entry of an L2, L3 or L4 table; it is referenced, not locked.
 * Flushes before a table that was linked is let go. -ERESTART: not done, try
 * again. Dropping the old table may be left to pv_finish_drops().
 */
int pt_set_table(struct page_info *table, unsigned int slot, pte_t new,
                 unsigned int level, unsigned int how) MUST_CHECK;

/* ---- drops.c ---- */
/*
 * Drops of page-table trees that were preempted: kept by the vcpu, which
 * finishes them before it changes page tables again. -ERESTART: more to do.
 */
int pv_finish_drops(void) MUST_CHECK;
/* pg is PARTIAL and to be dropped; a hypercall leaves two at most. */
void pv_drop_later(struct page_info *pg);
/* Drop a typed reference, leaving the rest to pv_finish_drops(). */
void pv_put_or_defer(struct page_info *pg);
/* pg was refused as what it was to be (not -ERESTART): the same for what had
 * been taken of it. */
void pv_drop_refused(struct page_info *pg);
/* A reference and type for a root of d's page tables, m: 0, -EINVAL, -EBUSY,
 * -ERESTART. */
int pv_get_root(const struct domain *d, mfn_t m) MUST_CHECK;
static inline bool pv_drop_is_pending(void)
{
    return !mfn_eq(current->arch.drop_pending[0], INVALID_MFN);
}

/* ---- mm_args.c ---- */
/*
 * Domain named by an argument of MMU hypercalls, kept until it is put: 0,
 * -ESRCH, -EPERM. The caller's own needs no reference.
 */
int pv_get_other_owner(domid_t id, struct domain **out) MUST_CHECK;
void pv_put_other_owner(struct domain *d);

static inline MUST_CHECK int pv_get_pg_owner(domid_t id, struct domain **out)
{
    if (unlikely(id != DOMID_SELF))
        return pv_get_other_owner(id, out);
    *out = current->domain; /* stays as long as it runs */
    return 0;
}

static inline void pv_put_pg_owner(struct domain *d)
{
    if (unlikely(d != current->domain))
        pv_put_other_owner(d);
}

/* Flush for UVMF_* of update_va_mapping. */
int pv_uvm_flush(unsigned long va, unsigned long flags) MUST_CHECK;
/* CPUs of the vcpus in a guest's bitmap. */
int pv_vcpumask_cpus(uint64_t bitmap_va, cpumask_t *out);

/* Recount everything; domains are paused meanwhile. Number of differences. */
unsigned int pv_audit(void);
void pv_audit_init(void);

#endif
