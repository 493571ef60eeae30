/* SPDX-License-Identifier: MIT */
/*
 * The grant operations, by file.
 */
#ifndef HYPERCALL_GRANT_OPS_H
#define HYPERCALL_GRANT_OPS_H

#include <hv/guest_access.h>
#include <hv/types.h>

struct unmap_request {
    uint64_t host_addr, dev_bus_addr, new_addr;
    uint32_t handle;
};

long gnttab_map(guest_va_t uop, unsigned int count);
long gnttab_unmap(guest_va_t uop, unsigned int count, bool replace);
long gnttab_copy(guest_va_t uop, unsigned int count);
/* Go on later with the rest of the array. */
long gnttab_continue(unsigned int cmd, guest_va_t rest, unsigned int count);

#endif
