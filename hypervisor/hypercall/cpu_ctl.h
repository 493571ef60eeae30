/* SPDX-License-Identifier: MIT */
/*
 * Operations on processors, of sysctl and platform_op. The caller is the
 * control domain. -ERESTART: to be called again.
 */
#ifndef HYPERCALL_CPU_CTL_H
#define HYPERCALL_CPU_CTL_H

#include <public/platform.h>
#include <public/sysctl.h>

long sysctl_cpu_hotplug(struct xen_sysctl *op);
long platform_cpu_online(struct xen_platform_op *op);
long platform_cpu_offline(struct xen_platform_op *op);
long platform_hotadd(struct xen_platform_op *op);

#endif
