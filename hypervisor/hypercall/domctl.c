/* SPDX-License-Identifier: MIT */
/*
 * domctl: the toolstack makes, changes and ends domains. Only the control
 * domain may; one table says which operations there are.
 */
#include "domctl.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/numa.h>
#include <hv/permission.h>

/* ---- create and end ---- */

static int check_create(const struct xen_domctl_createdomain *c)
{
    if (c->flags & (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap))
        return -EINVAL;
    if (c->flags & ~(2 * XEN_DOMCTL_CDF_MAX - 1) ||
        c->iommu_opts & ~XEN_DOMCTL_IOMMU_MAX)
        return -EINVAL;
    if (c->flags & (XEN_DOMCTL_CDF_iommu | XEN_DOMCTL_CDF_nested_virt |
                    XEN_DOMCTL_CDF_vpmu) ||
        c->vmtrace_size)
        return -EOPNOTSUPP;
    if (c->max_vcpus == 0 || c->max_vcpus > MAX_VCPUS)
        return -EINVAL;
    if (c->max_grant_frames > 1024 || c->max_maptrack_frames > 16384)
        return -EINVAL;
    return 0;
}

static long op_createdomain(struct xen_domctl *op, struct domain *unused)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    struct domain_config cfg = {
        .flags = c->flags,
        .max_vcpus = c->max_vcpus,
        .max_evtchn_port = c->max_evtchn_port,
        .max_grant_frames = c->max_grant_frames < 0
                                ? grant_default_frames
                                : (unsigned int)c->max_grant_frames,
        .max_maptrack_frames = c->max_maptrack_frames < 0
                                   ? grant_default_maptrack
                                   : (unsigned int)c->max_maptrack_frames,
        .grant_version = XEN_DOMCTL_GRANT_version(c->grant_opts),
        .cpupool = c->cpupool_id,
    };
    domid_t wanted = op->domain ? op->domain : DOMID_INVALID;
    struct domain *d;
    int rc = check_create(c);

    (void)unused;
    if (rc)
        return rc;
    memcpy(cfg.handle, c->handle, sizeof(cfg.handle));
    rc = domain_create(wanted, &cfg, &d);
    if (!rc)
        op->domain = d->id;
    return rc;
}

/* The domain is stopped first; then its end goes on in slices. */
static long op_destroydomain(struct xen_domctl *op, struct domain *d)
{
    long rc;

    (void)op;
    if (d == current->domain || d->is_privileged)
        return -EINVAL;
    if (!domain_is_dying(d))
        domain_pause(d);
    spin_lock(&d->ctl_lock);
    rc = domain_kill(d);
    spin_unlock(&d->ctl_lock);
    return rc;
}

static long op_pausedomain(struct xen_domctl *op, struct domain *d)
{
    (void)op;
    if (d == current->domain)
        return -EINVAL;
    return domain_pause_by_controller(d);
}

static long op_unpausedomain(struct xen_domctl *op, struct domain *d)
{
    (void)op;
    return domain_unpause_by_controller(d);
}

static long op_resumedomain(struct xen_domctl *op, struct domain *d)
{
    (void)op;
    if (d == current->domain)
        return -EINVAL;
    domain_resume(d);
    return 0;
}

/* ---- information ---- */

static uint32_t info_flags(struct domain *d)
{
    uint32_t flags = XEN_DOMINF_blocked;
    struct vcpu *v;

    for_each_vcpu (d, v) {
        unsigned long pf = READ_ONCE(v->pause_flags);

        if (pf & VPF_DOWN)
            continue;
        if (!(pf & VPF_BLOCKED))
            flags &= ~XEN_DOMINF_blocked;
        if (READ_ONCE(v->is_running))
            flags |= XEN_DOMINF_running;
    }
    if (d->life == DOM_DEAD)
        flags |= XEN_DOMINF_dying;
    if (d->is_shut_down)
        flags |= XEN_DOMINF_shutdown;
    if (d->controller_pauses > 0)
        flags |= XEN_DOMINF_paused;
    if (d->is_debug)
        flags |= XEN_DOMINF_debugged;
    if (d->createflags & XEN_DOMCTL_CDF_xs_domain)
        flags |= XEN_DOMINF_xs_domain;
    return flags | (uint32_t)d->shutdown_code << XEN_DOMINF_shutdownshift;
}

void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    struct vcpu *v;

    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->flags = info_flags(d);
    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu (d, v) {
        struct vcpu_runstate_info r;

        sched_runstate(v, &r);
        info->max_vcpu_id = v->id;
        if (!(READ_ONCE(v->pause_flags) & VPF_DOWN))
            info->nr_online_vcpus++;
        info->cpu_time += r.time[RUNSTATE_running];
    }
    info->tot_pages = d->tot_pages;
    info->max_pages = d->max_pages;
    info->outstanding_pages = d->outstanding_pages;
    info->shared_info_frame =
        d->shared_info ? mfn_x(virt_to_mfn(d->shared_info)) : UINT64_MAX;
    info->cpupool = sched_domain_pool(d);
    info->gpaddr_bits = 52;
    memcpy(info->handle, d->handle, sizeof(info->handle));
}

/* The first domain from the id on, so that callers can walk. */
static long op_getdomaininfo(struct xen_domctl *op, struct domain *unused)
{
    struct domain *d;

    (void)unused;
    if (op->domain >= DOMID_FIRST_RESERVED)
        return -EINVAL;
    d = domain_get_first_from(op->domain);
    if (!d)
        return -ESRCH;
    domctl_fill_info(d, &op->u.getdomaininfo);
    op->domain = d->id;
    domain_put(d);
    return 0;
}

/* ---- settings ---- */

static long op_max_mem(struct xen_domctl *op, struct domain *d)
{
    spin_lock(&d->page_list_lock);
    d->max_pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);
    spin_unlock(&d->page_list_lock);
    return 0;
}

static long op_setdomainhandle(struct xen_domctl *op, struct domain *d)
{
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    return 0;
}

static long op_setdebugging(struct xen_domctl *op, struct domain *d)
{
    if (d == current->domain)
        return -EINVAL;
    d->is_debug = op->u.setdebugging.enable;
    return 0;
}

static long op_settimeoffset(struct xen_domctl *op, struct domain *d)
{
    int64_t secs = op->u.settimeoffset.time_offset_seconds;

    if (secs > INT64_MAX / NSEC_PER_SEC || secs < INT64_MIN / NSEC_PER_SEC)
        return -EINVAL;
    d->time_offset_ns = secs * NSEC_PER_SEC;
    arch_wallclock_update(d);
    return 0;
}

/* Where frames come from if there are any: not where they have to. */
static long op_setnodeaffinity(struct xen_domctl *op, struct domain *d)
{
    unsigned long map[1] = {0}, all = (1UL << nr_nodes) - 1;
    int rc = bitmap_from_guest(map, 64, &op->u.nodeaffinity.nodemap);

    if (rc)
        return rc;
    if (!(map[0] & all))
        return -EINVAL;
    WRITE_ONCE(d->node_affinity,
               (map[0] & all) == all ? NODEMASK_ALL : (nodemask_t)map[0]);
    return 0;
}

static long op_getnodeaffinity(struct xen_domctl *op, struct domain *d)
{
    const unsigned long map[1] = {READ_ONCE(d->node_affinity) &
                                  ((1UL << nr_nodes) - 1)};

    return bitmap_to_guest(&op->u.nodeaffinity.nodemap, map, 64);
}

/* The guest's own port that is sent when it has suspended: its other end is
 * the toolstack's. Looked at then. */
static long op_subscribe(struct xen_domctl *op, struct domain *d)
{
    WRITE_ONCE(d->suspend_port, op->u.subscribe.port);
    return 0;
}

static const domctl_fn handlers[] = {
    [XEN_DOMCTL_createdomain] = op_createdomain,
    [XEN_DOMCTL_destroydomain] = op_destroydomain,
    [XEN_DOMCTL_pausedomain] = op_pausedomain,
    [XEN_DOMCTL_unpausedomain] = op_unpausedomain,
    [XEN_DOMCTL_getdomaininfo] = op_getdomaininfo,
    [XEN_DOMCTL_setvcpuaffinity] = domctl_setvcpuaffinity,
    [XEN_DOMCTL_getvcpuaffinity] = domctl_getvcpuaffinity,
    [XEN_DOMCTL_max_mem] = op_max_mem,
    [XEN_DOMCTL_setvcpucontext] = domctl_setvcpucontext,
    [XEN_DOMCTL_getvcpucontext] = domctl_getvcpucontext,
    [XEN_DOMCTL_getvcpuinfo] = domctl_getvcpuinfo,
    [XEN_DOMCTL_max_vcpus] = domctl_max_vcpus,
    [XEN_DOMCTL_scheduler_op] = domctl_scheduler_op,
    [XEN_DOMCTL_setdomainhandle] = op_setdomainhandle,
    [XEN_DOMCTL_setdebugging] = op_setdebugging,
    [XEN_DOMCTL_settimeoffset] = op_settimeoffset,
    [XEN_DOMCTL_resumedomain] = op_resumedomain,
    [XEN_DOMCTL_sendtrigger] = domctl_sendtrigger,
    [XEN_DOMCTL_setnodeaffinity] = op_setnodeaffinity,
    [XEN_DOMCTL_getnodeaffinity] = op_getnodeaffinity,
    [XEN_DOMCTL_irq_permission] = domctl_irq_permission,
    [XEN_DOMCTL_iomem_permission] = domctl_iomem_permission,
    [XEN_DOMCTL_ioport_permission] = domctl_ioport_permission,
    [XEN_DOMCTL_memory_mapping] = domctl_memory_mapping,
    [XEN_DOMCTL_set_target] = domctl_set_target,
    [XEN_DOMCTL_set_virq_handler] = domctl_set_virq_handler,
    [XEN_DOMCTL_shadow_op] = domctl_shadow_op,
    [XEN_DOMCTL_setvnumainfo] = domctl_setvnumainfo,
    [XEN_DOMCTL_subscribe] = op_subscribe,
};

/* The domain that it is done to, with a reference, if the caller may: by its
 * own number, not as DOMID_SELF (ABI). NULL where no existing one is named. */
static long find_target(const struct xen_domctl *op, struct domain **d)
{
    long rc;

    *d = NULL;
    if (op->cmd == XEN_DOMCTL_createdomain ||
        op->cmd == XEN_DOMCTL_getdomaininfo)
        return permit(__HYPERVISOR_domctl, op->cmd);
    if (op->domain == DOMID_SELF)
        return -ESRCH;
    *d = permit_domain(__HYPERVISOR_domctl, op->cmd, op->domain, &rc);
    return rc;
}

/* The debugger's have high numbers. */
static const domctl_fn debugger[] = {
    domctl_gdbsx_pausevcpu,
    domctl_gdbsx_unpausevcpu,
    domctl_gdbsx_domstatus,
};

static domctl_fn find_handler(uint32_t cmd)
{
    uint32_t high = cmd - XEN_DOMCTL_gdbsx_pausevcpu;

    if (cmd < ARRAY_SIZE(handlers))
        return handlers[index_nospec(cmd, ARRAY_SIZE(handlers))];
    if (high < ARRAY_SIZE(debugger))
        return debugger[index_nospec(high, ARRAY_SIZE(debugger))];
    return NULL;
}

static long run(struct xen_domctl *op, struct domain *d)
{
    domctl_fn fn = find_handler(op->cmd);
    long rc;

    if (fn)
        return fn(op, d);
    rc = d ? arch_do_domctl(op, d) : -ENOSYS;
    return rc == -ENOSYS ? domctl_refused(op->cmd) : rc;
}

long do_domctl(unsigned long arg)
{
    struct xen_domctl op;
    struct domain *d = NULL;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    rc = find_target(&op, &d);
    if (rc)
        return rc;
    rc = run(&op, d);
    if (d)
        domain_put(d);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_domctl, 1, arg);
    /* A refused policy is told which leaf or register it is refused for. */
    if ((rc >= 0 || op.cmd == XEN_DOMCTL_set_cpu_policy) &&
        copy_to_guest_va(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
