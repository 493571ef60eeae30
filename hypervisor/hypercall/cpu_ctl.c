/* SPDX-License-Identifier: MIT */
/*
 * The control domain takes processors away and brings them back: sysctl
 * cpu_hotplug, and platform_op's cpu_online and cpu_offline, which Linux calls
 * for /sys/devices/system/xen_cpu.
 */
#include "cpu_ctl.h"

#include <hv/arch.h>
#include <hv/hotplug.h>
#include <hv/lib.h>

/* All threads of cores but the first. A second call goes on where one that had
 * to stop (-ERESTART) was: what is done is done. */
static int all_siblings(int (*change)(unsigned int cpu))
{
    bool any = false;

    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
        int rc;

        if (!arch_cpu_is_sibling(cpu))
            continue;
        any = true;
        rc = change(cpu);
        if (rc)
            return rc;
    }
    return any ? 0 : -EOPNOTSUPP;
}

long sysctl_cpu_hotplug(struct xen_sysctl *op)
{
    const struct xen_sysctl_cpu_hotplug *h = &op->u.cpu_hotplug;

    switch (h->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
        return cpu_up(h->cpu);
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return h->cpu ? cpu_down(h->cpu) : -EINVAL; /* it is needed */
    case XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE:
        return all_siblings(cpu_up);
    case XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE:
        return all_siblings(cpu_down);
    default:
        return -EOPNOTSUPP;
    }
}

long platform_cpu_online(struct xen_platform_op *op)
{
    return cpu_up(op->u.cpu_ol.cpuid);
}

long platform_cpu_offline(struct xen_platform_op *op)
{
    return cpu_down(op->u.cpu_ol.cpuid);
}

/* What the machine had at power-on is all there will be. */
long platform_hotadd(struct xen_platform_op *op)
{
    (void)op;
    return -EOPNOTSUPP;
}
