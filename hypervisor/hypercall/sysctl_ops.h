/* SPDX-License-Identifier: MIT */
/*
 * Operations of sysctl that have files of their own. The caller is the control
 * domain; op is a copy, written back unless the result is an error.
 */
#ifndef HYPERCALL_SYSCTL_OPS_H
#define HYPERCALL_SYSCTL_OPS_H

#include <public/sysctl.h>

long sysctl_availheap(struct xen_sysctl *op);
long sysctl_numainfo(struct xen_sysctl *op);
long sysctl_offline_frames(struct xen_sysctl *op);
/* sysctl_refused.c */
long sysctl_pcitopoinfo(struct xen_sysctl *op);
long sysctl_refused(uint32_t cmd);

/* sysctl_pm.c */
long sysctl_get_pmstat(struct xen_sysctl *op);
long sysctl_pm_op(struct xen_sysctl *op);

long sysctl_tbuf_op(struct xen_sysctl *op);
long sysctl_perfc_op(struct xen_sysctl *op);
long sysctl_lockprof_op(struct xen_sysctl *op);

#endif
