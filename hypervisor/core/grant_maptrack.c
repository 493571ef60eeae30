/* SPDX-License-Identifier: MIT */
/*
 * Handles of grant mappings: indexes into pages of struct grant_map, which
 * only grow in number, up to the domain's limit.
 *
 * Free handles lie in stacks, one for each vcpu, through grant_map.ref. Only
 * the vcpu itself pushes to its stack and pops single handles from it, without
 * a lock. Any other may take the whole stack, by exchanging its top for 0:
 * when handles run short, because one vcpu maps and another unmaps. A pop is a
 * compare-exchange of the top; a top that was taken meanwhile cannot have come
 * back, for only this vcpu pushes here.
 */
#include "grant_priv.h"

/* So many handles for each vcpu before it looks into others' stacks. */
#define EASY_FRAMES 16

static uint32_t take_stack(struct vcpu *v)
{
    if (!READ_ONCE(v->grant_free))
        return 0;
    return __atomic_exchange_n(&v->grant_free, 0, __ATOMIC_ACQ_REL);
}

/* A fresh page of handles, all in the caller's hands: the first + 1, or 0. */
static uint32_t add_frame(struct grant_table *t)
{
    struct grant_map *page = hv_alloc_pages(0);
    uint32_t first;

    if (!page)
        return 0;
    spin_lock(&t->lock);
    first = t->nr_maptrack;
    if (first / MAPS_PER_FRAME >= t->max_maptrack_frames) {
        spin_unlock(&t->lock);
        hv_free_pages(page, 0);
        return 0;
    }
    for (uint32_t i = 0; i + 1 < MAPS_PER_FRAME; i++)
        page[i].ref = first + i + 2;
    t->maptrack[first / MAPS_PER_FRAME] = page;
    __atomic_store_n(&t->nr_maptrack, first + (uint32_t)MAPS_PER_FRAME,
                     __ATOMIC_RELEASE);
    spin_unlock(&t->lock);
    return first + 1;
}

static uint32_t steal(const struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        uint32_t top = take_stack(v);

        if (top)
            return top;
    }
    return 0;
}

uint32_t maptrack_refill(struct vcpu *v)
{
    struct grant_table *t = &v->domain->grant;
    uint32_t top = 0;

    if (READ_ONCE(t->nr_maptrack) / MAPS_PER_FRAME <
        min_t(uint32_t, t->max_maptrack_frames,
              EASY_FRAMES * v->domain->max_vcpus))
        top = add_frame(t);
    if (!top)
        top = steal(v->domain);
    if (!top &&
        READ_ONCE(t->nr_maptrack) / MAPS_PER_FRAME < t->max_maptrack_frames)
        top = add_frame(t);
    if (top)
        __atomic_store_n(&v->grant_free, top, __ATOMIC_RELEASE);
    return top;
}
