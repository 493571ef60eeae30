/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers on system time, a heap per CPU (core/timer_heap.h).
 * Handlers run in SOFTIRQ_TIMER with interrupts on and may re-arm their own
 * timer. Nothing is allocated: a timer holds its own links.
 */
#ifndef HV_TIMER_H
#define HV_TIMER_H

#include <hv/time.h>

struct timer {
    s_time_t expires_ns;
    void (*fn)(void *arg);
    void *arg;
    /* Place in the heap; guarded by the CPU's timer lock. */
    struct timer *child, *next, *prev;
    bool queued;
    bool dead;
    uint16_t cpu; /* whose heap; changes under both heaps' locks */
};

void timer_init(struct timer *t, void (*fn)(void *arg), void *arg,
                unsigned int cpu);
/* Arm (or re-arm) for absolute system time; the past means at once. */
void timer_set(struct timer *t, s_time_t expires_ns);
void timer_stop(struct timer *t);
/* Move to another CPU's heap, armed or not. */
void timer_migrate(struct timer *t, unsigned int cpu);
/* Stop for good; waits for a running handler on another CPU. */
void timer_kill(struct timer *t);
bool timer_is_active(const struct timer *t);

/* Arch calls this from the timer interrupt; raises SOFTIRQ_TIMER. */
void timer_interrupt(void);
void timer_init_subsystem(void);
void timer_cpu_init(unsigned int cpu);
/* The CPU goes offline: what it has, and what is set for it from now on, is
 * CPU 0's. And back. */
void timer_cpu_close(unsigned int cpu);
void timer_cpu_open(unsigned int cpu);
void timer_dump(void); /* console key */

#endif
