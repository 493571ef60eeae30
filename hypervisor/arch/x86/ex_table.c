/* SPDX-License-Identifier: MIT */
/*
 * Faults that are expected: pairs of an instruction and where to continue,
 * collected by the linker (asm/asm.h). The table is short and only searched
 * after a fault, so the search is plain.
 */
#include <asm/asm.h>

extern const struct ex_entry ex_table_start[], ex_table_end[];

uintptr_t ex_table_find(uintptr_t ip)
{
    for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++)
        if ((uintptr_t)&e->fault + (intptr_t)e->fault == ip)
            return (uintptr_t)&e->fixup + (intptr_t)e->fixup;
    return 0;
}
