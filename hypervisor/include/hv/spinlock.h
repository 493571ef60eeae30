/* SPDX-License-Identifier: MIT */
/*
 * Ticket spin locks, fair, with ranks checked in debug builds. A lock that an
 * interrupt handler takes is always taken with interrupts off (_irqsave).
 */
#ifndef HV_SPINLOCK_H
#define HV_SPINLOCK_H

#include <hv/lock_order.h>
#include <hv/types.h>

#include <asm/irqflags.h>

typedef struct spinlock {
    union {
        uint32_t tickets;
        struct {
            uint16_t owner, next;
        };
    };
    uint16_t rank;
    uint16_t cpu; /* holder, debug builds; 0xffff = none */
#ifdef TRELLIS_LOCKPROF
    uint64_t taken_at; /* cycles */
#endif
} spinlock_t;

#define SPINLOCK_INIT(r)                         \
    {                                            \
        .tickets = 0, .rank = (r), .cpu = 0xffff \
    }

static inline void spin_init(spinlock_t *l, enum lock_rank rank)
{
    *l = (spinlock_t)SPINLOCK_INIT(rank);
}

bool spin_trylock(spinlock_t *l);
/* Checked or profiled locks are not taken in line. */
#if defined(TRELLIS_DEBUG) || defined(TRELLIS_LOCKPROF)
#define SPINLOCK_CALLS
#endif
#ifdef SPINLOCK_CALLS
void spin_lock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
#else
void spin_wait(spinlock_t *l, uint16_t ticket);

static inline void spin_lock(spinlock_t *l)
{
    uint16_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_ACQUIRE);

    if (unlikely(__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket))
        spin_wait(l, ticket);
}

static inline void spin_unlock(spinlock_t *l)
{
    __atomic_store_n(&l->owner, (uint16_t)(l->owner + 1), __ATOMIC_RELEASE);
}
#endif

/* Saves RFLAGS, switches interrupts off, takes the lock. */
static inline unsigned long spin_lock_irqsave(spinlock_t *l)
{
    unsigned long flags = irq_save();

    spin_lock(l);
    return flags;
}

static inline void spin_unlock_irqrestore(spinlock_t *l, unsigned long flags)
{
    spin_unlock(l);
    irq_restore(flags);
}

bool spin_is_locked(const spinlock_t *l);
/* Takes two locks of one rank, lower address first; a == b is taken once. */
void spin_lock_pair(spinlock_t *a, spinlock_t *b);
void spin_unlock_pair(spinlock_t *a, spinlock_t *b);

#endif
