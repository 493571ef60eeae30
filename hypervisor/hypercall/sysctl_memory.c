/* SPDX-License-Identifier: MIT */
/*
 * sysctl: memory and the nodes it lies in.
 */
#include "sysctl_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/numa.h>
#include <hv/page.h>

/* Address widths of 0 do not restrict; a node of -1 (any below 0) means all. */
long sysctl_availheap(struct xen_sysctl *op)
{
    struct xen_sysctl_availheap *a = &op->u.availheap;
    uint64_t nr = 0;

    for (unsigned int node = 0; node < nr_nodes; node++)
        if (a->node < 0 || (unsigned int)a->node == node)
            nr += heap_node_free(node, a->min_bitwidth, a->max_bitwidth);
    a->avail_bytes = nr << PAGE_SHIFT;
    return 0;
}

static int copy_meminfo(const struct xen_sysctl_numainfo *ni, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        struct xen_sysctl_meminfo m = {
            .memsize = heap_node_total(i) << PAGE_SHIFT,
            .memfree = heap_node_free(i, 0, 0) << PAGE_SHIFT,
        };

        if (copy_to_handle_at(ni->meminfo, i, &m))
            return -EFAULT;
    }
    return 0;
}

/* Rows as long as the caller has room for. */
static int copy_distances(const struct xen_sysctl_numainfo *ni, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        for (uint32_t j = 0; j < nr; j++) {
            uint32_t d = numa_distance(i, j);

            if (copy_to_handle_at(ni->distance, i * nr + j, &d))
                return -EFAULT;
        }
    }
    return 0;
}

/* With no room at all the question is how many nodes there are. */
long sysctl_numainfo(struct xen_sysctl *op)
{
    struct xen_sysctl_numainfo *ni = &op->u.numainfo;
    uint32_t nr = min_t(uint32_t, ni->num_nodes, nr_nodes);
    int rc = 0;

    if (handle_is_null(ni->meminfo) && handle_is_null(ni->distance)) {
        ni->num_nodes = nr_nodes;
        return 0;
    }
    if (!handle_is_null(ni->meminfo))
        rc = copy_meminfo(ni, nr);
    if (!rc && !handle_is_null(ni->distance))
        rc = copy_distances(ni, nr);
    ni->num_nodes = nr;
    return rc;
}

/* A bound of ours on the frames of one call, which is not preempted. */
#define MAX_FRAMES 1024

long sysctl_offline_frames(struct xen_sysctl *op)
{
    static int (*const fn[])(mfn_t m, uint32_t * status) = {
        [sysctl_page_offline] = heap_offline,
        [sysctl_page_online] = heap_online,
        [sysctl_query_page_offline] = heap_offline_query,
    };
    const struct xen_sysctl_page_offline_op *p = &op->u.page_offline;
    size_t cmd = index_nospec(p->cmd, ARRAY_SIZE(fn));
    long rc = 0;

    if (p->cmd >= ARRAY_SIZE(fn) || !fn[cmd] || p->end < p->start ||
        p->end - p->start >= MAX_FRAMES)
        return -EINVAL;
    for (uint32_t i = 0; i <= p->end - p->start && !rc; i++) {
        uint32_t status;

        rc = fn[cmd](mfn((uint64_t)p->start + i), &status);
        if (copy_to_handle_at(p->status, i, &status))
            return -EFAULT;
    }
    return rc;
}
