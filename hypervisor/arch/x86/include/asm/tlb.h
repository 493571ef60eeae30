/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes beyond those of hv/arch.h.
 */
#ifndef ASM_TLB_H
#define ASM_TLB_H

#include <hv/types.h>

void tlb_init(void); /* boot CPU */

/* Load CR3, which counts as a flush of this CPU by the TLB clock. */
void tlb_load_cr3(uint64_t cr3);
/* All CPUs, the hypervisor's own entries too: its tables have changed. */
void tlb_flush_hypervisor(void);

#endif
