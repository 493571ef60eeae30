/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: which vcpu a CPU runs next. docs/scheduler.md states the
 * algorithm and its bounds.
 *
 * A run queue per CPU, ordered by virtual run time: nanoseconds on a CPU,
 * scaled by SCHED_WEIGHT_DEFAULT / weight. One time line for all CPUs, so that
 * queues can be compared: a CPU that ends a slice takes the vcpu that is
 * furthest behind from any queue, an idle CPU takes any that waits.
 *
 * States of a vcpu: running (is_running, on no queue), queued (runnable, on
 * the queue of v->processor), off (not runnable, on no queue). v->processor
 * changes only under the lock of the queue it names, and never while
 * is_running: its registers are then still on that CPU's stack.
 */
#include <hv/sched.h>

#include <hv/arch.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/smp.h>
#include <hv/softirq.h>

#include <asm/irqflags.h>

#include "runstate.h"

#define SLICE_NS MILLISECS(5)
/* A waking vcpu preempts when it is behind the running one by this much. */
#define PREEMPT_NS MICROSECS(500)
/* A sleeper may lag behind the queue by at most this when it wakes. */
#define SLEEPER_CREDIT_NS MILLISECS(3)
/* A vcpu of another queue is taken only when it is behind by this much. */
#define STEAL_LAG_NS MILLISECS(4)

struct runq {
    spinlock_t lock;
    struct list_head head; /* by vruntime, smallest first */
    unsigned int nr_queued;
    struct vcpu *curr;
    s_time_t floor;     /* vruntime of what ran last; never falls */
    s_time_t idle_ns;   /* time in the idle vcpu */
    struct timer slice; /* ends curr's slice while others wait */
};

static DEFINE_PER_CPU(struct runq, runq);
struct vcpu *idle_vcpu[MAX_CPUS];

static bool vcpu_is_runnable(const struct vcpu *v)
{
    return READ_ONCE(v->pause_flags) == 0 && READ_ONCE(v->pause_count) == 0;
}

/* Lock the queue that v belongs to; v->processor may change until we hold it.
 */
static struct runq *runq_lock_of(const struct vcpu *v, unsigned long *flags)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(v->processor);
        struct runq *rq = &per_cpu(runq, cpu);

        *flags = spin_lock_irqsave(&rq->lock);
        if (cpu == READ_ONCE(v->processor))
            return rq;
        spin_unlock_irqrestore(&rq->lock, *flags);
    }
}

static bool vcpu_is_queued(const struct vcpu *v)
{
    return !list_empty(&v->sched.runq);
}

static void runq_insert(struct runq *rq, struct vcpu *v)
{
    struct vcpu *pos;

    ASSERT(!vcpu_is_queued(v) && !v->is_idle);
    list_for_each_entry (pos, &rq->head, sched.runq) {
        if (pos->sched.vruntime > v->sched.vruntime)
            break;
    }
    list_add_tail(&v->sched.runq, &pos->sched.runq);
    rq->nr_queued++;
}

static void runq_remove(struct runq *rq, struct vcpu *v)
{
    ASSERT(vcpu_is_queued(v));
    list_del(&v->sched.runq);
    rq->nr_queued--;
}

/* Charge v for its time on the CPU since run_start. */
static void vcpu_charge(struct runq *rq, struct vcpu *v, s_time_t now)
{
    s_time_t ran = now - v->sched.run_start;

    v->sched.run_start = now;
    if (ran <= 0)
        return;
    if (v->is_idle) {
        rq->idle_ns += ran;
        return;
    }
    v->sched.vruntime += ran * SCHED_WEIGHT_DEFAULT / v->domain->sched.weight;
    rq->floor = max_t(s_time_t, rq->floor, v->sched.vruntime - SLICE_NS);
}

/* First of the queue that may run on cpu and has left its last CPU. */
static struct vcpu *runq_first_for(struct runq *rq, unsigned int cpu,
                                   bool foreign)
{
    struct vcpu *v;

    list_for_each_entry (v, &rq->head, sched.runq) {
        if (foreign && v->is_running)
            continue;
        if (cpumask_test(&v->sched.hard_affinity, cpu))
            return v;
    }
    return NULL;
}

/*
 * Take a waiting vcpu from another CPU's queue if it is behind limit. Holds
 * our queue's lock; others are only tried, so no order is needed.
 */
static struct vcpu *steal(unsigned int cpu, s_time_t limit)
{
    struct vcpu *best = NULL;
    unsigned int other;

    for_each_online_cpu (other) {
        struct runq *rq = &per_cpu(runq, other);
        struct vcpu *v;

        if (other == cpu || !READ_ONCE(rq->nr_queued) ||
            !spin_trylock(&rq->lock))
            continue;
        v = runq_first_for(rq, cpu, true);
        if (v && v->sched.vruntime < limit) {
            runq_remove(rq, v);
            v->processor = cpu;
            best = v;
        }
        spin_unlock(&rq->lock);
        if (best)
            break;
    }
    return best;
}

static struct vcpu *pick_next(struct runq *rq, unsigned int cpu)
{
    struct vcpu *next = runq_first_for(rq, cpu, false);
    s_time_t limit = next ? next->sched.vruntime - STEAL_LAG_NS : S_TIME_MAX;
    struct vcpu *stolen = steal(cpu, limit);

    if (stolen)
        return stolen;
    if (!next)
        return idle_vcpu[cpu];
    runq_remove(rq, next);
    return next;
}

static void arm_slice(struct runq *rq, s_time_t now)
{
    if (rq->nr_queued && !rq->curr->is_idle)
        timer_set(&rq->slice, now + SLICE_NS);
    else
        timer_stop(&rq->slice);
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

/* SOFTIRQ_SCHEDULE. Does not return when it switches to another vcpu. */
static void schedule(void)
{
    unsigned int cpu = smp_processor_id();
    struct runq *rq = &per_cpu(runq, cpu);
    struct vcpu *prev = current, *next;
    unsigned long flags = spin_lock_irqsave(&rq->lock);
    s_time_t now = now_ns();

    vcpu_charge(rq, prev, now);
    if (!prev->is_idle && vcpu_is_runnable(prev)) {
        /* Stays behind one other vcpu if it yielded. */
        if (prev->sched.yielded && !list_empty(&rq->head)) {
            struct vcpu *head =
                list_first_entry(&rq->head, struct vcpu, sched.runq);

            prev->sched.vruntime =
                max_t(s_time_t, prev->sched.vruntime, head->sched.vruntime + 1);
        }
        if (cpumask_test(&prev->sched.hard_affinity, cpu))
            runq_insert(rq, prev);
    }
    prev->sched.yielded = false;
    next = pick_next(rq, cpu);
    next->sched.run_start = now;
    rq->curr = next;
    arm_slice(rq, now);
    if (next != prev) {
        runstate_change(prev, off_runstate(prev), now);
        runstate_change(next, RUNSTATE_running, now);
        next->is_running = true;
    }
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
    if (!prev->is_idle && vcpu_is_runnable(prev) && !vcpu_is_queued(prev))
        sched_wake(prev);
}

/* A CPU for v to wake on: where it was if idle, else any idle one, else where
 * it was. */
static unsigned int choose_cpu(const struct vcpu *v)
{
    unsigned int cpu = v->processor, best = MAX_CPUS;
    bool allowed = cpumask_test(&v->sched.hard_affinity, cpu) &&
                   cpumask_test(&cpu_online_map, cpu);

    if (allowed && per_cpu(runq, cpu).curr->is_idle &&
        !per_cpu(runq, cpu).nr_queued)
        return cpu;
    for_each_online_cpu (cpu) {
        const struct runq *rq = &per_cpu(runq, cpu);

        if (!cpumask_test(&v->sched.hard_affinity, cpu))
            continue;
        if (READ_ONCE(rq->curr)->is_idle && !READ_ONCE(rq->nr_queued)) {
            best = cpu;
            if (cpumask_test(&v->sched.soft_affinity, cpu))
                break;
        } else if (best == MAX_CPUS && !allowed) {
            best = cpu;
        }
    }
    return best == MAX_CPUS ? v->processor : best;
}

static void preempt_if_behind(struct runq *rq, unsigned int cpu,
                              const struct vcpu *v, s_time_t now)
{
    const struct vcpu *curr = rq->curr;
    s_time_t curr_vr;

    if (curr->is_idle) {
        softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
        return;
    }
    curr_vr = curr->sched.vruntime + (now - curr->sched.run_start) *
                                         SCHED_WEIGHT_DEFAULT /
                                         curr->domain->sched.weight;
    if (v->sched.vruntime + PREEMPT_NS < curr_vr)
        softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
    else if (!timer_is_active(&rq->slice))
        timer_set(&rq->slice, now + SLICE_NS);
}

void sched_wake(struct vcpu *v)
{
    unsigned long flags;
    struct runq *rq = runq_lock_of(v, &flags);
    unsigned int cpu = v->processor;
    s_time_t now;

    /* Move first, to a CPU that is idle; then look again under its lock. */
    if (!v->is_running && !vcpu_is_queued(v) && vcpu_is_runnable(v)) {
        unsigned int target = choose_cpu(v);

        if (target != cpu) {
            v->processor = target;
            spin_unlock_irqrestore(&rq->lock, flags);
            rq = runq_lock_of(v, &flags);
            cpu = v->processor;
        }
    }
    now = now_ns();
    if (rq->curr == v || vcpu_is_queued(v) || !vcpu_is_runnable(v) ||
        (v->is_running && !cpumask_test(&v->sched.hard_affinity, cpu))) {
        spin_unlock_irqrestore(&rq->lock, flags);
        return;
    }
    /* Who runs alone is not charged by any slice: the floor is to be of now. */
    vcpu_charge(rq, rq->curr, now);
    v->sched.vruntime =
        max_t(s_time_t, v->sched.vruntime, rq->floor - SLEEPER_CREDIT_NS);
    runstate_change(v, RUNSTATE_runnable, now);
    runq_insert(rq, v);
    preempt_if_behind(rq, cpu, v, now);
    spin_unlock_irqrestore(&rq->lock, flags);
}

/* No longer runnable: leave the queue, or the CPU soon. */
void sched_sleep_nosync(struct vcpu *v)
{
    unsigned long flags;
    struct runq *rq = runq_lock_of(v, &flags);

    if (!vcpu_is_runnable(v)) {
        if (vcpu_is_queued(v)) {
            runq_remove(rq, v);
            runstate_change(v, off_runstate(v), now_ns());
        } else if (rq->curr == v) {
            softirq_raise_on(v->processor, SOFTIRQ_SCHEDULE);
        }
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
    if (READ_ONCE(this_cpu(runq).nr_queued) == 0)
        return;
    current->sched.yielded = true;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

int sched_set_affinity(struct vcpu *v, const cpumask_t *hard,
                       const cpumask_t *soft)
{
    unsigned long flags;
    struct runq *rq;
    cpumask_t usable;
    bool move;

    if (hard) {
        cpumask_and(&usable, hard, &cpu_online_map);
        if (cpumask_empty(&usable))
            return -EINVAL;
    }
    rq = runq_lock_of(v, &flags);
    if (soft)
        v->sched.soft_affinity = *soft;
    if (hard)
        v->sched.hard_affinity = *hard;
    move = !cpumask_test(&v->sched.hard_affinity, v->processor);
    if (move && vcpu_is_queued(v))
        runq_remove(rq, v);
    else if (move && rq->curr == v)
        softirq_raise_on(v->processor, SOFTIRQ_SCHEDULE);
    spin_unlock_irqrestore(&rq->lock, flags);
    if (move)
        sched_wake(v);
    return 0;
}

static void slice_over(void *arg)
{
    (void)arg;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

void sched_vcpu_init(struct vcpu *v, unsigned int cpu)
{
    list_init(&v->sched.runq);
    v->processor = cpu;
    for (unsigned int i = 0; i < MAX_CPUS; i++) {
        bit_set(v->sched.hard_affinity.bits, i);
        bit_set(v->sched.soft_affinity.bits, i);
    }
    v->sched.vruntime = per_cpu(runq, cpu).floor;
    v->runstate.state = RUNSTATE_offline;
    v->runstate.state_entry_time = (uint64_t)now_ns();
}

/* v has been paused for good and runs nowhere. */
void sched_vcpu_destroy(struct vcpu *v)
{
    ASSERT(!v->is_running && !vcpu_is_queued(v));
    (void)v;
}

/* Before the CPU runs its idle vcpu for the first time. */
void sched_cpu_init(unsigned int cpu)
{
    struct runq *rq = &per_cpu(runq, cpu);

    spin_init(&rq->lock, LOCK_RANK_RUNQ);
    list_init(&rq->head);
    rq->curr = idle_vcpu[cpu];
    rq->curr->is_running = true;
    rq->curr->sched.run_start = now_ns();
    timer_init(&rq->slice, slice_over, NULL, cpu);
}

uint64_t sched_cpu_idle_ns(unsigned int cpu)
{
    struct runq *rq = &per_cpu(runq, cpu);
    unsigned long flags = spin_lock_irqsave(&rq->lock);
    s_time_t ns = rq->idle_ns;

    if (rq->curr->is_idle)
        ns += now_ns() - rq->curr->sched.run_start;
    spin_unlock_irqrestore(&rq->lock, flags);
    return (uint64_t)ns;
}

static void dump_vcpu(const char *what, const struct vcpu *v)
{
    printk(LOG_INFO "  %s d%uv%u vruntime %lld ms flags %lx pauses %d\n", what,
           v->domain->id, v->id, (long long)v->sched.vruntime / 1000000,
           v->pause_flags, v->pause_count);
}

void sched_dump(char key)
{
    unsigned int cpu;

    (void)key;
    for_each_online_cpu (cpu) {
        struct runq *rq = &per_cpu(runq, cpu);
        unsigned long flags = spin_lock_irqsave(&rq->lock);
        struct vcpu *v;

        printk(LOG_INFO "cpu %u: %u waiting, floor %lld ms\n", cpu,
               rq->nr_queued, (long long)rq->floor / 1000000);
        dump_vcpu("runs", rq->curr);
        list_for_each_entry (v, &rq->head, sched.runq)
            dump_vcpu("waits", v);
        spin_unlock_irqrestore(&rq->lock, flags);
    }
}

void sched_init(void)
{
    softirq_register(SOFTIRQ_SCHEDULE, schedule);
    key_register('r', sched_dump, "show run queues");
}
