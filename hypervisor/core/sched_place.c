/* SPDX-License-Identifier: MIT */
/*
 * Which CPU a vcpu goes to: when it wakes, when a CPU looks for work, and when
 * a queue has waited long enough to ask. All but the last step goes by hints
 * that are read without locks (struct sched_pool, struct runq); at most one
 * other queue's lock is tried, never waited for.
 */
#include <public/sysctl.h>

#include <hv/arch.h>
#include <hv/smp.h>
#include <hv/softirq.h>

#include <asm/irqflags.h>

#include "sched_priv.h"

bool sched_idle_may_halt = true;
bool sched_smt_packs;

/* CPUs of one core; a CPU alone is a core. */
static bool core_is_idle(const struct sched_pool *pool, unsigned int cpu)
{
    const cpumask_t *siblings = &runq_of(cpu)->siblings;

    for (unsigned int i = 0; i < ARRAY_SIZE(siblings->bits); i++)
        if (siblings->bits[i] & pool->cpus.bits[i] & ~pool->idle.bits[i])
            return false;
    return true;
}

static unsigned int next_wrapped(const cpumask_t *mask, unsigned int from)
{
    unsigned int cpu = cpumask_next(mask, from);

    return cpu < MAX_CPUS ? cpu : cpumask_next(mask, 0);
}

static void mask_drop(cpumask_t *mask, unsigned int cpu)
{
    bit_clear(mask->bits, cpu);
}

/* Of the idle CPUs in mask: the last one if its core is idle, any whose core
 * is, the last one, any. MAX_CPUS if mask is empty. When cores are to be packed
 * it is the ones whose core is not idle that come first. */
static unsigned int best_idle(const struct sched_pool *pool,
                              const cpumask_t *mask, unsigned int last)
{
    cpumask_t left = *mask;
    unsigned int cpu, any = next_wrapped(mask, last);
    bool wanted = !READ_ONCE(sched_smt_packs);

    if (any >= MAX_CPUS || (any == last && core_is_idle(pool, last) == wanted))
        return any;
    while ((cpu = next_wrapped(&left, last)) < MAX_CPUS) {
        if (core_is_idle(pool, cpu) == wanted)
            return cpu;
        mask_drop(&left, cpu);
    }
    return any;
}

/* Claim an idle CPU of mask; others may be quicker. */
static unsigned int claim_idle(struct sched_pool *pool, cpumask_t *mask,
                               unsigned int last)
{
    unsigned int cpu;

    while ((cpu = best_idle(pool, mask, last)) < MAX_CPUS) {
        if (bit_test_and_clear_atomic(pool->idle.bits, cpu))
            return cpu;
        mask_drop(mask, cpu);
    }
    return MAX_CPUS;
}

/* A busy one: the last if it may, else the shortest queue of some. */
static unsigned int choose_busy(const cpumask_t *mask, unsigned int last)
{
    unsigned int cpu = next_wrapped(mask, last), best = cpu;

    if (cpu == last)
        return last;
    for (unsigned int n = 1; n < MAX_LOOKS; n++) {
        cpu = next_wrapped(mask, cpu + 1);
        if (READ_ONCE(runq_of(cpu)->nr_waiting) <
            READ_ONCE(runq_of(best)->nr_waiting))
            best = cpu;
    }
    return best;
}

unsigned int place_vcpu(const struct vcpu *v, bool *claimed)
{
    struct sched_pool *pool = READ_ONCE(v->domain->sched.pool);
    cpumask_t soft, idle, idle_soft;
    unsigned int cpu;

    cpumask_and(&soft, &v->sched.allowed, &v->sched.soft_affinity);
    cpumask_and(&idle, &v->sched.allowed, &pool->idle);
    cpumask_and(&idle_soft, &idle, &v->sched.soft_affinity);
    *claimed = true;
    cpu = claim_idle(pool, &idle_soft, v->processor);
    if (cpu >= MAX_CPUS)
        cpu = claim_idle(pool, &idle, v->processor);
    if (cpu < MAX_CPUS)
        return cpu;
    *claimed = false;
    return choose_busy(cpumask_empty(&soft) ? &v->sched.allowed : &soft,
                       v->processor);
}

/* It would rather run on one of the CPUs it prefers, and may. */
static bool prefers_others(const struct vcpu *v, unsigned int cpu)
{
    cpumask_t soft;

    if (cpumask_test(&v->sched.soft_affinity, cpu))
        return false;
    cpumask_and(&soft, &v->sched.allowed, &v->sched.soft_affinity);
    return !cpumask_empty(&soft);
}

/* Take the first that may run here, has left its last CPU and is behind. One
 * that prefers others must be well behind: its share is worth more. */
static struct vcpu *take_from(struct runq *rq, struct runq *other,
                              s_time_t limit)
{
    struct vcpu *v = runq_first_for(other, rq->cpu);

    if (v && limit != S_TIME_MAX && prefers_others(v, rq->cpu))
        limit -= share_scale(v->domain, 2 * STEAL_LAG_NS);
    if (!v || group_of(v, other)->vruntime + other->base >= limit)
        return NULL;
    runq_remove(other, v);
    line_move_active(other, rq, v);
    return v;
}

/* The queue, of some that have somebody for us, that is furthest behind. */
static struct runq *look_for_queue(struct runq *rq, s_time_t limit)
{
    cpumask_t waiting = rq->pool->waiting;
    struct runq *best = NULL;
    unsigned int cpu;

    mask_drop(&waiting, rq->cpu);
    for (unsigned int n = 0; n < MAX_LOOKS;) {
        struct runq *other;

        cpu = next_wrapped(&waiting, rq->look_at);
        if (cpu >= MAX_CPUS)
            break;
        mask_drop(&waiting, cpu);
        other = runq_of(cpu);
        if (!cpumask_test(&other->reach, rq->cpu))
            continue;
        n++;
        if (READ_ONCE(other->first_line) < limit) {
            limit = READ_ONCE(other->first_line);
            best = other;
        }
    }
    rq->look_at = (rq->look_at + 1) % MAX_CPUS;
    return best;
}

/* Somebody else was there. An idle CPU looks again; after many times it is the
 * slice timer that makes it. */
static void look_again(struct runq *rq)
{
    if (rq->misses == LOOK_TRIES)
        return;
    rq->misses++;
    cpu_relax();
    softirq_raise(SOFTIRQ_SCHEDULE);
}

struct vcpu *steal_vcpu(struct runq *rq, s_time_t limit)
{
    struct vcpu *v = NULL;
    struct runq *other = NULL;

    if (!cpumask_empty(&rq->pool->waiting))
        other = look_for_queue(rq, limit);
    if (other && spin_trylock(&other->lock)) {
        v = take_from(rq, other, limit);
        spin_unlock(&other->lock);
    }
    if (v || !other)
        rq->misses = 0;
    else if (limit == S_TIME_MAX)
        look_again(rq);
    return v;
}

void offer_waiting(struct runq *rq)
{
    struct sched_pool *pool = READ_ONCE(rq->pool);
    cpumask_t idle;
    unsigned int cpu;

    if (!pool)
        return;
    cpumask_and(&idle, &pool->idle, &rq->reach);
    cpu = next_wrapped(&idle, rq->cpu);
    if (cpu < MAX_CPUS && cpu != rq->cpu)
        softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
}

/*
 * CPUs that run one vcpu without a tick do not look around by themselves. One
 * of them, or one whose line is ahead, is asked; it will take what is behind.
 */
void ask_for_help(struct runq *rq)
{
    struct sched_pool *pool = READ_ONCE(rq->pool);
    cpumask_t others;
    unsigned int cpu;

    if (!pool) /* the CPU is leaving */
        return;
    cpumask_and(&others, &pool->cpus, &rq->reach);
    mask_drop(&others, rq->cpu);
    for (unsigned int n = 0; n < MAX_LOOKS; n++) {
        struct runq *other;

        cpu = next_wrapped(&others, rq->look_at);
        if (cpu >= MAX_CPUS)
            return;
        rq->look_at = (cpu + 1) % MAX_CPUS;
        other = runq_of(cpu);
        if (!READ_ONCE(other->ticking) ||
            READ_ONCE(other->floor) + READ_ONCE(other->base) - STEAL_LAG_NS >
                rq->first_line) {
            WRITE_ONCE(other->asked, true);
            softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
            return;
        }
        mask_drop(&others, cpu);
    }
}

/* The CPUs online so far that share a core with cpu learn of each other. */
void place_cpu_topology(unsigned int cpu)
{
    struct xen_sysctl_cputopo mine = {0}, theirs = {0};
    unsigned int other;

    arch_fill_cputopo(cpu, &mine);
    for_each_online_cpu (other) {
        if (other == cpu)
            continue;
        arch_fill_cputopo(other, &theirs);
        if (mine.core != theirs.core || mine.socket != theirs.socket)
            continue;
        cpumask_set(&runq_of(cpu)->siblings, other);
        cpumask_set(&runq_of(other)->siblings, cpu);
    }
}
