/* SPDX-License-Identifier: MIT */
/*
 * Treaps; see the header. Invariants: keys in order from left to right; a
 * node's priority is not lower than those of its children; reach is the union
 * of the masks of the node and all below it.
 */
#include "sched_queue.h"

#include <hv/lib.h>

static void update(struct sched_node *n)
{
    n->reach = *n->mask;
    if (n->left)
        cpumask_or(&n->reach, &n->reach, &n->left->reach);
    if (n->right)
        cpumask_or(&n->reach, &n->reach, &n->right->reach);
}

static void update_upwards(struct sched_node *n)
{
    for (; n; n = n->parent)
        update(n);
}

/* What points down to n. */
static struct sched_node **link_to(struct sched_queue *q, struct sched_node *n)
{
    if (!n->parent)
        return &q->root;
    return n->parent->left == n ? &n->parent->left : &n->parent->right;
}

/* n takes the place of its parent, which becomes its child. */
static void rotate_up(struct sched_queue *q, struct sched_node *n)
{
    struct sched_node *parent = n->parent, *middle;
    struct sched_node **link = link_to(q, parent);

    if (parent->left == n) {
        middle = n->right;
        parent->left = middle;
        n->right = parent;
    } else {
        middle = n->left;
        parent->right = middle;
        n->left = parent;
    }
    if (middle)
        middle->parent = parent;
    n->parent = parent->parent;
    parent->parent = n;
    *link = n;
    update(parent);
    update(n);
}

/* xorshift32 */
static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

void sched_queue_insert(struct sched_queue *q, struct sched_node *n,
                        s_time_t key, const cpumask_t *mask, uint32_t *random)
{
    struct sched_node **link = &q->root, *parent = NULL;

    ASSERT(!n->queued);
    while (*link) {
        parent = *link;
        link = key < parent->key ? &parent->left : &parent->right;
    }
    *n = (struct sched_node){
        .parent = parent,
        .key = key,
        .priority = next_random(random),
        .queued = true,
        .mask = mask,
    };
    *link = n;
    update_upwards(n);
    while (n->parent && n->parent->priority < n->priority)
        rotate_up(q, n);
    q->nr++;
}

void sched_queue_remove(struct sched_queue *q, struct sched_node *n)
{
    ASSERT(n->queued);
    while (n->left || n->right) {
        struct sched_node *up = n->left;

        if (!up || (n->right && n->right->priority > up->priority))
            up = n->right;
        rotate_up(q, up);
    }
    *link_to(q, n) = NULL;
    update_upwards(n->parent);
    n->parent = NULL;
    n->queued = false;
    q->nr--;
}

void sched_queue_set_mask(struct sched_node *n, const cpumask_t *mask)
{
    ASSERT(n->queued);
    n->mask = mask;
    update_upwards(n);
}

struct sched_node *sched_queue_first(const struct sched_queue *q)
{
    struct sched_node *n = q->root;

    while (n && n->left)
        n = n->left;
    return n;
}

/* Up, to the first that lies to the right of n. */
static struct sched_node *next_above(const struct sched_node *n)
{
    while (n->parent && n->parent->right == n)
        n = n->parent;
    return n->parent;
}

struct sched_node *sched_queue_next(struct sched_node *n)
{
    if (!n->right)
        return next_above(n);
    for (n = n->right; n->left; n = n->left)
        ;
    return n;
}

static bool reaches(const struct sched_node *n, unsigned int cpu)
{
    return n && cpumask_test(&n->reach, cpu);
}

/* The first in the tree below n, one of which may run on cpu. */
static struct sched_node *first_below(struct sched_node *n, unsigned int cpu)
{
    for (;;) {
        if (reaches(n->left, cpu))
            n = n->left;
        else if (cpumask_test(n->mask, cpu))
            return n;
        else
            n = n->right;
    }
}

struct sched_node *sched_queue_first_for(const struct sched_queue *q,
                                         unsigned int cpu)
{
    return reaches(q->root, cpu) ? first_below(q->root, cpu) : NULL;
}

struct sched_node *sched_queue_next_for(struct sched_node *n, unsigned int cpu)
{
    for (;;) {
        if (reaches(n->right, cpu))
            return first_below(n->right, cpu);
        n = next_above(n);
        if (!n || cpumask_test(n->mask, cpu))
            return n;
    }
}
