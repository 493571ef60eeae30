/* SPDX-License-Identifier: MIT */
/*
 * Whose registers are on this CPU.
 */
#ifndef ASM_CONTEXT_H
#define ASM_CONTEXT_H

#include <hv/types.h>

/* Where every CPU is when no vcpu is to run. Entered after start-up through
 * reset_stack_and_call(). */
void idle_loop(void) NORETURN;

struct vcpu;
/* CR4 bits that v may change for itself, by its domain's policy; all others are
 * the host's. */
uint64_t vcpu_cr4_settable(const struct vcpu *v);
/* The value that CR4 has while v runs. */
uint64_t vcpu_live_cr4(const struct vcpu *v);
/* Make TSC_AUX of this CPU, which v runs on, what it is for v. */
void vcpu_load_tsc_aux(const struct vcpu *v);

#endif
