/* SPDX-License-Identifier: MIT */
/*
 * Nodes: memory and the CPUs that are near to it. A machine of which nothing
 * is known, or nothing that makes sense, is one node. Constant after boot.
 */
#ifndef HV_NUMA_H
#define HV_NUMA_H

#include <hv/cpumask.h>
#include <hv/types.h>

#define MAX_NODES       16
#define NUMA_MAX_RANGES 64
#define NODE_NONE       0xffU

/* As ACPI's SLIT has them: 10 is local. */
#define DISTANCE_LOCAL  10
#define DISTANCE_REMOTE 20

typedef uint32_t nodemask_t; /* bit per node */
#define NODEMASK_ALL ((nodemask_t)~0U)

extern unsigned int nr_nodes; /* at least 1; numbers below it are nodes */

/* The node of a frame, and where its run of frames ends. */
unsigned int numa_node_of(mfn_t m, uint64_t *run_end);
unsigned int cpu_node(unsigned int cpu);
unsigned int numa_distance(unsigned int a, unsigned int b);
/* All nodes, nearest to the given one first: nr_nodes numbers. */
const uint8_t *numa_by_distance(unsigned int node);

/* ---- boot: what the firmware's tables say, already checked one by one ---- */
/* The node of a proximity domain, a new one if it is new; NODE_NONE: too many
 * of them. */
unsigned int numa_node_of_domain(uint32_t proximity_domain);
/* The same without making one: NODE_NONE. */
unsigned int numa_known_domain(uint32_t proximity_domain);
/* False: the range contradicts an earlier one, or there is no room. */
bool numa_add_memory(paddr_t start, uint64_t len, unsigned int node) MUST_CHECK;
/* cpu is the hypervisor's number. Nothing, if nodes are not the firmware's. */
void numa_set_cpu_node(unsigned int cpu, unsigned int node);
void numa_set_distance(unsigned int a, unsigned int b, uint8_t distance);
/* Forget all: one node. */
void numa_forget(void);
/* The option numa=, the tables, the heap's lists. After acpi_init(). */
void numa_init(void);

#endif
