/* SPDX-License-Identifier: MIT */
/* The machine as a whole: typed HYPERVISOR_sysctl. */
#include "libs/sys/sysctl.h"

#include <errno.h>
#include <string.h>

#include "private.h"

int sys_sysctl(struct sys *sys, struct xen_sysctl *op)
{
    struct bounce b;
    int rc;

    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    rc = bounce_in(&b, sys, op, sizeof(*op));
    if (rc != 0)
        return rc;
    rc = (int)sys_hypercall(sys, __HYPERVISOR_sysctl, (uintptr_t)b.safe, 0, 0,
                            0, 0);
    if (rc >= 0)
        bounce_out(&b, sizeof(*op));
    bounce_free(&b);
    return rc;
}

int sys_physinfo(struct sys *sys, struct xen_sysctl_physinfo *info)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    int rc = sys_sysctl(sys, &op);

    if (rc == 0)
        *info = op.u.physinfo;
    return rc;
}

int sys_sched_id(struct sys *sys)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_sched_id};
    int rc = sys_sysctl(sys, &op);

    return rc != 0 ? rc : (int)op.u.sched_id.sched_id;
}

int sys_read_console(struct sys *sys, char *buf, uint32_t len_bytes, int clear,
                     int incremental, uint32_t *index)
{
    struct xen_sysctl op = {
        .cmd = XEN_SYSCTL_readconsole,
        .u.readconsole = {.clear = clear != 0,
                          .incremental = incremental != 0,
                          .index = index != NULL ? *index : 0,
                          .count = len_bytes},
    };
    struct bounce b;
    int rc = bounce_in(&b, sys, buf, len_bytes);

    if (rc != 0)
        return rc;
    set_xen_guest_handle(op.u.readconsole.buffer, b.safe);
    rc = sys_sysctl(sys, &op);
    if (rc == 0) {
        uint32_t n = op.u.readconsole.count;

        rc = (int)(n < len_bytes ? n : len_bytes);
        bounce_out(&b, (size_t)rc);
        if (index != NULL)
            *index = op.u.readconsole.index;
    }
    bounce_free(&b);
    return rc;
}

int sys_debug_keys(struct sys *sys, const char *keys)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_debug_keys};
    size_t len = strlen(keys);
    struct bounce b;
    int rc = bounce_in(&b, sys, keys, len);

    if (rc != 0)
        return rc;
    op.u.debug_keys.nr_keys = (uint32_t)len;
    set_xen_guest_handle(op.u.debug_keys.keys, b.safe);
    rc = sys_sysctl(sys, &op);
    bounce_free(&b);
    return rc;
}

/* How many of max were filled, given the count the hypervisor reports. */
static int filled(uint32_t reported, uint32_t max)
{
    return (int)(reported < max ? reported : max);
}

int sys_cpu_idle(struct sys *sys, uint64_t *idle_ns, uint32_t max_cpus)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getcpuinfo};
    struct bounce b;
    int rc = bounce_in(&b, sys, idle_ns, max_cpus * sizeof(*idle_ns));

    if (rc != 0)
        return rc;
    op.u.getcpuinfo.max_cpus = max_cpus;
    set_xen_guest_handle(op.u.getcpuinfo.info, b.safe);
    rc = sys_sysctl(sys, &op);
    if (rc == 0) {
        rc = filled(op.u.getcpuinfo.nr_cpus, max_cpus);
        bounce_out(&b, (size_t)rc * sizeof(*idle_ns));
    }
    bounce_free(&b);
    return rc;
}

int sys_cpu_topology(struct sys *sys, xen_sysctl_cputopo_t *topo,
                     uint32_t max_cpus)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cputopoinfo};
    struct bounce b;
    int rc = bounce_in(&b, sys, topo, max_cpus * sizeof(*topo));

    if (rc != 0)
        return rc;
    op.u.cputopoinfo.num_cpus = max_cpus;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, b.safe);
    rc = sys_sysctl(sys, &op);
    if (rc == 0) {
        rc = (int)op.u.cputopoinfo.num_cpus;
        bounce_out(&b, (size_t)rc * sizeof(*topo));
    }
    bounce_free(&b);
    return rc;
}

int sys_numa_info(struct sys *sys, xen_sysctl_meminfo_t *mem,
                  uint32_t max_nodes)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_numainfo};
    struct bounce b;
    int rc = bounce_in(&b, sys, mem, max_nodes * sizeof(*mem));

    if (rc != 0)
        return rc;
    op.u.numainfo.num_nodes = max_nodes;
    set_xen_guest_handle(op.u.numainfo.meminfo, b.safe);
    rc = sys_sysctl(sys, &op);
    if (rc == 0) {
        rc = (int)op.u.numainfo.num_nodes;
        bounce_out(&b, (size_t)rc * sizeof(*mem));
    }
    bounce_free(&b);
    return rc;
}
