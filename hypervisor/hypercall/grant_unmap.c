/* SPDX-License-Identifier: MIT */
/*
 * Taking mappings of granted frames away, in batches: entries cleared, one TLB
 * flush, then references dropped; so no frame is let go while a processor may
 * still use it.
 *
 * The flush cannot be left out where the entry was never used (its A bit is
 * clear): the guest may have cleared that bit itself.
 */
#include "grant_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>

#define UNMAP_BATCH 32

struct unmap_request {
    uint64_t host_addr, dev_bus_addr, new_addr;
    uint32_t handle;
};

/* A mapping taken off its page table, its references still held. The handle
 * is MAP_BUSY, so it cannot be released and used again meanwhile. */
struct unmapped {
    struct grant_map *m; /* NULL: nothing to finish */
    mfn_t frame;
    uint32_t handle;
    uint16_t kinds; /* GNTMAP_host_map, GNTMAP_device_map: gone */
    uint16_t flags; /* the handle's before */
};

/* Make the handle ours. 0 if it is not in use, or in use by another unmap. */
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

/* The kinds asked for, all or none: u->kinds. */
static int unmap_kinds(const struct unmap_request *req, struct unmapped *u)
{
    if (unlikely(req->dev_bus_addr && (u->flags & GNTMAP_device_map))) {
        if (req->dev_bus_addr != mfn_to_maddr(u->frame))
            return GNTST_bad_dev_addr;
        u->kinds = GNTMAP_device_map;
    }
    if (req->host_addr && (u->flags & GNTMAP_host_map)) {
        int rc =
            arch_grant_unmap(req->host_addr, u->frame, u->flags, req->new_addr);

        if (rc != GNTST_okay)
            return rc;
        u->kinds |= GNTMAP_host_map;
    }
    return GNTST_okay;
}

static int unmap_one(const struct unmap_request *req, struct unmapped *u)
{
    struct grant_map *m = maptrack_from_handle(current->domain, req->handle);
    int rc;

    u->m = NULL;
    u->kinds = 0;
    if (unlikely(!m))
        return GNTST_bad_handle;
    u->flags = handle_claim(m);
    if (unlikely(!u->flags))
        return GNTST_bad_handle;
    u->handle = req->handle;
    u->frame = grant_pinned(m->rd, m->ref)->frame;
    rc = unmap_kinds(req, u);
    if (unlikely(rc != GNTST_okay)) {
        u->kinds = 0;
        __atomic_store_n(&m->flags, u->flags, __ATOMIC_RELEASE);
        return rc;
    }
    u->m = m;
    return GNTST_okay;
}

static void drop_kind(const struct unmapped *u)
{
    bool ro = u->flags & GNTMAP_readonly;

    grant_frame_put(u->frame, ro);
    grant_unpin(u->m->rd, u->m->ref, ro);
}

/* After the flush. */
static void unmap_finish(const struct unmapped *u)
{
    struct domain *rd;

    if (unlikely(!u->m))
        return;
    if (likely(u->kinds & GNTMAP_host_map))
        drop_kind(u);
    if (unlikely(u->kinds & GNTMAP_device_map))
        drop_kind(u);
    if (unlikely((u->flags & MAP_KINDS) != u->kinds)) {
        __atomic_store_n(&u->m->flags, (uint16_t)(u->flags & ~u->kinds),
                         __ATOMIC_RELEASE);
        return;
    }
    rd = u->m->rd;
    maptrack_release(u->m, u->handle);
    domain_put(rd); /* the handle's */
}

static void flush_and_finish(const struct unmapped *u, unsigned int n)
{
    uint16_t kinds = 0;

    for (unsigned int i = 0; i < n; i++)
        kinds |= u[i].kinds;
    if (kinds & GNTMAP_host_map)
        arch_grant_flush();
    for (unsigned int i = 0; i < n; i++)
        unmap_finish(&u[i]);
}

static long unmap_op(guest_va_t at, struct unmapped *u)
{
    struct gnttab_unmap_grant_ref op;
    struct unmap_request req;

    u->m = NULL;
    u->kinds = 0;
    if (copy_from_guest_va(&op, at, sizeof(op)))
        return -EFAULT;
    req = (struct unmap_request){.host_addr = op.host_addr,
                                 .dev_bus_addr = op.dev_bus_addr,
                                 .handle = op.handle};
    op.status = (int16_t)unmap_one(&req, u);
    return copy_to_guest_va(at +
                                offsetof(struct gnttab_unmap_grant_ref, status),
                            &op.status, sizeof(op.status));
}

static long replace_op(guest_va_t at, struct unmapped *u)
{
    struct gnttab_unmap_and_replace op;
    struct unmap_request req;

    u->m = NULL;
    u->kinds = 0;
    if (copy_from_guest_va(&op, at, sizeof(op)))
        return -EFAULT;
    req = (struct unmap_request){.host_addr = op.host_addr,
                                 .new_addr = op.new_addr,
                                 .handle = op.handle};
    op.status = (int16_t)unmap_one(&req, u);
    return copy_to_guest_va(
        at + offsetof(struct gnttab_unmap_and_replace, status), &op.status,
        sizeof(op.status));
}

static inline long unmap_all(guest_va_t uop, unsigned int count,
                             unsigned int cmd, size_t size,
                             long (*one)(guest_va_t at, struct unmapped *u))
{
    struct unmapped batch[UNMAP_BATCH];
    unsigned int done = 0;

    while (done < count) {
        unsigned int n = 0;
        long rc = 0;

        while (n < UNMAP_BATCH && done < count && !rc) {
            rc = one(uop + done * size, &batch[n++]);
            done++;
        }
        flush_and_finish(batch, n);
        if (rc)
            return rc;
        if (done < count && hypercall_preempt_check())
            return gnttab_continue(cmd, uop + done * size, count - done);
    }
    return 0;
}

long gnttab_unmap(guest_va_t uop, unsigned int count)
{
    return unmap_all(uop, count, GNTTABOP_unmap_grant_ref,
                     sizeof(struct gnttab_unmap_grant_ref), unmap_op);
}

long gnttab_unmap_and_replace(guest_va_t uop, unsigned int count)
{
    return unmap_all(uop, count, GNTTABOP_unmap_and_replace,
                     sizeof(struct gnttab_unmap_and_replace), replace_op);
}
