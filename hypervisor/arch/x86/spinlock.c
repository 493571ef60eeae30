/* SPDX-License-Identifier: MIT */
/*
 * Ticket locks. In debug builds each CPU keeps a stack of the locks it holds:
 * ranks may only rise, and a lock is released by who took it.
 */
#include <hv/lib.h>
#include <hv/lockprof.h>
#include <hv/percpu.h>
#include <hv/spinlock.h>

#include <asm/lockdebug.h>
#include <asm/x86.h>

#ifdef TRELLIS_DEBUG

#define MAX_HELD 16
#define NO_CPU   0xffff

struct held_locks {
    unsigned int depth;
    unsigned int base; /* locks below belong to what was interrupted */
    const spinlock_t *lock[MAX_HELD];
};
static DEFINE_PER_CPU(struct held_locks, held);

unsigned int lock_context_enter(void)
{
    struct held_locks *h = &this_cpu(held);
    unsigned int base = h->base;

    h->base = h->depth;
    return base;
}

void lock_context_leave(unsigned int base)
{
    struct held_locks *h = &this_cpu(held);

    if (h->depth != h->base)
        panic("Interrupt handler left with lock %p held",
              h->lock[h->depth - 1]);
    h->base = base;
}

static void before_lock(const spinlock_t *l, bool pair)
{
    const struct held_locks *h = &this_cpu(held);

    if (l->cpu == smp_processor_id())
        panic("Lock %p (rank %u) taken twice", l, l->rank);
    if (l->rank == LOCK_RANK_NONE)
        return;
    for (unsigned int i = h->base; i < h->depth; i++) {
        const spinlock_t *o = h->lock[i];

        if (o->rank < l->rank || (pair && o->rank == l->rank && o < l))
            continue;
        panic("Lock order: %p (rank %u) wanted while %p (rank %u) is held", l,
              l->rank, o, o->rank);
    }
}

static void after_lock(spinlock_t *l)
{
    unsigned long flags = irq_save();
    struct held_locks *h = &this_cpu(held);

    l->cpu = (uint16_t)smp_processor_id();
    if (h->depth == MAX_HELD)
        panic("More than %u locks held", MAX_HELD);
    /* An NMI takes locks too: it finds whole entries only. */
    h->lock[h->depth] = l;
    barrier();
    h->depth++;
    irq_restore(flags);
}

static void before_unlock(spinlock_t *l)
{
    unsigned long flags = irq_save();
    struct held_locks *h = &this_cpu(held);
    unsigned int i = h->depth;

    while (i > h->base && h->lock[i - 1] != l)
        i--;
    if (i == h->base)
        panic("Lock %p (rank %u) released, but not held", l, l->rank);
    for (; i < h->depth; i++)
        h->lock[i - 1] = h->lock[i];
    barrier();
    h->depth--;
    l->cpu = NO_CPU;
    irq_restore(flags);
}

#else

static inline void before_lock(const spinlock_t *l, bool pair)
{
    (void)l;
    (void)pair;
}

static inline void after_lock(spinlock_t *l)
{
    (void)l;
}

static inline void before_unlock(const spinlock_t *l)
{
    (void)l;
}

#endif

#ifdef TRELLIS_LOCKPROF

static void profile_taken(spinlock_t *l, uint64_t wait_began)
{
    l->taken_at = rdtsc();
    lockprof_locked(l->rank, wait_began ? l->taken_at - wait_began : 0);
}

static void profile_release(const spinlock_t *l)
{
    lockprof_released(l->rank, rdtsc() - l->taken_at);
}

#else

static inline void profile_taken(spinlock_t *l, uint64_t wait_began)
{
    (void)l;
    (void)wait_began;
}

static inline void profile_release(const spinlock_t *l)
{
    (void)l;
}

#endif

/* Returns when the wait began, if there was one and profiles are made. */
static uint64_t wait(spinlock_t *l, uint16_t ticket)
{
    uint64_t began = 0;

    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket) {
        if (LOCKPROF && !began)
            began = rdtsc();
        cpu_relax();
    }
    return began;
}

static void take(spinlock_t *l, bool pair)
{
    uint64_t wait_began;

    before_lock(l, pair);
    wait_began = wait(l, __atomic_fetch_add(&l->next, 1, __ATOMIC_ACQUIRE));
    profile_taken(l, wait_began);
    after_lock(l);
}

#ifdef SPINLOCK_CALLS
void spin_lock(spinlock_t *l)
{
    take(l, false);
}

void spin_unlock(spinlock_t *l)
{
    before_unlock(l);
    profile_release(l);
    __atomic_store_n(&l->owner, (uint16_t)(l->owner + 1), __ATOMIC_RELEASE);
}
#else
void spin_wait(spinlock_t *l, uint16_t ticket)
{
    wait(l, ticket);
}
#endif

bool spin_trylock(spinlock_t *l)
{
    spinlock_t old = {.tickets = READ_ONCE(l->tickets)}, new = old;

    if (old.owner != old.next)
        return false;
    new.next++;
    if (!__atomic_compare_exchange_n(&l->tickets, &old.tickets, new.tickets,
                                     false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    profile_taken(l, 0);
    after_lock(l);
    return true;
}

bool spin_is_locked(const spinlock_t *l)
{
    spinlock_t now = {.tickets = READ_ONCE(l->tickets)};

    return now.owner != now.next;
}

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    if (a > b) {
        spinlock_t *t = a;

        a = b;
        b = t;
    }
    spin_lock(a);
    if (a != b)
        take(b, true);
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    if (a != b)
        spin_unlock(b);
    spin_unlock(a);
}
