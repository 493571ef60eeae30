/* SPDX-License-Identifier: MIT */
/*
 * The real asm/msr.h, save for the instructions: a write that would fault in
 * the hypervisor is a bug, all else is forgotten.
 */
#ifndef HOSTARCH_ASM_MSR_H
#define HOSTARCH_ASM_MSR_H

#define rdmsr real_rdmsr
#define wrmsr real_wrmsr
#include_next <asm/msr.h>
#undef rdmsr
#undef wrmsr

uint64_t rdmsr(uint32_t msr);
void wrmsr(uint32_t msr, uint64_t value);

#endif
