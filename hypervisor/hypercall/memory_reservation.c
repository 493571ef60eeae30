/* SPDX-License-Identifier: MIT */
/*
 * memory_op: how many frames a domain has. Extents are done in order; the
 * result is how many, so a failure is seen as fewer than asked.
 *
 * Progress of a preempted call, in the upper bits of its command: the extent at
 * hand, and below that how many of its frames are done.
 */
#include "memory.h"

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <public/memory.h>

#define FRAME_BITS     12 /* the largest order of anybody */
#define FRAMES_BETWEEN 64 /* two looks at waiting work */

/* What a reservation's operation works on, read once. */
struct extents {
    struct domain *d;
    guest_va_t list;
    unsigned long nr;
    unsigned int order, mem_flags;
    unsigned int frame; /* of the extent at hand: those before are done */
};

/* Oneself needs neither a reference nor a permission. */
static int get_target(unsigned int op, domid_t id, struct domain **d)
{
    long rc;

    if (likely(id == DOMID_SELF)) {
        *d = current->domain;
        return 0;
    }
    *d = memop_target(op, id, &rc);
    if (*d == current->domain) /* by its number */
        domain_put(*d);
    return (int)rc;
}

static void put_target(struct domain *d)
{
    if (unlikely(d != current->domain))
        domain_put(d);
}

static int read_reservation(unsigned int op, guest_va_t arg,
                            unsigned long start, struct extents *e)
{
    struct xen_memory_reservation r;

    if (copy_from_guest_va(&r, arg, sizeof(r)))
        return -EFAULT;
    if (r.nr_extents > UINT64_MAX >> (MEMOP_CMD_BITS + FRAME_BITS) ||
        start > r.nr_extents)
        return -EINVAL;
    e->list = handle_va(r.extent_start);
    e->nr = r.nr_extents;
    e->order = r.extent_order;
    e->mem_flags = r.mem_flags;
    if (e->list && !guest_range_ok(e->list, e->nr * sizeof(uint64_t)))
        return -EFAULT;
    return get_target(op, r.domid, &e->d);
}

static long memop_continue(unsigned long op, unsigned long extent,
                           unsigned int frame, guest_va_t arg)
{
    unsigned long at = extent << FRAME_BITS | frame;

    return hypercall_continue(__HYPERVISOR_memory_op, 2,
                              op | at << MEMOP_CMD_BITS, arg);
}

/* A block of frames for d, in its list: 0, -ERESTART, or -1 without memory or
 * room. Between single frames, which are by far the most, each_extent() looks
 * whether it must give way. */
static int give_block(const struct extents *e, struct page_info **pg)
{
    struct heap_pace pace = {.stop = hypercall_preempt_check};

    *pg = heap_alloc_paced(e->d, e->order,
                           memop_alloc_flags(e->mem_flags) | ALLOC_OWN_DATA,
                           e->order ? &pace : NULL);
    if (!*pg)
        return pace.stopped ? -ERESTART : -1;
    if (domain_assign_pages(e->d, *pg, e->order)) {
        heap_free(*pg, e->order);
        return -1;
    }
    return 0;
}

/* Of one extent: 0, -ERESTART with e->frame moved on, or -1: failed. */

static int populate_one(struct extents *e, unsigned long i)
{
    struct page_info *pg;
    uint64_t pfn, m;
    int rc;

    if (copy_from_guest_va(&pfn, e->list + i * sizeof(pfn), sizeof(pfn)))
        return -1;
    rc = give_block(e, &pg);
    if (rc)
        return rc;
    m = mfn_x(page_to_mfn(pg));
    for (uint64_t n = 0; n < 1UL << e->order; n++)
        m2p_set(mfn(m + n), pfn + n);
    return copy_to_guest_va(e->list + i * sizeof(m), &m, sizeof(m)) ? -1 : 0;
}

static int increase_one(struct extents *e, unsigned long i)
{
    struct page_info *pg;
    uint64_t m;
    int rc = give_block(e, &pg);

    if (rc)
        return rc;
    m = mfn_x(page_to_mfn(pg));
    return e->list && copy_to_guest_va(e->list + i * sizeof(m), &m, sizeof(m))
               ? -1
               : 0;
}

static int decrease_one(struct extents *e, unsigned long i)
{
    uint64_t m;

    if (copy_from_guest_va(&m, e->list + i * sizeof(m), sizeof(m)))
        return -1;
    for (unsigned int n = 0; e->frame < 1U << e->order; e->frame++, n++) {
        mfn_t frame = mfn(m + e->frame);

        if (n && n % FRAMES_BETWEEN == 0 && hypercall_preempt_check())
            return -ERESTART;
        if (!mfn_is_ram(frame) ||
            !domain_release_page(e->d, mfn_to_page(frame)))
            return -1;
    }
    e->frame = 0;
    return 0;
}

static ALWAYS_INLINE long each_extent(unsigned long op, guest_va_t arg,
                                      unsigned long at,
                                      int (*one)(struct extents *e,
                                                 unsigned long i))
{
    unsigned long start = at >> FRAME_BITS, i = start;
    struct extents e;
    long rc = read_reservation((unsigned int)op, arg, start, &e);

    /* Before the first extent a bad argument is an error; afterwards it can
     * only be a change behind our back: report what was done. */
    if (rc)
        return at ? (long)start : rc;
    if (e.order && e.order > memop_max_order()) {
        put_target(e.d);
        return (long)start;
    }
    e.frame = at & ((1U << FRAME_BITS) - 1);
    for (; i < e.nr && !rc; i += !rc)
        rc = i != start && hypercall_preempt_check() ? -ERESTART : one(&e, i);
    put_target(e.d);
    return rc == -ERESTART ? memop_continue(op, i, e.frame, arg) : (long)i;
}

long memop_populate(guest_va_t arg, unsigned long start)
{
    return each_extent(XENMEM_populate_physmap, arg, start, populate_one);
}

long memop_increase(guest_va_t arg, unsigned long start)
{
    return each_extent(XENMEM_increase_reservation, arg, start, increase_one);
}

long memop_decrease(guest_va_t arg, unsigned long start)
{
    return each_extent(XENMEM_decrease_reservation, arg, start, decrease_one);
}
