/* SPDX-License-Identifier: MIT */
/*
 * Deferred work of a CPU, run with interrupts on before it returns to a guest
 * and in the idle loop. Lower number first.
 */
#ifndef HV_SOFTIRQ_H
#define HV_SOFTIRQ_H

#include <hv/percpu.h>

enum softirq {
    SOFTIRQ_TIMER,
    SOFTIRQ_TASKLET,
    SOFTIRQ_SCHEDULE, /* last: may not return */
    NR_SOFTIRQS,
};

typedef void (*softirq_fn)(void);
void softirq_register(enum softirq nr, softirq_fn fn);
/* On this CPU; from any context. */
void softirq_raise(enum softirq nr);
/* On another CPU (or this one): sets the bit, sends an event-check IPI. */
void softirq_raise_on(unsigned int cpu, enum softirq nr);
/* Boot: the tasklets' own softirq. */
void softirq_init(void);
/* Run everything pending. Interrupts on, no lock held. */
void softirq_run(void);

static inline bool softirq_is_pending(void)
{
    return READ_ONCE(get_cpu_info()->softirqs) != 0;
}

/* Work to run once on some CPU in softirq context. */
struct tasklet {
    struct tasklet *next;
    void (*fn)(void *arg);
    void *arg;
    bool queued;
};
void tasklet_init(struct tasklet *t, void (*fn)(void *arg), void *arg);
void tasklet_schedule(struct tasklet *t); /* on this CPU */

#endif
