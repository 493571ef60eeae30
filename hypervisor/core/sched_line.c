/* SPDX-License-Identifier: MIT */
/*
 * Virtual time. Every queue has a time line; all lines of a pool are kept
 * within some slices of their mean, by moving a queue's base when affinity or
 * weights keep its CPU from going at the others' pace. So vcpus of different
 * queues can be compared, and a vcpu that changes queues gains or loses little.
 *
 * A domain's vcpus on a queue are a group, and the group's time decides whose
 * turn it is. A queue's floor is the time of the group that is furthest behind
 * in it. A group that comes back starts at the floor: to have slept is no
 * credit. And no earlier than its own time: for its vcpus to take turns at
 * sleeping is no credit either. Within the group the same holds for a vcpu.
 */
#include "sched_priv.h"

/* Move the line to within spread of the pool's. */
static void keep_near_pool(struct runq *rq, s_time_t spread)
{
    s_time_t ahead = rq->floor + rq->base - READ_ONCE(rq->pool->line);

    if (ahead > spread)
        rq->base -= ahead - spread;
    else if (ahead < -spread)
        rq->base -= ahead + spread;
    else
        return;
    runq_publish(rq);
}

/* A line that may not go faster does not pull the mean along either. */
static void floor_advance(struct runq *rq, s_time_t to, s_time_t spread)
{
    s_time_t line = READ_ONCE(rq->pool->line);
    s_time_t room = line + spread - (rq->floor + rq->base);
    s_time_t step = min_t(s_time_t, to - rq->floor, room);
    unsigned int busy = max_t(unsigned int, 1, READ_ONCE(rq->pool->nr_busy));

    rq->floor = to;
    if (step >= busy)
        __atomic_fetch_add(&rq->pool->line, step / busy, __ATOMIC_RELAXED);
    keep_near_pool(rq, spread);
}

s_time_t line_scale(const struct runq *rq, const struct vcpu *v, s_time_t ns)
{
    unsigned int active = group_of(v, rq)->active;

    return share_scale(v->domain, ns) / max_t(unsigned int, 1, active);
}

static void floor_update(struct runq *rq, const struct vcpu *running)
{
    s_time_t to =
        min_t(s_time_t, group_of(running, rq)->vruntime, runq_first_time(rq));

    if (rq->pool && to > rq->floor)
        floor_advance(rq, to, line_scale(rq, running, SPREAD_NS));
}

/* The group's time goes on as the mean of its vcpus' does. */
void line_charge(struct runq *rq, struct vcpu *v, s_time_t now)
{
    s_time_t ran = now - v->sched.run_start, used;
    struct sched_group *g;

    if (ran <= 0)
        return;
    v->sched.run_start = now;
    if (v->is_idle) {
        rq->idle_ns += ran;
        return;
    }
    g = group_of(v, rq);
    used = share_used(v, ran, now);
    v->sched.vruntime += used;
    g->vruntime += used / max_t(unsigned int, 1, g->active);
    runq_group_charged(rq, v);
    floor_update(rq, v);
}

/* Nobody wanted the CPU meanwhile, so nobody is ahead by that time. */
void line_resume(struct runq *rq, s_time_t now)
{
    s_time_t idle = max_t(s_time_t, 0, now - rq->since);

    rq->floor += min_t(s_time_t, idle, LEAD_MAX_NS);
    rq->since = now;
    if (rq->pool)
        rq->base = READ_ONCE(rq->pool->line) - rq->floor;
}

/* The one of the group that has used least, of those waiting and running. */
static s_time_t group_floor(const struct runq *rq, const struct vcpu *v)
{
    const struct sched_group *g = group_of(v, rq);
    const struct sched_node *first = sched_queue_first(&g->queue);
    s_time_t least = first ? first->key : S_TIME_MAX;

    if (rq->curr->domain == v->domain)
        least = min_t(s_time_t, least, rq->curr->sched.vruntime);
    return least == S_TIME_MAX ? rq->floor : least;
}

static s_time_t clamp_time(s_time_t t, s_time_t low)
{
    t = max_t(s_time_t, t, low);
    return min_t(s_time_t, t, low + LEAD_MAX_NS);
}

bool line_may_borrow(const struct runq *rq, const struct vcpu *v)
{
    s_time_t ahead = group_of(v, rq)->vruntime - rq->floor;

    return ahead <= line_scale(rq, v, BORROW_NS);
}

void line_join(struct runq *rq, struct vcpu *v)
{
    struct sched_group *g = group_of(v, rq);

    v->sched.vruntime = clamp_time(v->sched.vruntime, group_floor(rq, v));
    if (g->active++ == 0)
        g->vruntime = clamp_time(g->vruntime, rq->floor);
    v->sched.boosted = g->boosted < MAX_BOOSTED && line_may_borrow(rq, v);
}

void line_leave(struct runq *rq, struct vcpu *v)
{
    struct sched_group *g = group_of(v, rq);

    ASSERT(g->active > 0);
    g->active--;
}

void line_move(struct runq *from, const struct runq *to, struct vcpu *v)
{
    const struct sched_pool *pool = READ_ONCE(to->pool);
    s_time_t base = READ_ONCE(to->base);

    /* An idle CPU's line stands; it will go on at the pool's. */
    if (pool && READ_ONCE(to->curr)->is_idle && !READ_ONCE(to->nr_waiting))
        base = READ_ONCE(pool->line) - READ_ONCE(to->floor);
    v->sched.vruntime += from->base - base;
    v->processor = to->cpu;
}

void line_move_active(struct runq *from, struct runq *to, struct vcpu *v)
{
    s_time_t shift = from->base - to->base;
    s_time_t time = group_of(v, from)->vruntime + shift;
    struct sched_group *g = group_of(v, to);

    line_leave(from, v);
    v->sched.vruntime += shift;
    v->processor = to->cpu;
    /* It may be behind, which is why it is taken, and brings that along. */
    if (g->active++ == 0)
        g->vruntime = max_t(s_time_t, g->vruntime, time);
    else
        g->vruntime += (time - g->vruntime) / (s_time_t)g->active;
    runq_group_charged(to, v);
}
