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
#include <hv/lib.h>

#include <asm/guest_store.h>
#include <asm/pv/desc.h>
#include <asm/pv/emulate.h>
#include <asm/pv/fault.h>
#include <asm/pv/mode.h>
#include <asm/traps.h>

#define UPCALL_MASK_SHIFT 32
/* Flags with which no handler is entered. */
#define FLAGS_CLEARED \
    (RFLAGS_AC | RFLAGS_VM | RFLAGS_RF | RFLAGS_NT | RFLAGS_TF | RFLAGS_IOPL)

/* The flags that the guest sees: its virtual IF, and its virtual IOPL only if
 * it asked for that. */
static uint64_t saved_flags(const struct vcpu *v, uint64_t rflags, bool masked)
{
    rflags &= ~(RFLAGS_IF | RFLAGS_IOPL);
    if (!masked)
        rflags |= RFLAGS_IF;
    return rflags | v->arch.shown_iopl;
}

static void no_stack(struct vcpu *v, uint64_t sp, uint64_t rip)
{
    domain_crash(v->domain,
                 "vcpu %u: kernel stack %#lx cannot take a frame for %#lx "
                 "(interrupted at %#lx)",
                 v->id, sp, rip, guest_cpu_regs()->rip);
}

/*
 * Where the frame begins, from above; its selector is the code segment as the
 * frame shows it. A program's kernel stack is checked when it is set. The
 * kernel's own may be anywhere: the lowest word is checked, and stored first,
 * so that nothing is if the others lie in the hypervisor's slots.
 */
static ALWAYS_INLINE uint64_t frame_top(struct vcpu *v,
                                        const struct cpu_regs *regs,
                                        uint64_t *cs)
{
    *cs = (uint16_t)regs->cs;
    if (v->arch.kernel_mode) {
        *cs &= ~3UL;
        return regs->rsp & ~15UL;
    }
    pv_enter_kernel(v);
    return v->arch.kernel_stack;
}

/* The end of all frames: rip to ss, at sp and above; then the vcpu to rip. */
static ALWAYS_INLINE bool store_common(const struct vcpu *v,
                                       const struct cpu_regs *regs, uint64_t sp,
                                       uint64_t cs)
{
    uint8_t mask = READ_ONCE(v->vcpu_info->evtchn_upcall_mask);

    guest_store(sp, regs->rip, fault);
    guest_store(sp + 8, cs | (uint64_t)mask << UPCALL_MASK_SHIFT, fault);
    guest_store(sp + 16, saved_flags(v, regs->rflags, mask), fault);
    guest_store(sp + 24, regs->rsp, fault);
    guest_store(sp + 32, (uint16_t)regs->ss, fault);
    return true;
fault:
    return false;
}

static ALWAYS_INLINE void direct_to(struct vcpu *v, struct cpu_regs *regs,
                                    uint64_t sp, uint64_t rip,
                                    uint64_t flags_cleared, bool masks)
{
    regs->rip = rip;
    regs->cs = SEL_RING3_CS64;
    regs->ss = SEL_RING3_DS;
    regs->rsp = sp;
    regs->rflags &= ~flags_cleared;
    regs->entry_vector |= ENTRY_SYSRET;
    if (masks)
        WRITE_ONCE(v->vcpu_info->evtchn_upcall_mask, 1);
}

/* For a stack of which nothing was checked, top is below or above the slots. */
static ALWAYS_INLINE bool bounce(struct vcpu *v, struct cpu_regs *regs,
                                 const struct bounce *b)
{
    uint64_t cs, top = frame_top(v, regs, &cs), sp;

    if (b->has_error) {
        sp = top - 64;
        if (in_hv_slots(sp))
            goto fault;
        guest_store(sp, regs->rcx, fault);
        guest_store(sp + 16, b->error_code, fault);
    } else {
        sp = top - 56;
        if (in_hv_slots(sp))
            goto fault;
        guest_store(sp, regs->rcx, fault);
    }
    guest_store(sp + 8, regs->r11, fault);
    if (!store_common(v, regs, top - 40, cs))
        goto fault;
    direct_to(v, regs, sp, b->rip,
              FLAGS_CLEARED | (b->clears_df ? RFLAGS_DF : 0), b->masks_events);
    return true;
fault:
    no_stack(v, top, b->rip);
    return false;
}

static void no_handler(struct vcpu *v, unsigned int vector)
{
    domain_crash(v->domain, "vcpu %u: no handler for vector %#x at %#lx", v->id,
                 vector, guest_cpu_regs()->rip);
}

bool pv_bounce(struct vcpu *v, const struct bounce *b)
{
    struct cpu_regs *regs = guest_cpu_regs();

    if (!b->rip) {
        no_handler(v, regs->entry_vector & ENTRY_VECTOR_MASK);
        return false;
    }
    return bounce(v, regs, b);
}

void pv_failsafe(struct vcpu *v, const uint16_t sel[4])
{
    struct cpu_regs *regs = guest_cpu_regs();
    uint64_t cs, top, sp;

    if (!v->arch.failsafe_callback) {
        domain_crash(v->domain,
                     "vcpu %u: bad selectors and no failsafe "
                     "callback",
                     v->id);
        return;
    }
    top = frame_top(v, regs, &cs);
    sp = top - 88;
    if (in_hv_slots(sp))
        goto fault;
    guest_store(sp, regs->rcx, fault);
    guest_store(sp + 8, regs->r11, fault);
    for (unsigned int i = 0; i < 4; i++)
        guest_store(sp + 16 + i * 8, sel[i], fault);
    if (!store_common(v, regs, top - 40, cs))
        goto fault;
    direct_to(v, regs, sp, v->arch.failsafe_callback, FLAGS_CLEARED,
              v->arch.failsafe_masks);
    return;
fault:
    no_stack(v, top, v->arch.failsafe_callback);
}

static ALWAYS_INLINE bool raise(struct vcpu *v, struct cpu_regs *regs,
                                unsigned int vector, bool has_error,
                                uint32_t error_code)
{
    const struct pv_trap *t = &v->arch.trap_table[vector & 0xff];
    const struct bounce b = {
        .rip = t->address,
        .has_error = has_error,
        .error_code = error_code,
        .masks_events = t->flags & 4,
    };

    if (unlikely(!b.rip)) {
        no_handler(v, vector);
        return false;
    }
    return bounce(v, regs, &b);
}

void pv_inject_exception(unsigned int vector, long error_code)
{
    raise(current, guest_cpu_regs(), vector, error_code != PV_NO_ERROR,
          (uint32_t)error_code);
}

/* Both modes run in ring 3: the processor always says U. */
static ALWAYS_INLINE bool raise_page_fault(struct vcpu *v,
                                           struct cpu_regs *regs, uint32_t pfec,
                                           unsigned long cr2)
{
    pfec &= ~(PFEC_U | PFEC_RSVD);
    if (!v->arch.kernel_mode)
        pfec |= PFEC_U;
    v->vcpu_info->arch.cr2 = cr2;
    return raise(v, regs, X86_TRAP_PF, true, pfec);
}

void pv_inject_page_fault(uint32_t pfec, unsigned long cr2)
{
    raise_page_fault(current, guest_cpu_regs(), pfec, cr2);
}

#define TRAPS_WITH_ERROR                                         \
    (1U << X86_TRAP_TS | 1U << X86_TRAP_NP | 1U << X86_TRAP_SS | \
     1U << X86_TRAP_AC)

static NOINLINE enum fault_way bounce_page_fault(struct vcpu *v,
                                                 struct cpu_regs *regs,
                                                 unsigned long cr2)
{
    return raise_page_fault(v, regs, regs->error_code, cr2) ? FAULT_BOUNCED
                                                            : FAULT_LEAVE;
}

static NOINLINE enum fault_way bounce_fault(struct vcpu *v,
                                            struct cpu_regs *regs,
                                            unsigned int vector)
{
    return raise(v, regs, vector, TRAPS_WITH_ERROR >> vector & 1,
                 regs->error_code)
               ? FAULT_BOUNCED
               : FAULT_LEAVE;
}

enum fault_way pv_bounce_ud(struct vcpu *v, struct cpu_regs *regs)
{
    return raise(v, regs, X86_TRAP_UD, false, 0) ? FAULT_BOUNCED : FAULT_LEAVE;
}

/* No register is saved to find that it is not the guest's own. */
enum fault_way guest_fault(struct cpu_regs *regs)
{
    struct vcpu *v = current;
    unsigned int vector = regs->entry_vector;

    if (likely(vector == X86_TRAP_PF)) {
        unsigned long cr2 = read_cr2();

        if (pv_fault_needs_care(v, regs->error_code, cr2))
            return FAULT_COMPLETE;
        return bounce_page_fault(v, regs, cr2);
    }
    if (vector == X86_TRAP_UD)
        return pv_fault_ud(v, regs);
    return bounce_fault(v, regs, vector);
}

/* ---- what waits ---- */

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
