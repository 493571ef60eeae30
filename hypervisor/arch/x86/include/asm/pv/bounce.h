/* SPDX-License-Identifier: MIT */
/*
 * Entering the guest kernel of the current vcpu: exceptions, upcalls, system
 * calls. The frame that it finds is drawn in docs/entry.md.
 */
#ifndef ASM_PV_BOUNCE_H
#define ASM_PV_BOUNCE_H

#include <asm/irqflags.h>
#include <asm/regs.h>
#include <asm/traps.h>
#include <hv/types.h>

/* The flags that a guest may set by itself. */
#define RFLAGS_GUEST                                                         \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | \
     RFLAGS_DF | RFLAGS_OF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

struct vcpu;

struct bounce {
    uint64_t rip; /* 0: the guest has no handler; the domain is crashed */
    uint32_t error_code;
    bool has_error;
    bool masks_events; /* evtchn_upcall_mask is 1 on entry */
    bool clears_df;
};

/* Build the frame on the guest kernel's stack and direct the vcpu to b->rip.
 * False: impossible; the domain was crashed, the vcpu must not run. */
bool pv_bounce(struct vcpu *v, const struct bounce *b);

/* Raise vector in the current guest, as the processor would. */
#define PV_NO_ERROR (-1L)
void pv_inject_exception(unsigned int vector, long error_code);
/* pfec as from the processor; its U bit is recomputed. */
void pv_inject_page_fault(uint32_t pfec, unsigned long cr2);

/* A #UD that is the guest's own; half of the registers are in regs. */
enum fault_way pv_bounce_ud(struct vcpu *v, struct cpu_regs *regs);

/* What waits for the current vcpu: machine checks, NMIs, events. */
void pv_deliver_pending(struct vcpu *v);

/* SYSCALL and SYSENTER of a guest's program. */
void pv_syscall(struct vcpu *v, struct cpu_regs *regs);

/* stack_switch: where frames go. A stack that must not be used is accepted:
 * the first frame will find it out. */
void pv_set_kernel_stack(struct vcpu *v, uint64_t ss, uint64_t sp);

/* Selectors could not be reloaded: tell the guest's failsafe callback. sel: as
 * they were, ds es fs gs. */
void pv_failsafe(struct vcpu *v, const uint16_t sel[4]);

#endif
