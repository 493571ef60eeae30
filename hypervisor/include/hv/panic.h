/* SPDX-License-Identifier: MIT */
/*
 * The parts of a panic, for those who have registers to show.
 */
#ifndef HV_PANIC_H
#define HV_PANIC_H

#include <hv/types.h>

struct cpu_regs;

/* Stop all other CPUs, take the console over. Interrupts stay off. A second
 * CPU never returns from it. */
bool panic_begin(void);
/* Into the crash kernel, or reboot or stop, as the command line says. regs: of
 * what failed, NULL for the caller's own. */
void panic_end(const struct cpu_regs *regs) NORETURN;

/* arch/x86/backtrace.c */
void panic_stop_other_cpus(void);
/* Where they were. */
void dump_other_cpus(void);
/* Registers and calls of the caller. */
void dump_here(void);
/* Calls only. */
void dump_stack(void);
/* Registers and, if they are the hypervisor's, calls. */
void dump_regs(const struct cpu_regs *regs);

#endif
