/* SPDX-License-Identifier: MIT */
/*
 * Pairing heap; see the header for its shape.
 */
#include "timer_heap.h"

#include <hv/lib.h>

/* Join two heaps: the later root becomes the first child of the other. */
static struct timer *merge(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->expires_ns < a->expires_ns) {
        struct timer *t = a;

        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Join a list of siblings: in pairs from the left, the results from the
 * right. The joined pairs are chained by next meanwhile. */
static struct timer *merge_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *root = NULL;

    while (first) {
        struct timer *a = first, *b = a->next;

        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = merge(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *a = pairs;

        pairs = a->next;
        a->next = NULL;
        root = merge(root, a);
    }
    return root;
}

struct timer *timer_heap_insert(struct timer *root, struct timer *t)
{
    t->child = t->next = t->prev = NULL;
    return merge(root, t);
}

struct timer *timer_heap_remove(struct timer *root, struct timer *t)
{
    struct timer *rest = merge_siblings(t->child);

    if (t != root) {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        rest = merge(root, rest);
    }
    t->child = t->next = t->prev = NULL;
    return rest;
}

struct timer *timer_heap_next(struct timer *t)
{
    if (t->child)
        return t->child;
    while (!t->next) {
        /* Back to the first sibling, then to the parent. */
        while (t->prev && t->prev->child != t)
            t = t->prev;
        if (!t->prev)
            return NULL;
        t = t->prev;
    }
    return t->next;
}
