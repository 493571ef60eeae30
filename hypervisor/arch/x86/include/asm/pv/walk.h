/* SPDX-License-Identifier: MIT */
/*
 * Reading a guest's page tables the way the processor does, through the direct
 * map. No lock: the answer may be stale by the time it is used, as a TLB entry
 * may be.
 */
#ifndef ASM_PV_WALK_H
#define ASM_PV_WALK_H

#include <asm/page.h>

/*
 * The entry that maps va, 0 if there is none. *rights: P, RW, US as all levels
 * together allow, NX if any forbids. A leaf of a higher level (only in the
 * hypervisor's slots) is turned into the entry of va's 4 KiB.
 */
pte_t pt_walk(mfn_t l4, unsigned long va, uint64_t *rights);

#endif
