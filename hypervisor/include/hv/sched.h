/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: a runqueue per CPU, vcpus ordered by virtual run time that
 * grows inversely to weight; idle CPUs steal. docs/scheduler.md has the
 * algorithm and its bounds.
 */
#ifndef HV_SCHED_H
#define HV_SCHED_H

#include <hv/cpumask.h>
#include <hv/list.h>
#include <hv/time.h>

struct vcpu;
struct domain;

#define SCHED_WEIGHT_DEFAULT 256

struct sched_vcpu {
    struct list_head runq; /* empty when not queued; runqueue lock */
    s_time_t vruntime;     /* weighted ns */
    s_time_t run_start;    /* when it got the CPU */
    cpumask_t hard_affinity, soft_affinity;
    bool yielded; /* goes behind one other at the next schedule() */
};

struct sched_domain {
    uint16_t weight;
    uint16_t cap; /* percent of one CPU, 0 = none */
};

void sched_init(void);
void sched_cpu_init(unsigned int cpu);
void sched_vcpu_init(struct vcpu *v, unsigned int cpu);
void sched_vcpu_destroy(struct vcpu *v);
/* Runnable / not runnable changed: pause flags or counts. */
void sched_wake(struct vcpu *v);
void sched_sleep_nosync(struct vcpu *v);
void sched_sleep_sync(struct vcpu *v); /* until it is off its CPU */
void sched_yield(void);
int sched_set_affinity(struct vcpu *v, const cpumask_t *hard,
                       const cpumask_t *soft);
uint64_t sched_cpu_idle_ns(unsigned int cpu);
void sched_dump(char key);

/* After arch_context_switch() has left prev for good. */
void sched_context_saved(struct vcpu *prev);

extern struct vcpu *idle_vcpu[MAX_CPUS];

#endif
