/* SPDX-License-Identifier: MIT */
/*
 * Memory of a domain: HYPERVISOR_memory_op, typed. Frames are plain numbers
 * here because that is what the ABI's arrays hold: pfn = the guest's own
 * numbering, mfn = the machine's.
 */
#ifndef LIBS_SYS_MEMORY_H
#define LIBS_SYS_MEMORY_H

#include <stdint.h>

#include <public/xen.h>

#include <public/memory.h>

#include "libs/sys/sys.h"

/* One E820 line as set_memory_map and memory_map carry it: 20 bytes. */
struct sys_e820 {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));
#define SYS_E820_RAM      1
#define SYS_E820_RESERVED 2

/*
 * Give domid nr extents of 2^order pages. frames[] in: first pfn of each; out:
 * first mfn of each. Returns how many extents were given; fewer than nr when
 * memory is short (the rest of frames[] is untouched). nr is cut into calls of
 * a bounded size.
 */
long sys_populate_physmap(struct sys *sys, uint32_t domid, xen_pfn_t *frames,
                          unsigned long nr, unsigned int order,
                          unsigned int mem_flags);
/* Take extents (first mfns) back from domid. Returns how many. */
long sys_decrease_reservation(struct sys *sys, uint32_t domid,
                              const xen_pfn_t *mfns, unsigned long nr,
                              unsigned int order);
/* Set aside nr_pages for domid before populating; 0 drops the rest. */
int sys_claim_pages(struct sys *sys, uint32_t domid, uint64_t nr_pages);
int sys_set_memory_map(struct sys *sys, uint32_t domid,
                       const struct sys_e820 *map, unsigned int nr);

/* Highest mfn of the machine; pages domid has; may have; its highest pfn. */
long sys_maximum_ram_page(struct sys *sys);
long sys_current_reservation(struct sys *sys, uint32_t domid);
long sys_maximum_reservation(struct sys *sys, uint32_t domid);
long sys_maximum_gpfn(struct sys *sys, uint32_t domid);

/*
 * Frames of the machine-to-physical table, first of each 2 MiB; map them with
 * domid DOMID_XEN, read only. Returns how many entries were filled.
 */
long sys_machphys_mfn_list(struct sys *sys, xen_pfn_t *mfns, unsigned int max);

/*
 * How many frames a resource has (XENMEM_resource_x); the frames themselves
 * are mapped by sys_resource_map() in foreign.h.
 */
long sys_resource_size(struct sys *sys, uint32_t domid, uint16_t type,
                       uint32_t id);

#endif
