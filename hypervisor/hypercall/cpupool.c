/* SPDX-License-Identifier: MIT */
/*
 * sysctl: pools of CPUs. There is one, of all CPUs; it can be looked at.
 */
#include <hv/arch.h>
#include <hv/lib.h>

#include "domctl.h"
#include "sched_ctl.h"

long sysctl_cpupool_op(struct xen_sysctl *op)
{
    struct xen_sysctl_cpupool_op *c = &op->u.cpupool_op;
    static const unsigned long none[BITMAP_LONGS(MAX_CPUS)];
    struct domain *d;
    uint32_t n = 0;

    switch (c->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        if (c->cpupool_id != 0)
            return -ENOENT;
        for (domid_t id = 0; (d = domain_get_first_from(id)) != NULL; n++) {
            id = (domid_t)(d->id + 1);
            domain_put(d);
        }
        c->sched_id = XEN_SCHEDULER_CREDIT2;
        c->n_dom = n;
        return bitmap_to_guest(&c->cpumap, cpu_online_map.bits, nr_cpus);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return bitmap_to_guest(&c->cpumap, none, nr_cpus);
    default:
        return -EOPNOTSUPP;
    }
}
