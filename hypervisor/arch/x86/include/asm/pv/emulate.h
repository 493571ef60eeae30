/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions and port I/O of guests, by the instruction decoder.
 */
#ifndef ASM_PV_EMULATE_H
#define ASM_PV_EMULATE_H

#include <asm/pv/decode.h>
#include <asm/regs.h>

struct domain;
struct vcpu;

/* #GP resp. #UD in a guest: emulate, or raise it there. */
void pv_guest_gp(struct vcpu *v, struct cpu_regs *regs);
void pv_guest_ud(struct vcpu *v, struct cpu_regs *regs);

/* #UD with half of the registers: bounced, or to be looked at. */
enum fault_way pv_fault_ud(struct vcpu *v, struct cpu_regs *regs);

/* What became of an instruction. */
enum emul {
    EMUL_NEXT, /* done: go on behind it */
    EMUL_STAY, /* rip is right already, or an exception was raised */
    EMUL_GP,   /* not allowed */
};

struct emul_ctx {
    struct vcpu *v;
    struct cpu_regs *regs;
    struct insn in;
};

/* emul_io.c: opcodes 6c..6f, e4..e7, ec..ef. */
enum emul emul_in(struct emul_ctx *c);
enum emul emul_out(struct emul_ctx *c);
enum emul emul_ins(struct emul_ctx *c);
enum emul emul_outs(struct emul_ctx *c);
/* May the guest's present mode execute I/O and CLI/STI on its own account? */
bool emul_iopl_ok(const struct vcpu *v);

/* emul_msr.c: false: #GP. */
bool emul_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
bool emul_msr_write(struct vcpu *v, uint32_t msr, uint64_t value);

/* ioport.c: the ports of the machine as d sees them; size 1, 2 or 4. Ports
 * that are not d's read as ones, and writes to them are dropped. */
uint32_t ioport_read(struct domain *d, uint16_t port, unsigned int size);
void ioport_write(struct domain *d, uint16_t port, unsigned int size,
                  uint32_t value);

#endif
