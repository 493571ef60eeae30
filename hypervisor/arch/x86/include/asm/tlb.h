/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes beyond those of hv/arch.h.
 */
#ifndef ASM_TLB_H
#define ASM_TLB_H

#include <hv/cpumask.h>
#include <hv/types.h>

void tlb_init(void); /* boot CPU */

/* Load CR3, which counts as a flush of this CPU by the TLB clock. */
void tlb_load_cr3(uint64_t cr3);
/* All CPUs, the hypervisor's own entries too: its tables have changed. */
void tlb_flush_hypervisor(void);

/* What one CPU asks of another; each does what those before it do, and more. */
enum tlb_what {
    TLB_ONE_PAGE,
    TLB_GUEST_ENTRIES,
    TLB_ALL_ENTRIES
};
struct tlb_request {
    enum tlb_what what;
    unsigned long va; /* TLB_ONE_PAGE */
};
/* tlb.c: here. Interrupts off, unless r is the caller's own. */
void tlb_carry_out(const struct tlb_request *r);

/* tlb_request.c. Ask others, which this CPU is not among, and wait until they
 * have done it. Interrupts on. */
void tlb_request_send(const cpumask_t *others, const struct tlb_request *r);
/* Do what others ask of this CPU; from the interrupt. */
void tlb_request_serve(void);

#endif
