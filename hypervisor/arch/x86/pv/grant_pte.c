/* SPDX-License-Identifier: MIT */
/*
 * Mappings of granted frames in the page tables of the current domain. The
 * references are taken by the caller and then belong to the entry, like those
 * of any other: overwriting it by other means drops them, and the grant can
 * then not be unmapped any more. arch_grant_unmap() hands them back.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <public/grant_table.h>

#include <asm/pv/l1e.h>
#include <asm/pv/mm.h>

/* Of another domain than the current one it is marked, for the flush that a
 * change of its type needs (ptype.c). */
static ALWAYS_INLINE bool try_get_writable(struct page_info *pg,
                                           const struct domain *rd)
{
    uint64_t old = READ_ONCE(pg->state), new = pgs_add_writable(old);

    if (current->domain != rd)
        new |= PGS_FOREIGN;
    if (READ_ONCE(pg->owner) != rd || !(new &PGS_REF_MASK) ||
        !pgs_cmpxchg(pg, &old, new))
        return false;
    if (likely(READ_ONCE(pg->owner) == rd))
        return true;
    page_put_and_type(pg);
    return false;
}

static ALWAYS_INLINE bool hold(struct domain *rd, mfn_t m, bool readonly)
{
    struct page_info *pg;

    if (unlikely(!mfn_is_ram(m)))
        return false;
    pg = mfn_to_page(m); /* not before: m may be any 64 bits of a guest's */
    if (readonly)
        return page_try_get(pg, rd) || page_get(pg, rd);
    return try_get_writable(pg, rd) ||
           page_get_and_type(pg, rd, PGT_WRITABLE) == 0;
}

static ALWAYS_INLINE void drop(mfn_t m, bool readonly)
{
    struct page_info *pg = mfn_to_page(m);

    if (!readonly) {
        if (!page_try_put_type(pg))
            page_put_and_type(pg);
    } else if (!page_try_put(pg)) {
        page_put(pg);
    }
}

static NOINLINE bool hold_any(struct domain *rd, mfn_t m, bool readonly)
{
    return hold(rd, m, readonly);
}

bool arch_grant_hold(struct domain *rd, mfn_t m, bool readonly)
{
    struct page_info *pg;

    if (likely(mfn_is_main_ram(m))) {
        pg = mfn_to_page(m);
        if (readonly ? page_try_get(pg, rd) : try_get_writable(pg, rd))
            return true;
    }
    return hold_any(rd, m, readonly);
}

void arch_grant_drop(mfn_t m, bool readonly)
{
    drop(m, readonly);
}

static ALWAYS_INLINE pte_t *lock_entry(uint64_t addr, unsigned int gntmap_flags,
                                       struct page_info **table)
{
    if (unlikely(gntmap_flags & GNTMAP_contains_pte))
        return pt_entry_lock_maddr(addr, current->domain, table);
    return pt_entry_lock_va(addr, table);
}

static ALWAYS_INLINE pte_t grant_entry(mfn_t m, unsigned int gntmap_flags)
{
    pte_t e = pte_make(m, PTE_P | PTE_A | PTE_D);

    e |= (pte_t)(gntmap_flags >> _GNTMAP_guest_avail0) << 9 & PTE_AVL;
    if (!(gntmap_flags & GNTMAP_readonly))
        e |= PTE_RW;
    if (gntmap_flags & GNTMAP_application_map)
        e |= PTE_US;
    l1e_adjust(&e);
    return e;
}

int arch_grant_map(struct domain *rd, uint64_t addr, mfn_t m,
                   unsigned int gntmap_flags)
{
    bool readonly = gntmap_flags & GNTMAP_readonly;
    struct page_info *table;
    pte_t *slot, old;

    if (unlikely(!hold(rd, m, readonly)))
        return GNTST_general_error;
    slot = lock_entry(addr, gntmap_flags, &table);
    if (unlikely(!slot)) {
        drop(m, readonly);
        return GNTST_general_error;
    }
    old = READ_ONCE(*slot);
    WRITE_ONCE(*slot, grant_entry(m, gntmap_flags));
    if (unlikely(old & PTE_P))
        l1e_put(old);
    pt_unlock(table);
    return GNTST_okay;
}

/* The entry at va, with what it holds, for another place; it is cleared. */
static int take_entry(unsigned long va, pte_t *e)
{
    struct page_info *table;
    pte_t *slot = pt_entry_lock_va(va, &table);

    if (!slot)
        return GNTST_bad_virt_addr;
    *e = __atomic_exchange_n(slot, 0, __ATOMIC_SEQ_CST);
    pt_unlock(table);
    return GNTST_okay;
}

/* Back to where it was, unless the guest has put something else there. */
static void return_entry(unsigned long va, pte_t e)
{
    struct page_info *table;
    pte_t *slot = pt_entry_lock_va(va, &table);
    bool done = false;

    if (slot) {
        done = !READ_ONCE(*slot);
        if (done)
            WRITE_ONCE(*slot, e);
        pt_unlock(table);
    }
    if (!done && (e & PTE_P))
        l1e_put(e);
}

/* new instead of what maps m; the entry's references are the caller's then.
 * What the entry says it holds must be what the caller drops. Unlocks. */
static ALWAYS_INLINE int replace_locked(pte_t *slot, struct page_info *table,
                                        mfn_t m, unsigned int gntmap_flags,
                                        pte_t new)
{
    const pte_t kind = PTE_P | PTE_RW;
    pte_t want = gntmap_flags & GNTMAP_readonly ? PTE_P : kind;
    pte_t old = READ_ONCE(*slot);
    int rc = GNTST_general_error;

    if (likely((old & kind) == want && mfn_eq(pte_mfn(old), m))) {
        WRITE_ONCE(*slot, new);
        rc = GNTST_okay;
    }
    pt_unlock(table);
    return rc;
}

static int replace_entry(uint64_t addr, mfn_t m, unsigned int gntmap_flags,
                         pte_t new)
{
    struct page_info *table;
    pte_t *slot = lock_entry(addr, gntmap_flags, &table);

    return slot ? replace_locked(slot, table, m, gntmap_flags, new)
                : GNTST_general_error;
}

static NOINLINE int unmap_any(uint64_t addr, mfn_t m, unsigned int gntmap_flags,
                              uint64_t new_addr)
{
    pte_t new;
    int rc;

    if (!new_addr)
        return replace_entry(addr, m, gntmap_flags, 0);
    rc = take_entry(new_addr, &new);
    if (rc != GNTST_okay)
        return rc;
    rc = replace_entry(addr, m, gntmap_flags, new);
    if (rc != GNTST_okay)
        return_entry(new_addr, new);
    return rc;
}

int arch_grant_unmap(uint64_t addr, mfn_t m, unsigned int gntmap_flags,
                     uint64_t new_addr)
{
    struct page_info *table;
    pte_t *slot;

    if (unlikely(new_addr || (gntmap_flags & GNTMAP_contains_pte)))
        return unmap_any(addr, m, gntmap_flags, new_addr);
    slot = pt_entry_try_lock_va(addr, &table);
    if (unlikely(!slot))
        return unmap_any(addr, m, gntmap_flags, 0);
    return replace_locked(slot, table, m, gntmap_flags, 0);
}

static NOINLINE void flush_domain(const struct domain *d)
{
    cpumask_t mask;

    domain_dirty_mask(d, &mask);
    tlb_flush_mask(&mask);
}

/* Where only this CPU can hold translations of d, no mask is made. */
void arch_grant_flush(void)
{
    const struct domain *d = current->domain;
    unsigned long others = ~BIT(smp_processor_id() % BITS_PER_LONG);
    const struct vcpu *v;

    if (unlikely(nr_cpus > BITS_PER_LONG))
        goto all;
    for_each_vcpu (d, v) {
        if (READ_ONCE(v->dirty_cpumask.bits[0]) & others)
            goto all;
    }
    tlb_flush_local();
    return;
all:
    flush_domain(d);
}
