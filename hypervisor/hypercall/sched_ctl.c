/* SPDX-License-Identifier: MIT */
/*
 * domctl and sysctl: the scheduler's settings, of a domain, of a vcpu, of the
 * whole. To the toolstack our scheduler is credit2: its settings have the same
 * meaning.
 */
#include "sched_ctl.h"

#include <hv/arch.h>
#include <hv/lib.h>

#include "domctl.h"

/* ---- domctl ---- */

long domctl_scheduler_op(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_scheduler_op *s = &op->u.scheduler_op;

    if (s->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    switch (s->cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        s->u.credit2.weight = d->sched.weight;
        s->u.credit2.cap = d->sched.cap;
        return 0;
    case XEN_DOMCTL_SCHEDOP_putinfo:
        if (s->u.credit2.cap != 0)
            return -EOPNOTSUPP;
        if (s->u.credit2.weight)
            WRITE_ONCE(d->sched.weight, s->u.credit2.weight);
        return 0;
    default:
        return -EINVAL;
    }
}

long domctl_setvcpuaffinity(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
    cpumask_t hard, soft;
    int rc = 0;

    if (a->vcpu >= d->max_vcpus)
        return -EINVAL;
    if (!v)
        return -ESRCH;
    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = bitmap_from_guest(hard.bits, MAX_CPUS, &a->cpumap_hard);
    if (!rc && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = bitmap_from_guest(soft.bits, MAX_CPUS, &a->cpumap_soft);
    if (rc)
        return rc;
    return sched_set_affinity(v,
                              a->flags & XEN_VCPUAFFINITY_HARD ? &hard : NULL,
                              a->flags & XEN_VCPUAFFINITY_SOFT ? &soft : NULL);
}

long domctl_getvcpuaffinity(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
    long rc = 0;

    if (a->vcpu >= d->max_vcpus)
        return -EINVAL;
    if (!v)
        return -ESRCH;
    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = bitmap_to_guest(&a->cpumap_hard, v->sched.hard_affinity.bits,
                             nr_cpus);
    if (!rc && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = bitmap_to_guest(&a->cpumap_soft, v->sched.soft_affinity.bits,
                             nr_cpus);
    return rc;
}

/* ---- sysctl ---- */

long sysctl_sched_id(struct xen_sysctl *op)
{
    op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2;
    return 0;
}

long sysctl_scheduler_op(struct xen_sysctl *op)
{
    struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;

    if (s->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    if (s->cpupool_id != 0)
        return -ESRCH;
    if (s->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -EOPNOTSUPP;
    s->u.sched_credit2.ratelimit_us = 0;
    return 0;
}
