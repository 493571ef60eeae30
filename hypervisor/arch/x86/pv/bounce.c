/* SPDX-License-Identifier: MIT */
/*
 * The one way into a guest kernel. A frame is built on its stack, as drawn in
 * docs/entry.md, and the vcpu's registers are directed to the handler:
 *
 *    ss rsp rflags cs|mask<<32 rip [error] r11 rcx   <- rsp
 *
 * rcx and r11 are on the stack, so that the way out may be SYSRET.
 */
#include <asm/pv/bounce.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <asm/pv/desc.h>
#include <asm/traps.h>

#define FRAME_WORDS_MAX   8
#define UPCALL_MASK_SHIFT 32

/* The flags that the guest sees: its virtual IF, and its virtual IOPL only if
 * it asked for that. */
static uint64_t saved_flags(const struct vcpu *v, uint64_t rflags, bool masked)
{
    rflags &= ~(RFLAGS_IF | RFLAGS_IOPL);
    if (!masked)
        rflags |= RFLAGS_IF;
    if (v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl))
        rflags |= (uint64_t)v->arch.iopl << 12;
    return rflags;
}

/* Common end: words[n] go to the kernel's stack, the vcpu to rip. */
static bool enter_at(struct vcpu *v, struct cpu_regs *regs, uint64_t sp,
                     const uint64_t *words, unsigned int n, uint64_t rip)
{
    sp = (sp & ~15UL) - n * sizeof(*words);
    if (copy_to_guest_va(sp, words, n * sizeof(*words))) {
        domain_crash(v->domain,
                     "vcpu %u: kernel stack %#lx cannot take a frame for %#lx "
                     "(interrupted at %#lx)",
                     v->id, sp, rip, regs->rip);
        return false;
    }
    regs->rip = rip;
    regs->cs = SEL_RING3_CS64;
    regs->ss = SEL_RING3_DS;
    regs->rsp = sp;
    regs->rflags &= ~(RFLAGS_AC | RFLAGS_VM | RFLAGS_RF | RFLAGS_NT |
                      RFLAGS_TF | RFLAGS_IOPL);
    regs->entry_vector |= ENTRY_SYSRET;
    return true;
}

bool pv_bounce(struct vcpu *v, const struct bounce *b)
{
    struct cpu_regs *regs = guest_cpu_regs();
    uint64_t words[FRAME_WORDS_MAX], cs = regs->cs & 0xffff;
    uint8_t mask = v->vcpu_info->evtchn_upcall_mask;
    uint64_t sp = regs->rsp;
    unsigned int n = 0;

    if (!b->rip) {
        domain_crash(v->domain, "vcpu %u: no handler for vector %#x at %#lx",
                     v->id, regs->entry_vector & ENTRY_VECTOR_MASK, regs->rip);
        return false;
    }
    if (v->arch.kernel_mode) {
        cs &= ~3UL;
    } else {
        pv_enter_kernel(v);
        sp = v->arch.kernel_sp;
    }
    words[n++] = regs->rcx;
    words[n++] = regs->r11;
    if (b->has_error)
        words[n++] = b->error_code;
    words[n++] = regs->rip;
    words[n++] = cs | (uint64_t)mask << UPCALL_MASK_SHIFT;
    words[n++] = saved_flags(v, regs->rflags, mask);
    words[n++] = regs->rsp;
    words[n++] = regs->ss & 0xffff;
    if (!enter_at(v, regs, sp, words, n, b->rip))
        return false;
    if (b->clears_df)
        regs->rflags &= ~RFLAGS_DF;
    if (b->masks_events)
        v->vcpu_info->evtchn_upcall_mask = 1;
    return true;
}

void pv_failsafe(struct vcpu *v, const uint16_t sel[4])
{
    struct cpu_regs *regs = guest_cpu_regs();
    uint8_t mask = v->vcpu_info->evtchn_upcall_mask;
    uint64_t cs = regs->cs & 0xffff, sp = regs->rsp;

    if (!v->arch.failsafe_callback) {
        domain_crash(v->domain,
                     "vcpu %u: bad selectors and no failsafe "
                     "callback",
                     v->id);
        return;
    }
    if (v->arch.kernel_mode) {
        cs &= ~3UL;
    } else {
        pv_enter_kernel(v);
        sp = v->arch.kernel_sp;
    }
    const uint64_t words[] = {
        regs->rcx,
        regs->r11,
        sel[0],
        sel[1],
        sel[2],
        sel[3],
        regs->rip,
        cs | (uint64_t)mask << UPCALL_MASK_SHIFT,
        saved_flags(v, regs->rflags, mask),
        regs->rsp,
        regs->ss & 0xffff,
    };
    if (enter_at(v, regs, sp, words, ARRAY_SIZE(words),
                 v->arch.failsafe_callback) &&
        v->arch.failsafe_masks)
        v->vcpu_info->evtchn_upcall_mask = 1;
}

void pv_inject_exception(unsigned int vector, long error_code)
{
    struct vcpu *v = current;
    const struct pv_trap *t = &v->arch.trap_table[vector & 0xff];
    const struct bounce b = {
        .rip = t->address,
        .has_error = error_code != PV_NO_ERROR,
        .error_code = (uint32_t)error_code,
        .masks_events = t->flags & 4,
    };
    struct cpu_regs *regs = guest_cpu_regs();

    if (!b.rip)
        regs->entry_vector = vector;
    pv_bounce(v, &b);
}

void pv_inject_page_fault(uint32_t pfec, unsigned long cr2)
{
    struct vcpu *v = current;

    /* Both modes run in ring 3: the processor always says U. */
    pfec &= ~(PFEC_U | PFEC_RSVD);
    if (!v->arch.kernel_mode)
        pfec |= PFEC_U;
    v->arch.cr2 = cr2;
    v->vcpu_info->arch.cr2 = cr2;
    pv_inject_exception(X86_TRAP_PF, pfec);
}

static void deliver_nmi(struct vcpu *v)
{
    const struct bounce b = {
        .rip = v->arch.nmi_callback ? v->arch.nmi_callback
                                    : v->arch.trap_table[X86_TRAP_NMI].address,
        .masks_events = true,
    };

    v->arch.nmi_pending = 0;
    v->arch.nmi_masked = 1;
    pv_bounce(v, &b);
}

static void deliver_mce(struct vcpu *v)
{
    v->arch.mce_pending = 0;
    v->arch.mce_masked = 1;
    pv_inject_exception(X86_TRAP_MC, PV_NO_ERROR);
}

void pv_deliver_pending(struct vcpu *v)
{
    if (unlikely(v->arch.mce_pending && !v->arch.mce_masked))
        deliver_mce(v);
    else if (unlikely(v->arch.nmi_pending && !v->arch.nmi_masked))
        deliver_nmi(v);
    if (vcpu_events_pending(v)) {
        const struct bounce b = {
            .rip = v->arch.event_callback,
            .masks_events = true,
        };

        pv_bounce(v, &b);
    }
}

void pv_syscall(struct vcpu *v, struct cpu_regs *regs)
{
    struct bounce b = {.clears_df = true};

    switch (regs->entry_vector & ENTRY_VECTOR_MASK) {
    case ENTRY_SYSCALL:
        b.rip = v->arch.syscall_callback;
        b.masks_events = v->arch.syscall_masks;
        break;
    case ENTRY_SYSCALL32:
        b.rip = v->arch.syscall32_callback;
        b.masks_events = v->arch.syscall32_masks;
        break;
    default:
        b.rip = v->arch.sysenter_callback;
        b.masks_events = v->arch.sysenter_masks;
        if (!b.rip) {
            pv_inject_exception(X86_TRAP_GP, 0);
            return;
        }
        break;
    }
    if (b.rip) {
        pv_bounce(v, &b);
        return;
    }
    regs->rip -= 2;
    pv_inject_exception(X86_TRAP_UD, PV_NO_ERROR);
}
