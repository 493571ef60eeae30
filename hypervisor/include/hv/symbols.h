/* SPDX-License-Identifier: MIT */
/*
 * Names of functions by address, for backtraces.
 */
#ifndef HV_SYMBOLS_H
#define HV_SYMBOLS_H

#include <hv/types.h>

struct symbol {
    const char *name;
    uintptr_t offset; /* of the address from the function's start */
};

/* False: addr is not in the hypervisor's code. */
bool symbol_find(uintptr_t addr, struct symbol *out);

/* In the order of addresses; numbers begin with 0. */
uint32_t symbol_total(void);
bool symbol_by_number(uint32_t nr, uintptr_t *addr, struct symbol *out);

#endif
