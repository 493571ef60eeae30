/* SPDX-License-Identifier: MIT */
/*
 * Operations on the whole machine: HYPERVISOR_sysctl, typed.
 * Return 0 (or what is said) or -errno.
 */
#ifndef LIBS_SYS_SYSCTL_H
#define LIBS_SYS_SYSCTL_H

#include <stdint.h>

#include <public/xen.h>

#include <public/domctl.h>
#include <public/sysctl.h>

#include "libs/sys/sys.h"

/* Any sysctl: version filled in, whole structure copied both ways. */
int sys_sysctl(struct sys *sys, struct xen_sysctl *op);

int sys_physinfo(struct sys *sys, struct xen_sysctl_physinfo *info);
/* XEN_SCHEDULER_x of the default pool. */
int sys_sched_id(struct sys *sys);
/*
 * The hypervisor's log. *index: where to start when incremental, and where to
 * go on next. clear: empty it after reading. Returns the bytes put into buf.
 */
int sys_read_console(struct sys *sys, char *buf, uint32_t len_bytes, int clear,
                     int incremental, uint32_t *index);
/* As if these keys had been typed on the hypervisor's console. */
int sys_debug_keys(struct sys *sys, const char *keys);
/* Idle time in ns of cpu 0, 1, ...; returns how many were filled. */
int sys_cpu_idle(struct sys *sys, uint64_t *idle_ns, uint32_t max_cpus);
/* Core, socket, node of each cpu; returns the number of cpus. */
int sys_cpu_topology(struct sys *sys, xen_sysctl_cputopo_t *topo,
                     uint32_t max_cpus);
/* Sizes in bytes of each memory node; returns the number of nodes. */
int sys_numa_info(struct sys *sys, xen_sysctl_meminfo_t *mem,
                  uint32_t max_nodes);

/*
 * XEN_SYSCTL_cpu_policy_x of the machine. Counts in = room, out = filled; both
 * pointers NULL asks for the room needed.
 */
int sys_get_cpu_policy(struct sys *sys, uint32_t index,
                       xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                       xen_msr_entry_t *msrs, uint32_t *nr_msrs);
/* XEN_SYSCTL_cpu_featureset_x; *nr in = room in words, out = words known. */
int sys_get_cpu_featureset(struct sys *sys, uint32_t index, uint32_t *words,
                           uint32_t *nr);

#endif
