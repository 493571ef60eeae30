/* SPDX-License-Identifier: MIT */
/*
 * How late is an event that falls into an operation? Each case is an operation
 * whose length its caller chooses, done as long as it may be.
 */
#ifndef LATE_H
#define LATE_H

#include <kit/types.h>

struct late_case {
    const char *name;
    const char *work; /* how much of it, for the table */
    /* What run() finds, and what takes back what it did; either may be NULL. */
    void (*prepare)(void);
    void (*run)(void);
    void (*undo)(void);
    uint64_t bound_ns;    /* 0: LATE_BOUND_NS */
    unsigned int samples; /* 0: LATE_SAMPLES */
};

#define LATE_BOUND_NS 100000UL
#define LATE_SAMPLES  12U

/* Bind the timer of this vcpu; again after its ports were reset. */
void late_init(void);
unsigned int late_port(void);

/*
 * Do each case several times, the timer set for moments spread over it, print
 * `LATE worst length name | work` in ns, and expect the worst below the bound.
 */
void late_measure(const struct late_case *cases, unsigned int count);

extern const struct late_case table_cases[], memory_cases[], grant_cases[],
    event_cases[], control_cases[];
extern const unsigned int nr_table_cases, nr_memory_cases, nr_grant_cases,
    nr_event_cases, nr_control_cases;
void table_prepare(void);
void grant_prepare(void);
void event_cleanup(void);

/* Another domain, without memory, paused for ever: for what is done to one. */
unsigned int other_create(unsigned int vcpus, unsigned int ports);
void other_destroy(unsigned int id);
/* Give it `count` frames of 1 << order. */
long other_populate(unsigned int id, unsigned int count, unsigned int order);

/* populate_physmap and the like for extents in a list. */
long reservation(unsigned int op, unsigned int domid, uint64_t *list,
                 unsigned int count, unsigned int order);

#endif
