/* SPDX-License-Identifier: MIT */
/*
 * grant_table_op: the table of operations, and those on the tables themselves.
 * Version 1 only; version 2 is refused as the ABI provides.
 */
#include "grant_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include "../core/grant_priv.h"

long gnttab_continue(unsigned int cmd, guest_va_t rest, unsigned int count)
{
    return hypercall_continue(__HYPERVISOR_grant_table_op, 3,
                              (unsigned long)cmd, rest, (unsigned long)count);
}

/* The domain an operation on a table names, referenced; GNTST_* in *rc. */
static struct domain *table_owner(domid_t domid, int *rc)
{
    struct domain *d = domain_get_any(domid);

    if (!d) {
        *rc = GNTST_bad_domain;
        return NULL;
    }
    if (permit_target(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, d)) {
        domain_put(d);
        *rc = GNTST_permission_denied;
        return NULL;
    }
    *rc = GNTST_okay;
    return d;
}

static int list_frames(struct domain *d, const struct gnttab_setup_table *op)
{
    for (uint32_t i = 0; i < op->nr_frames; i++) {
        mfn_t frame;
        uint64_t m;
        int rc = grant_get_frame(d, false, i, &frame);

        if (rc)
            return GNTST_general_error;
        m = mfn_x(frame);
        if (copy_to_handle_at(op->frame_list, i, &m))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

static long setup_table(guest_va_t uop, unsigned int count)
{
    struct gnttab_setup_table op;
    struct domain *d;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    d = table_owner(op.dom, &rc);
    if (d) {
        if (op.nr_frames > d->grant.max_frames)
            rc = GNTST_general_error;
        else
            rc = list_frames(d, &op);
        domain_put(d);
    }
    op.status = (int16_t)rc;
    return copy_to_guest_va(uop, &op, sizeof(op));
}

static long query_size(guest_va_t uop, unsigned int count)
{
    struct gnttab_query_size op;
    struct domain *d;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    d = table_owner(op.dom, &rc);
    if (d) {
        op.nr_frames = READ_ONCE(d->grant.nr_frames);
        op.max_nr_frames = d->grant.max_frames;
        domain_put(d);
    }
    op.status = (int16_t)rc;
    return copy_to_guest_va(uop, &op, sizeof(op));
}

/* Many lines of the log: the control domain alone may ask for them. */
static long dump_table(guest_va_t uop, unsigned int count)
{
    struct gnttab_dump_table op;
    struct domain *d = NULL;
    int rc = GNTST_permission_denied;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    if (!permit(__HYPERVISOR_grant_table_op, GNTTABOP_dump_table))
        d = table_owner(op.dom, &rc);
    if (d) {
        grant_dump(d);
        domain_put(d);
    }
    op.status = (int16_t)rc;
    return copy_to_guest_va(uop, &op, sizeof(op));
}

/* Giving frames away through grants ended with old network front ends: every
 * element is refused. */
static long transfer(guest_va_t uop, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        guest_va_t at = uop + i * sizeof(struct gnttab_transfer);
        int16_t status = GNTST_general_error;

        if (copy_to_guest_va(at + offsetof(struct gnttab_transfer, status),
                             &status, sizeof(status)))
            return -EFAULT;
        if (i % 64 == 63 && hypercall_preempt_check())
            return gnttab_continue(GNTTABOP_transfer,
                                   at + sizeof(struct gnttab_transfer),
                                   count - i - 1);
    }
    return 0;
}

static long set_version(guest_va_t uop, unsigned int count)
{
    struct gnttab_set_version op;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    if (op.version == 2)
        return -ENOSYS;
    if (op.version != 1)
        return -EINVAL;
    return copy_to_guest_va(uop, &op, sizeof(op));
}

static long get_version(guest_va_t uop, unsigned int count)
{
    struct gnttab_get_version op;
    struct domain *d;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    d = table_owner(op.dom, &rc);
    if (!d)
        return rc == GNTST_bad_domain ? -ESRCH : -EPERM;
    domain_put(d);
    op.version = 1;
    return copy_to_guest_va(uop, &op, sizeof(op));
}

/* There are none in version 1. */
static long get_status_frames(guest_va_t uop, unsigned int count)
{
    struct gnttab_get_status_frames op;
    struct domain *d;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    d = table_owner(op.dom, &rc);
    if (d) {
        domain_put(d);
        rc = GNTST_general_error;
    }
    op.status = (int16_t)rc;
    return copy_to_guest_va(uop, &op, sizeof(op));
}

static long swap_grant_ref(guest_va_t uop, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct gnttab_swap_grant_ref op;
        guest_va_t at = uop + i * sizeof(op);

        if (i && i % 64 == 0 && hypercall_preempt_check())
            return gnttab_continue(GNTTABOP_swap_grant_ref, at, count - i);
        if (copy_from_guest_va(&op, at, sizeof(op)))
            return -EFAULT;
        op.status = (int16_t)grant_swap(current->domain, op.ref_a, op.ref_b);
        if (copy_to_guest_va(at, &op, sizeof(op)))
            return -EFAULT;
    }
    return 0;
}

static long unmap_grant_ref(guest_va_t uop, unsigned int count)
{
    return gnttab_unmap(uop, count, false);
}

static long unmap_and_replace(guest_va_t uop, unsigned int count)
{
    return gnttab_unmap(uop, count, true);
}

static long (*const ops[])(guest_va_t uop, unsigned int count) = {
    [GNTTABOP_map_grant_ref] = gnttab_map,
    [GNTTABOP_unmap_grant_ref] = unmap_grant_ref,
    [GNTTABOP_setup_table] = setup_table,
    [GNTTABOP_dump_table] = dump_table,
    [GNTTABOP_transfer] = transfer,
    [GNTTABOP_copy] = gnttab_copy,
    [GNTTABOP_query_size] = query_size,
    [GNTTABOP_unmap_and_replace] = unmap_and_replace,
    [GNTTABOP_set_version] = set_version,
    [GNTTABOP_get_status_frames] = get_status_frames,
    [GNTTABOP_get_version] = get_version,
    [GNTTABOP_swap_grant_ref] = swap_grant_ref,
};

long do_grant_table_op(unsigned long cmd, unsigned long uop,
                       unsigned long count)
{
    cmd = (uint32_t)cmd;
    count = (uint32_t)count;
    if (count > INT32_MAX)
        return -EINVAL;
    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    return ops[index_nospec(cmd, ARRAY_SIZE(ops))](uop, (unsigned int)count);
}
