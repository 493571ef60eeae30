/* SPDX-License-Identifier: MIT */
/*
 * How much memory the control domain gets: the option dom0_mem=.
 */
#ifndef PV_DOM0_MEM_H
#define PV_DOM0_MEM_H

#include <hv/types.h>

/* Frames at its start, of nr_total in the machine and nr_free of them free,
 * initrd_pages of which are wanted twice for a while. At most what is free. */
uint64_t dom0_mem_pages(uint64_t nr_total, uint64_t nr_free,
                        uint64_t initrd_pages);
/* How far it may grow later; at least what it has. */
uint64_t dom0_mem_limit(uint64_t nr_total, uint64_t nr_now);

#endif
