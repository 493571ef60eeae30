/* SPDX-License-Identifier: MIT */
/*
 * Map frames of another domain by number, or a resource the hypervisor holds
 * for it. For the builder, save and restore, and as the daemons' fall-back.
 */
#ifndef LIBS_SYS_FOREIGN_H
#define LIBS_SYS_FOREIGN_H

#include <stdint.h>

#include <public/xen.h>

#include "libs/sys/sys.h"

/*
 * Map mfns[0..nr) of domid side by side. errs == NULL: all or nothing, the
 * first failure is returned. errs != NULL: each frame's result (0 or -errno)
 * goes there and the call succeeds if the mapping as such did; a failed
 * frame's page must not be touched.
 */
int sys_foreign_map(struct sys *sys, uint32_t domid, int prot,
                    const xen_pfn_t *mfns, unsigned long nr, int *errs,
                    void **addr);
int sys_foreign_unmap(void *addr, unsigned long nr);

/* XENMEM_resource_x, frames [frame, frame + nr). Unmap as above. */
int sys_resource_map(struct sys *sys, uint32_t domid, uint32_t type,
                     uint32_t id, uint32_t frame, unsigned long nr, int prot,
                     void **addr);

#endif
