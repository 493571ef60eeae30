/* SPDX-License-Identifier: MIT */
/*
 * Who waits for a CPU: a tree of groups, each a domain's vcpus that wait there,
 * and in each group a tree of those vcpus. The group that is furthest behind is
 * next, with its vcpu that is furthest behind: so a domain waits for no more
 * than one slice of each other domain, however many vcpus they have. Boosted
 * vcpus are in a list besides, and go before all.
 */
#include <hv/console.h>

#include "sched_priv.h"

static struct sched_group *group_of_node(struct sched_node *n)
{
    return n ? container_of(n, struct sched_group, node) : NULL;
}

void runq_publish(struct runq *rq)
{
    if (!rq->groups.root) {
        rq->reach = (cpumask_t){{0}};
        WRITE_ONCE(rq->first_line, S_TIME_MAX);
        return;
    }
    rq->reach = rq->groups.root->reach;
    WRITE_ONCE(rq->first_line, runq_first_time(rq) + rq->base);
}

s_time_t runq_first_time(const struct runq *rq)
{
    const struct sched_node *first = sched_queue_first(&rq->groups);

    return first ? first->key : S_TIME_MAX;
}

/* Where and whether the group belongs into the tree of groups. */
static void group_requeue(struct runq *rq, struct sched_group *g)
{
    if (g->node.queued)
        sched_queue_remove(&rq->groups, &g->node);
    if (g->queue.root)
        sched_queue_insert(&rq->groups, &g->node, g->vruntime,
                           &g->queue.root->reach, &rq->random);
}

/* One of the group came or went. */
static void group_changed(struct runq *rq, struct sched_group *g)
{
    if (g->node.queued && g->queue.root && g->node.key == g->vruntime)
        sched_queue_set_mask(&g->node, &g->queue.root->reach);
    else
        group_requeue(rq, g);
    runq_publish(rq);
}

void runq_insert(struct runq *rq, struct vcpu *v)
{
    struct sched_group *g = group_of(v, rq);

    ASSERT(rq->pool && cpumask_test(&v->sched.allowed, rq->cpu));
    sched_queue_insert(&g->queue, &v->sched.node, v->sched.vruntime,
                       &v->sched.allowed, &rq->random);
    if (v->sched.boosted) {
        g->boosted++;
        list_add_tail(&v->sched.link, &rq->boosted);
    }
    if (rq->nr_waiting++ == 0)
        cpumask_set(&rq->pool->waiting, rq->cpu);
    group_changed(rq, g);
}

void runq_remove(struct runq *rq, struct vcpu *v)
{
    struct sched_group *g = group_of(v, rq);

    sched_queue_remove(&g->queue, &v->sched.node);
    if (v->sched.boosted) {
        g->boosted--;
        list_del(&v->sched.link);
    }
    if (--rq->nr_waiting == 0 && rq->pool)
        cpumask_clear(&rq->pool->waiting, rq->cpu);
    group_changed(rq, g);
}

struct vcpu *runq_first(const struct runq *rq)
{
    const struct sched_group *g;

    if (!list_empty(&rq->boosted))
        return list_first_entry(&rq->boosted, struct vcpu, sched.link);
    g = group_of_node(sched_queue_first(&rq->groups));
    return g ? vcpu_of_node(sched_queue_first(&g->queue)) : NULL;
}

/* At most one that waits is still leaving a CPU: this queue's own. */
static struct vcpu *first_in_group(const struct sched_group *g,
                                   unsigned int cpu)
{
    struct sched_node *n = sched_queue_first_for(&g->queue, cpu);

    if (n && vcpu_of_node(n)->is_running)
        n = sched_queue_next_for(n, cpu);
    return n && !vcpu_of_node(n)->is_running ? vcpu_of_node(n) : NULL;
}

struct vcpu *runq_first_for(const struct runq *rq, unsigned int cpu)
{
    struct sched_node *n = sched_queue_first_for(&rq->groups, cpu);
    struct vcpu *v = NULL;

    if (n)
        v = first_in_group(group_of_node(n), cpu);
    if (n && !v)
        n = sched_queue_next_for(n, cpu);
    if (n && !v)
        v = first_in_group(group_of_node(n), cpu);
    return v;
}

void runq_group_charged(struct runq *rq, const struct vcpu *v)
{
    struct sched_group *g = group_of(v, rq);

    if (g->node.queued && g->node.key != g->vruntime) {
        group_requeue(rq, g);
        runq_publish(rq);
    }
}

void runq_allowed_changed(struct runq *rq, struct vcpu *v)
{
    sched_queue_set_mask(&v->sched.node, &v->sched.allowed);
    group_changed(rq, group_of(v, rq));
}

#define DUMP_MAX 16 /* of each tree */

static void dump_group(const struct runq *rq, const struct sched_group *g)
{
    struct sched_node *n = sched_queue_first(&g->queue);

    for (unsigned int i = 0; n && i < DUMP_MAX; i++) {
        const struct vcpu *v = vcpu_of_node(n);

        printk(LOG_INFO "  waits d%uv%u: ahead %lld us, domain %lld us%s\n",
               v->domain->id, v->id,
               (long long)(v->sched.vruntime - rq->floor) / 1000,
               (long long)(g->vruntime - rq->floor) / 1000,
               v->sched.boosted ? ", boosted" : "");
        n = sched_queue_next(n);
    }
}

/* Times are shown as ahead of the queue's floor. */
void runq_dump(struct runq *rq)
{
    struct sched_node *n = sched_queue_first(&rq->groups);

    for (unsigned int i = 0; n && i < DUMP_MAX; i++) {
        dump_group(rq, group_of_node(n));
        n = sched_queue_next(n);
    }
}
