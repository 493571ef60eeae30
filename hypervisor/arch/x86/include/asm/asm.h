/* SPDX-License-Identifier: MIT */
/*
 * For assembly files and inline assembly: function markers and the table of
 * faults that are expected.
 */
#ifndef ASM_ASM_H
#define ASM_ASM_H

#ifdef __ASSEMBLY__

/* clang-format off */
#define FUNC(name)                                                             \
    .globl name;                                                               \
    .hidden name;                                                              \
    .type name, @function;                                                     \
    .balign 16;                                                                \
    name:
#define END(name) .size name, . - name

/* A fault at label `from` continues at label `to`. */
#define EX_TABLE(from, to)                                                     \
    .pushsection .ex_table, "a";                                               \
    .balign 4;                                                                 \
    .long from - .;                                                            \
    .long to - .;                                                              \
    .popsection
/* clang-format on */

#else

#include <hv/types.h>

/* Inside asm(): a fault at `from` continues at `to` (labels as strings). */
#define EX_TABLE(from, to)            \
    ".pushsection .ex_table, \"a\"\n" \
    ".balign 4\n"                     \
    ".long " from " - .\n"            \
    ".long " to " - .\n"              \
    ".popsection\n"

/* Both fields are relative to their own address. */
struct ex_entry {
    int32_t fault, fixup;
};

/* Where to go on after a fault at ip, 0 if none was expected there. */
uintptr_t ex_table_find(uintptr_t ip);

#endif
#endif
