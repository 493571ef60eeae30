/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange: frames for other frames, contiguous or below an address.
 * Done in chunks of the larger extent; each chunk is all or nothing: all that
 * can fail comes first, and each step has its way back. The old frames are
 * frozen, which works only if nothing refers to them; then their place in the
 * domain is taken by the new ones at once, so no limit can come between. Only
 * while new frames are cleared, before all that, does a chunk give way.
 */
#include "memory.h"

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <public/memory.h>

struct chunk {
    struct domain *d;
    guest_va_t in_list, out_list;
    unsigned int in_order, out_order, order; /* order: the larger one */
    unsigned int alloc_flags;
    unsigned long nr_old, nr_new; /* frames to freeze, blocks to give */
    /* Room for 1 << order of each: */
    struct page_info **old, **new;
    uint64_t *pfn; /* where the new blocks go, as the guest asked */
};

/* ---- old frames ---- */

static void thaw(const struct chunk *c, unsigned long nr)
{
    while (nr--)
        domain_thaw_page(c->old[nr]);
}

static int freeze_frame(struct domain *d, uint64_t m, struct page_info **out)
{
    struct page_info *pg = page_get_from_mfn(mfn(m), d);

    if (!pg)
        return -EINVAL;
    if (!domain_freeze_page(pg)) {
        page_put(pg);
        return -EINVAL;
    }
    *out = pg;
    return 0;
}

static int freeze(const struct chunk *c, unsigned long index)
{
    unsigned long per = c->nr_old >> c->in_order, nr = 0;

    for (unsigned long i = 0; i < per; i++) {
        uint64_t m;
        int rc = copy_from_guest_va(
            &m, c->in_list + (index * per + i) * sizeof(m), sizeof(m));

        for (uint64_t n = 0; n < 1UL << c->in_order && !rc; n++) {
            rc = freeze_frame(c->d, m + n, &c->old[nr]);
            nr += rc == 0;
        }
        if (rc) {
            thaw(c, nr);
            return rc;
        }
    }
    return 0;
}

/* ---- new blocks ---- */

static void free_new(const struct chunk *c, unsigned long nr)
{
    while (nr--)
        heap_put_back(c->new[nr], c->out_order);
}

static int alloc_new(const struct chunk *c)
{
    struct heap_pace pace = {.stop = hypercall_preempt_check};

    for (unsigned long i = 0; i < c->nr_new; i++) {
        c->new[i] = heap_alloc_paced(c->d, c->out_order, c->alloc_flags, &pace);
        if (!c->new[i]) {
            free_new(c, i);
            return pace.stopped ? -ERESTART : -ENOMEM;
        }
    }
    return 0;
}

/* ---- the guest's list of pfns, which becomes one of frames ---- */

static guest_va_t out_slot(const struct chunk *c, unsigned long index)
{
    return c->out_list + index * c->nr_new * sizeof(uint64_t);
}

static int tell(const struct chunk *c, unsigned long index)
{
    for (unsigned long i = 0; i < c->nr_new; i++) {
        uint64_t m = mfn_x(page_to_mfn(c->new[i]));

        if (copy_to_guest_va(out_slot(c, index) + i * sizeof(m), &m, sizeof(m)))
            return -EFAULT;
    }
    return 0;
}

/* What was told did not happen. A guest that took its list away meanwhile
 * does not get it back. */
static void take_back(const struct chunk *c, unsigned long index)
{
    (void)!copy_to_guest_va(out_slot(c, index), c->pfn,
                            c->nr_new * sizeof(c->pfn[0]));
}

static int exchange_chunk(const struct chunk *c, unsigned long index)
{
    int rc = copy_from_guest_va(c->pfn, out_slot(c, index),
                                c->nr_new * sizeof(c->pfn[0]));

    rc = rc ?: alloc_new(c);
    if (rc)
        return rc;
    rc = freeze(c, index);
    if (rc)
        goto free_new;
    rc = tell(c, index);
    rc = rc
             ?: domain_exchange_pages(c->d, c->old, c->nr_old, c->new,
                                      c->nr_new, c->out_order);
    if (rc)
        goto thaw;
    for (unsigned long i = 0; i < c->nr_new; i++)
        for (uint64_t n = 0; n < 1UL << c->out_order; n++)
            m2p_set(page_to_mfn(c->new[i] + n), c->pfn[i] + n);
    return 0;
thaw:
    take_back(c, index);
    thaw(c, c->nr_old);
free_new:
    free_new(c, c->nr_new);
    return rc;
}

static int check(const struct xen_memory_exchange *x)
{
    unsigned int max = memop_max_order();

    if (x->in.extent_order > max || x->out.extent_order > max)
        return -EPERM;
    if (x->in.domid != x->out.domid ||
        x->in.nr_extents > UINT64_MAX >> (max + MEMOP_CMD_BITS) ||
        x->out.nr_extents > UINT64_MAX >> (max + MEMOP_CMD_BITS) ||
        x->in.nr_extents << x->in.extent_order != x->out.nr_extents
                                                      << x->out.extent_order)
        return -EINVAL;
    if (x->nr_exchanged > x->in.nr_extents)
        return -EINVAL;
    if (!guest_range_ok(handle_va(x->in.extent_start),
                        x->in.nr_extents * sizeof(uint64_t)) ||
        !guest_range_ok(handle_va(x->out.extent_start),
                        x->out.nr_extents * sizeof(uint64_t)))
        return -EFAULT;
    return 0;
}

/* Progress is kept in the guest's nr_exchanged, in units of in-extents. */
static long run(const struct chunk *c, struct xen_memory_exchange *x,
                guest_va_t arg)
{
    unsigned long per = 1UL << (c->order - c->in_order);
    unsigned long i = x->nr_exchanged / per, nr = x->in.nr_extents / per;
    long rc = 0;
    bool more = false;

    for (; i < nr && !rc && !more; i++) {
        rc = exchange_chunk(c, i);
        if (!rc)
            x->nr_exchanged += per;
        more = hypercall_preempt_check() && i + 1 < nr;
    }
    if (copy_to_guest_va(arg +
                             offsetof(struct xen_memory_exchange, nr_exchanged),
                         &x->nr_exchanged, sizeof(x->nr_exchanged)))
        return -EFAULT;
    if (rc == -ERESTART || (!rc && more))
        return hypercall_continue(__HYPERVISOR_memory_op, 2,
                                  (unsigned long)XENMEM_exchange, arg);
    return rc;
}

#define SMALL_ORDER 2U /* pages: the lists of a chunk of 2^9 frames */

/*
 * A guest may come as often as it likes, and to unmap is to flush the TLBs of
 * the whole machine: what is small enough is not mapped.
 */
static void *alloc_lists(size_t bytes)
{
    return bytes <= PAGE_SIZE << SMALL_ORDER ? hv_alloc_pages(SMALL_ORDER)
                                             : hv_vmalloc(bytes);
}

static void free_lists(void *lists, size_t bytes)
{
    if (bytes <= PAGE_SIZE << SMALL_ORDER)
        hv_free_pages(lists, SMALL_ORDER);
    else
        hv_vfree(lists, bytes);
}

static long exchange(struct domain *d, struct xen_memory_exchange *x,
                     guest_va_t arg)
{
    struct chunk c = {
        .d = d,
        .in_list = handle_va(x->in.extent_start),
        .out_list = handle_va(x->out.extent_start),
        .in_order = x->in.extent_order,
        .out_order = x->out.extent_order,
        .order = max_t(unsigned int, x->in.extent_order, x->out.extent_order),
        .alloc_flags = memop_alloc_flags(x->out.mem_flags),
    };
    size_t bytes = (sizeof(c.old[0]) + sizeof(c.new[0]) + sizeof(c.pfn[0]))
                   << c.order;
    long rc;

    if ((x->in.nr_extents << c.in_order) & ((1UL << c.order) - 1) ||
        x->nr_exchanged & ((1UL << (c.order - c.in_order)) - 1))
        return -EINVAL;
    c.old = alloc_lists(bytes);
    if (!c.old)
        return -ENOMEM;
    c.nr_old = 1UL << c.order;
    c.nr_new = 1UL << (c.order - c.out_order);
    c.new = c.old + c.nr_old;
    c.pfn = (uint64_t *)(c.new + c.nr_old);
    rc = run(&c, x, arg);
    free_lists(c.old, bytes);
    return rc;
}

long memop_exchange(guest_va_t arg, unsigned long start)
{
    struct xen_memory_exchange x;
    struct domain *d;
    long rc;

    (void)start;
    if (copy_from_guest_va(&x, arg, sizeof(x)))
        return -EFAULT;
    d = memop_target(XENMEM_exchange, x.in.domid, &rc);
    if (!d)
        return rc;
    rc = check(&x);
    rc = rc ?: exchange(d, &x, arg);
    domain_put(d);
    return rc;
}
