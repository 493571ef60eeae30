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

/* CR4 bits that a guest may change for itself; all others are the host's. */
#define CR4_GUEST_BITS (CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE)
struct vcpu;
/* The value that CR4 has while v runs. */
uint64_t vcpu_live_cr4(const struct vcpu *v);

#endif
