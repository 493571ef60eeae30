/* SPDX-License-Identifier: MIT */
/*
 * sysctl: pools of CPUs. The public header lists which error means what.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include "domctl.h"
#include "sched_ctl.h"

static long pool_create(struct xen_sysctl_cpupool_op *c)
{
    if (c->sched_id != XEN_SCHEDULER_CREDIT2)
        return -EINVAL;
    return sched_pool_create(&c->cpupool_id);
}

static long pool_destroy(struct xen_sysctl_cpupool_op *c)
{
    return sched_pool_destroy(c->cpupool_id);
}

/* Of the first pool from the id on, so that callers can walk. */
static long pool_info(struct xen_sysctl_cpupool_op *c)
{
    struct sched_pool_info info;
    int rc = sched_pool_info(c->cpupool_id, &info);

    if (rc)
        return rc;
    c->cpupool_id = info.id;
    c->sched_id = XEN_SCHEDULER_CREDIT2;
    c->n_dom = info.nr_domains;
    return bitmap_to_guest(&c->cpumap, info.cpus.bits, nr_cpus);
}

static long pool_add_cpu(struct xen_sysctl_cpupool_op *c)
{
    return sched_pool_add_cpu(c->cpupool_id, c->cpu);
}

static long pool_remove_cpu(struct xen_sysctl_cpupool_op *c)
{
    return sched_pool_remove_cpu(c->cpupool_id, c->cpu);
}

static long pool_move_domain(struct xen_sysctl_cpupool_op *c)
{
    struct domain *d = domain_get_by_id((domid_t)c->domid);
    long rc = -EINVAL;

    if (d && d->id == c->domid)
        rc = sched_pool_move_domain(c->cpupool_id, d);
    if (d)
        domain_put(d);
    return rc;
}

static long pool_free_info(struct xen_sysctl_cpupool_op *c)
{
    cpumask_t unused;

    sched_free_cpus(&unused);
    return bitmap_to_guest(&c->cpumap, unused.bits, nr_cpus);
}

static long (*const ops[])(struct xen_sysctl_cpupool_op *c) = {
    [XEN_SYSCTL_CPUPOOL_OP_CREATE] = pool_create,
    [XEN_SYSCTL_CPUPOOL_OP_DESTROY] = pool_destroy,
    [XEN_SYSCTL_CPUPOOL_OP_INFO] = pool_info,
    [XEN_SYSCTL_CPUPOOL_OP_ADDCPU] = pool_add_cpu,
    [XEN_SYSCTL_CPUPOOL_OP_RMCPU] = pool_remove_cpu,
    [XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN] = pool_move_domain,
    [XEN_SYSCTL_CPUPOOL_OP_FREEINFO] = pool_free_info,
};

long sysctl_cpupool_op(struct xen_sysctl *op)
{
    struct xen_sysctl_cpupool_op *c = &op->u.cpupool_op;

    if (c->op >= ARRAY_SIZE(ops) || !ops[index_nospec(c->op, ARRAY_SIZE(ops))])
        return -ENOSYS;
    return ops[index_nospec(c->op, ARRAY_SIZE(ops))](c);
}
