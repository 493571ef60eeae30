/* SPDX-License-Identifier: MIT */
/* Stands in for the change of modes, which tests define themselves. */
#ifndef ASM_PV_MODE_H
#define ASM_PV_MODE_H

struct vcpu;

void pv_enter_kernel(struct vcpu *v);
void pv_enter_user(struct vcpu *v);

#endif
