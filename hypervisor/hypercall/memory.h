/* SPDX-License-Identifier: MIT */
/*
 * memory_op in several files: reservations, exchange, tables of the machine.
 * Handlers return what the hypercall returns; start is what a preempted
 * operation goes on with (0: it begins).
 */
#ifndef HYPERCALL_MEMORY_H
#define HYPERCALL_MEMORY_H

#include <hv/guest_access.h>

#define MEMOP_CMD_BITS 6
#define MEMOP_CMD_MASK ((1UL << MEMOP_CMD_BITS) - 1)

struct domain;

/* The domain that operation XENMEM_* names, with a reference, if the caller may
 * do it to that one. NULL with *rc set otherwise. */
struct domain *memop_target(unsigned int op, uint16_t domid, long *rc);
/* The allocator's flags for XENMEMF_*. */
unsigned int memop_alloc_flags(unsigned int mem_flags);
/* Largest order the caller may ask for. */
unsigned int memop_max_order(void);

long memop_increase(guest_va_t arg, unsigned long start);
long memop_decrease(guest_va_t arg, unsigned long start);
long memop_populate(guest_va_t arg, unsigned long start);
long memop_exchange(guest_va_t arg, unsigned long start);
long memop_machphys_list(guest_va_t arg, unsigned long start);
long memop_machphys_mapping(guest_va_t arg, unsigned long start);
long memop_memory_map(guest_va_t arg, unsigned long start);
long memop_machine_memory_map(guest_va_t arg, unsigned long start);
long memop_set_memory_map(guest_va_t arg, unsigned long start);
long memop_get_vnumainfo(guest_va_t arg, unsigned long start);
long memop_acquire_resource(guest_va_t arg, unsigned long start);

#endif
