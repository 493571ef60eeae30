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

/* A mapping taken off its page table, its references still held. The handle
 * is MAP_BUSY, so it cannot be released and used again meanwhile. */
struct unmapped {
    struct grant_map *m; /* NULL: nothing to finish */
    struct grant_active *pin;
    uint32_t handle;
    uint16_t flags; /* the handle's before */
    uint16_t kinds; /* GNTMAP_host_map, GNTMAP_device_map: gone */
};

/* What either operation asks for; what it does not have is 0. */
struct request {
    uint64_t host_addr, dev_bus_addr, new_addr;
    uint32_t handle;
};

/* Make the handle ours. 0 if it is not in use, or in use by another unmap. */
static ALWAYS_INLINE uint16_t handle_claim(struct grant_map *m)
{
    uint16_t old = __atomic_load_n(&m->flags, __ATOMIC_ACQUIRE);

    do {
        if (unlikely(!(old & MAP_KINDS) || (old & MAP_BUSY)))
            return 0;
    } while (unlikely(!__atomic_compare_exchange_n(
        &m->flags, &old, (uint16_t)(old | MAP_BUSY), false, __ATOMIC_SEQ_CST,
        __ATOMIC_ACQUIRE)));
    return old;
}

/* The kinds asked for, all or none: u->kinds. */
static ALWAYS_INLINE int unmap_kinds(const struct request *req,
                                     struct unmapped *u)
{
    uint16_t kinds = 0;

    if (unlikely(req->dev_bus_addr && (u->flags & GNTMAP_device_map))) {
        if (req->dev_bus_addr != mfn_to_maddr(u->pin->frame))
            return GNTST_bad_dev_addr;
        kinds = GNTMAP_device_map;
    }
    if (likely(req->host_addr && (u->flags & GNTMAP_host_map))) {
        int rc = arch_grant_unmap(req->host_addr, u->pin->frame, u->flags,
                                  req->new_addr);

        if (unlikely(rc != GNTST_okay))
            return rc;
        kinds |= GNTMAP_host_map;
    }
    u->kinds = kinds;
    return GNTST_okay;
}

/* u->m and u->kinds are set in any case. */
static ALWAYS_INLINE int unmap_one(const struct request *req,
                                   struct unmapped *u)
{
    struct grant_map *m = maptrack_from_handle(current->domain, req->handle);
    int rc;

    if (unlikely(!m))
        return GNTST_bad_handle;
    u->flags = handle_claim(m);
    if (unlikely(!u->flags))
        return GNTST_bad_handle;
    u->handle = req->handle;
    u->pin = grant_pinned(m->rd, m->ref);
    rc = unmap_kinds(req, u);
    if (likely(rc == GNTST_okay))
        u->m = m;
    else
        __atomic_store_n(&m->flags, u->flags, __ATOMIC_RELEASE);
    return rc;
}

static ALWAYS_INLINE void drop_kind(const struct unmapped *u)
{
    bool ro = u->flags & GNTMAP_readonly;

    arch_grant_drop(u->pin->frame, ro);
    grant_unpin(u->m->rd, u->m->ref, u->pin, ro);
}

/* After the flush. */
static ALWAYS_INLINE void unmap_finish(const struct unmapped *u)
{
    struct domain *rd = u->m->rd;

    if (likely(u->kinds & GNTMAP_host_map))
        drop_kind(u);
    if (unlikely(u->kinds & GNTMAP_device_map)) {
        arch_grant_drop(u->pin->frame, u->flags & GNTMAP_readonly);
        grant_unpin_any(rd, u->m->ref, u->flags & GNTMAP_readonly);
    }
    if (unlikely((u->flags & MAP_KINDS) != u->kinds)) {
        __atomic_store_n(&u->m->flags, (uint16_t)(u->flags & ~u->kinds),
                         __ATOMIC_RELEASE);
        return;
    }
    maptrack_release(u->m, u->handle);
    gnttab_put_owner(rd); /* the handle's */
}

static ALWAYS_INLINE long unmap_op(guest_va_t at, struct unmapped *u)
{
    struct gnttab_unmap_grant_ref op;
    struct request req;

    if (copy_from_guest_va(&op, at, sizeof(op)))
        return -EFAULT;
    req = (struct request){.host_addr = op.host_addr,
                           .dev_bus_addr = op.dev_bus_addr,
                           .handle = op.handle};
    op.status = (int16_t)unmap_one(&req, u);
    return copy_to_guest_va(at +
                                offsetof(struct gnttab_unmap_grant_ref, status),
                            &op.status, sizeof(op.status));
}

static ALWAYS_INLINE long replace_op(guest_va_t at, struct unmapped *u)
{
    struct gnttab_unmap_and_replace op;
    struct request req;

    if (copy_from_guest_va(&op, at, sizeof(op)))
        return -EFAULT;
    req = (struct request){.host_addr = op.host_addr,
                           .new_addr = op.new_addr,
                           .handle = op.handle};
    op.status = (int16_t)unmap_one(&req, u);
    return copy_to_guest_va(
        at + offsetof(struct gnttab_unmap_and_replace, status), &op.status,
        sizeof(op.status));
}

/* A single element, without the array. */
static ALWAYS_INLINE long unmap_single(guest_va_t uop,
                                       long (*one)(guest_va_t at,
                                                   struct unmapped *u))
{
    struct unmapped u = {.kinds = 0};
    long rc = one(uop, &u);

    if (likely(u.kinds & GNTMAP_host_map))
        arch_grant_flush();
    if (likely(u.m))
        unmap_finish(&u);
    return rc;
}

/* One batch of n <= UNMAP_BATCH elements. */
static ALWAYS_INLINE long unmap_batch(guest_va_t uop, unsigned int n,
                                      size_t size,
                                      long (*one)(guest_va_t at,
                                                  struct unmapped *u))
{
    struct unmapped batch[UNMAP_BATCH];
    uint16_t kinds = 0;
    unsigned int done;
    long rc = 0;

    for (done = 0; done < n && !rc; done++) {
        struct unmapped *u = &batch[done];

        u->m = NULL;
        u->kinds = 0;
        rc = one(uop + done * size, u);
        kinds |= u->kinds;
    }
    if (likely(kinds & GNTMAP_host_map))
        arch_grant_flush();
    for (unsigned int i = 0; i < done; i++)
        if (likely(batch[i].m))
            unmap_finish(&batch[i]);
    return rc;
}

static ALWAYS_INLINE long unmap_all(guest_va_t uop, unsigned int count,
                                    unsigned int cmd, size_t size,
                                    long (*one)(guest_va_t at,
                                                struct unmapped *u))
{
    for (;;) {
        unsigned int n = min_t(unsigned int, count, UNMAP_BATCH);
        long rc = unmap_batch(uop, n, size, one);

        count -= n;
        if (rc || !count)
            return rc;
        uop += n * size;
        if (hypercall_preempt_check())
            return gnttab_continue(cmd, uop, count);
    }
}

static NOINLINE long unmap_many(guest_va_t uop, unsigned int count)
{
    return unmap_all(uop, count, GNTTABOP_unmap_grant_ref,
                     sizeof(struct gnttab_unmap_grant_ref), unmap_op);
}

long gnttab_unmap(guest_va_t uop, unsigned int count)
{
    return count == 1 ? unmap_single(uop, unmap_op) : unmap_many(uop, count);
}

long gnttab_unmap_and_replace(guest_va_t uop, unsigned int count)
{
    return unmap_all(uop, count, GNTTABOP_unmap_and_replace,
                     sizeof(struct gnttab_unmap_and_replace), replace_op);
}
