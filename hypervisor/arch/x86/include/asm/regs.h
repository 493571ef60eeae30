/* SPDX-License-Identifier: MIT */
/*
 * The register frame that entry code pushes, lowest address first. Same order
 * as the ABI's cpu_user_regs up to ss.
 */
#ifndef ASM_REGS_H
#define ASM_REGS_H

#include <hv/types.h>

struct cpu_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint32_t error_code;
    uint32_t entry_vector;
    uint64_t rip;
    uint64_t cs; /* low 16 bits */
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};
_Static_assert(sizeof(struct cpu_regs) == 168, "entry.S and ABI depend on it");

static inline bool regs_from_guest(const struct cpu_regs *r)
{
    return (r->cs & 3) != 0;
}

#endif
