/* SPDX-License-Identifier: MIT */
/*
 * GNTTABOP_map_grant_ref: granted frames into the caller's page tables, or
 * just held for its devices. What backends do for each page of a request.
 */
#include "grant_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/trace.h>

#define MAP_FLAGS                                            \
    (GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly | \
     GNTMAP_application_map | GNTMAP_contains_pte | GNTMAP_guest_avail_mask)
/* What a handle remembers of them. */
#define HANDLE_FLAGS (MAP_FLAGS & ~GNTMAP_guest_avail_mask)

/* Between so many elements a batch looks whether it must give way. */
#define PREEMPT_EVERY 16

/* One kind of mapping: pin and hold, and for the host its page-table entry.
 * On error nothing is left of it. */
static ALWAYS_INLINE int map_kind(struct domain *rd,
                                  struct gnttab_map_grant_ref *op, bool host)
{
    bool ro = op->flags & GNTMAP_readonly;
    struct grant_active *a;
    mfn_t frame;
    int rc =
        grant_pin(rd, op->ref, current->domain->id, ro ? PIN_READONLY : 0, &a);

    if (unlikely(rc != GNTST_okay))
        return rc;
    frame = a->frame;
    if (host)
        rc = arch_grant_map(rd, op->host_addr, frame, op->flags);
    else if (!arch_grant_hold(rd, frame, ro))
        rc = GNTST_general_error;
    if (unlikely(rc != GNTST_okay))
        grant_unpin(rd, op->ref, a, ro);
    op->dev_bus_addr = mfn_to_maddr(frame);
    return rc;
}

/* The device's kind, or both. It goes first: it can be undone without a
 * flush. */
static __attribute__((noinline)) int map_device(struct domain *rd,
                                                struct gnttab_map_grant_ref *op)
{
    bool ro = op->flags & GNTMAP_readonly;
    int rc = map_kind(rd, op, false);

    if (rc != GNTST_okay || !(op->flags & GNTMAP_host_map))
        return rc;
    rc = map_kind(rd, op, true);
    if (rc != GNTST_okay) {
        arch_grant_drop(maddr_to_mfn(op->dev_bus_addr), ro);
        grant_unpin(rd, op->ref, grant_pinned(rd, op->ref), ro);
    }
    return rc;
}

static ALWAYS_INLINE int map_one(struct gnttab_map_grant_ref *op)
{
    struct grant_map *m;
    struct domain *rd;
    int rc;

    if (unlikely(op->flags & ~MAP_FLAGS))
        return GNTST_general_error;
    if (unlikely(!(op->flags & MAP_KINDS)))
        return GNTST_bad_gntref;
    rd = gnttab_get_owner(op->dom);
    if (unlikely(!rd))
        return GNTST_bad_domain;
    m = maptrack_alloc(&op->handle);
    rc = GNTST_no_space;
    if (unlikely(!m))
        goto put_domain;
    if (likely(!(op->flags & GNTMAP_device_map)))
        rc = map_kind(rd, op, true);
    else
        rc = map_device(rd, op);
    if (unlikely(rc != GNTST_okay))
        goto release;
    m->rd = rd; /* in use, the handle keeps our reference */
    m->ref = op->ref;
    __atomic_store_n(&m->flags, (uint16_t)(op->flags & HANDLE_FLAGS),
                     __ATOMIC_RELEASE);
    TRACE(TRC_MEM_PAGE_GRANT_MAP, rd->id);
    return GNTST_okay;
release:
    maptrack_release(m, op->handle);
put_domain:
    gnttab_put_owner(rd);
    return rc;
}

/* The results are the second half: dom, which is what it was, status, handle,
 * dev_bus_addr. */
#define OUT_OFFSET offsetof(struct gnttab_map_grant_ref, dom)

long gnttab_map(guest_va_t uop, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct gnttab_map_grant_ref op;
        guest_va_t at = uop + i * sizeof(op);

        if (i && i % PREEMPT_EVERY == 0 && hypercall_preempt_check())
            return gnttab_continue(GNTTABOP_map_grant_ref, at, count - i);
        if (copy_from_guest_va(&op, at, sizeof(op)))
            return -EFAULT;
        op.status = (int16_t)map_one(&op);
        if (copy_to_guest_va(at + OUT_OFFSET, (char *)&op + OUT_OFFSET,
                             sizeof(op) - OUT_OFFSET))
            return -EFAULT;
    }
    return 0;
}
