/* SPDX-License-Identifier: MIT */
/*
 * GNTTABOP_transfer: a frame of the caller becomes another domain's, which
 * waits for one in an entry of its table. The ABI wants that a frame which
 * passed the first check is gone from the caller whatever comes after.
 */
#include "grant_ops.h"

#include <hv/hypercall.h>

static int give(const struct gnttab_transfer *op, struct page_info *pg)
{
    struct domain *rd = domain_get_any(op->domid);
    int rc;

    if (!rd)
        return GNTST_bad_domain;
    rc = grant_accept_transfer(rd, op->ref, current->domain->id, pg);
    domain_put(rd);
    return rc;
}

static int transfer_one(const struct gnttab_transfer *op)
{
    struct page_info *pg = page_get_from_mfn(mfn(op->mfn), current->domain);
    int rc;

    if (!pg)
        return GNTST_bad_page;
    if (!domain_take_page(pg)) {
        page_put(pg);
        return GNTST_bad_page;
    }
    rc = give(op, pg);
    if (rc != GNTST_okay)
        heap_free(pg, 0);
    return rc;
}

long gnttab_transfer(guest_va_t uop, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct gnttab_transfer op;
        guest_va_t at = uop + i * sizeof(op);

        if (i && hypercall_preempt_check())
            return gnttab_continue(GNTTABOP_transfer, at, count - i);
        if (copy_from_guest_va(&op, at, sizeof(op)))
            return -EFAULT;
        op.status =
            (int16_t)(grant_transfer_ok ? transfer_one(&op) : GNTST_bad_page);
        if (copy_to_guest_va(at + offsetof(struct gnttab_transfer, status),
                             &op.status, sizeof(op.status)))
            return -EFAULT;
    }
    return 0;
}
