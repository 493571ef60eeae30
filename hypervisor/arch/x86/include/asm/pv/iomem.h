/* SPDX-License-Identifier: MIT */
/*
 * Frames that are not ordinary RAM: who may map them, and how.
 * arch_iomem_permitted() is in hv/arch.h.
 */
#ifndef ASM_PV_IOMEM_H
#define ASM_PV_IOMEM_H

#include <hv/types.h>

struct domain;

/* Boot: keep frames from every domain, or let them only be read. */
void iomem_deny(mfn_t first, uint64_t nr);
void iomem_read_only(mfn_t first, uint64_t nr);
bool iomem_is_read_only(mfn_t m);
/* Frame may be cached as memory: firmware tables. */
bool iomem_is_memory(mfn_t m);
/* An address that this processor can name, RAM or not. */
bool mfn_is_addressable(mfn_t m);
/* Boot, once APICs, HPET and memory map are known. */
void iomem_init(void);

/* Ranges that no domain may map, for the map dom0 gets (machine_memory_map):
 * i-th range; false: no such. */
bool iomem_denied_range(unsigned int i, mfn_t *first, uint64_t *nr);

#endif
