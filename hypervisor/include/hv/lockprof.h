/* SPDX-License-Identifier: MIT */
/*
 * Lock profiles, in a build of their own (`make lockprof`): for the locks of
 * each rank how often and how long they were waited for and held. All locks of
 * a rank guard the same kind of thing, and count as one.
 */
#ifndef HV_LOCKPROF_H
#define HV_LOCKPROF_H

#include <hv/types.h>

#ifdef TRELLIS_LOCKPROF
#define LOCKPROF 1
#else
#define LOCKPROF 0
#endif

struct lock_profile {
    char name[24];
    uint64_t locked, waited;
    uint64_t held_ns, waited_ns;
};

/* The i-th rank that was used; false: there are no more. */
bool lockprof_get(unsigned int i, struct lock_profile *prof);
void lockprof_reset(void);
/* Since the last reset. */
int64_t lockprof_time_ns(void);
void lockprof_init(void);

/* spinlock.c calls these: cycles that a lock was waited for, held. */
void lockprof_locked(unsigned int rank, uint64_t waited_cycles);
void lockprof_released(unsigned int rank, uint64_t held_cycles);

#endif
