/* SPDX-License-Identifier: MIT */
/*
 * Handles of grant mappings: indexes into pages of struct grant_map, with a
 * free list through them.
 */
#include <hv/lib.h>

#include "grant_priv.h"

struct grant_map *maptrack_from_handle(struct domain *d, uint32_t handle)
{
    struct grant_table *t = &d->grant;
    size_t frame;

    if (handle >= __atomic_load_n(&t->nr_maptrack, __ATOMIC_ACQUIRE))
        return NULL;
    frame =
        index_nospec(handle / MAPS_PER_FRAME, t->nr_maptrack / MAPS_PER_FRAME);
    return &t->maptrack[frame][handle % MAPS_PER_FRAME];
}

/* A fresh page of handles, all on the free list; grant.lock is held. */
static void add_frame(struct grant_table *t)
{
    struct grant_map *page;
    uint32_t first = t->nr_maptrack;

    if (first / MAPS_PER_FRAME >= t->max_maptrack_frames)
        return;
    page = hv_alloc_pages(0);
    if (!page)
        return;
    for (uint32_t i = 0; i < MAPS_PER_FRAME; i++)
        page[i].ref = i + 1 < MAPS_PER_FRAME ? first + i + 1 : MAPTRACK_END;
    t->maptrack[first / MAPS_PER_FRAME] = page;
    t->maptrack_free = first;
    __atomic_store_n(&t->nr_maptrack, first + (uint32_t)MAPS_PER_FRAME,
                     __ATOMIC_RELEASE);
}

uint32_t maptrack_alloc(struct domain *d)
{
    struct grant_table *t = &d->grant;
    uint32_t handle;

    spin_lock(&t->lock);
    if (t->maptrack_free == MAPTRACK_END)
        add_frame(t);
    handle = t->maptrack_free;
    if (handle != MAPTRACK_END)
        t->maptrack_free =
            t->maptrack[handle / MAPS_PER_FRAME][handle % MAPS_PER_FRAME].ref;
    spin_unlock(&t->lock);
    return handle;
}

void maptrack_release(struct domain *d, uint32_t handle)
{
    struct grant_table *t = &d->grant;
    struct grant_map *m = maptrack_from_handle(d, handle);

    spin_lock(&t->lock);
    WRITE_ONCE(m->flags, 0);
    m->ref = t->maptrack_free;
    t->maptrack_free = handle;
    spin_unlock(&t->lock);
}
