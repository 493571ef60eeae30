/* SPDX-License-Identifier: MIT */
/*
 * The operations of sysctl that are about the scheduler: sched_ctl.c and
 * cpupool.c. Those of domctl are in domctl.h.
 */
#ifndef HYPERCALL_SCHED_CTL_H
#define HYPERCALL_SCHED_CTL_H

#include <public/sysctl.h>

long sysctl_sched_id(struct xen_sysctl *op);
long sysctl_scheduler_op(struct xen_sysctl *op);
long sysctl_cpupool_op(struct xen_sysctl *op);

#endif
