/* SPDX-License-Identifier: MIT */
/*
 * Trees of what waits, ordered by key, first come first among equals, whose
 * shape is kept shallow by random priorities (treaps), so that no guest can
 * make an operation long: O(log n) for n nodes. Every node knows the union of
 * the CPU masks of itself and those below, so the first that may run on a
 * certain CPU is found as fast. The caller holds the lock of the run queue.
 */
#ifndef CORE_SCHED_QUEUE_H
#define CORE_SCHED_QUEUE_H

#include <hv/cpumask.h>
#include <hv/sched.h>

/* random: any state but 0, kept by the caller. mask: that of the node, kept
 * by the caller, who tells when it changes. */
void sched_queue_insert(struct sched_queue *q, struct sched_node *n,
                        s_time_t key, const cpumask_t *mask, uint32_t *random);
void sched_queue_remove(struct sched_queue *q, struct sched_node *n);
/* The node's mask has changed, or is another one. */
void sched_queue_set_mask(struct sched_node *n, const cpumask_t *mask);
struct sched_node *sched_queue_first(const struct sched_queue *q);
struct sched_node *sched_queue_next(struct sched_node *n);
/* The first that may run on cpu; and the next after n that may. */
struct sched_node *sched_queue_first_for(const struct sched_queue *q,
                                         unsigned int cpu);
struct sched_node *sched_queue_next_for(struct sched_node *n, unsigned int cpu);

#endif
