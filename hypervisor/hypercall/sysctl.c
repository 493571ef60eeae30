/* SPDX-License-Identifier: MIT */
/*
 * sysctl: what the control domain asks of the whole machine.
 */
#include <hv/arch.h>
#include <hv/console.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/numa.h>
#include <hv/permission.h>

#include <public/sysctl.h>

#include "cpu_ctl.h"
#include "domctl.h"
#include "sched_ctl.h"
#include "sysctl_ops.h"

static long op_readconsole(struct xen_sysctl *op)
{
    struct xen_sysctl_readconsole *r = &op->u.readconsole;
    uint32_t index = r->index, done = 0;
    char chunk[256];

    while (done < r->count) {
        size_t n = min_t(size_t, r->count - done, sizeof(chunk));

        n = console_ring_read(&index, chunk, n, r->incremental || done);
        if (!n)
            break;
        if (copy_to_guest_va(handle_va(r->buffer) + done, chunk, n))
            return -EFAULT;
        done += (uint32_t)n;
    }
    if (r->clear && done)
        console_ring_forget(index);
    r->index = index;
    r->count = done;
    return 0;
}

static long op_physinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_physinfo *p = &op->u.physinfo;

    memset(p, 0, sizeof(*p));
    p->nr_cpus = (uint32_t)bitmap_weight(cpu_online_map.bits, MAX_CPUS);
    p->max_cpu_id = nr_cpus - 1;
    p->nr_nodes = nr_nodes;
    p->max_node_id = nr_nodes - 1;
    p->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1;
    if (grant_max_version >= 2)
        p->capabilities |= XEN_SYSCTL_PHYSCAP_gnttab_v2;
    p->total_pages = heap_total_pages();
    p->free_pages = heap_free_pages();
    p->outstanding_pages = domain_claimed_pages();
    p->max_mfn = max_mfn - 1;
    arch_fill_physinfo(p);
    return 0;
}

static long op_getdomaininfolist(struct xen_sysctl *op)
{
    struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
    domid_t id = l->first_domain;
    uint32_t n = 0;
    struct domain *d;

    while (n < l->max_domains && (d = domain_get_first_from(id)) != NULL) {
        struct xen_domctl_getdomaininfo info;

        domctl_fill_info(d, &info);
        id = (domid_t)(d->id + 1);
        domain_put(d);
        if (copy_to_handle_at(l->buffer, n, &info))
            return -EFAULT;
        n++;
    }
    l->num_domains = n;
    return 0;
}

static long op_debug_keys(struct xen_sysctl *op)
{
    for (uint32_t i = 0; i < min_t(uint32_t, op->u.debug_keys.nr_keys, 64);
         i++) {
        char key;

        if (copy_from_guest_va(&key, handle_va(op->u.debug_keys.keys) + i, 1))
            return -EFAULT;
        key_handle(key);
    }
    return 0;
}

static long op_getcpuinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_getcpuinfo *c = &op->u.getcpuinfo;
    uint32_t n = min_t(uint32_t, c->max_cpus, nr_cpus);

    for (uint32_t i = 0; i < n; i++) {
        struct xen_sysctl_cpuinfo info = {0};

        if (cpumask_test(&cpu_online_map, i))
            info.idletime = sched_cpu_idle_ns(i);
        if (copy_to_handle_at(c->info, i, &info))
            return -EFAULT;
    }
    c->nr_cpus = n;
    return 0;
}

static long op_cputopoinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_cputopoinfo *t = &op->u.cputopoinfo;
    uint32_t n = min_t(uint32_t, t->num_cpus, nr_cpus);

    if (handle_is_null(t->cputopo)) {
        t->num_cpus = nr_cpus;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct xen_sysctl_cputopo topo = {.core = XEN_INVALID_CORE_ID,
                                          .socket = XEN_INVALID_SOCKET_ID,
                                          .node = XEN_INVALID_NODE_ID};

        if (cpumask_test(&cpu_online_map, i))
            arch_fill_cputopo(i, &topo);
        if (copy_to_handle_at(t->cputopo, i, &topo))
            return -EFAULT;
    }
    t->num_cpus = n;
    return 0;
}

static long (*const handlers[])(struct xen_sysctl *op) = {
    [XEN_SYSCTL_readconsole] = op_readconsole,
    [XEN_SYSCTL_tbuf_op] = sysctl_tbuf_op,
    [XEN_SYSCTL_physinfo] = op_physinfo,
    [XEN_SYSCTL_sched_id] = sysctl_sched_id,
    [XEN_SYSCTL_perfc_op] = sysctl_perfc_op,
    [XEN_SYSCTL_lockprof_op] = sysctl_lockprof_op,
    [XEN_SYSCTL_getdomaininfolist] = op_getdomaininfolist,
    [XEN_SYSCTL_debug_keys] = op_debug_keys,
    [XEN_SYSCTL_getcpuinfo] = op_getcpuinfo,
    [XEN_SYSCTL_availheap] = sysctl_availheap,
    [XEN_SYSCTL_cputopoinfo] = op_cputopoinfo,
    [XEN_SYSCTL_numainfo] = sysctl_numainfo,
    [XEN_SYSCTL_cpu_hotplug] = sysctl_cpu_hotplug,
    [XEN_SYSCTL_page_offline_op] = sysctl_offline_frames,
    [XEN_SYSCTL_cpupool_op] = sysctl_cpupool_op,
    [XEN_SYSCTL_scheduler_op] = sysctl_scheduler_op,
    [XEN_SYSCTL_pcitopoinfo] = sysctl_pcitopoinfo,
    [XEN_SYSCTL_get_pmstat] = sysctl_get_pmstat,
    [XEN_SYSCTL_pm_op] = sysctl_pm_op,
};

static long run(struct xen_sysctl *op)
{
    long (*fn)(struct xen_sysctl * op) = NULL;
    long rc;

    if (op->cmd < ARRAY_SIZE(handlers))
        fn = handlers[index_nospec(op->cmd, ARRAY_SIZE(handlers))];
    if (fn)
        return fn(op);
    rc = arch_do_sysctl(op);
    return rc == -ENOSYS ? sysctl_refused(op->cmd) : rc;
}

long do_sysctl(unsigned long arg)
{
    struct xen_sysctl op;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    rc = permit(__HYPERVISOR_sysctl, op.cmd);
    if (rc)
        return rc;
    rc = run(&op);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_sysctl, 1, arg);
    if (rc >= 0 && copy_to_guest_va(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
