/* SPDX-License-Identifier: MIT */
/*
 * domctl operations of the machine in files of their own; the table is in
 * pv/domctl.c.
 */
#ifndef ASM_PV_VCPU_STATE_H
#define ASM_PV_VCPU_STATE_H

struct domain;
struct xen_domctl;

/* vcpu_state.c */
long domctl_getvcpuextstate(struct xen_domctl *op, struct domain *d);
long domctl_setvcpuextstate(struct xen_domctl *op, struct domain *d);
long domctl_get_vcpu_msrs(struct xen_domctl *op, struct domain *d);
long domctl_set_vcpu_msrs(struct xen_domctl *op, struct domain *d);
/* guest_memory.c */
long domctl_gdbsx_guestmemio(struct xen_domctl *op, struct domain *d);

#endif
