/* SPDX-License-Identifier: MIT */
/*
 * Calls between CPUs. Implemented by arch.
 */
#ifndef HV_SMP_H
#define HV_SMP_H

#include <hv/cpumask.h>
#include <hv/percpu.h>

/* Make cpu look at its softirqs and events (and leave its guest or idle). */
void smp_send_event_check(unsigned int cpu);
/* Run fn(arg) on every CPU of mask (this one included if in it), interrupts
 * off there; with wait, until all have finished. Caller holds no irq-off lock
 * and has interrupts on. */
void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg,
              bool wait);

#endif
