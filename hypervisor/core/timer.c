/* SPDX-License-Identifier: MIT */
/*
 * Timers. Each CPU has a heap and programs its one-shot hardware timer for
 * the earliest; without timers nothing ticks.
 */
#include <hv/arch.h>
#include <hv/lib.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>
#include <hv/timer.h>

#include <asm/irqflags.h>

#include "timer_heap.h"

struct timer_queue {
    spinlock_t lock; /* irq off; guards all below and the timers in it */
    struct timer *root;
    struct timer *running; /* its handler is being called */
    bool closed;           /* the CPU is offline: timers go to CPU 0 */
};
static DEFINE_PER_CPU(struct timer_queue, timers);

/* Lock the queue that t belongs to, which may change until it is locked. */
static ALWAYS_INLINE struct timer_queue *lock_queue_of(const struct timer *t,
                                                       unsigned long *flags)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(t->cpu);
        struct timer_queue *q = &per_cpu(timers, cpu);

        *flags = spin_lock_irqsave(&q->lock);
        if (t->cpu == cpu)
            return q;
        spin_unlock_irqrestore(&q->lock, *flags);
    }
}

/* The earliest changed: this CPU's hardware at once, another's by itself. */
static void reprogram(unsigned int cpu, const struct timer_queue *q)
{
    if (cpu == smp_processor_id())
        arch_timer_program(q->root ? q->root->expires_ns : S_TIME_MAX);
    else
        softirq_raise_on(cpu, SOFTIRQ_TIMER);
}

static void dequeue(struct timer_queue *q, struct timer *t)
{
    if (t->queued)
        q->root = timer_heap_remove(q->root, t);
    t->queued = false;
}

static void enqueue(struct timer_queue *q, struct timer *t)
{
    t->queued = true;
    q->root = timer_heap_insert(q->root, t);
}

void timer_init(struct timer *t, void (*fn)(void *arg), void *arg,
                unsigned int cpu)
{
    *t = (struct timer){.fn = fn, .arg = arg, .cpu = (uint16_t)cpu};
}

/* Takes its place in the heap anew; q is locked, and unlocked here. */
static NOINLINE void set_anywhere(struct timer_queue *q, struct timer *t,
                                  s_time_t expires_ns, unsigned long flags)
{
    if (unlikely(q->closed)) {
        spin_unlock_irqrestore(&q->lock, flags);
        timer_migrate(t, 0);
        q = lock_queue_of(t, &flags);
    }
    dequeue(q, t);
    if (!t->dead) {
        t->expires_ns = expires_ns;
        enqueue(q, t);
        if (q->root == t)
            reprogram(t->cpu, q);
    }
    spin_unlock_irqrestore(&q->lock, flags);
}

/*
 * In the heap, t may have another time where it is: nobody above it is later,
 * nobody below it earlier. Looks at its parent only if that is nobody, and at
 * one child.
 */
static ALWAYS_INLINE bool fits_in_place(const struct timer *root,
                                        const struct timer *t,
                                        s_time_t expires_ns)
{
    const struct timer *child = t->child;

    if (root == t)
        return !child || expires_ns <= t->expires_ns ||
               (!child->next && expires_ns <= child->expires_ns);
    return t->queued && !child && expires_ns >= t->expires_ns;
}

void timer_set(struct timer *t, s_time_t expires_ns)
{
    unsigned long flags;
    struct timer_queue *q = lock_queue_of(t, &flags);

    if (!fits_in_place(q->root, t, expires_ns)) {
        set_anywhere(q, t, expires_ns, flags);
        return;
    }
    t->expires_ns = expires_ns;
    if (q->root == t)
        reprogram(t->cpu, q);
    spin_unlock_irqrestore(&q->lock, flags);
}

/* The hardware may still fire for it: then it finds nothing to do. */
void timer_stop(struct timer *t)
{
    unsigned long flags;
    struct timer_queue *q = lock_queue_of(t, &flags);

    dequeue(q, t);
    spin_unlock_irqrestore(&q->lock, flags);
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    for (;;) {
        unsigned int from = READ_ONCE(t->cpu);
        struct timer_queue *a = &per_cpu(timers, from);
        struct timer_queue *b = &per_cpu(timers, cpu);
        unsigned long flags;

        if (from == cpu)
            return;
        flags = irq_save();
        spin_lock_pair(&a->lock, &b->lock);
        if (t->cpu == from) {
            bool queued = t->queued;

            dequeue(a, t);
            t->cpu = (uint16_t)cpu;
            if (queued) {
                enqueue(b, t);
                if (b->root == t)
                    reprogram(cpu, b);
            }
            spin_unlock_pair(&a->lock, &b->lock);
            irq_restore(flags);
            return;
        }
        spin_unlock_pair(&a->lock, &b->lock);
        irq_restore(flags);
    }
}

static bool is_running_elsewhere(const struct timer *t)
{
    unsigned int cpu;

    for_each_online_cpu (cpu)
        if (cpu != smp_processor_id() &&
            READ_ONCE(per_cpu(timers, cpu).running) == t)
            return true;
    return false;
}

void timer_kill(struct timer *t)
{
    unsigned long flags;
    struct timer_queue *q = lock_queue_of(t, &flags);

    dequeue(q, t);
    t->dead = true;
    spin_unlock_irqrestore(&q->lock, flags);
    while (is_running_elsewhere(t))
        cpu_relax();
}

bool timer_is_active(const struct timer *t)
{
    return READ_ONCE(t->queued);
}

void timer_interrupt(void)
{
    softirq_raise(SOFTIRQ_TIMER);
}

#define MAX_PER_SOFTIRQ 64 /* then other softirqs have a turn */

static void timer_softirq(void)
{
    struct timer_queue *q = &this_cpu(timers);
    s_time_t now = now_ns();
    unsigned long flags = spin_lock_irqsave(&q->lock);
    struct timer *t;

    for (unsigned int n = 0; n < MAX_PER_SOFTIRQ; n++) {
        if (!q->root || q->root->expires_ns > now)
            break;

        t = q->root;
        dequeue(q, t);
        q->running = t;
        spin_unlock_irqrestore(&q->lock, flags);
        t->fn(t->arg);
        flags = spin_lock_irqsave(&q->lock);
        q->running = NULL;
    }
    reprogram(smp_processor_id(), q);
    spin_unlock_irqrestore(&q->lock, flags);
}

void timer_cpu_close(unsigned int cpu)
{
    struct timer_queue *from = &per_cpu(timers, cpu);
    struct timer_queue *to = &per_cpu(timers, 0);
    unsigned long flags = irq_save();
    struct timer *first;

    spin_lock_pair(&from->lock, &to->lock);
    first = to->root;
    from->closed = true;
    while (from->root) {
        struct timer *t = from->root;

        dequeue(from, t);
        t->cpu = 0;
        enqueue(to, t);
    }
    if (to->root != first)
        reprogram(0, to);
    spin_unlock_pair(&from->lock, &to->lock);
    irq_restore(flags);
}

void timer_cpu_open(unsigned int cpu)
{
    struct timer_queue *q = &per_cpu(timers, cpu);
    unsigned long flags = spin_lock_irqsave(&q->lock);

    q->closed = false;
    spin_unlock_irqrestore(&q->lock, flags);
}

void timer_cpu_init(unsigned int cpu)
{
    spin_init(&per_cpu(timers, cpu).lock, LOCK_RANK_TIMER);
}

void timer_init_subsystem(void)
{
    softirq_register(SOFTIRQ_TIMER, timer_softirq);
    timer_cpu_init(0);
}

void timer_dump(void)
{
    unsigned int cpu;

    for_each_online_cpu (cpu) {
        struct timer_queue *q = &per_cpu(timers, cpu);
        unsigned long flags = spin_lock_irqsave(&q->lock);
        struct timer *t;

        printk("CPU %u timers, due in:\n", cpu);
        for (t = q->root; t; t = timer_heap_next(t))
            printk("  %12ld us  %pS(%p)\n", (t->expires_ns - now_ns()) / 1000,
                   (void *)t->fn, t->arg);
        spin_unlock_irqrestore(&q->lock, flags);
    }
}
