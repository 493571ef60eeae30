/* SPDX-License-Identifier: MIT */
/*
 * Locks for one thread that plays several CPUs: a lock taken twice would never
 * be had, so it is a bug; ranks must rise among the locks held.
 */
#include <hostarch.h>
#include <hv/spinlock.h>

#include <asm/x86.h>

#define MAX_HELD 32

static spinlock_t *held[MAX_HELD];
unsigned int host_locks_held;
bool host_irqs_off;

static void push(spinlock_t *l)
{
    BUG_ON(host_locks_held == MAX_HELD);
    held[host_locks_held++] = l;
    l->next++;
}

static void check_rank(const spinlock_t *l)
{
    for (unsigned int i = 0; i < host_locks_held; i++)
        BUG_ON(l->rank != LOCK_RANK_NONE && held[i]->rank >= l->rank);
}

void spin_lock(spinlock_t *l)
{
    BUG_ON(spin_is_locked(l));
    check_rank(l);
    push(l);
}

bool spin_trylock(spinlock_t *l)
{
    if (spin_is_locked(l))
        return false;
    push(l);
    return true;
}

void spin_unlock(spinlock_t *l)
{
    unsigned int i = host_locks_held;

    while (i > 0 && held[i - 1] != l)
        i--;
    BUG_ON(i == 0);
    for (; i < host_locks_held; i++)
        held[i - 1] = held[i];
    host_locks_held--;
    l->owner++;
}

bool spin_is_locked(const spinlock_t *l)
{
    return l->owner != l->next;
}

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    spinlock_t *first = a < b ? a : b;

    spin_lock(first);
    if (a != b) {
        BUG_ON(a->rank != b->rank || spin_is_locked(a == first ? b : a));
        push(a == first ? b : a);
    }
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}
