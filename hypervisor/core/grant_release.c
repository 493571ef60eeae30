/* SPDX-License-Identifier: MIT */
/*
 * What a domain has mapped of others, all of it: given back at its end, and
 * shown to the audit. A host mapping's references belong to its page-table
 * entry and go with the page tables; a device mapping's are the handle's.
 */
#include "grant_fast.h"

#include <hv/hypercall.h>

static void unpin(struct grant_map *m, bool ro)
{
    grant_unpin(m->rd, m->ref, grant_pinned(m->rd, m->ref), ro);
}

static void release_one(struct domain *d, uint32_t handle)
{
    struct grant_map *m = maptrack_from_handle(d, handle);
    uint16_t flags = READ_ONCE(m->flags);
    bool ro = flags & GNTMAP_readonly;

    if (!(flags & MAP_KINDS))
        return;
    if (flags & GNTMAP_device_map) {
        struct page_info *pg = mfn_to_page(grant_pinned(m->rd, m->ref)->frame);

        if (ro)
            page_put(pg);
        else
            page_put_and_type(pg);
        unpin(m, ro);
    }
    if (flags & GNTMAP_host_map)
        unpin(m, ro);
    WRITE_ONCE(m->flags, 0);
    if (m->rd != d) /* its own is not counted */
        domain_put(m->rd);
}

int grant_release_mappings(struct domain *d)
{
    struct grant_table *t = &d->grant;

    while (t->release_at < t->nr_maptrack) {
        release_one(d, t->release_at);
        if (++t->release_at % 256 == 0 && hypercall_preempt_check())
            return -ERESTART;
    }
    return 0;
}

void grant_each_device_map(struct domain *d,
                           void (*fn)(struct page_info *pg, bool ro, void *arg),
                           void *arg)
{
    for (uint32_t handle = 0; handle < d->grant.nr_maptrack; handle++) {
        struct grant_map *m = maptrack_from_handle(d, handle);
        uint16_t flags = READ_ONCE(m->flags);

        if (flags & GNTMAP_device_map)
            fn(mfn_to_page(grant_pinned(m->rd, m->ref)->frame),
               flags & GNTMAP_readonly, arg);
    }
}
