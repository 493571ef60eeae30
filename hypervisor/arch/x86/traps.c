/* SPDX-License-Identifier: MIT */
/*
 * The interrupt table, and exceptions: those of guests, by one table of
 * handlers, and those of the hypervisor itself, which are either expected at
 * that place or the end. Assembly part: entry.S; interrupts: irq vectors.
 */
#include <asm/traps.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/panic.h>
#include <hv/percpu.h>
#include <hv/perfc.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/trace.h>

#include <asm/asm.h>
#include <asm/desc.h>
#include <asm/fpu.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/pv/bounce.h>
#include <asm/pv/debugreg.h>
#include <asm/pv/desc.h>
#include <asm/pv/emulate.h>
#include <asm/pv/fault.h>
#include <asm/pv/mode.h>
#include <asm/time.h>

/* ---- tables ---- */

/* Intel SDM vol. 3, "64-Bit Mode IDT". */
struct gate {
    uint16_t offset_low, sel;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM: 64-bit gate");

#define GATE_INTERRUPT 0x8e /* present, DPL 0 */
#define GATE_DPL3      0x60
#define STUB_SIZE      16

/* In the second all faults come to guest_exception(), to be traced. */
static struct gate idts[NR_IDT_PAGES][256] ALIGNED(4096) __ro_after_init;
#define idt        idts[0]
#define traced_idt idts[1]
static const struct gate *live_idt = idt;
static DEFINE_PER_CPU(bool, stubs_isolated); /* which LSTAR and CSTAR hold */

_Static_assert(sizeof(idt) == PAGE_SIZE, "what isolation maps");

const void *idt_page(unsigned int i)
{
    return idts[i];
}

static uint8_t gate_ist(unsigned int vector)
{
    switch (vector) {
    case X86_TRAP_DB:
        return IST_DB;
    case X86_TRAP_NMI:
        return IST_NMI;
    case X86_TRAP_DF:
        return IST_DF;
    case X86_TRAP_MC:
        return IST_MC;
    default:
        return 0;
    }
}

/* What programs may raise by an instruction without asking. */
static bool gate_is_open(unsigned int vector)
{
    return vector == X86_TRAP_BP || vector == X86_TRAP_OF ||
           vector == X86_TRAP_INT80;
}

static struct gate gate_to(unsigned int vector, const char *stubs)
{
    uintptr_t stub = (uintptr_t)stubs + vector * STUB_SIZE;

    return (struct gate){
        .offset_low = (uint16_t)stub,
        .offset_mid = (uint16_t)(stub >> 16),
        .offset_high = (uint32_t)(stub >> 32),
        .sel = SEL_HV_CS,
        .ist = gate_ist(vector),
        .type = GATE_INTERRUPT | (gate_is_open(vector) ? GATE_DPL3 : 0),
    };
}

void traps_init(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(idt); i++) {
        idt[i] = traced_idt[i] = gate_to(i, vector_stubs);
        if (i < 32 && !gate_ist(i))
            traced_idt[i] = gate_to(i, traced_stubs);
    }
}

static void load_live_idt(void *unused)
{
    (void)unused;
    load_idt(READ_ONCE(live_idt), sizeof(idt) - 1);
}

uint64_t arch_timestamp(void)
{
    return rdtsc();
}

uint64_t arch_cycles_to_ns(uint64_t cycles)
{
    return mul_div(cycles, 1000000, tsc_khz);
}

void arch_watch_exceptions(unsigned int who, bool on)
{
    static unsigned int watchers;
    unsigned int now =
        on ? __atomic_or_fetch(&watchers, who, __ATOMIC_SEQ_CST)
           : __atomic_and_fetch(&watchers, ~who, __ATOMIC_SEQ_CST);

    WRITE_ONCE(live_idt, now ? traced_idt : idt);
    smp_call(&cpu_online_map, load_live_idt, NULL, true);
}

static void load_syscall_stubs(bool isolated)
{
    unsigned long area =
        (unsigned long)get_cpu_info() & ~(PERCPU_AREA_SIZE - 1UL);
    const char *stub64 = isolated ? stub_syscall64_isolated : stub_syscall64;
    const char *stub32 = isolated ? stub_syscall32_isolated : stub_syscall32;

    wrmsr(MSR_LSTAR, area + (uintptr_t)(stub64 - entry_stub_start));
    wrmsr(MSR_CSTAR, area + (uintptr_t)(stub32 - entry_stub_start));
    this_cpu(stubs_isolated) = isolated;
}

void traps_syscalls_isolated(bool isolated)
{
    if (this_cpu(stubs_isolated) != isolated)
        load_syscall_stubs(isolated);
}

void traps_cpu_init(void)
{
    unsigned long info = (unsigned long)get_cpu_info();

    load_live_idt(NULL);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    /* SYSRETQ: CS is the upper half + 16, SS + 8. SYSCALL: lower, + 8. */
    wrmsr(MSR_STAR, (uint64_t)SEL_RING3_CS32 << 48 | (uint64_t)SEL_HV_CS << 32);
    load_syscall_stubs(false);
    wrmsr(MSR_SFMASK, RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_IOPL |
                          RFLAGS_NT | RFLAGS_RF | RFLAGS_VM | RFLAGS_AC);
    /* AMD's processors have SYSENTER in no 64-bit mode, but the registers. */
    if (wrmsr_safe(MSR_SYSENTER_CS, SEL_HV_CS) == 0) {
        wrmsr(MSR_SYSENTER_ESP, info + sizeof(struct cpu_regs));
        wrmsr(MSR_SYSENTER_EIP, (uintptr_t)sysenter_entry);
    }
}

/* ---- exceptions of a guest ---- */

typedef void (*guest_trap_fn)(struct vcpu *v, struct cpu_regs *regs);

static void guest_inject(struct vcpu *v, struct cpu_regs *regs)
{
    (void)v;
    irq_enable();
    pv_inject_exception(regs->entry_vector, PV_NO_ERROR);
}

static void guest_inject_error(struct vcpu *v, struct cpu_regs *regs)
{
    (void)v;
    irq_enable();
    pv_inject_exception(regs->entry_vector, regs->error_code);
}

static void guest_page_fault(struct vcpu *v, struct cpu_regs *regs)
{
    unsigned long cr2 = read_cr2();

    irq_enable();
    if (!pv_fixup_guest_fault(v, regs, cr2))
        pv_inject_page_fault(regs->error_code, cr2);
}

static void guest_gp(struct vcpu *v, struct cpu_regs *regs)
{
    irq_enable();
    pv_guest_gp(v, regs);
}

static void guest_ud(struct vcpu *v, struct cpu_regs *regs)
{
    irq_enable();
    pv_guest_ud(v, regs);
}

/* TS is set only while the guest's virtual TS is. */
static void guest_nm(struct vcpu *v, struct cpu_regs *regs)
{
    clts();
    v->arch.cr0_ts = false;
    guest_inject(v, regs);
}

static void guest_db(struct vcpu *v, struct cpu_regs *regs)
{
    pv_debug_exception(v, regs);
}

static void guest_nmi(struct vcpu *v, struct cpu_regs *regs)
{
    (void)v;
    nmi_handle(regs);
}

static void guest_mc(struct vcpu *v, struct cpu_regs *regs)
{
    (void)v;
    mce_handle(regs);
}

static const guest_trap_fn guest_traps[32] = {
    [X86_TRAP_DE] = guest_inject,       [X86_TRAP_DB] = guest_db,
    [X86_TRAP_NMI] = guest_nmi,         [X86_TRAP_BP] = guest_inject,
    [X86_TRAP_OF] = guest_inject,       [X86_TRAP_BR] = guest_inject,
    [X86_TRAP_UD] = guest_ud,           [X86_TRAP_NM] = guest_nm,
    [X86_TRAP_TS] = guest_inject_error, [X86_TRAP_NP] = guest_inject_error,
    [X86_TRAP_SS] = guest_inject_error, [X86_TRAP_GP] = guest_gp,
    [X86_TRAP_PF] = guest_page_fault,   [X86_TRAP_MF] = guest_inject,
    [X86_TRAP_AC] = guest_inject_error, [X86_TRAP_MC] = guest_mc,
    [X86_TRAP_XM] = guest_inject,
};

/* INT 0x80. Without a handler it is what INT n at a closed gate is. */
static void guest_int80(struct vcpu *v, struct cpu_regs *regs)
{
    irq_enable();
    if (v->arch.trap_table[X86_TRAP_INT80].address) {
        pv_inject_exception(X86_TRAP_INT80, PV_NO_ERROR);
        return;
    }
    regs->rip -= 2;
    pv_inject_exception(X86_TRAP_GP, X86_TRAP_INT80 << 3 | 2);
}

static ALWAYS_INLINE void dispatch(struct vcpu *v, struct cpu_regs *regs)
{
    uint32_t vector = regs->entry_vector;

    if (likely(vector < ARRAY_SIZE(guest_traps)) && guest_traps[vector])
        guest_traps[vector](v, regs);
    else if (vector == X86_TRAP_INT80)
        guest_int80(v, regs);
    else
        fatal_exception(regs);
}

/* Counts and traces. */
static NOINLINE void watched_exception(struct vcpu *v, struct cpu_regs *regs)
{
    uint32_t vector = regs->entry_vector;

    perfc_inc_exception(vector % PERFC_NR_EXCEPTIONS);
    v->perfc.exceptions++;
    if (vector == X86_TRAP_PF)
        TRACE(TRC_PV_PAGE_FAULT | TRC_64_FLAG, TRACE_64(regs->rip),
              TRACE_64(read_cr2()), regs->error_code);
    else
        TRACE(TRC_PV_TRAP | TRC_64_FLAG, TRACE_64(regs->rip),
              (vector & 0x7fff) | (regs->error_code ? 1U << 15 : 0) |
                  regs->error_code << 16);
    dispatch(v, regs);
}

void guest_exception(struct cpu_regs *regs)
{
    struct vcpu *v = current;

    if (unlikely(READ_ONCE(live_idt) != idt))
        watched_exception(v, regs);
    else
        dispatch(v, regs);
}

void guest_syscall(struct cpu_regs *regs)
{
    irq_enable();
    pv_syscall(current, regs);
}

/* The kernel's stack did not take the frame: what entry.S began is undone. */
void guest_syscall_again(struct cpu_regs *regs)
{
    pv_enter_user(current);
    guest_syscall(regs);
}

/* ---- exceptions in the hypervisor ---- */

void fatal_exception(const struct cpu_regs *regs)
{
    unsigned long cr2 = read_cr2();

    panic_begin();
    printk("PANIC: exception %u, error code %#x, cr2 %#lx\n",
           regs->entry_vector & ENTRY_VECTOR_MASK, regs->error_code, cr2);
    dump_regs(regs);
    panic_end(regs);
}

/*
 * IRETQ faulted: put the guest's state back. All but the five words that IRETQ
 * was to pop is in the registers, and so in the frame regs, which overlaps
 * guest_regs.
 */
static void undo_iret(const struct cpu_regs *regs)
{
    struct cpu_regs *g = guest_cpu_regs();
    struct cpu_regs f = *regs;

    f.rip = g->rip;
    f.cs = g->cs;
    f.rflags = g->rflags;
    f.rsp = g->rsp;
    f.ss = g->ss;
    *g = f;
}

/* IRETQ refused what the guest asked for: the exception is the guest's, taken
 * in the context to which it wanted to return. */
static void NORETURN failed_iret(const struct cpu_regs *regs, unsigned long cr2)
{
    unsigned int vector = regs->entry_vector;
    uint32_t error_code = regs->error_code;

    undo_iret(regs);
    if (vector == X86_TRAP_PF)
        pv_inject_page_fault(error_code, pv_guest_fault_address(current, cr2));
    else
        pv_inject_exception(vector, error_code);
    exit_to_guest();
}

void hv_exception(struct cpu_regs *regs)
{
    unsigned long cr2 = read_cr2();
    uintptr_t fixup = ex_table_find(regs->rip);
    bool leaving = fixup == (uintptr_t)iret_failed;

    if (regs->entry_vector == X86_TRAP_PF && pv_fixup_hv_fault(regs, cr2)) {
        if (!leaving)
            return;
        /* Interrupts were on meanwhile: what they left to do comes first. */
        undo_iret(regs);
        exit_to_guest();
    }
    if (leaving)
        failed_iret(regs, cr2);
    if (!fixup)
        fatal_exception(regs);
    regs->rip = fixup;
}

/*
 * Was this CPU on its NMI stack, or in the slot that stands in for it before
 * page tables are changed (entry.S, ist_isolated)? In the SYSCALL stub, at the
 * area's start, rsp may be the guest's and say so: a #DB that MOV SS held back
 * comes there.
 */
static bool on_nmi_stack(const struct cpu_regs *regs)
{
    unsigned long area =
        (unsigned long)get_cpu_info() & ~(PERCPU_AREA_SIZE - 1);
    unsigned long slot = area + AREA_IST_SLOT_TOP(IST_NMI) - AREA_IST_SLOT_SIZE;
    uint64_t sp = regs->rsp;

    if (regs->rip - area < PAGE_SIZE)
        return false;
    return sp - (area + AREA_NMI_PAGE * PAGE_SIZE) < PAGE_SIZE ||
           sp - slot < AREA_IST_SLOT_SIZE;
}

/* Returns whether entry.S must return without IRET. */
bool hv_ist_exception(struct cpu_regs *regs)
{
    switch (regs->entry_vector) {
    case X86_TRAP_NMI:
        nmi_handle(regs);
        return false;
    case X86_TRAP_DB:
        /* A guest's breakpoint or single step that took effect on the way in,
         * or on data that we copy: lost, as the ABI has no place for it. */
        write_dr6(DR6_DEFAULT);
        regs->rflags &= ~RFLAGS_TF;
        break;
    case X86_TRAP_MC:
        mce_handle(regs);
        break;
    default:
        fatal_exception(regs);
    }
    return on_nmi_stack(regs);
}

/* ---- the way back ---- */

/* The guest's copies of run state and time; its kernel's page tables are live.
 * They may be needed by the handler of what was delivered just now. */
static void update_copies(struct vcpu *v)
{
    if (unlikely(v->arch.runstate_pending))
        vcpu_runstate_update_guest(v);
    if (unlikely(v->arch.time_pending))
        pv_time_area_update(v);
}

/* Interrupts on or off; leaves them off. All work that can wait until a guest
 * is about to be entered is done here. */
void guest_exit_work(void)
{
    struct vcpu *v = current;

    for (;;) {
        irq_disable();
        if (softirq_is_pending()) {
            irq_enable();
            softirq_run();
            continue;
        }
        pv_deliver_pending(v);
        if (v->arch.kernel_mode)
            update_copies(v);
        /* A failed delivery crashes the domain, which asks for a schedule. */
        if (!softirq_is_pending())
            return;
    }
}
