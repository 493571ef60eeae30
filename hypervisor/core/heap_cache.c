/* SPDX-License-Identifier: MIT */
/*
 * Frames that domains gave back one by one, kept by the CPU on which they did
 * for the next who needs one there: without heap_lock, which all share.
 *
 * A queue, the oldest is taken first: until then the CPUs that may know it have
 * most likely flushed for another reason (pg->tlb_stamp). A cached frame is
 * free (state 0, no owner, HEAP_DIRTY), but in no block, and not in
 * heap_nr_free: a claim never counts on it. Who finds too few free frames, or
 * looks for a certain one, empties all caches first; an idle CPU empties its
 * own, so that the scrubber gets the frames.
 *
 * Who left it is remembered: that domain may have it back as it is. It reads
 * nothing but its own there, and its own translations of the frame, which some
 * CPU may still have, are what they would be had it never given it up;
 * tlb_stamp stays, so a change of type flushes them. With PGS_FOREIGN somebody
 * else's may be left, too: then nobody is remembered.
 */
#include "heap.h"

#include <hv/domain.h>
#include <hv/percpu.h>
#include <hv/smp.h>

#define CACHE_FRAMES 32U
#define OVERFLOW     16U /* that make place when it is full */

struct cache {
    spinlock_t lock; /* rank LOCK_RANK_HEAP_CACHE: all of it */
    uint32_t first, nr;
    uint32_t frame[CACHE_FRAMES];   /* a ring */
    uint64_t left_by[CACHE_FRAMES]; /* the domain's serial; 0: unknown */
};
static DEFINE_PER_CPU(struct cache,
                      cache) = {.lock = SPINLOCK_INIT(LOCK_RANK_HEAP_CACHE)};

/* c->lock is held. */
static struct page_info *oldest(struct cache *c)
{
    struct page_info *pg = heap_frame(c->frame[c->first]);

    pg->flags &= (uint8_t)~HEAP_KEPT;
    c->first = (c->first + 1) % CACHE_FRAMES;
    WRITE_ONCE(c->nr, c->nr - 1);
    return pg;
}

/* To the heap, down to so many. c->lock is held. */
static void shrink(struct cache *c, uint32_t nr)
{
    spin_lock(&heap_lock);
    while (c->nr > nr)
        heap_frame_returns(oldest(c));
    spin_unlock(&heap_lock);
}

static bool empty(struct cache *c)
{
    bool any;

    if (!READ_ONCE(c->nr))
        return false;
    spin_lock(&c->lock);
    any = c->nr > 0;
    if (any)
        shrink(c, 0);
    spin_unlock(&c->lock);
    return any;
}

void heap_cache_empty(void)
{
    (void)empty(&this_cpu(cache));
}

bool heap_caches_empty(void)
{
    bool any = false;

    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
        any |= empty(&per_cpu(cache, cpu));
    return any;
}

uint64_t heap_caches_count(void)
{
    uint64_t nr = 0;

    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
        nr += READ_ONCE(per_cpu(cache, cpu).nr);
    return nr;
}

struct page_info *heap_cache_take(uint64_t *left_by)
{
    struct cache *c = &this_cpu(cache);
    struct page_info *pg = NULL;

    if (!READ_ONCE(c->nr))
        return NULL;
    spin_lock(&c->lock);
    if (c->nr) {
        *left_by = c->left_by[c->first];
        pg = oldest(c);
    }
    spin_unlock(&c->lock);
    return pg;
}

void heap_free_one(struct page_info *pg)
{
    struct cache *c = &this_cpu(cache);
    const struct domain *d = pg->owner;
    uint64_t left_by = d && !(pg->state & PGS_FOREIGN) ? d->serial : 0;
    uint32_t at;

    if (unlikely(pg->node != cpu_node(smp_processor_id()) ||
                 !heap_frame_ends(pg)))
        return heap_free(pg, 0);
    spin_lock(&c->lock);
    if (c->nr == CACHE_FRAMES)
        shrink(c, CACHE_FRAMES - OVERFLOW);
    pg->flags |= HEAP_KEPT;
    at = (c->first + c->nr) % CACHE_FRAMES;
    c->frame[at] = heap_number(pg);
    c->left_by[at] = left_by;
    WRITE_ONCE(c->nr, c->nr + 1);
    spin_unlock(&c->lock);
}
