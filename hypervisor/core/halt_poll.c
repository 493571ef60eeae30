/* SPDX-License-Identifier: MIT */
/*
 * How long a vcpu looks for a reason to stay awake before it leaves its CPU.
 */
#include "halt_poll.h"

#include <hv/lib.h>
#include <hv/smp.h>
#include <hv/softirq.h>

#include <asm/irqflags.h>

#include "sched_priv.h"

static bool is_asleep(const struct vcpu *v)
{
    return READ_ONCE(v->pause_flags) & VPF_BLOCKED;
}

static bool cpu_is_wanted(void)
{
    return softirq_is_pending() || READ_ONCE(this_cpu(runq).nr_waiting);
}

/* slept: in the scheduler's hands since it last wanted to sleep; 0 if looking
 * was enough. */
static s_time_t next_window(s_time_t window, s_time_t slept)
{
    if (slept == 0)
        return window;
    if (slept + window > HALT_POLL_NS)
        return 0;
    window = max_t(s_time_t, 2 * window, HALT_POLL_MIN_NS);
    return min_t(s_time_t, window, HALT_POLL_NS);
}

/* A vcpu that runs changes its own run states: no lock is needed to read. */
static s_time_t choose_window(struct vcpu *v)
{
    uint64_t blocked = v->runstate.time[RUNSTATE_blocked];

    v->halt.window =
        next_window(v->halt.window, (s_time_t)(blocked - v->halt.blocked));
    v->halt.blocked = blocked;
    return v->halt.window;
}

bool halt_poll(struct vcpu *v)
{
    s_time_t window, end;

    if (nr_cpus == 1)
        return false;
    window = choose_window(v);
    if (window == 0 || READ_ONCE(v->domain->sched.cap))
        return false;
    end = now_ns() + window;
    while (is_asleep(v) && !cpu_is_wanted() && now_ns() < end)
        cpu_relax();
    return !is_asleep(v);
}
