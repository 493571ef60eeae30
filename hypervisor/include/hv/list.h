/* SPDX-License-Identifier: MIT */
/*
 * Intrusive circular doubly linked list. The head is a node of its own.
 */
#ifndef HV_LIST_H
#define HV_LIST_H

#include <hv/types.h>

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) \
    {                        \
        &(name), &(name)     \
    }

static inline void list_init(struct list_head *h)
{
    h->next = h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
    return h->next == h;
}

static inline void list_add(struct list_head *n, struct list_head *h)
{
    n->next = h->next;
    n->prev = h;
    h->next->prev = n;
    h->next = n;
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
    list_add(n, h->prev);
}

/* Afterwards n is an empty list again, so a second deletion is harmless. */
static inline void list_del(struct list_head *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

#define list_entry(p, type, member)       container_of(p, type, member)
#define list_first_entry(h, type, member) list_entry((h)->next, type, member)
#define list_for_each_entry(pos, h, member)                         \
    for ((pos) = list_entry((h)->next, __typeof__(*(pos)), member); \
         &(pos)->member != (h);                                     \
         (pos) = list_entry((pos)->member.next, __typeof__(*(pos)), member))
/* pos may be deleted in the body; tmp is of the same type. */
#define list_for_each_entry_safe(pos, tmp, h, member)                       \
    for ((pos) = list_entry((h)->next, __typeof__(*(pos)), member),         \
        (tmp) = list_entry((pos)->member.next, __typeof__(*(pos)), member); \
         &(pos)->member != (h); (pos) = (tmp),                              \
        (tmp) = list_entry((tmp)->member.next, __typeof__(*(pos)), member))

#endif
