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

static long put_info(struct domain *d, const struct xen_domctl_scheduler_op *s)
{
    if (s->u.credit2.cap != UINT16_MAX && s->u.credit2.cap > SCHED_CAP_MAX)
        return -EINVAL;
    sched_domain_set(d, s->u.credit2.weight, s->u.credit2.cap);
    return 0;
}

/* Settings are a domain's; there are none of single vcpus. */
long domctl_scheduler_op(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_scheduler_op *s = &op->u.scheduler_op;

    if (s->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    switch (s->cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        s->u.credit2.weight = READ_ONCE(d->sched.weight);
        s->u.credit2.cap = READ_ONCE(d->sched.cap);
        return 0;
    case XEN_DOMCTL_SCHEDOP_putinfo:
        return put_info(d, s);
    default:
        return -EINVAL;
    }
}

static long affinity_from_guest(const struct xen_domctl_vcpuaffinity *a,
                                cpumask_t *hard, cpumask_t *soft)
{
    long rc = 0;

    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = bitmap_from_guest(hard->bits, MAX_CPUS, &a->cpumap_hard);
    if (!rc && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = bitmap_from_guest(soft->bits, MAX_CPUS, &a->cpumap_soft);
    return rc;
}

static long affinity_to_guest(const struct xen_domctl_vcpuaffinity *a,
                              const cpumask_t *hard, const cpumask_t *soft)
{
    long rc = 0;

    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = bitmap_to_guest(&a->cpumap_hard, hard->bits, nr_cpus);
    if (!rc && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = bitmap_to_guest(&a->cpumap_soft, soft->bits, nr_cpus);
    return rc;
}

static int affinity_vcpu(const struct xen_domctl_vcpuaffinity *a,
                         struct domain *d, struct vcpu **v)
{
    *v = domain_vcpu(d, a->vcpu);
    if (a->vcpu >= d->max_vcpus)
        return -EINVAL;
    if (!*v)
        return -ESRCH;
    return a->flags ? 0 : -EINVAL;
}

/* The caller is told what of its masks can be had in the domain's pool. */
long domctl_setvcpuaffinity(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    bool set_hard = a->flags & XEN_VCPUAFFINITY_HARD;
    bool set_soft = a->flags & XEN_VCPUAFFINITY_SOFT;
    cpumask_t hard, soft;
    struct vcpu *v;
    long rc = affinity_vcpu(a, d, &v);

    rc = rc ?: affinity_from_guest(a, &hard, &soft);
    rc = rc
             ?: sched_set_affinity(v, set_hard ? &hard : NULL,
                                   set_soft ? &soft : NULL,
                                   a->flags & XEN_VCPUAFFINITY_FORCE);
    if (rc)
        return rc;
    sched_get_affinity(v, true, &hard, &soft);
    return affinity_to_guest(a, &hard, &soft);
}

long domctl_getvcpuaffinity(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    cpumask_t hard, soft;
    struct vcpu *v;
    long rc = affinity_vcpu(a, d, &v);

    if (rc)
        return rc;
    sched_get_affinity(v, false, &hard, &soft);
    return affinity_to_guest(a, &hard, &soft);
}

/* ---- sysctl ---- */

long sysctl_sched_id(struct xen_sysctl *op)
{
    op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2;
    return 0;
}

/* What all domains of a pool share: the rate limit. */
long sysctl_scheduler_op(struct xen_sysctl *op)
{
    struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;
    uint32_t *us = &s->u.sched_credit2.ratelimit_us, now;
    int rc = sched_pool_get_ratelimit(s->cpupool_id, &now);

    if (rc)
        return rc;
    if (s->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    switch (s->cmd) {
    case XEN_SYSCTL_SCHEDOP_getinfo:
        *us = now;
        return 0;
    case XEN_SYSCTL_SCHEDOP_putinfo:
        return sched_pool_set_ratelimit(s->cpupool_id, *us);
    default:
        return -EINVAL;
    }
}
