/* SPDX-License-Identifier: MIT */
/*
 * GNTTABOP_copy: bytes within one page to bytes within one page, each end a
 * grant reference or a frame of the caller (of anybody, for the control
 * domain). What network backends move packets with.
 */
#include "grant_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include "../core/grant_priv.h"

/* One end, held for the copy. */
struct end {
    struct domain *d; /* referenced */
    struct page_info *pg;
    uint32_t ref;
    bool is_ref, readonly, pinned;
};

static int end_frame(struct end *e, const struct gnttab_copy_ptr *p, mfn_t *m)
{
    int rc;

    if (!e->is_ref) {
        if (permit_target(__HYPERVISOR_mmu_update, 0, e->d))
            return GNTST_permission_denied;
        *m = mfn(p->u.gmfn);
        return GNTST_okay;
    }
    e->ref = p->u.ref;
    rc = grant_pin(e->d, e->ref, current->domain->id, e->readonly, m);
    e->pinned = rc == GNTST_okay;
    return rc;
}

static int end_hold(struct end *e, const struct gnttab_copy_ptr *p)
{
    mfn_t m = INVALID_MFN;
    struct page_info *pg;
    int rc;

    e->d = domain_get_any(p->domid);
    if (!e->d)
        return GNTST_bad_domain;
    rc = end_frame(e, p, &m);
    if (rc != GNTST_okay)
        return rc;
    if (!mfn_is_ram(m))
        return GNTST_bad_page;
    pg = mfn_to_page(m);
    if (e->readonly ? !page_get(pg, e->d)
                    : page_get_and_type(pg, e->d, PGT_WRITABLE) != 0)
        return e->is_ref ? GNTST_general_error : GNTST_bad_page;
    e->pg = pg;
    return GNTST_okay;
}

static void end_release(struct end *e)
{
    if (e->pg && e->readonly)
        page_put(e->pg);
    else if (e->pg)
        page_put_and_type(e->pg);
    if (e->pinned)
        grant_unpin(e->d, e->ref, e->readonly);
    if (e->d)
        domain_put(e->d);
}

static int copy_one(const struct gnttab_copy *op)
{
    struct end src = {.is_ref = op->flags & GNTCOPY_source_gref,
                      .readonly = true};
    struct end dst = {.is_ref = op->flags & GNTCOPY_dest_gref};
    int rc;

    if (op->source.offset + op->len > PAGE_SIZE ||
        op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    rc = end_hold(&src, &op->source);
    if (rc == GNTST_okay)
        rc = end_hold(&dst, &op->dest);
    if (rc == GNTST_okay)
        /* Both ends may be in one frame, and overlap. */
        memmove((char *)page_to_virt(dst.pg) + op->dest.offset,
                (const char *)page_to_virt(src.pg) + op->source.offset,
                op->len);
    end_release(&dst);
    end_release(&src);
    return rc;
}

long gnttab_copy(guest_va_t uop, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct gnttab_copy op;
        guest_va_t at = uop + i * sizeof(op);

        if (i && hypercall_preempt_check())
            return gnttab_continue(GNTTABOP_copy, at, count - i);
        if (copy_from_guest_va(&op, at, sizeof(op)))
            return -EFAULT;
        op.status = (int16_t)copy_one(&op);
        if (copy_to_guest_va(at + offsetof(struct gnttab_copy, status),
                             &op.status, sizeof(op.status)))
            return -EFAULT;
    }
    return 0;
}
