/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange: frames for other frames, contiguous or below an address.
 * Done in chunks of the larger extent; each chunk is all or nothing: new
 * frames first, then the old ones are taken out of the guest's hands, which
 * works only if nothing refers to them, then they change places.
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
    struct page_info **old; /* 1 << order frames */
};

/*
 * Take the owner's allocation away if it is the only reference: nobody can
 * take another one to a frame without ALLOCATED and with our last reference,
 * except the guest itself through a new mapping, which then keeps the frame.
 */
static bool page_steal(struct page_info *pg)
{
    uint64_t old = __atomic_load_n(&pg->state, __ATOMIC_RELAXED);

    do {
        if (!(old & PGS_ALLOCATED) || (old & PGS_REF_MASK) != 2 ||
            (old & (PGS_TREF_MASK | PGS_HV)))
            return false;
    } while (!__atomic_compare_exchange_n(&pg->state, &old,
                                          (old & ~PGS_ALLOCATED) - 1, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return true;
}

static void page_unsteal(struct page_info *pg)
{
    __atomic_fetch_or(&pg->state, PGS_ALLOCATED, __ATOMIC_SEQ_CST);
}

static int steal_frame(const struct chunk *c, uint64_t m,
                       struct page_info **out)
{
    struct page_info *pg = page_get_from_mfn(mfn(m), c->d);

    if (!pg)
        return -EINVAL;
    if (!page_steal(pg)) {
        page_put(pg);
        return -EINVAL;
    }
    *out = pg;
    return 0;
}

static void give_back(const struct chunk *c, unsigned long nr)
{
    while (nr--)
        page_unsteal(c->old[nr]);
}

static int steal_chunk(const struct chunk *c, unsigned long index)
{
    unsigned long per = 1UL << (c->order - c->in_order), nr = 0;

    for (unsigned long i = 0; i < per; i++) {
        uint64_t m;
        int rc = copy_from_guest_va(
            &m, c->in_list + (index * per + i) * sizeof(m), sizeof(m));

        for (uint64_t n = 0; n < 1UL << c->in_order && !rc; n++) {
            rc = steal_frame(c, m + n, &c->old[nr]);
            nr += rc == 0;
        }
        if (rc) {
            give_back(c, nr);
            return rc;
        }
    }
    return 0;
}

/* New blocks, linked through their first page's next. */
static struct page_info *alloc_chunk(const struct chunk *c)
{
    struct page_info *head = NULL;

    for (unsigned long i = 0; i < 1UL << (c->order - c->out_order); i++) {
        struct page_info *pg =
            heap_alloc_for(c->d, c->out_order, c->alloc_flags);

        if (!pg) {
            while (head) {
                struct page_info *next = head->next == PAGE_LINK_NONE
                                             ? NULL
                                             : &frame_table[head->next];

                heap_free(head, c->out_order);
                head = next;
            }
            return NULL;
        }
        pg->next = head ? (uint32_t)mfn_x(page_to_mfn(head)) : PAGE_LINK_NONE;
        head = pg;
    }
    return head;
}

static struct page_info *pop_block(struct page_info **head)
{
    struct page_info *pg = *head;

    *head = pg->next == PAGE_LINK_NONE ? NULL : &frame_table[pg->next];
    return pg;
}

/* Hand the new blocks to the domain. An error means it is dying, or that it
 * used up its allowance meanwhile: what is left goes back to the heap. */
static int give_chunk(const struct chunk *c, unsigned long index,
                      struct page_info *head)
{
    unsigned long per = 1UL << (c->order - c->out_order);
    int rc = 0;

    for (unsigned long i = 0; i < per; i++) {
        struct page_info *pg = pop_block(&head);
        guest_va_t slot = c->out_list + (index * per + i) * sizeof(uint64_t);
        uint64_t pfn = INVALID_M2P, m = mfn_x(page_to_mfn(pg));

        rc = rc ?: copy_from_guest_va(&pfn, slot, sizeof(pfn));
        rc = rc ?: domain_assign_pages(c->d, pg, c->out_order);
        if (rc) {
            heap_free(pg, c->out_order);
            continue;
        }
        for (uint64_t n = 0; n < 1UL << c->out_order; n++)
            m2p_set(mfn(m + n), pfn + n);
        rc = copy_to_guest_va(slot, &m, sizeof(m));
    }
    return rc;
}

static int exchange_chunk(const struct chunk *c, unsigned long index)
{
    struct page_info *new = alloc_chunk(c);
    int rc;

    if (!new)
        return -ENOMEM;
    rc = steal_chunk(c, index);
    if (rc) {
        while (new)
            heap_free(pop_block(&new), c->out_order);
        return rc;
    }
    for (unsigned long i = 0; i < 1UL << c->order; i++)
        page_put(c->old[i]);
    return give_chunk(c, index, new);
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
    if (!rc && more)
        return hypercall_continue(__HYPERVISOR_memory_op, 2,
                                  (unsigned long)XENMEM_exchange, arg);
    return rc;
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
    long rc;

    if ((x->in.nr_extents << c.in_order) & ((1UL << c.order) - 1) ||
        x->nr_exchanged & ((1UL << (c.order - c.in_order)) - 1))
        return -EINVAL;
    c.old = hv_vmalloc(sizeof(c.old[0]) << c.order);
    if (!c.old)
        return -ENOMEM;
    rc = run(&c, x, arg);
    hv_vfree(c.old, sizeof(c.old[0]) << c.order);
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
