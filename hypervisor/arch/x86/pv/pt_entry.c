/* SPDX-License-Identifier: MIT */
/*
 * Changing an entry of a validated page table: take what the new entry needs,
 * store it, give back what the old one held.
 */
#include <asm/pv/mm.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/isolation.h>
#include <asm/pv/l1e.h>

/* Entries of a table that was linked may be cached on any CPU of d. */
static void flush_domain(const struct domain *d)
{
    cpumask_t mask;

    domain_dirty_mask(d, &mask);
    tlb_flush_mask(&mask);
}

/* Lock again after the new entry's references were taken: still that type? */
static int swap_entry(struct page_info *table, unsigned int slot, pte_t new,
                      unsigned int level, unsigned int how, pte_t *old)
{
    pte_t *pt = page_to_virt(table);
    enum page_type type = pt_lock(table);

    if (type == PGT_NONE)
        return -EINVAL;
    if (type == level) {
        *old = READ_ONCE(pt[slot]);
        pte_store(&pt[slot], new, how);
        /* As long as it is locked it is no other kind of frame. */
        if (level == PGT_L4)
            isolation_l4_changed(table->owner, table, slot);
    }
    pt_unlock(table);
    return type == level ? 0 : -EINVAL;
}

int pt_set_table(struct page_info *table, unsigned int slot, pte_t new,
                 unsigned int level, unsigned int how)
{
    const struct domain *d = table->owner;
    pte_t old = 0;
    int rc;

    if (level == PGT_L4 && !l4_slot_is_guests(slot))
        return -EINVAL;
    if (new &PTE_P) {
        rc = table_entry_get(&new, d, level);
        if (rc) {
            if (rc != -ERESTART && mfn_is_ram(pte_mfn(new)))
                pv_drop_refused(mfn_to_page(pte_mfn(new)));
            return rc;
        }
    } else if (l1tf_refuses(new, d)) {
        return -EPERM;
    }
    rc = swap_entry(table, slot, new, level, how, &old);
    if (rc)
        old = new; /* give back what was taken */
    if (!(old & PTE_P))
        return rc;
    /*
     * Before the old table may become anything else, no CPU may walk it. Also
     * if it stays in use: rights may have shrunk on the path to it.
     */
    if (!rc && old != new)
        flush_domain(d);
    pv_put_or_defer(mfn_to_page(pte_mfn(old)));
    return rc;
}
