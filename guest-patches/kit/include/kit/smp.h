/* SPDX-License-Identifier: MIT */
/*
 * Further vcpus.
 */
#ifndef KIT_SMP_H
#define KIT_SMP_H

#include <kit/cpu.h>

/* vcpus that the domain has. */
unsigned int smp_count(void);

struct vcpu_guest_context;
/* What vcpu `id` is initialised with, for a test to change. */
void smp_context(struct vcpu_guest_context *ctx, unsigned int id,
                 void (*main)(void *), void *arg);

/* Initialise vcpu `id`, without starting it. */
long smp_initialise(unsigned int id, void (*main)(void *), void *arg);
long smp_up(unsigned int id);
long smp_is_up(unsigned int id);

/* Take the calling vcpu down; returns if it is brought up again. */
void smp_down_self(void);

/* initialise + up, then wait until main() has begun. */
long smp_start(unsigned int id, void (*main)(void *), void *arg);

void kit_ap_start(struct cpu *cpu) NORETURN;

#endif
