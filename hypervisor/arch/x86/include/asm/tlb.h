/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes: set-up. The functions themselves are in hv/arch.h.
 */
#ifndef ASM_TLB_H
#define ASM_TLB_H

void tlb_init(void); /* boot CPU */

#endif
