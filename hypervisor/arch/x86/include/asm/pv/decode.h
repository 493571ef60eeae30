/* SPDX-License-Identifier: MIT */
/*
 * Instruction decoder for the few instructions of a guest that are emulated:
 * stores to page tables, privileged instructions, port I/O. It knows formats,
 * not meanings: the emulators select by opcode. What is not in its tables is
 * refused. Intel SDM vol. 2, "Instruction Format" and "Opcode Map".
 */
#ifndef ASM_PV_DECODE_H
#define ASM_PV_DECODE_H

#include <asm/regs.h>
#include <hv/types.h>

#define INSN_MAX_LEN 15

/* Register numbers as instructions encode them. */
enum insn_seg {
    SEG_ES,
    SEG_CS,
    SEG_SS,
    SEG_DS,
    SEG_FS,
    SEG_GS,
    SEG_DEFAULT
};
#define INSN_NO_REG 0xff

struct insn {
    uint8_t bytes[INSN_MAX_LEN];
    uint8_t nr_bytes; /* fetched; may be more than len */
    uint8_t len;      /* of the whole instruction */

    bool code64; /* 64-bit code segment, else 32-bit */
    bool lock, rep, repne;
    uint8_t seg; /* enum insn_seg; SEG_DEFAULT without a prefix */
    uint8_t rex;
    uint8_t op_size;   /* bytes: 1 for byte forms, else 2, 4 or 8 */
    uint8_t addr_size; /* 4 or 8 (2 is refused) */

    uint16_t opcode; /* 0x00..0xff, 0x0f00..0x0fff */
    bool has_modrm;
    uint8_t modrm;       /* raw */
    uint8_t mod;         /* 3: rm is a register */
    uint8_t reg;         /* REX.R included; & 7 for a group's /digit */
    uint8_t rm;          /* REX.B included; meaningful if mod == 3 */
    uint8_t base, index; /* register numbers or INSN_NO_REG */
    uint8_t scale;       /* 0..3 */
    bool rip_relative;
    int32_t disp;
    uint64_t imm; /* sign-extended to 64 bits */
};

/* Decode from memory: -EOPNOTSUPP unknown or malformed, -ENODATA: nr bytes
 * are not enough (nr < 15). in->bytes etc. are filled. */
int insn_decode(struct insn *in, const void *bytes, unsigned int nr,
                bool code64) MUST_CHECK;

/*
 * The plain forms of what a kernel most often has emulated, from the first
 * eight bytes of 64-bit code: IN and OUT, CLI and STI, CLTS, WBINVD, RDMSR,
 * WRMSR, RDTSC, CPUID, RDTSCP, XSETBV, MOV of control and debug registers. The
 * fields that these have are set, no others. False: decode it in full.
 */
bool insn_decode_plain(struct insn *in, uint64_t bytes) MUST_CHECK;

/*
 * Fetch from the current guest's linear address and decode, reading no page
 * beyond the instruction. -EFAULT: *fault_va (if not NULL) is the address that
 * could not be read.
 */
int insn_fetch(struct insn *in, unsigned long linear, bool code64,
               unsigned long *fault_va) MUST_CHECK;

/* Offset of the memory operand inside its segment (mod != 3), truncated to
 * the address size. regs->rip is the instruction's own. */
uint64_t insn_mem_offset(const struct insn *in, const struct cpu_regs *regs);
/* The segment of the memory operand: prefix, or SS for rsp/rbp bases, or DS. */
enum insn_seg insn_mem_seg(const struct insn *in);
/* Linear address in 64-bit code: bases of FS and GS count, others are 0. */
uint64_t insn_mem_linear(const struct insn *in, const struct cpu_regs *regs,
                         uint64_t fs_base, uint64_t gs_base);

/* A general register by number 0..15 in the frame. */
uint64_t *insn_reg(struct cpu_regs *regs, unsigned int nr);
uint64_t insn_reg_value(const struct cpu_regs *regs, unsigned int nr);
/* Register operand of size bytes (1: AH..BH without a REX prefix). */
uint64_t insn_reg_read(const struct insn *in, const struct cpu_regs *regs,
                       unsigned int nr, unsigned int size);
/* The same written: 4 bytes clear the upper half, 1 and 2 leave the rest. */
void insn_reg_write(const struct insn *in, struct cpu_regs *regs,
                    unsigned int nr, unsigned int size, uint64_t value);

#endif
