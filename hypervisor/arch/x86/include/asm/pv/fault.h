/* SPDX-License-Identifier: MIT */
/*
 * Page faults that are not a guest's own business.
 */
#ifndef ASM_PV_FAULT_H
#define ASM_PV_FAULT_H

#include <asm/guest_store.h>
#include <asm/regs.h>
#include <hv/domain.h>
#include <asm/traps.h>
#include <hv/types.h>

/* False: it is the guest's own, for sure. Else pv_fixup_guest_fault() is to
 * look. */
static inline bool pfec_may_be_page_table(const struct vcpu *v, uint32_t pfec)
{
    return (pfec & (PFEC_P | PFEC_W | PFEC_RSVD)) == (PFEC_P | PFEC_W) &&
           v->arch.kernel_mode;
}
static inline bool pv_fault_needs_care(const struct vcpu *v, uint32_t pfec,
                                       unsigned long addr)
{
    return unlikely(in_hv_slots(addr)) ||
           unlikely(pfec_may_be_page_table(v, pfec));
}

/* Fault at addr in guest code resp. in the hypervisor: true if its cause is
 * removed (or the instruction was emulated) and execution goes on. */
bool pv_fixup_guest_fault(struct vcpu *v, struct cpu_regs *regs,
                          unsigned long addr);
bool pv_fixup_hv_fault(struct cpu_regs *regs, unsigned long addr);

/* What a guest must be told about a fault at addr: an address of the LDT window
 * stands for one of its LDT. */
unsigned long pv_guest_fault_address(const struct vcpu *v, unsigned long addr);

/* The guest kernel wrote to a page table: emulate the write (ptwr.c). */
bool pv_ptwr_fault(struct vcpu *v, unsigned long addr, struct cpu_regs *regs);
/* The live page tables permit the access by now: a stale TLB entry. pfec as
 * from the processor (spurious_fault.c). */
bool pv_spurious_fault(struct vcpu *v, unsigned long addr, uint32_t pfec);
/* Page nr of v's LDT window is missing: map the guest's LDT page there. False:
 * beyond the LDT, or not a page that can be one. */
bool pv_ldt_fault(struct vcpu *v, unsigned int nr);

#endif
