/* SPDX-License-Identifier: MIT */
/*
 * A guest kernel runs in ring 3, so its privileged instructions raise #GP, and
 * are done here on its behalf; one table says which. CPUID does not fault by
 * itself: the kernel marks it with a prefix that raises #UD.
 */
#include <asm/pv/emulate.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/trace.h>

#include <asm/context.h>
#include <asm/fpu.h>
#include <asm/guest_store.h>
#include <asm/pv/bounce.h>
#include <asm/pv/cpuid.h>
#include <asm/pv/debugreg.h>
#include <asm/pv/desc.h>
#include <asm/x86.h>

#define DR6_BS       (1U << 14)
#define MODRM_XSETBV 0xd1
#define MODRM_RDTSCP 0xf9
#define DESC_L       (1UL << 53)
#define PFEC_FETCH   PFEC_ID

static const char forced_prefix[5] = {0x0f, 0x0b, 'x', 'e', 'n'};
static const char cpuid_opcode[2] = {0x0f, (char)0xa2};

/* ---- control registers ---- */

static uint64_t guest_cr0(const struct vcpu *v)
{
    return (read_cr0() & ~CR0_TS) | (v->arch.cr0_ts ? CR0_TS : 0);
}

static uint64_t guest_cr4(const struct vcpu *v)
{
    return (read_cr4() & (CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT)) |
           v->arch.cr4;
}

/* Bits that are not the guest's are ignored. */
static void set_guest_cr4(struct vcpu *v, uint64_t value)
{
    v->arch.cr4 = value & vcpu_cr4_settable(v);
    write_cr4(vcpu_live_cr4(v));
}

static enum emul emul_mov_from_cr(struct emul_ctx *c)
{
    struct vcpu *v = c->v;
    uint64_t value;

    switch (c->in.reg) {
    case 0:
        value = guest_cr0(v);
        break;
    case 2:
        value = v->vcpu_info->arch.cr2;
        break;
    case 3:
        value = mfn_to_maddr(v->arch.kernel_l4);
        break;
    case 4:
        value = guest_cr4(v);
        break;
    default:
        return EMUL_GP;
    }
    insn_reg_write(&c->in, c->regs, c->in.rm, 8, value);
    return EMUL_NEXT;
}

static enum emul emul_mov_to_cr(struct emul_ctx *c)
{
    uint64_t value = insn_reg_value(c->regs, c->in.rm);
    struct vcpu *v = c->v;

    switch (c->in.reg) {
    case 0:
        if ((value ^ guest_cr0(v)) & ~CR0_TS)
            return EMUL_GP;
        do_fpu_taskswitch(value & CR0_TS);
        return EMUL_NEXT;
    case 2:
        v->vcpu_info->arch.cr2 = value;
        return EMUL_NEXT;
    case 4:
        set_guest_cr4(v, value);
        return EMUL_NEXT;
    default:
        return EMUL_GP;
    }
}

static enum emul emul_clts(struct emul_ctx *c)
{
    (void)c;
    do_fpu_taskswitch(0);
    return EMUL_NEXT;
}

/* ---- debug registers ---- */

static enum emul emul_mov_from_dr(struct emul_ctx *c)
{
    if (c->in.reg > 7)
        return EMUL_GP;
    insn_reg_write(&c->in, c->regs, c->in.rm, 8,
                   pv_get_debugreg(c->v, c->in.reg));
    return EMUL_NEXT;
}

static enum emul emul_mov_to_dr(struct emul_ctx *c)
{
    if (c->in.reg > 7 ||
        pv_set_debugreg(c->v, c->in.reg, insn_reg_value(c->regs, c->in.rm)))
        return EMUL_GP;
    return EMUL_NEXT;
}

/* ---- model-specific registers, time, caches ---- */

static enum emul emul_rdmsr(struct emul_ctx *c)
{
    uint64_t value;

    if (!emul_msr_read(c->v, (uint32_t)c->regs->rcx, &value))
        return EMUL_GP;
    c->regs->rax = (uint32_t)value;
    c->regs->rdx = value >> 32;
    return EMUL_NEXT;
}

static uint64_t edx_eax(const struct cpu_regs *regs)
{
    return (uint32_t)regs->rax | regs->rdx << 32;
}

static enum emul emul_wrmsr(struct emul_ctx *c)
{
    return emul_msr_write(c->v, (uint32_t)c->regs->rcx, edx_eax(c->regs))
               ? EMUL_NEXT
               : EMUL_GP;
}

static enum emul emul_rdtsc(struct emul_ctx *c)
{
    uint64_t tsc = rdtsc();

    /* It faults only by CR4.TSD: for programs by their kernel's wish. */
    if (!c->v->arch.kernel_mode && (c->v->arch.cr4 & CR4_TSD))
        return EMUL_GP;
    c->regs->rax = (uint32_t)tsc;
    c->regs->rdx = tsc >> 32;
    return EMUL_NEXT;
}

/* Group 7 by register forms: RDTSCP, XSETBV. */
static enum emul emul_group7(struct emul_ctx *c)
{
    if (c->in.modrm == MODRM_RDTSCP) {
        enum emul e = emul_rdtsc(c);

        if (e == EMUL_NEXT)
            c->regs->rcx = (uint32_t)c->v->arch.tsc_aux;
        return e;
    }
    if (c->in.modrm != MODRM_XSETBV || !c->v->arch.kernel_mode ||
        (uint32_t)c->regs->rcx != 0 || fpu_set_xcr0(c->v, edx_eax(c->regs)))
        return EMUL_GP;
    return EMUL_NEXT;
}

static enum emul emul_wbinvd(struct emul_ctx *c)
{
    if (domain_drives_devices(c->v->domain))
        wbinvd();
    return EMUL_NEXT;
}

static void put_cpuid(const struct vcpu *v, struct cpu_regs *regs)
{
    struct cpuid_leaf l;

    cpuid_guest(v, (uint32_t)regs->rax, (uint32_t)regs->rcx, &l);
    regs->rax = l.a;
    regs->rbx = l.b;
    regs->rcx = l.c;
    regs->rdx = l.d;
}

static enum emul emul_cpuid(struct emul_ctx *c)
{
    put_cpuid(c->v, c->regs);
    return EMUL_NEXT;
}

/* Events are masked in vcpu_info, not by IF: nothing to do but to allow it. */
static enum emul emul_cli_sti(struct emul_ctx *c)
{
    return emul_iopl_ok(c->v) ? EMUL_NEXT : EMUL_GP;
}

/* ---- which instruction ---- */

enum {
    EMUL_NONE,
    EMUL_INS,
    EMUL_OUTS,
    EMUL_IN,
    EMUL_OUT,
    EMUL_CLI_STI,
    EMUL_GROUP7,
    EMUL_CLTS,
    EMUL_WBINVD,
    EMUL_MOV_FROM_CR,
    EMUL_MOV_FROM_DR,
    EMUL_MOV_TO_CR,
    EMUL_MOV_TO_DR,
    EMUL_WRMSR,
    EMUL_RDTSC,
    EMUL_RDMSR,
    EMUL_CPUID,
};

static const struct {
    bool user; /* also for the guest's programs */
    enum emul (*fn)(struct emul_ctx *c);
} emuls[] = {
    [EMUL_INS] = {true, emul_ins},
    [EMUL_OUTS] = {true, emul_outs},
    [EMUL_IN] = {true, emul_in},
    [EMUL_OUT] = {true, emul_out},
    [EMUL_CLI_STI] = {true, emul_cli_sti},
    [EMUL_GROUP7] = {true, emul_group7},
    [EMUL_CLTS] = {false, emul_clts},
    [EMUL_WBINVD] = {false, emul_wbinvd},
    [EMUL_MOV_FROM_CR] = {false, emul_mov_from_cr},
    [EMUL_MOV_FROM_DR] = {false, emul_mov_from_dr},
    [EMUL_MOV_TO_CR] = {false, emul_mov_to_cr},
    [EMUL_MOV_TO_DR] = {false, emul_mov_to_dr},
    [EMUL_WRMSR] = {false, emul_wrmsr},
    [EMUL_RDTSC] = {true, emul_rdtsc},
    [EMUL_RDMSR] = {false, emul_rdmsr},
    [EMUL_CPUID] = {true, emul_cpuid},
};

#define TWO_BYTE 0x100 /* 0f xx is found at 100 + xx */
static const uint8_t emul_of[2 * TWO_BYTE] = {
    [0x6c] = EMUL_INS,
    [0x6d] = EMUL_INS,
    [0x6e] = EMUL_OUTS,
    [0x6f] = EMUL_OUTS,
    [0xe4] = EMUL_IN,
    [0xe5] = EMUL_IN,
    [0xe6] = EMUL_OUT,
    [0xe7] = EMUL_OUT,
    [0xec] = EMUL_IN,
    [0xed] = EMUL_IN,
    [0xee] = EMUL_OUT,
    [0xef] = EMUL_OUT,
    [0xfa] = EMUL_CLI_STI,
    [0xfb] = EMUL_CLI_STI,
    [TWO_BYTE + 0x01] = EMUL_GROUP7,
    [TWO_BYTE + 0x06] = EMUL_CLTS,
    [TWO_BYTE + 0x09] = EMUL_WBINVD,
    [TWO_BYTE + 0x20] = EMUL_MOV_FROM_CR,
    [TWO_BYTE + 0x21] = EMUL_MOV_FROM_DR,
    [TWO_BYTE + 0x22] = EMUL_MOV_TO_CR,
    [TWO_BYTE + 0x23] = EMUL_MOV_TO_DR,
    [TWO_BYTE + 0x30] = EMUL_WRMSR,
    [TWO_BYTE + 0x31] = EMUL_RDTSC,
    [TWO_BYTE + 0x32] = EMUL_RDMSR,
    [TWO_BYTE + 0xa2] = EMUL_CPUID,
};

/*
 * Base and kind of the code segment, by its descriptor in the window. Only
 * the GDT: code in LDT segments gets no emulation.
 */
static bool code_segment(const struct vcpu *v, uint16_t cs, uint64_t *base,
                         bool *code64)
{
    uint64_t d;

    if (cs & 4)
        return false;
    d = *(const volatile uint64_t *)(v->arch.desc_window + (cs & 0xfff8U));
    *code64 = d & DESC_L;
    *base = *code64 ? 0 : (d >> 16 & 0xffffff) | (d >> 56) << 24;
    return true;
}

/* After an emulated instruction: what the processor would do at its end. */
static void finish(struct vcpu *v, struct cpu_regs *regs, unsigned int len)
{
    regs->rip += len;
    regs->rflags &= ~RFLAGS_RF;
    if (unlikely(regs->rflags & RFLAGS_TF)) {
        v->arch.dr6 |= DR6_BS;
        pv_inject_exception(X86_TRAP_DB, PV_NO_ERROR);
    }
}

/* True: dealt with. False: the fault is the guest's. */
static bool execute(struct emul_ctx *c)
{
    unsigned int i =
        emul_of[(c->in.opcode & 0xff) | (c->in.opcode > 0xff ? TWO_BYTE : 0)];

    if (!i || (!c->v->arch.kernel_mode && !emuls[i].user))
        return false;
    c->v->perfc.emulated++;
    TRACE(TRC_PV_EMULATE_PRIVOP | TRC_64_FLAG, TRACE_64(c->regs->rip));
    switch (emuls[i].fn(c)) {
    case EMUL_NEXT:
        finish(c->v, c->regs, c->in.len);
        return true;
    case EMUL_STAY:
        return true;
    default:
        return false;
    }
}

/* The same for any instruction of any code segment. */
static bool emulate_any(struct vcpu *v, struct cpu_regs *regs)
{
    struct emul_ctx c = {.v = v, .regs = regs};
    unsigned long fault_va;
    uint64_t base;
    bool code64;
    int rc;

    if (!code_segment(v, (uint16_t)regs->cs, &base, &code64))
        return false;
    rc = insn_fetch(&c.in, base + regs->rip, code64, &fault_va);
    if (rc == -EFAULT) {
        pv_inject_page_fault(PFEC_FETCH, fault_va);
        return true;
    }
    return !rc && !c.in.lock && execute(&c);
}

/*
 * The short forms that kernels use, in flat 64-bit code, decoded from eight
 * bytes at once. Bytes that cannot be read, perhaps only beyond the
 * instruction, and all else is left to emulate_any().
 */
static bool emulate(struct vcpu *v, struct cpu_regs *regs)
{
    struct emul_ctx c;
    uint64_t bytes;

    if (regs->cs != SEL_RING3_CS64 || in_hv_slots(regs->rip))
        goto any;
    guest_load(bytes, regs->rip, any);
    if (!insn_decode_plain(&c.in, bytes))
        goto any;
    c.v = v;
    c.regs = regs;
    return execute(&c);
any:
    return emulate_any(v, regs);
}

/* INT n at a gate that is closed in the real table: the guest's decides. */
static bool software_interrupt(struct vcpu *v, struct cpu_regs *regs)
{
    const struct pv_trap *t = &v->arch.trap_table[regs->error_code >> 3 & 0xff];
    unsigned int dpl = t->flags & 3;

    if (!t->address || dpl < (v->arch.kernel_mode ? 1 : 3))
        return false;
    regs->rip += 2;
    pv_inject_exception(regs->error_code >> 3, PV_NO_ERROR);
    return true;
}

void pv_guest_gp(struct vcpu *v, struct cpu_regs *regs)
{
    if (regs->error_code & 1) /* external event */
        goto raise;
    if (regs->error_code & 2) {
        if (software_interrupt(v, regs))
            return;
    } else if (!regs->error_code && emulate(v, regs)) {
        return;
    }
raise:
    pv_inject_exception(X86_TRAP_GP, regs->error_code);
}

/* All seven bytes of it, read at once. */
#define FORCED_CPUID 0xa20f6e65780b0fUL

static bool at_forced_cpuid(const struct cpu_regs *regs)
{
    uint64_t bytes;

    if (regs->cs != SEL_RING3_CS64 || in_hv_slots(regs->rip))
        return false;
    guest_load(bytes, regs->rip, no);
    return bytes << 8 == FORCED_CPUID << 8;
no:
    return false;
}

#define FORCED_CPUID_LEN (sizeof(forced_prefix) + sizeof(cpuid_opcode))

/* The same for all code, byte by byte. True too if it could not be read to the
 * end: then the page fault was raised. */
static NOINLINE bool forced_cpuid_any(struct vcpu *v, struct cpu_regs *regs)
{
    char insn[FORCED_CPUID_LEN];
    size_t prefix = sizeof(forced_prefix);
    uint64_t base;
    bool code64;

    if (!code_segment(v, (uint16_t)regs->cs, &base, &code64))
        return false;
    base += regs->rip;
    if (copy_from_guest_va(insn, base, prefix)) {
        /* Of UD2 itself we know that it can be fetched. */
        pv_inject_page_fault(PFEC_FETCH, (base + prefix) & PAGE_MASK);
        return true;
    }
    if (memcmp(insn, forced_prefix, prefix))
        return false;
    if (copy_from_guest_va(insn + prefix, base + prefix,
                           sizeof(cpuid_opcode))) {
        pv_inject_page_fault(PFEC_FETCH, (base + sizeof(insn) - 1) & PAGE_MASK);
        return true;
    }
    if (memcmp(insn + prefix, cpuid_opcode, sizeof(cpuid_opcode)))
        return false;
    put_cpuid(v, regs);
    finish(v, regs, sizeof(insn));
    return true;
}

/* Other segments than the flat one, code that cannot be read and programs,
 * whose page tables may not be loaded, are looked at with all registers.
 * Nothing is saved to find that it is none of them. */
enum fault_way pv_fault_ud(struct vcpu *v, struct cpu_regs *regs)
{
    uint32_t first, prefix;

    memcpy(&prefix, forced_prefix, sizeof(prefix));
    if (!v->arch.kernel_mode ||
        copy_from_guest_va(&first, regs->rip, sizeof(first)) ||
        first == prefix || regs->cs != SEL_RING3_CS64)
        return FAULT_COMPLETE;
    return pv_bounce_ud(v, regs);
}

void pv_guest_ud(struct vcpu *v, struct cpu_regs *regs)
{
    if (likely(at_forced_cpuid(regs))) {
        put_cpuid(v, regs);
        finish(v, regs, FORCED_CPUID_LEN);
        return;
    }
    if (!forced_cpuid_any(v, regs))
        pv_inject_exception(X86_TRAP_UD, PV_NO_ERROR);
}
