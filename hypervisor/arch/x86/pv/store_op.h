/* SPDX-License-Identifier: MIT */
/*
 * What an instruction that writes memory computes: its new value from the old
 * one. Pure; the place is the caller's business (ptwr.c).
 */
#ifndef PV_STORE_OP_H
#define PV_STORE_OP_H

#include <asm/pv/decode.h>

struct store_op {
    unsigned int kind; /* private */
    unsigned int size; /* bytes: 1, 2, 4, 8 */
    uint64_t src;
    uint64_t linear; /* of the memory operand, DS base 0 */
};

/* False: not a store that is known here. */
bool store_op_parse(struct store_op *op, const struct insn *in,
                    const struct cpu_regs *regs);
/* A plain store, which does not look at the old value. */
bool store_op_is_mov(const struct store_op *op);

/*
 * The result for memory in *mem (old value in, new value out), registers and
 * flags in *regs. False: memory is not written (a compare failed). rip is left
 * alone.
 */
bool store_op_apply(const struct store_op *op, const struct insn *in,
                    struct cpu_regs *regs, uint64_t *mem);

#endif
