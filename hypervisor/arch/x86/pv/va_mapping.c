/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_update_va_mapping and its _otherdomain form: change the L1 entry
 * of a virtual address, then flush as asked.
 */
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include <asm/pv/l1e.h>
#include <asm/pv/mm.h>

/* pg_owner: NULL for the caller's own. */
static ALWAYS_INLINE long update(unsigned long va, pte_t val,
                                 unsigned long flags,
                                 const struct domain *pg_owner)
{
    const struct domain *d = current->domain;
    struct page_info *table;
    pte_t *slot;
    int rc;

    slot = pt_entry_lock_va(va, &table);
    if (!slot)
        return -EINVAL;
    rc = pt_set_l1(slot, val, d, pg_owner ?: d, pg_owner ? 0 : PTU_OWN);
    pt_unlock(table);
    if (rc || !(flags & UVMF_FLUSHTYPE_MASK))
        return rc;
    return pv_uvm_flush(va, flags);
}

long do_update_va_mapping(unsigned long va, unsigned long val,
                          unsigned long flags)
{
    return update(va, val, flags, NULL);
}

long do_update_va_mapping_otherdomain(unsigned long va, unsigned long val,
                                      unsigned long flags, unsigned long domid)
{
    struct domain *pg_owner;
    long rc = pv_get_pg_owner((domid_t)domid, &pg_owner);

    if (rc)
        return rc;
    if (pg_owner != current->domain)
        rc = permit_target(__HYPERVISOR_update_va_mapping_otherdomain, 0,
                           pg_owner);
    rc = rc ?: update(va, val, flags, pg_owner);
    pv_put_pg_owner(pg_owner);
    return rc;
}
