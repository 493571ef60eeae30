/* SPDX-License-Identifier: MIT */
/*
 * Meaning of the storing instructions of the decoder's tables. Intel SDM
 * vol. 2, "Instruction Set Reference".
 */
#include "store_op.h"

#include <hv/lib.h>

#include <asm/x86.h>

enum kind {
    K_NONE,
    /* In the order of the opcodes' bits 5:3. */
    K_ADD,
    K_OR,
    K_AND,
    K_SUB,
    K_XOR,
    K_MOV,
    K_XCHG,
    K_CMPXCHG,
    K_XADD,
    K_NOT,
    K_NEG,
    K_INC,
    K_DEC,
    K_BTS,
    K_BTR,
    K_BTC,
};

#define FLAGS_ARITH \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/* By /digit of the group: 80, 81, 83 - F6, F7 - FE, FF - 0F BA. */
static const uint8_t group1[8] = {K_ADD, K_OR,  K_NONE, K_NONE,
                                  K_AND, K_SUB, K_XOR,  K_NONE};
static const uint8_t group3[8] = {[2] = K_NOT, [3] = K_NEG};
static const uint8_t group45[8] = {[0] = K_INC, [1] = K_DEC};
static const uint8_t group8[8] = {[5] = K_BTS, [6] = K_BTR, [7] = K_BTC};

static unsigned int kind_of(const struct insn *in)
{
    unsigned int digit = in->reg & 7;

    switch (in->opcode) {
    case 0x00 ... 0x3f:
        return group1[in->opcode >> 3];
    case 0x80:
    case 0x81:
    case 0x83:
        return group1[digit];
    case 0x86:
    case 0x87:
        return K_XCHG;
    case 0x88:
    case 0x89:
    case 0xaa:
    case 0xab:
    case 0x0fc3:
        return K_MOV;
    case 0xc6:
    case 0xc7:
        return digit ? K_NONE : K_MOV;
    case 0xf6:
    case 0xf7:
        return group3[digit];
    case 0xfe:
    case 0xff:
        return group45[digit];
    case 0x0fab:
        return K_BTS;
    case 0x0fb3:
        return K_BTR;
    case 0x0fbb:
        return K_BTC;
    case 0x0fba:
        return group8[digit];
    case 0x0fb0:
    case 0x0fb1:
        return K_CMPXCHG;
    case 0x0fc0:
    case 0x0fc1:
        return K_XADD;
    default:
        return K_NONE;
    }
}

static bool has_immediate(uint16_t opcode)
{
    return (opcode >= 0x80 && opcode <= 0x83) || opcode == 0xc6 ||
           opcode == 0xc7 || opcode == 0x0fba;
}

static uint64_t truncate(uint64_t v, unsigned int size)
{
    return size == 8 ? v : v & ((1UL << (8 * size)) - 1);
}

/* The register form of a bit operation reaches beyond its operand. */
static void locate_bit(struct store_op *op, const struct insn *in)
{
    unsigned int bits = op->size * 8;
    int64_t n = (int64_t)(op->src << (64 - bits)) >> (64 - bits);

    if (in->opcode != 0x0fba)
        op->linear += (uint64_t)((n >> (op->size == 8   ? 6
                                        : op->size == 4 ? 5
                                                        : 4)) *
                                 op->size);
    op->src = (uint64_t)n & (bits - 1);
}

bool store_op_parse(struct store_op *op, const struct insn *in,
                    const struct cpu_regs *regs)
{
    bool stos = in->opcode == 0xaa || in->opcode == 0xab;

    op->kind = kind_of(in);
    op->size = in->op_size;
    if (op->kind == K_NONE || in->seg == SEG_FS || in->seg == SEG_GS)
        return false;
    if (stos) {
        if (in->rep || in->repne || in->addr_size != 8)
            return false;
        op->src = truncate(regs->rax, op->size);
        op->linear = regs->rdi;
        return true;
    }
    if (in->mod == 3)
        return false;
    op->src = has_immediate(in->opcode)
                  ? truncate(in->imm, op->size)
                  : insn_reg_read(in, regs, in->reg, op->size);
    op->linear = insn_mem_linear(in, regs, 0, 0);
    if (op->kind >= K_BTS)
        locate_bit(op, in);
    return true;
}

bool store_op_is_mov(const struct store_op *op)
{
    return op->kind == K_MOV;
}

static uint64_t sign_bit(unsigned int size)
{
    return 1UL << (8 * size - 1);
}

/* ZF, SF, PF of a result. */
static uint64_t flags_of(uint64_t r, unsigned int size)
{
    uint64_t f = 0;

    if (!r)
        f |= RFLAGS_ZF;
    if (r & sign_bit(size))
        f |= RFLAGS_SF;
    if (!(__builtin_popcountl(r & 0xff) & 1))
        f |= RFLAGS_PF;
    return f;
}

/* a + b = r: carries out of every bit are in the majority of a, b, ~r. */
static uint64_t carry_flags(uint64_t a, uint64_t b, uint64_t r, bool sub,
                            unsigned int size)
{
    uint64_t carries =
        sub ? (~a & b) | (~(a ^ b) & r) : (a & b) | ((a | b) & ~r);
    uint64_t overflow = sub ? (a ^ b) & (a ^ r) : (a ^ r) & (b ^ r);
    uint64_t f = flags_of(r, size);

    if (carries & sign_bit(size))
        f |= RFLAGS_CF;
    if (carries & 8)
        f |= RFLAGS_AF;
    if (overflow & sign_bit(size))
        f |= RFLAGS_OF;
    return f;
}

static void set_flags(struct cpu_regs *regs, uint64_t which, uint64_t value)
{
    regs->rflags = (regs->rflags & ~which) | (value & which);
}

static uint64_t add(const struct store_op *op, struct cpu_regs *regs,
                    uint64_t a, uint64_t b, uint64_t which)
{
    uint64_t r = truncate(a + b, op->size);

    set_flags(regs, which, carry_flags(a, b, r, false, op->size));
    return r;
}

static uint64_t sub(const struct store_op *op, struct cpu_regs *regs,
                    uint64_t a, uint64_t b, uint64_t which)
{
    uint64_t r = truncate(a - b, op->size);

    set_flags(regs, which, carry_flags(a, b, r, true, op->size));
    return r;
}

static uint64_t logic(const struct store_op *op, struct cpu_regs *regs,
                      uint64_t r)
{
    set_flags(regs, FLAGS_ARITH, flags_of(r, op->size));
    return r;
}

static uint64_t bit_op(const struct store_op *op, struct cpu_regs *regs,
                       uint64_t old)
{
    uint64_t bit = 1UL << op->src;

    set_flags(regs, RFLAGS_CF, old & bit ? RFLAGS_CF : 0);
    if (op->kind == K_BTS)
        return old | bit;
    return op->kind == K_BTR ? old & ~bit : old ^ bit;
}

bool store_op_apply(const struct store_op *op, const struct insn *in,
                    struct cpu_regs *regs, uint64_t *mem)
{
    uint64_t old = *mem, acc;

    switch (op->kind) {
    case K_ADD:
        *mem = add(op, regs, old, op->src, FLAGS_ARITH);
        return true;
    case K_SUB:
        *mem = sub(op, regs, old, op->src, FLAGS_ARITH);
        return true;
    case K_OR:
        *mem = logic(op, regs, old | op->src);
        return true;
    case K_AND:
        *mem = logic(op, regs, old & op->src);
        return true;
    case K_XOR:
        *mem = logic(op, regs, old ^ op->src);
        return true;
    case K_MOV:
        *mem = op->src;
        if (in->opcode == 0xaa || in->opcode == 0xab)
            regs->rdi +=
                regs->rflags & RFLAGS_DF ? -(uint64_t)op->size : op->size;
        return true;
    case K_XCHG:
        *mem = op->src;
        insn_reg_write(in, regs, in->reg, op->size, old);
        return true;
    case K_CMPXCHG:
        acc = truncate(regs->rax, op->size);
        (void)sub(op, regs, acc, old, FLAGS_ARITH);
        if (acc != old) {
            insn_reg_write(in, regs, 0, op->size, old);
            return false;
        }
        *mem = op->src;
        return true;
    case K_XADD:
        *mem = add(op, regs, old, op->src, FLAGS_ARITH);
        insn_reg_write(in, regs, in->reg, op->size, old);
        return true;
    case K_NOT:
        *mem = truncate(~old, op->size);
        return true;
    case K_NEG:
        *mem = sub(op, regs, 0, old, FLAGS_ARITH);
        return true;
    case K_INC:
        *mem = add(op, regs, old, 1, FLAGS_ARITH & ~RFLAGS_CF);
        return true;
    case K_DEC:
        *mem = sub(op, regs, old, 1, FLAGS_ARITH & ~RFLAGS_CF);
        return true;
    default: /* bit operations */
        *mem = bit_op(op, regs, old);
        return true;
    }
}
