/* SPDX-License-Identifier: MIT */
/*
 * sysctl: power management as far as it is the hypervisor's. It halts idle CPUs
 * (C1) and knows no deeper state; frequencies are the firmware's.
 */
#include "sysctl_ops.h"

#include <hv/arch.h>
#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/perfc.h>
#include <hv/sched.h>
#include <hv/smp.h>

#define NR_CSTATES 2U /* C0, C1 */

/* What a CPU had when its statistics were reset. */
struct cstates {
    uint64_t halts, idle_ns, at;
};
static struct cstates start[MAX_CPUS];

/* The limits that were set: of states, and of a state's variants. */
static uint32_t max_cstate[2] = {1, XEN_SYSCTL_CX_UNLIMITED};

static struct cstates cstates_of(unsigned int cpu)
{
    return (struct cstates){
        .halts = READ_ONCE(per_cpu(perfc, cpu).single[PERFC_IDLE]),
        .idle_ns = sched_cpu_idle_ns(cpu),
        .at = (uint64_t)now_ns()};
}

static uint64_t since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0; /* counters may be reset, too */
}

static long get_cxstat(unsigned int cpu, struct pm_cx_stat *s)
{
    struct cstates now = cstates_of(cpu);
    uint64_t halts = since(now.halts, start[cpu].halts);
    uint64_t idle = since(now.idle_ns, start[cpu].idle_ns);
    uint64_t all = since(now.at, start[cpu].at);
    uint64_t triggers[NR_CSTATES] = {halts, halts};
    uint64_t residencies[NR_CSTATES] = {since(all, idle), idle};

    for (uint32_t i = 0; i < min_t(uint32_t, s->nr, NR_CSTATES); i++)
        if (copy_to_handle_at(s->triggers, i, &triggers[i]) ||
            copy_to_handle_at(s->residencies, i, &residencies[i]))
            return -EFAULT;
    s->nr = NR_CSTATES;
    s->last = 1;
    s->idle_time = now.idle_ns;
    s->nr_pc = s->nr_cc = 0;
    return 0;
}

long sysctl_get_pmstat(struct xen_sysctl *op)
{
    struct xen_sysctl_get_pmstat *p = &op->u.get_pmstat;
    unsigned int cpu;

    if (p->cpuid >= nr_cpus || !cpumask_test(&cpu_online_map, p->cpuid))
        return -EINVAL;
    cpu = (unsigned int)index_nospec(p->cpuid, nr_cpus);
    switch (p->type) {
    case PMSTAT_get_max_cx:
        p->u.getcx.nr = NR_CSTATES;
        return 0;
    case PMSTAT_get_cxstat:
        return get_cxstat(cpu, &p->u.getcx);
    case PMSTAT_reset_cxstat:
        start[cpu] = cstates_of(cpu);
        return 0;
    default:
        return -ENODEV;
    }
}

/* Without C1 an idle CPU does not halt. */
static void set_max_cstate(unsigned int which, uint32_t limit)
{
    WRITE_ONCE(max_cstate[which], limit);
    WRITE_ONCE(sched_idle_may_halt, READ_ONCE(max_cstate[0]) > 0);
}

/* struct xen_sysctl_pm_op: its union begins with what is used of it. */
struct pm_op {
    uint32_t cmd, cpuid, value;
};

long sysctl_pm_op(struct xen_sysctl *op)
{
    struct pm_op p;

    memcpy(&p, op->u.pad, sizeof(p));
    if ((p.cmd & PM_PARA_CATEGORY_MASK) == CPUFREQ_PARA)
        return -EINVAL; /* there is no governor */
    switch (p.cmd) {
    case XEN_SYSCTL_pm_op_set_sched_opt_smt: {
        uint32_t was = READ_ONCE(sched_smt_packs);

        WRITE_ONCE(sched_smt_packs, p.value != 0);
        p.value = was;
        break;
    }
    case XEN_SYSCTL_pm_op_get_max_cstate:
    case XEN_SYSCTL_pm_op_set_max_cstate:
        if (p.cpuid >= ARRAY_SIZE(max_cstate))
            return -EINVAL;
        p.cpuid = (uint32_t)index_nospec(p.cpuid, ARRAY_SIZE(max_cstate));
        if (p.cmd == XEN_SYSCTL_pm_op_set_max_cstate)
            set_max_cstate(p.cpuid, p.value);
        p.value = READ_ONCE(max_cstate[p.cpuid]);
        break;
    case XEN_SYSCTL_pm_op_enable_turbo:
    case XEN_SYSCTL_pm_op_disable_turbo:
        return -EACCES; /* as with no driver of frequencies */
    default:
        return -ENOSYS;
    }
    memcpy(op->u.pad, &p, sizeof(p));
    return 0;
}
