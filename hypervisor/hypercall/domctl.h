/* SPDX-License-Identifier: MIT */
/*
 * domctl in several files. A handler gets a copy of the operation that the
 * caller's structure is replaced with if the result is 0, and the domain with
 * a reference; NULL for the operations that name none.
 */
#ifndef HYPERCALL_DOMCTL_H
#define HYPERCALL_DOMCTL_H

#include <hv/domain.h>
#include <hv/guest_access.h>

#include <public/domctl.h>

typedef long (*domctl_fn)(struct xen_domctl *op, struct domain *d);

void domctl_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

long domctl_setvcpucontext(struct xen_domctl *op, struct domain *d);
long domctl_getvcpucontext(struct xen_domctl *op, struct domain *d);
long domctl_getvcpuinfo(struct xen_domctl *op, struct domain *d);
long domctl_max_vcpus(struct xen_domctl *op, struct domain *d);
long domctl_sendtrigger(struct xen_domctl *op, struct domain *d);
/* domctl_refused.c */
long domctl_refused(uint32_t cmd);
long domctl_shadow_op(struct xen_domctl *op, struct domain *d);
/* domctl_debug.c */
long domctl_gdbsx_pausevcpu(struct xen_domctl *op, struct domain *d);
long domctl_gdbsx_unpausevcpu(struct xen_domctl *op, struct domain *d);
long domctl_gdbsx_domstatus(struct xen_domctl *op, struct domain *d);
/* vnuma.c */
long domctl_setvnumainfo(struct xen_domctl *op, struct domain *d);
/* domctl_rights.c */
long domctl_irq_permission(struct xen_domctl *op, struct domain *d);
long domctl_iomem_permission(struct xen_domctl *op, struct domain *d);
long domctl_ioport_permission(struct xen_domctl *op, struct domain *d);
long domctl_memory_mapping(struct xen_domctl *op, struct domain *d);
long domctl_set_target(struct xen_domctl *op, struct domain *d);
long domctl_set_virq_handler(struct xen_domctl *op, struct domain *d);
/* sched_ctl.c */
long domctl_setvcpuaffinity(struct xen_domctl *op, struct domain *d);
long domctl_getvcpuaffinity(struct xen_domctl *op, struct domain *d);
long domctl_scheduler_op(struct xen_domctl *op, struct domain *d);

/* Between the ABI's bitmaps of any size and ours. */
int bitmap_from_guest(unsigned long *map, unsigned int nr_bits,
                      const struct xenctl_bitmap *src);
int bitmap_to_guest(const struct xenctl_bitmap *dst, const unsigned long *map,
                    unsigned int nr_bits);

#endif
