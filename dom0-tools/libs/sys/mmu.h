/* SPDX-License-Identifier: MIT */
/*
 * Page-table operations on another domain's frames: HYPERVISOR_mmuext_op and
 * the machine-to-physical side of HYPERVISOR_mmu_update.
 */
#ifndef LIBS_SYS_MMU_H
#define LIBS_SYS_MMU_H

#include <stdint.h>

#include <public/xen.h>

#include "libs/sys/sys.h"

/* All of ops in order, for domid. -errno of the first that failed. */
int sys_mmuext_op(struct sys *sys, const struct mmuext_op *ops, unsigned int nr,
                  uint32_t domid);
/* Validate mfn and all below it as domid's level-4 page table; unpin undoes. */
int sys_pin_l4(struct sys *sys, uint32_t domid, xen_pfn_t mfn);
int sys_unpin_table(struct sys *sys, uint32_t domid, xen_pfn_t mfn);
int sys_clear_page(struct sys *sys, uint32_t domid, xen_pfn_t mfn);
int sys_copy_page(struct sys *sys, uint32_t domid, xen_pfn_t dst_mfn,
                  xen_pfn_t src_mfn);

/* m2p[mfns[i]] = pfns[i] for frames owned by domid. */
int sys_m2p_update(struct sys *sys, uint32_t domid, const xen_pfn_t *mfns,
                   const xen_pfn_t *pfns, unsigned int nr);

#endif
