/* SPDX-License-Identifier: MIT */
/*
 * sysctl perfc_op and lockprof_op: the counters, for the control domain.
 */
#include <hv/perfc.h>

#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/lockprof.h>

#include "sysctl_ops.h"

/* The values of counter i, the first of which is number `at` of all. */
static int copy_values(const struct xen_sysctl_perfc_op *p, unsigned int i,
                       unsigned int nr, uint32_t at)
{
    for (unsigned int n = 0; n < nr; n++) {
        uint32_t value = (uint32_t)perfc_value(i, n);

        if (copy_to_handle_at(p->val, at + n, &value))
            return -EFAULT;
    }
    return 0;
}

static int copy_description(const struct xen_sysctl_perfc_op *p, unsigned int i,
                            const char *name, unsigned int nr)
{
    struct xen_sysctl_perfc_desc desc = {.nr_vals = nr};

    strlcpy(desc.name, name, sizeof(desc.name));
    return copy_to_handle_at(p->desc, i, &desc);
}

/* How much there is never changes while the machine runs: the caller has asked
 * before, and has room. */
static long query(struct xen_sysctl_perfc_op *p)
{
    unsigned int i, nr = 0;
    const char *name;
    uint32_t values = 0;

    for (i = 0; (name = perfc_describe(i, &nr)) != NULL; i++) {
        if (!handle_is_null(p->desc) && copy_description(p, i, name, nr))
            return -EFAULT;
        if (!handle_is_null(p->val) && copy_values(p, i, nr, values))
            return -EFAULT;
        values += nr;
    }
    p->nr_counters = i;
    p->nr_vals = values;
    return 0;
}

long sysctl_perfc_op(struct xen_sysctl *op)
{
    switch (op->u.perfc_op.cmd) {
    case XEN_SYSCTL_PERFCOP_reset:
        perfc_reset();
        return query(&op->u.perfc_op);
    case XEN_SYSCTL_PERFCOP_query:
        return query(&op->u.perfc_op);
    default:
        return -EINVAL;
    }
}

static long lockprof_query(struct xen_sysctl_lockprof_op *l)
{
    uint32_t n = 0;
    struct lock_profile prof;

    l->time = (uint64_t)lockprof_time_ns();
    for (; lockprof_get(n, &prof); n++) {
        struct xen_sysctl_lockprof_data data = {
            .type = LOCKPROF_TYPE_GLOBAL,
            .idx = -1,
            .lock_cnt = prof.locked,
            .block_cnt = prof.waited,
            .lock_time = prof.held_ns,
            .block_time = prof.waited_ns,
        };

        strlcpy(data.name, prof.name, sizeof(data.name));
        if (n < l->max_elem && !handle_is_null(l->data) &&
            copy_to_handle_at(l->data, n, &data))
            return -EFAULT;
    }
    l->nr_elem = n;
    return 0;
}

long sysctl_lockprof_op(struct xen_sysctl *op)
{
    if (!LOCKPROF)
        return -ENOSYS;
    switch (op->u.lockprof_op.cmd) {
    case XEN_SYSCTL_LOCKPROF_reset:
        lockprof_reset();
        return 0;
    case XEN_SYSCTL_LOCKPROF_query:
        return lockprof_query(&op->u.lockprof_op);
    default:
        return -EINVAL;
    }
}
