/* SPDX-License-Identifier: MIT */
/*
 * The version of a table's entries: asked for, told, and the status frames
 * that version 2 has beside them.
 */
#include "grant_ops.h"

#include <hv/hypercall.h>

static int set_version(struct domain *d, uint32_t version)
{
    if (version != 1 && version != 2)
        return -EINVAL;
    if (version > d->grant.max_version)
        return -ENOSYS;
    return grant_set_version(d, version);
}

/* The version in effect is told whether it was changed or not. */
long gnttab_set_version(guest_va_t uop, unsigned int count)
{
    struct domain *d = current->domain;
    struct gnttab_set_version op;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    rc = set_version(d, op.version);
    op.version = grant_version(&d->grant);
    return copy_to_guest_va(uop, &op, sizeof(op)) ?: rc;
}

long gnttab_get_version(guest_va_t uop, unsigned int count)
{
    struct gnttab_get_version op;
    struct domain *d;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    d = gnttab_table_owner(op.dom, &rc);
    if (!d)
        return rc == GNTST_bad_domain ? -ESRCH : -EPERM;
    op.version = grant_version(&d->grant);
    domain_put(d);
    return copy_to_guest_va(uop, &op, sizeof(op));
}

static int list_status(struct domain *d,
                       const struct gnttab_get_status_frames *op)
{
    struct grant_table *t = &d->grant;
    uint32_t nr = grant_version(t) == 2
                      ? __atomic_load_n(&t->nr_status, __ATOMIC_ACQUIRE)
                      : 0;

    if (op->nr_frames > nr)
        return GNTST_general_error;
    for (uint32_t i = 0; i < op->nr_frames; i++) {
        uint64_t m = mfn_x(virt_to_mfn(t->status[index_nospec(i, nr)]));

        if (copy_to_handle_at(op->frame_list, i, &m))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

long gnttab_get_status_frames(guest_va_t uop, unsigned int count)
{
    struct gnttab_get_status_frames op;
    struct domain *d;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    d = gnttab_table_owner(op.dom, &rc);
    if (d) {
        rc = list_status(d, &op);
        domain_put(d);
    }
    op.status = (int16_t)rc;
    return copy_to_guest_va(
        uop + offsetof(struct gnttab_get_status_frames, status), &op.status,
        sizeof(op.status));
}
