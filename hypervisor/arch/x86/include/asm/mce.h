/* SPDX-License-Identifier: MIT */
/*
 * Machine checks and NMIs. Both come at any instruction.
 */
#ifndef ASM_MCE_H
#define ASM_MCE_H

#include <hv/percpu.h>

#include <asm/regs.h>

/* Log the banks; end the machine or the guest if state is lost. */
void mce_handle(struct cpu_regs *regs);
/* This CPU: switch reporting on. */
void mce_cpu_init(void);

/* The owner of this CPU's NMIs, or NULL: true if it was the cause. Runs on the
 * NMI stack with nothing but memory to rely on: no lock, no fault. */
void nmi_set_handler(bool (*fn)(struct cpu_regs *regs));
void nmi_handle(struct cpu_regs *regs);
DECLARE_PER_CPU(unsigned long, nmi_count);

#endif
