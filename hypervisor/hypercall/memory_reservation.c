/* SPDX-License-Identifier: MIT */
/*
 * memory_op: how many frames a domain has. Extents are done in order; the
 * result is how many, so a failure is seen as fewer than asked.
 */
#include "memory.h"

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <public/memory.h>

/* What a reservation's operation works on, read once. */
struct extents {
    struct domain *d;
    guest_va_t list;
    unsigned long nr;
    unsigned int order, mem_flags;
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
    if (r.nr_extents > UINT64_MAX >> MEMOP_CMD_BITS || start > r.nr_extents)
        return -EINVAL;
    e->list = handle_va(r.extent_start);
    e->nr = r.nr_extents;
    e->order = r.extent_order;
    e->mem_flags = r.mem_flags;
    if (e->list && !guest_range_ok(e->list, e->nr * sizeof(uint64_t)))
        return -EFAULT;
    return get_target(op, r.domid, &e->d);
}

static long memop_continue(unsigned long op, unsigned long at, guest_va_t arg)
{
    return hypercall_continue(__HYPERVISOR_memory_op, 2,
                              op | at << MEMOP_CMD_BITS, arg);
}

/* A block of frames for d, in its list; NULL without memory or room. */
static struct page_info *give_block(const struct extents *e)
{
    struct page_info *pg =
        heap_alloc_for(e->d, e->order, memop_alloc_flags(e->mem_flags));

    if (!pg)
        return NULL;
    if (domain_assign_pages(e->d, pg, e->order)) {
        heap_free(pg, e->order);
        return NULL;
    }
    return pg;
}

static bool populate_one(const struct extents *e, unsigned long i)
{
    struct page_info *pg;
    uint64_t pfn, m;

    if (copy_from_guest_va(&pfn, e->list + i * sizeof(pfn), sizeof(pfn)))
        return false;
    pg = give_block(e);
    if (!pg)
        return false;
    m = mfn_x(page_to_mfn(pg));
    for (uint64_t n = 0; n < 1UL << e->order; n++)
        m2p_set(mfn(m + n), pfn + n);
    return copy_to_guest_va(e->list + i * sizeof(m), &m, sizeof(m)) == 0;
}

static bool increase_one(const struct extents *e, unsigned long i)
{
    struct page_info *pg = give_block(e);
    uint64_t m;

    if (!pg)
        return false;
    m = mfn_x(page_to_mfn(pg));
    return !e->list ||
           copy_to_guest_va(e->list + i * sizeof(m), &m, sizeof(m)) == 0;
}

static bool decrease_one(const struct extents *e, unsigned long i)
{
    uint64_t m;

    if (copy_from_guest_va(&m, e->list + i * sizeof(m), sizeof(m)))
        return false;
    for (uint64_t n = 0; n < 1UL << e->order; n++) {
        if (!mfn_is_ram(mfn(m + n)) ||
            !domain_release_page(e->d, mfn_to_page(mfn(m + n))))
            return false;
    }
    return true;
}

static ALWAYS_INLINE long each_extent(unsigned long op, guest_va_t arg,
                                      unsigned long start,
                                      bool (*one)(const struct extents *e,
                                                  unsigned long i))
{
    struct extents e;
    unsigned long i = start;
    long rc = read_reservation((unsigned int)op, arg, start, &e);

    /* Before the first extent a bad argument is an error; afterwards it can
     * only be a change behind our back: report what was done. */
    if (rc)
        return start ? (long)start : rc;
    if (e.order && e.order > memop_max_order()) {
        put_target(e.d);
        return (long)start;
    }
    rc = 0;
    for (; i < e.nr; i++) {
        if (i != start && hypercall_preempt_check()) {
            rc = memop_continue(op, i, arg);
            break;
        }
        if (!one(&e, i))
            break;
    }
    put_target(e.d);
    return rc ?: (long)i;
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
