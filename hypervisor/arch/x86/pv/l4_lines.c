/* SPDX-License-Identifier: MIT */
/*
 * Copies of L4 tables, in proportion to their entries (asm/pv/isolation.h).
 */
#include <asm/pv/isolation.h>

#include <hv/lib.h>

/* Lines of the hypervisor's slots: nobody's to copy. */
#define HV_LINES \
    (1UL << HV_SLOT_LAST / L4_LINE_ENTRIES) /* 32 stands for line 0 */

uint64_t l4_lines(const pte_t *l4)
{
    uint64_t lines = 0;

    for (unsigned int i = 0; i < PT_ENTRIES; i += L4_LINE_ENTRIES) {
        const pte_t *e = &l4[i];

        if (i >= HV_SLOT_FIRST && i <= HV_SLOT_LAST)
            continue;
        if ((e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) & PTE_P)
            lines |= l4_line_bit(i);
    }
    return lines;
}

/* Whole words, each at once: a processor may walk the copy meanwhile. */
static void copy_line(pte_t *to, const pte_t *from)
{
    /* Two addresses, not sixteen: the compiler cannot see through this. */
    __asm__("" : "+r"(to), "+r"(from));
#pragma GCC unroll 8
    for (unsigned int i = 0; i < L4_LINE_ENTRIES; i++)
        WRITE_ONCE(to[i], READ_ONCE(from[i]));
}

void l4_copy_lines(pte_t *copy, const pte_t *l4, uint64_t lines, uint64_t had)
{
    uint64_t todo = (lines | had) & ~HV_LINES;

    for (; todo; todo &= todo - 1) {
        unsigned int line = (unsigned int)__builtin_ctzl(todo);

        if (line == HV_SLOT_FIRST / L4_LINE_ENTRIES)
            line = 0;
        copy_line(&copy[line * L4_LINE_ENTRIES], &l4[line * L4_LINE_ENTRIES]);
    }
}
