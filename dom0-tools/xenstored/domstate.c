/* SPDX-License-Identifier: MIT */
/*
 * The states of all domains. The hypervisor says that something happened to
 * some domain, not to which: one listing answers for a thousand of them.
 */
#include "domstate.h"

#include <errno.h>
#include <stdlib.h>

#include "libs/sys/domctl.h"

#define BATCH 1024U

static struct {
    struct xen_domctl_getdomaininfo *list; /* by ascending id */
    uint32_t nr;
    uint32_t room;
} all;

static int make_room(uint32_t room)
{
    struct xen_domctl_getdomaininfo *list;

    if (room <= all.room)
        return 0;
    list = realloc(all.list, room * sizeof(*list));
    if (list == NULL)
        return -ENOMEM;
    all.list = list;
    all.room = room;
    return 0;
}

int domstate_refresh(struct sys *sys)
{
    uint32_t first = 0;

    all.nr = 0;
    for (;;) {
        int n = make_room(all.nr + BATCH);

        if (n == 0)
            n = sys_domain_list(sys, first, BATCH, all.list + all.nr);
        if (n < 0)
            return n;
        all.nr += (uint32_t)n;
        if ((uint32_t)n < BATCH)
            return 0;
        first = all.list[all.nr - 1].domain + 1U;
    }
}

static int by_domid(const void *key, const void *elem)
{
    const struct xen_domctl_getdomaininfo *info = elem;
    uint32_t domid = *(const uint32_t *)key;

    return domid < info->domain ? -1 : domid > info->domain;
}

int domstate_get(uint32_t domid, bool *shutdown)
{
    const struct xen_domctl_getdomaininfo *info = NULL;

    if (all.nr > 0)
        info = bsearch(&domid, all.list, all.nr, sizeof(*info), by_domid);
    if (info == NULL || (info->flags & XEN_DOMINF_dying) != 0)
        return -ESRCH;
    *shutdown = (info->flags & XEN_DOMINF_shutdown) != 0;
    return 0;
}

void domstate_free(void)
{
    free(all.list);
}
