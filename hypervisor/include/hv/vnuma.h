/* SPDX-License-Identifier: MIT */
/*
 * The NUMA nodes that a domain is told it has: a table that the toolstack
 * writes and the domain reads. The hypervisor does not act on it.
 */
#ifndef HV_VNUMA_H
#define HV_VNUMA_H

#include <public/memory.h>

#define VNUMA_MAX_NODES  64
#define VNUMA_MAX_RANGES 128

struct vnuma {
    unsigned int nr_nodes, nr_vcpus, nr_ranges;
    unsigned int *distance;       /* nr_nodes * nr_nodes */
    unsigned int *vcpu_to_vnode;  /* nr_vcpus */
    unsigned int *vnode_to_pnode; /* nr_nodes */
    struct xen_vmemrange *range;  /* nr_ranges */
};

void vnuma_free(struct vnuma *vn);

#endif
