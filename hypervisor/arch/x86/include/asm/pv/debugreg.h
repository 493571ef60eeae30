/* SPDX-License-Identifier: MIT */
/*
 * Debug registers of guests: breakpoints on the guest's own addresses only,
 * live while the vcpu runs.
 */
#ifndef ASM_PV_DEBUGREG_H
#define ASM_PV_DEBUGREG_H

#include <asm/regs.h>
#include <hv/types.h>

struct vcpu;

/* #DB in the guest; interrupts off. */
void pv_debug_exception(struct vcpu *v, struct cpu_regs *regs);
/* -EPERM: an address of the hypervisor; -EINVAL; 0. Live if v is current. */
int pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t value);
uint64_t pv_get_debugreg(const struct vcpu *v, unsigned int reg);
/* Registers of this CPU := v's / none. Cheap when no breakpoint is active. */
void pv_load_debugregs(const struct vcpu *v);
void pv_clear_debugregs(const struct vcpu *v);

#endif
