/* SPDX-License-Identifier: MIT */
/*
 * Mapping granted frames and taking the mappings away.
 *
 * Unmapping goes in batches: entries cleared, one TLB flush, then references
 * dropped; so no frame is let go while a CPU may still use it.
 */
#include "grant_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include "../core/grant_priv.h"

#define UNMAP_BATCH 32
#define MAP_KINDS   (GNTMAP_host_map | GNTMAP_device_map)
/* In grant_map.flags, beside the ABI's bits: an unmap is under way. */
#define MAP_BUSY 0x8000

/* One reference on the frame for one kind of mapping. */
static int frame_get(struct domain *rd, mfn_t frame, bool readonly)
{
    struct page_info *pg;

    if (!mfn_is_ram(frame))
        return GNTST_general_error;
    pg = mfn_to_page(frame);
    if (readonly)
        return page_get(pg, rd) ? GNTST_okay : GNTST_general_error;
    return page_get_and_type(pg, rd, PGT_WRITABLE) ? GNTST_general_error
                                                   : GNTST_okay;
}

static void frame_put(mfn_t frame, bool readonly)
{
    struct page_info *pg = mfn_to_page(frame);

    if (readonly)
        page_put(pg);
    else
        page_put_and_type(pg);
}

/* One kind of mapping: pin, reference, and for the host its page-table entry.
 * On error nothing is left of it. */
static int map_kind(struct domain *rd, const struct gnttab_map_grant_ref *op,
                    bool host, mfn_t *frame)
{
    bool ro = op->flags & GNTMAP_readonly;
    int rc = grant_pin(rd, op->ref, current->domain->id, ro, frame);

    if (rc != GNTST_okay)
        return rc;
    rc = frame_get(rd, *frame, ro);
    if (rc != GNTST_okay)
        goto unpin;
    if (host) {
        rc = arch_grant_map(op->host_addr, *frame, op->flags);
        if (rc != GNTST_okay)
            goto put_frame;
    }
    return GNTST_okay;
put_frame:
    frame_put(*frame, ro);
unpin:
    grant_unpin(rd, op->ref, ro);
    return rc;
}

static int map_with_handle(struct domain *rd, struct gnttab_map_grant_ref *op,
                           uint32_t handle)
{
    struct grant_map *m = maptrack_from_handle(current->domain, handle);
    mfn_t frame = INVALID_MFN;
    int rc = GNTST_okay;

    if (op->flags & GNTMAP_device_map)
        rc = map_kind(rd, op, false, &frame);
    if (rc != GNTST_okay)
        return rc;
    if (op->flags & GNTMAP_host_map)
        rc = map_kind(rd, op, true, &frame);
    if (rc != GNTST_okay) {
        if (op->flags & GNTMAP_device_map) {
            frame_put(frame, op->flags & GNTMAP_readonly);
            grant_unpin(rd, op->ref, op->flags & GNTMAP_readonly);
        }
        return rc;
    }
    m->ref = op->ref;
    m->domid = rd->id;
    __atomic_store_n(
        &m->flags,
        (uint16_t)(op->flags &
                   (GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly |
                    GNTMAP_application_map | GNTMAP_contains_pte)),
        __ATOMIC_RELEASE);
    op->handle = handle;
    op->dev_bus_addr = mfn_to_maddr(frame);
    return GNTST_okay;
}

static int map_one(struct gnttab_map_grant_ref *op)
{
    struct domain *ld = current->domain, *rd;
    uint32_t handle;
    int rc;

    if (!(op->flags & (GNTMAP_device_map | GNTMAP_host_map)))
        return GNTST_bad_gntref;
    rd = domain_get_any(op->dom);
    if (!rd)
        return GNTST_bad_domain;
    handle = maptrack_alloc(ld);
    if (handle == MAPTRACK_END) {
        domain_put(rd);
        return GNTST_no_device_space;
    }
    rc = map_with_handle(rd, op, handle);
    if (rc != GNTST_okay) {
        maptrack_release(ld, handle);
        domain_put(rd);
    }
    return rc; /* in use, the handle keeps our reference on rd */
}

long gnttab_map(guest_va_t uop, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct gnttab_map_grant_ref op;
        guest_va_t at = uop + i * sizeof(op);

        if (i && i % 16 == 0 && hypercall_preempt_check())
            return gnttab_continue(GNTTABOP_map_grant_ref, at, count - i);
        if (copy_from_guest_va(&op, at, sizeof(op)))
            return -EFAULT;
        op.status = (int16_t)map_one(&op);
        if (copy_to_guest_va(at, &op, sizeof(op)))
            return -EFAULT;
    }
    return 0;
}

/* ---- unmap ---- */

/* A mapping taken off its page table, its references still held. */
struct unmapped {
    struct domain *rd; /* referenced */
    mfn_t frame;
    uint32_t handle, ref;
    bool readonly;
    bool host, device;
};

/*
 * Make the handle ours: MAP_BUSY is set by one vcpu at a time, so the handle
 * cannot be released and reused while we read it. 0 if it is not in use, or in
 * use by another unmap.
 */
static uint16_t handle_claim(struct grant_map *m)
{
    uint16_t old = __atomic_load_n(&m->flags, __ATOMIC_ACQUIRE);

    do {
        if (!(old & MAP_KINDS) || (old & MAP_BUSY))
            return 0;
    } while (!__atomic_compare_exchange_n(&m->flags, &old,
                                          (uint16_t)(old | MAP_BUSY), false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
    return old;
}

static void handle_unclaim(struct grant_map *m, uint16_t kinds_gone)
{
    __atomic_fetch_and(&m->flags, (uint16_t) ~(MAP_BUSY | kinds_gone),
                       __ATOMIC_SEQ_CST);
}

static int unmap_kinds(const struct unmap_request *req, uint16_t flags,
                       struct unmapped *u)
{
    int rc;

    u->frame = grant_frame_of(u->rd, u->ref);
    u->device = req->dev_bus_addr && (flags & GNTMAP_device_map);
    if (u->device && req->dev_bus_addr != mfn_to_maddr(u->frame))
        return GNTST_bad_dev_addr;
    if (!req->host_addr || !(flags & GNTMAP_host_map))
        return GNTST_okay;
    rc = arch_grant_unmap(req->host_addr, u->frame, flags, req->new_addr);
    u->host = rc == GNTST_okay;
    return rc;
}

static int unmap_entry(struct grant_map *m, const struct unmap_request *req,
                       struct unmapped *u)
{
    uint16_t flags = handle_claim(m);
    struct domain *rd;
    int rc;

    if (!flags)
        return GNTST_bad_handle;
    u->ref = m->ref;
    u->readonly = flags & GNTMAP_readonly;
    rd = u->rd = domain_get_by_id(m->domid);
    BUG_ON(!rd); /* the handle holds a reference on it */
    rc = unmap_kinds(req, flags, u);
    if (rc != GNTST_okay) {
        u->rd = NULL;
        handle_unclaim(m, 0);
        domain_put(rd);
    }
    return rc;
}

static int unmap_one(const struct unmap_request *req, struct unmapped *u)
{
    struct grant_map *m = maptrack_from_handle(current->domain, req->handle);

    *u = (struct unmapped){.handle = req->handle};
    if (!m)
        return GNTST_bad_handle;
    return unmap_entry(m, req, u);
}

/* After the flush. */
static void unmap_finish(const struct unmapped *u)
{
    struct grant_map *m;
    uint16_t gone;

    if (!u->rd)
        return;
    m = maptrack_from_handle(current->domain, u->handle);
    if (u->host) {
        frame_put(u->frame, u->readonly);
        grant_unpin(u->rd, u->ref, u->readonly);
    }
    if (u->device) {
        frame_put(u->frame, u->readonly);
        grant_unpin(u->rd, u->ref, u->readonly);
    }
    gone = (uint16_t)((u->host ? GNTMAP_host_map : 0) |
                      (u->device ? GNTMAP_device_map : 0));
    if ((READ_ONCE(m->flags) & MAP_KINDS) == gone) {
        maptrack_release(current->domain, u->handle);
        domain_put(u->rd); /* the handle's */
    } else {
        handle_unclaim(m, gone);
    }
    domain_put(u->rd);
}

static void flush_and_finish(const struct unmapped *u, unsigned int n)
{
    cpumask_t mask;
    bool any = false;

    for (unsigned int i = 0; i < n; i++)
        any |= u[i].rd && u[i].host;
    if (any) {
        domain_dirty_mask(current->domain, &mask);
        tlb_flush_mask(&mask);
    }
    for (unsigned int i = 0; i < n; i++)
        unmap_finish(&u[i]);
}

/* One guest structure of either unmap operation. */
static long unmap_guest_op(guest_va_t at, bool replace, struct unmapped *u)
{
    struct unmap_request req;
    union {
        struct gnttab_unmap_grant_ref unmap;
        struct gnttab_unmap_and_replace replace;
    } op;
    size_t size = replace ? sizeof(op.replace) : sizeof(op.unmap);

    *u = (struct unmapped){0};
    if (copy_from_guest_va(&op, at, size))
        return -EFAULT;
    if (replace) {
        req = (struct unmap_request){.host_addr = op.replace.host_addr,
                                     .new_addr = op.replace.new_addr,
                                     .handle = op.replace.handle};
        op.replace.status = (int16_t)unmap_one(&req, u);
    } else {
        req = (struct unmap_request){.host_addr = op.unmap.host_addr,
                                     .dev_bus_addr = op.unmap.dev_bus_addr,
                                     .handle = op.unmap.handle};
        op.unmap.status = (int16_t)unmap_one(&req, u);
    }
    return copy_to_guest_va(at, &op, size);
}

long gnttab_unmap(guest_va_t uop, unsigned int count, bool replace)
{
    struct unmapped batch[UNMAP_BATCH];
    size_t size = replace ? sizeof(struct gnttab_unmap_and_replace)
                          : sizeof(struct gnttab_unmap_grant_ref);
    unsigned int done = 0;

    while (done < count) {
        unsigned int n = 0;
        long rc = 0;

        while (n < UNMAP_BATCH && done < count && !rc) {
            rc = unmap_guest_op(uop + done * size, replace, &batch[n++]);
            done++;
        }
        flush_and_finish(batch, n);
        if (rc)
            return rc;
        if (done < count && hypercall_preempt_check())
            return gnttab_continue(replace ? GNTTABOP_unmap_and_replace
                                           : GNTTABOP_unmap_grant_ref,
                                   uop + done * size, count - done);
    }
    return 0;
}
