/* SPDX-License-Identifier: MIT */
/*
 * sysctl tbuf_op: the control domain's hold on tracing.
 */
#include <hv/trace.h>

#include <hv/cpumask.h>
#include <hv/lib.h>
#include <hv/smp.h>

#include "domctl.h"
#include "sysctl_ops.h"

/* CPUs that the caller's mask does not reach are not traced. */
static int set_cpu_mask(const struct xenctl_bitmap *map)
{
    cpumask_t cpus = {{0}};
    int rc = bitmap_from_guest(cpus.bits, MAX_CPUS, map);

    if (!rc)
        trace_set_cpus(&cpus);
    return rc;
}

long sysctl_tbuf_op(struct xen_sysctl *op)
{
    if (op->u.tbuf_op.cmd == XEN_SYSCTL_TBUFOP_set_cpu_mask)
        return set_cpu_mask(&op->u.tbuf_op.cpu_mask);
    return trace_control(&op->u.tbuf_op);
}
