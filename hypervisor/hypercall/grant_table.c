/* SPDX-License-Identifier: MIT */
/*
 * grant_table_op: the table of operations, and those on the tables themselves.
 */
#include "grant_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/permission.h>

/* A table grows by so many frames before it looks whether it must give way. */
#define GROW_STEP 4

long gnttab_continue(unsigned int cmd, guest_va_t rest, unsigned int count)
{
    return hypercall_continue(__HYPERVISOR_grant_table_op, 3,
                              (unsigned long)cmd, rest, (unsigned long)count);
}

struct domain *gnttab_table_owner(domid_t domid, int *rc)
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

        if (grant_get_frame(d, false, i, &frame))
            return GNTST_general_error;
        m = mfn_x(frame);
        if (copy_to_handle_at(op->frame_list, i, &m))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

/* Grow step by step; true: not yet done, but the hypercall must give way. */
static bool grow(struct domain *d, uint32_t nr, int *rc)
{
    uint32_t have = grant_nr_frames(&d->grant);

    *rc = GNTST_okay;
    while (have < nr) {
        have = min_t(uint32_t, nr, have + GROW_STEP);
        if (grant_grow(d, have)) {
            *rc = GNTST_general_error;
            return false;
        }
        if (have < nr && hypercall_preempt_check())
            return true;
    }
    return false;
}

static long setup_table(guest_va_t uop, unsigned int count)
{
    struct gnttab_setup_table op;
    bool again = false;
    struct domain *d;
    int rc;

    if (count != 1)
        return -EINVAL;
    if (copy_from_guest_va(&op, uop, sizeof(op)))
        return -EFAULT;
    d = gnttab_table_owner(op.dom, &rc);
    if (d) {
        if (op.nr_frames > d->grant.max_frames)
            rc = GNTST_general_error;
        else
            again = grow(d, op.nr_frames, &rc);
        if (rc == GNTST_okay && !again)
            rc = list_frames(d, &op);
        domain_put(d);
    }
    if (again)
        return gnttab_continue(GNTTABOP_setup_table, uop, 1);
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
    d = gnttab_table_owner(op.dom, &rc);
    if (d) {
        op.nr_frames = grant_nr_frames(&d->grant);
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
        d = gnttab_table_owner(op.dom, &rc);
    if (d) {
        grant_dump(d);
        domain_put(d);
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

static long unknown(guest_va_t uop, unsigned int count)
{
    (void)uop;
    (void)count;
    return -ENOSYS;
}

#define NR_OPS 16U /* a power of two: the index is masked */

#pragma GCC diagnostic ignored "-Woverride-init"
static long (*const ops[NR_OPS])(guest_va_t uop, unsigned int count) = {
    [0 ... NR_OPS - 1] = unknown,
    [GNTTABOP_map_grant_ref] = gnttab_map,
    [GNTTABOP_unmap_grant_ref] = gnttab_unmap,
    [GNTTABOP_setup_table] = setup_table,
    [GNTTABOP_dump_table] = dump_table,
    [GNTTABOP_transfer] = gnttab_transfer,
    [GNTTABOP_copy] = gnttab_copy,
    [GNTTABOP_query_size] = query_size,
    [GNTTABOP_unmap_and_replace] = gnttab_unmap_and_replace,
    [GNTTABOP_set_version] = gnttab_set_version,
    [GNTTABOP_get_status_frames] = gnttab_get_status_frames,
    [GNTTABOP_get_version] = gnttab_get_version,
    [GNTTABOP_swap_grant_ref] = swap_grant_ref,
};

long do_grant_table_op(unsigned long cmd, unsigned long uop,
                       unsigned long count)
{
    cmd = (uint32_t)cmd;
    count = (uint32_t)count;
    if (count > INT32_MAX)
        return -EINVAL;
    return likely(cmd < NR_OPS)
               ? ops[index_nospec_pow2(cmd, NR_OPS)](uop, (unsigned int)count)
               : -ENOSYS;
}
