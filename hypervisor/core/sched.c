/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's main part: what a CPU runs next, and what happens to a vcpu
 * that may run or may not any more. docs/scheduler.md states the algorithm and
 * its bounds. Who waits is sched_runq.c, who may use how much sched_share.c,
 * virtual time sched_line.c, which CPU sched_place.c, pools and affinity
 * sched_pool.c.
 *
 * States of a vcpu: running (curr of its queue), queued, parked (runnable, but
 * its domain's cap leaves it no time), off (not runnable). Running and queued
 * vcpus are active. v->processor changes only under the lock of the queue it
 * names, and never while is_running: its registers are then still on that
 * CPU's stack.
 */
#include <hv/sched.h>

#include <hv/arch.h>
#include <hv/console.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/trace.h>

#include <asm/irqflags.h>

#include "runstate.h"
#include "sched_priv.h"

DEFINE_PER_CPU(struct runq, runq);
struct vcpu *idle_vcpu[MAX_CPUS];

struct runq *runq_lock_of(const struct vcpu *v, unsigned long *flags)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(v->processor);
        struct runq *rq = runq_of(cpu);

        *flags = spin_lock_irqsave(&rq->lock);
        if (cpu == READ_ONCE(v->processor))
            return rq;
        spin_unlock_irqrestore(&rq->lock, *flags);
    }
}

/* ---- what runs next ---- */

/* The first that waits is to have the CPU before the slice ends. */
static bool wants_cpu(const struct runq *rq, const struct vcpu *first)
{
    s_time_t lag = line_scale(rq, rq->curr, PREEMPT_NS);

    if (rq->boost_running)
        return false;
    if (first->sched.boosted)
        return true;
    if (first->domain == rq->curr->domain)
        return first->sched.vruntime + lag < rq->curr->sched.vruntime;
    return group_of(first, rq)->vruntime + lag <
           group_of(rq->curr, rq)->vruntime;
}

static s_time_t ratelimit_end(const struct runq *rq)
{
    return rq->since + MICROSECS(READ_ONCE(rq->pool->ratelimit_us));
}

/* A boosted vcpu goes on for a while, unless another boosted one waits. */
static bool boost_goes_on(const struct runq *rq, const struct vcpu *first,
                          s_time_t now)
{
    return rq->boost_running && now < rq->since + BOOST_MAX_NS &&
           !(first && first->sched.boosted) && line_may_borrow(rq, rq->curr);
}

/* In the middle of its slice, and nobody has a right to the CPU now. */
static bool keeps_cpu(struct runq *rq, s_time_t now)
{
    const struct vcpu *first = runq_first(rq);

    if (READ_ONCE(rq->asked))
        return false;
    if (now >= rq->slice_end) {
        if (!boost_goes_on(rq, first, now))
            return false;
        rq->slice_end = now + BOOST_NS;
    }
    return !first || now < ratelimit_end(rq) || !wants_cpu(rq, first);
}

/* Another queue's vcpu, the first of ours, or nobody. Our idle bit is set
 * before we look at the others: see struct sched_pool. */
static struct vcpu *pick_next(struct runq *rq)
{
    struct vcpu *first = runq_first(rq), *stolen;
    s_time_t limit = S_TIME_MAX;

    if (!rq->pool)
        return idle_vcpu[rq->cpu];
    if (first)
        limit = group_of(first, rq)->vruntime + rq->base -
                line_scale(rq, first, STEAL_LAG_NS);
    else
        cpumask_set(&rq->pool->idle, rq->cpu);
    stolen = first && first->sched.boosted ? NULL : steal_vcpu(rq, limit);
    if (!stolen && !first)
        return idle_vcpu[rq->cpu];
    if (cpumask_test(&rq->pool->idle, rq->cpu))
        cpumask_clear(&rq->pool->idle, rq->cpu);
    if (stolen)
        return stolen;
    runq_remove(rq, first);
    return first;
}

/* Behind the first of its domain that waits; else its domain behind the first
 * other one. */
static void give_way(const struct runq *rq, struct vcpu *v)
{
    struct sched_group *g = group_of(v, rq);
    const struct sched_node *sibling = sched_queue_first(&g->queue);

    if (sibling)
        v->sched.vruntime =
            max_t(s_time_t, v->sched.vruntime, sibling->key + 1);
    else if (rq->nr_waiting)
        g->vruntime = max_t(s_time_t, g->vruntime, runq_first_time(rq) + 1);
}

static struct vcpu *choose_next(struct runq *rq, struct vcpu *prev,
                                s_time_t now)
{
    bool stays = !prev->is_idle && vcpu_is_runnable(prev) && rq->pool &&
                 cpumask_test(&prev->sched.allowed, rq->cpu);
    bool yielded = prev->sched.yielded;

    prev->sched.yielded = false;
    if (stays && !share_has_budget(prev, now)) {
        line_leave(rq, prev);
        stays = false;
    } else if (!stays && !prev->is_idle) {
        line_leave(rq, prev);
        share_deactivate(prev, now);
    }
    if (stays && !yielded && keeps_cpu(rq, now))
        return prev;
    if (stays) {
        if (yielded)
            give_way(rq, prev);
        prev->sched.boosted = false;
        runq_insert(rq, prev);
    } else if (prev->is_idle) {
        line_resume(rq, now);
    }
    return pick_next(rq);
}

/* Nothing ticks unless somebody in the pool waits, a budget will end, or an
 * idle CPU is to look again for work. */
static void arm_slice(struct runq *rq, s_time_t now)
{
    const struct vcpu *first = runq_first(rq);
    s_time_t end = rq->slice_end;
    bool tick = false;

    if (!rq->curr->is_idle) {
        tick = rq->curr->domain->sched.cap || first ||
               !cpumask_empty(&rq->pool->waiting);
        end = share_limit(rq->curr, now, end);
        if (first && wants_cpu(rq, first))
            end = min_t(s_time_t, end, ratelimit_end(rq));
    } else if (rq->pool && rq->misses == LOOK_TRIES) {
        tick = true;
        end = now + LOOK_AGAIN_NS;
    }
    if (tick)
        timer_set(&rq->slice, end);
    else if (rq->ticking)
        timer_stop(&rq->slice);
    WRITE_ONCE(rq->ticking, tick);
}

static void start_slice(struct runq *rq, struct vcpu *next, s_time_t now)
{
    rq->since = now;
    rq->boost_running = next->sched.boosted;
    next->sched.boosted = false;
    rq->slice_end = now + (rq->boost_running ? BOOST_NS : SLICE_NS);
}

/* Why a vcpu that stops running does so, for its run state. */
static int off_runstate(const struct vcpu *v)
{
    if (vcpu_is_runnable(v))
        return RUNSTATE_runnable;
    if (v->pause_flags & VPF_BLOCKED)
        return RUNSTATE_blocked;
    return RUNSTATE_offline;
}

static void make_current(struct runq *rq, struct vcpu *prev, struct vcpu *next,
                         s_time_t now)
{
    WRITE_ONCE(rq->curr, next);
    next->sched.run_start = now;
    if (!next->is_idle)
        share_start(next, now);
    if (rq->pool && prev->is_idle != next->is_idle)
        __atomic_fetch_add(&rq->pool->nr_busy, next->is_idle ? -1u : 1u,
                           __ATOMIC_RELAXED);
    TRACE(TRC_SCHED_SWITCH, prev->domain->id, prev->id, next->domain->id,
          next->id);
    runstate_change(prev, off_runstate(prev), now);
    runstate_change(next, RUNSTATE_running, now);
    next->is_running = true;
    perfc_inc(PERFC_CONTEXT_SWITCHES);
    next->perfc.switches++;
}

/* SOFTIRQ_SCHEDULE. Does not return when it switches to another vcpu. */
static void schedule(void)
{
    struct runq *rq = &this_cpu(runq);
    struct vcpu *prev = current, *next;
    unsigned long flags = spin_lock_irqsave(&rq->lock);
    s_time_t now = now_ns();
    bool slice_over;

    line_charge(rq, prev, now);
    next = choose_next(rq, prev, now);
    slice_over = now >= rq->slice_end;
    WRITE_ONCE(rq->asked, false);
    /* Who keeps the CPU within its slice was not put back: nothing starts. */
    if (next != prev || slice_over || next->is_idle)
        start_slice(rq, next, now);
    if (next != prev)
        make_current(rq, prev, next, now);
    arm_slice(rq, now);
    if (next == prev)
        TRACE(TRC_SCHED_CONTINUE_RUNNING, TRACE_VCPU(next));
    if (slice_over && rq->nr_waiting && !prev->is_idle)
        ask_for_help(rq);
    spin_unlock(&rq->lock);
    if (next == prev) {
        irq_restore(flags);
        return;
    }
    arch_context_switch(prev, next);
}

/*
 * prev's registers are saved: other CPUs may take it now. If its affinity no
 * longer allows this CPU, or it became runnable meanwhile, find it a place.
 */
void sched_context_saved(struct vcpu *prev)
{
    __atomic_store_n(&prev->is_running, false, __ATOMIC_SEQ_CST);
    if (prev->is_idle || !vcpu_is_runnable(prev))
        return;
    if (!vcpu_is_queued(prev))
        sched_wake(prev);
    else
        offer_waiting(&this_cpu(runq));
}

/* ---- wake and sleep ---- */

/* v has just been queued: does it get the CPU, and when? */
static void preempt_or_wait(struct runq *rq, const struct vcpu *v, s_time_t now)
{
    s_time_t end;

    if (rq->curr->is_idle) {
        softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
        return;
    }
    if (wants_cpu(rq, v)) {
        end = ratelimit_end(rq);
        if (end <= now) {
            softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
            return;
        }
        end = min_t(s_time_t, end, rq->slice_end);
        timer_set(&rq->slice, share_limit(rq->curr, now, end));
        WRITE_ONCE(rq->ticking, true);
    } else if (!rq->ticking) {
        if (rq->slice_end <= now)
            rq->slice_end = now + SLICE_NS;
        timer_set(&rq->slice, share_limit(rq->curr, now, rq->slice_end));
        WRITE_ONCE(rq->ticking, true);
    }
    offer_waiting(rq);
}

/* Not in the scheduler's hands, but it should be. One that is still leaving a
 * CPU it may not use comes back through sched_context_saved(). */
static bool may_enter(const struct runq *rq, const struct vcpu *v)
{
    return vcpu_is_runnable(v) && !vcpu_is_queued(v) && rq->curr != v &&
           !READ_ONCE(v->sched.parked) &&
           !(v->is_running && !cpumask_test(&v->sched.allowed, rq->cpu));
}

static void enter(struct runq *rq, struct vcpu *v, s_time_t now)
{
    runstate_change(v, RUNSTATE_runnable, now);
    if (!share_activate(v, now))
        return;
    if (rq->curr->is_idle)
        line_resume(rq, now);
    /* Who runs alone is not charged by any slice: the floor is to be of now. */
    line_charge(rq, rq->curr, now);
    line_join(rq, v);
    runq_insert(rq, v);
    preempt_or_wait(rq, v, now);
}

/*
 * First to a CPU, then, under that CPU's lock, into its queue. If the vcpu is
 * not to be queued any more then, or not there, a CPU that was claimed for it
 * must look around again.
 */
void sched_wake(struct vcpu *v)
{
    unsigned long flags;
    struct runq *rq = runq_lock_of(v, &flags);
    bool placed = false, claimed = false;
    unsigned int target = rq->cpu;

    while (may_enter(rq, v)) {
        if (!placed) {
            target = v->is_running ? rq->cpu : place_vcpu(v, &claimed);
            placed = true;
        }
        if (rq->cpu == target && rq->pool &&
            cpumask_test(&v->sched.allowed, rq->cpu)) {
            enter(rq, v, now_ns());
            claimed = claimed && READ_ONCE(v->sched.parked);
            break;
        }
        if (rq->cpu == target) {
            pool_update_allowed(v);
            if (claimed)
                softirq_raise_on(target, SOFTIRQ_SCHEDULE);
            placed = claimed = false;
            continue;
        }
        line_move(rq, runq_of(target), v);
        spin_unlock_irqrestore(&rq->lock, flags);
        rq = runq_lock_of(v, &flags);
        if (rq->cpu != target) {
            if (claimed)
                softirq_raise_on(target, SOFTIRQ_SCHEDULE);
            placed = claimed = false;
        }
    }
    if (claimed)
        softirq_raise_on(target, SOFTIRQ_SCHEDULE);
    spin_unlock_irqrestore(&rq->lock, flags);
}

/* No longer runnable: leave the queue, or the CPU soon. */
void sched_sleep_nosync(struct vcpu *v)
{
    unsigned long flags;
    struct runq *rq = runq_lock_of(v, &flags);
    s_time_t now = now_ns();

    if (vcpu_is_runnable(v)) {
        spin_unlock_irqrestore(&rq->lock, flags);
        return;
    }
    if (rq->curr == v) {
        softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
    } else {
        if (vcpu_is_queued(v)) {
            runq_remove(rq, v);
            line_leave(rq, v);
            share_deactivate(v, now);
        }
        share_unpark(v);
        runstate_change(v, off_runstate(v), now);
    }
    spin_unlock_irqrestore(&rq->lock, flags);
}

void sched_sleep_sync(struct vcpu *v)
{
    ASSERT(v != current);
    sched_sleep_nosync(v);
    while (!vcpu_is_runnable(v) &&
           __atomic_load_n(&v->is_running, __ATOMIC_SEQ_CST))
        cpu_relax();
    arch_sync_vcpu_state(v);
}

void sched_yield(void)
{
    if (READ_ONCE(this_cpu(runq).nr_waiting) == 0)
        return;
    TRACE(TRC_SCHED_YIELD, current->domain->id, current->id);
    current->sched.yielded = true;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

void sched_domain_look(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        if (READ_ONCE(v->is_running))
            softirq_raise_on(READ_ONCE(v->processor), SOFTIRQ_SCHEDULE);
}

/* The timer may be another CPU's: its own was offline for a while. */
static void slice_over(void *arg)
{
    const struct runq *rq = arg;

    softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
}

/* ---- start, and what others ask ---- */

void sched_cpu_init(unsigned int cpu)
{
    struct runq *rq = runq_of(cpu);

    spin_init(&rq->lock, LOCK_RANK_RUNQ);
    rq->cpu = cpu;
    rq->random = 2463534242U + cpu;
    list_init(&rq->boosted);
    rq->curr = idle_vcpu[cpu];
    rq->curr->is_running = true;
    rq->curr->runstate.state = RUNSTATE_running;
    rq->since = rq->curr->sched.run_start = now_ns();
    rq->siblings = cpumask_of(cpu);
    runq_publish(rq);
    timer_init(&rq->slice, slice_over, rq, cpu);
}

uint64_t sched_cpu_idle_ns(unsigned int cpu)
{
    struct runq *rq = runq_of(cpu);
    unsigned long flags = spin_lock_irqsave(&rq->lock);
    s_time_t ns = rq->idle_ns;

    if (rq->curr->is_idle)
        ns += max_t(s_time_t, 0, now_ns() - rq->curr->sched.run_start);
    spin_unlock_irqrestore(&rq->lock, flags);
    return (uint64_t)ns;
}

void sched_runstate(struct vcpu *v, struct vcpu_runstate_info *out)
{
    unsigned long flags;
    struct runq *rq = runq_lock_of(v, &flags);
    s_time_t passed;

    *out = v->runstate;
    passed = now_ns() - (s_time_t)out->state_entry_time;
    spin_unlock_irqrestore(&rq->lock, flags);
    if (passed > 0)
        out->time[out->state] += (uint64_t)passed;
}

void sched_dump(char key)
{
    unsigned int cpu;

    (void)key;
    for_each_online_cpu (cpu) {
        struct runq *rq = runq_of(cpu);
        unsigned long flags = spin_lock_irqsave(&rq->lock);

        printk(
            LOG_INFO "cpu %u pool %d: runs d%uv%u, %u waiting, line %lld us\n",
            cpu, rq->pool ? (int)rq->pool->id : -1, rq->curr->domain->id,
            rq->curr->id, rq->nr_waiting,
            rq->pool ? (long long)(rq->floor + rq->base - rq->pool->line) / 1000
                     : 0LL);
        runq_dump(rq);
        spin_unlock_irqrestore(&rq->lock, flags);
    }
}

void sched_init(void)
{
    softirq_register(SOFTIRQ_SCHEDULE, schedule);
    key_register('r', sched_dump, "show run queues");
}
