/* SPDX-License-Identifier: MIT */
/*
 * Bringing CPUs up.
 */
#ifndef ASM_SMP_H
#define ASM_SMP_H

#include <hv/types.h>

#include <asm/trampoline.h>

void smp_init(void); /* boot CPU: vectors */

extern const char trampoline_start[], trampoline_end[];
extern const char trampoline_32[], trampoline_64[];

#endif
