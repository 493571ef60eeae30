/* SPDX-License-Identifier: MIT */
/*
 * A pairing heap of timers: the earliest is the root. Insertion takes constant
 * time, taking out any element logarithmic time on average. Links: child is
 * the first child, next the right sibling, prev the left sibling or (for a
 * first child) the parent.
 */
#ifndef CORE_TIMER_HEAP_H
#define CORE_TIMER_HEAP_H

#include <hv/timer.h>

/* All return the new root; NULL is the empty heap. */
struct timer *timer_heap_insert(struct timer *root, struct timer *t);
struct timer *timer_heap_remove(struct timer *root, struct timer *t);
/* Any order, each once, beginning with the root; NULL at the end. */
struct timer *timer_heap_next(struct timer *t);

#endif
