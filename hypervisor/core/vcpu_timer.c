/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's virtual timers: the periodic tick, the one-shot timer, and the time
 * limit of SCHEDOP_poll. They live in the timer heap of a CPU near the vcpu.
 */
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/percpu.h>

#define TICK_NS MILLISECS(10) /* what a PV vcpu starts with (ABI) */

static void singleshot_fired(void *arg)
{
    evtchn_send_virq(arg, VIRQ_TIMER);
}

/* Ticks only while it runs: a sleeping vcpu gets one when it comes back. */
static void periodic_fired(void *arg)
{
    struct vcpu *v = arg;

    if (READ_ONCE(v->is_running))
        vcpu_periodic_process(v);
}

static void poll_over(void *arg)
{
    struct vcpu *v = arg;

    /* An event may have ended that poll, and v may be in SCHEDOP_block now. */
    if (READ_ONCE(v->pause_flags) & VPF_POLLING)
        vcpu_unblock(v);
}

void vcpu_timers_init(struct vcpu *v)
{
    unsigned int cpu = v->is_idle ? 0 : v->processor;

    timer_init(&v->singleshot_timer, singleshot_fired, v, cpu);
    timer_init(&v->periodic_timer, periodic_fired, v, cpu);
    timer_init(&v->poll_timer, poll_over, v, cpu);
    v->periodic_ns = v->is_idle ? 0 : TICK_NS;
}

void vcpu_periodic_process(struct vcpu *v)
{
    s_time_t now = now_ns(), period = READ_ONCE(v->periodic_ns), next;

    if (!period)
        return;
    next = v->periodic_last + period;
    if (now >= next) {
        evtchn_send_virq(v, VIRQ_TIMER);
        v->periodic_last = now - (now - v->periodic_last) % period;
        next = v->periodic_last + period;
    }
    timer_set(&v->periodic_timer, next);
}

void vcpu_timers_move(struct vcpu *v)
{
    unsigned int cpu = smp_processor_id();

    timer_migrate(&v->singleshot_timer, cpu);
    timer_migrate(&v->periodic_timer, cpu);
    timer_migrate(&v->poll_timer, cpu);
}

void vcpu_timers_kill(struct vcpu *v)
{
    timer_kill(&v->singleshot_timer);
    timer_kill(&v->periodic_timer);
    timer_kill(&v->poll_timer);
}
