/* SPDX-License-Identifier: MIT */
/*
 * Switching a CPU from one vcpu to another. There is one stack per CPU: the
 * old guest's frame is copied out of struct cpu_info, the new one's in, and
 * the stack starts over. The idle vcpu has no state but the stack.
 *
 * A selector load replaces a base, so bases are loaded after selectors. A
 * guest may have taken a descriptor away meanwhile: then the selector becomes
 * 0 and its failsafe callback is told.
 */
#include <asm/context.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hotplug.h>
#include <hv/lib.h>
#include <hv/sched.h>
#include <hv/softirq.h>
#include <hv/trace.h>

#include <asm/asm.h>
#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/fpu.h>
#include <asm/msr.h>
#include <asm/pv/bounce.h>
#include <asm/pv/debugreg.h>
#include <asm/pv/desc.h>
#include <asm/pv/isolation.h>
#include <asm/spec_ctrl.h>
#include <asm/tlb.h>
#include <asm/traps.h>

static void idle(void)
{
    if (unlikely(!READ_ONCE(sched_idle_may_halt))) {
        irq_enable();
        cpu_relax();
        return;
    }
    perfc_inc(PERFC_IDLE);
    TRACE(TRC_PM_IDLE_ENTRY, 1);
    arch_idle();
    TRACE(TRC_PM_IDLE_EXIT, 1);
}

void idle_loop(void)
{
    for (;;) {
        if (softirq_is_pending()) {
            softirq_run();
            continue;
        }
        irq_enable(); /* off, after a switch to the idle vcpu */
        if (cpu_is_to_park()) {
            cpu_park();
            continue;
        }
        if (heap_scrub())
            continue;
        /* Asked again: nobody interrupts once more for what came meanwhile. */
        irq_disable();
        if (softirq_is_pending() || cpu_is_to_park())
            irq_enable();
        else
            idle();
    }
}

uint64_t vcpu_live_cr4(const struct vcpu *v)
{
    /* Nothing that this machine lacks: to set it would be #GP, here. */
    uint64_t guest = CR4_TSD | (hv_cr4 & (CR4_DE | CR4_FSGSBASE));

    return (hv_cr4 & ~guest) | (v->arch.cr4 & guest);
}

/* What TSC_AUX is on this CPU; whoever ran here before us may have set it. */
static DEFINE_PER_CPU(uint64_t, live_tsc_aux) = ~0UL;

void vcpu_load_tsc_aux(const struct vcpu *v)
{
    uint64_t *live = &this_cpu(live_tsc_aux);

    if (*live == v->arch.tsc_aux || !cpu_caps.tsc_aux)
        return;
    *live = v->arch.tsc_aux;
    (void)!wrmsr_safe(MSR_TSC_AUX, *live);
}

#define READ_SEL(name)                                       \
    ({                                                       \
        uint16_t s_;                                         \
        __asm__ volatile("mov %%" #name ", %0" : "=rm"(s_)); \
        s_;                                                  \
    })

/* Load a selector; one that cannot be loaded becomes 0. Says if it could. */
#define LOAD_SEL(name, sel)                          \
    ({                                               \
        unsigned int s_ = (sel), ok_ = 1;            \
        __asm__ volatile("1: mov %w1, %%" #name "\n" \
                         "   jmp 3f\n"               \
                         "2: xor %0, %0\n"           \
                         "   mov %w0, %%" #name "\n" \
                         "3:\n" EX_TABLE("1b", "2b") \
                         : "+r"(ok_)                 \
                         : "r"(s_)                   \
                         : "memory");                \
        ok_ != 0;                                    \
    })

static void save_segments(struct arch_vcpu *a)
{
    uint64_t active = rdmsr(MSR_GS_BASE), other = rdmsr(MSR_KERNEL_GS_BASE);

    a->ds = READ_SEL(ds);
    a->es = READ_SEL(es);
    a->fs = READ_SEL(fs);
    a->gs = READ_SEL(gs);
    a->fs_base = rdmsr(MSR_FS_BASE);
    a->gs_base_kernel = a->kernel_mode ? active : other;
    a->gs_base_user = a->kernel_mode ? other : active;
}

/* False if a selector could not be loaded. */
static bool load_segments(struct arch_vcpu *a)
{
    bool ok = true;

    if (a->ds | READ_SEL(ds))
        ok &= LOAD_SEL(ds, a->ds);
    if (a->es | READ_SEL(es))
        ok &= LOAD_SEL(es, a->es);
    if (a->fs | READ_SEL(fs))
        ok &= LOAD_SEL(fs, a->fs);
    if (a->gs | READ_SEL(gs))
        ok &= LOAD_SEL(gs, a->gs);
    wrmsr(MSR_FS_BASE, a->fs_base);
    wrmsr(MSR_GS_BASE, a->kernel_mode ? a->gs_base_kernel : a->gs_base_user);
    wrmsr(MSR_KERNEL_GS_BASE,
          a->kernel_mode ? a->gs_base_user : a->gs_base_kernel);
    return ok;
}

static void save_guest(struct vcpu *v, const struct cpu_info *ci)
{
    v->arch.regs = ci->guest_regs;
    save_segments(&v->arch);
    fpu_save(v);
    pv_clear_debugregs(v);
}

/* Page tables first: everything else of the guest is reached through them. */
static void load_page_tables(const struct vcpu *v)
{
    mfn_t l4 = v->arch.kernel_mode ? v->arch.kernel_l4 : v->arch.user_l4;

    tlb_load_cr3(mfn_to_maddr(l4));
}

static void load_guest(struct vcpu *v, struct cpu_info *ci)
{
    uint64_t cr4 = vcpu_live_cr4(v);

    ci->guest_regs = v->arch.regs;
    ci->kernel_mode = v->arch.kernel_mode;
    pv_load_gdt(v);
    isolation_load(v);
    load_page_tables(v);
    pv_load_ldt(v);
    if (cr4 != read_cr4())
        write_cr4(cr4);
    vcpu_load_tsc_aux(v);
    fpu_load(v);
    pv_load_debugregs(v);
}

static void load_idle(void)
{
    load_idle_gdt();
    load_ldt(0);
    isolation_load(current);
    tlb_load_cr3(mfn_to_maddr(virt_to_mfn(hv_l4)));
}

/* Back to v as what is left of its state is loaded; may crash its domain. */
static void NORETURN resume_guest(struct vcpu *v)
{
    const uint16_t sel[] = {v->arch.ds, v->arch.es, v->arch.fs, v->arch.gs};

    if (unlikely(!load_segments(&v->arch)))
        pv_failsafe(v, sel);
    arch_vcpu_time_update(v, false);
    vcpu_runstate_update_guest(v);
    vcpu_timers_migrate(v);
    vcpu_periodic_process(v);
    exit_to_guest();
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    struct cpu_info *ci = get_cpu_info();

    ASSERT(!irq_is_enabled() && prev != next);
    if (!prev->is_idle)
        save_guest(prev, ci);
    cpumask_set(&next->dirty_cpumask, ci->cpu);
    ci->vcpu = next;
    if (patch_is_set(PATCH_PREDICT))
        spec_switch(prev, next);
    if (next->is_idle)
        load_idle();
    else
        load_guest(next, ci);
    cpumask_clear(&prev->dirty_cpumask, ci->cpu);
    sched_context_saved(prev);
    if (next->is_idle)
        reset_stack_and_call(idle_loop);
    resume_guest(next);
}

/* Nothing is left behind in registers. */
void arch_sync_vcpu_state(struct vcpu *v)
{
    (void)v;
}
