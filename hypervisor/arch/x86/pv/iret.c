/* SPDX-License-Identifier: MIT */
/*
 * The iret hypercall: the guest kernel's way back from a frame, to itself or
 * to its user mode. The stack holds struct iret_context. entry.S does the plain
 * ones itself and must agree with this.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>

#include <asm/pv/bounce.h>
#include <asm/pv/desc.h>
#include <asm/pv/mode.h>
#include <asm/traps.h>

static bool frame_to_user(struct vcpu *v)
{
    if (mfn_eq(v->arch.user_l4, INVALID_MFN)) {
        domain_crash(v->domain,
                     "vcpu %u: iret to user mode without user page "
                     "tables",
                     v->id);
        return false;
    }
    pv_enter_user(v);
    return true;
}

/* Returns what goes into rax. */
long do_iret(void)
{
    struct cpu_regs *regs = guest_cpu_regs();
    struct vcpu *v = current;
    struct iret_context f;

    if (copy_from_guest_va(&f, regs->rsp, sizeof(f))) {
        domain_crash(v->domain, "vcpu %u: no iret frame at %#lx", v->id,
                     regs->rsp);
        return 0;
    }
    /* Virtual state first: it is in memory of the kernel's. */
    if (v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl))
        arch_set_iopl(v, f.rflags >> 12 & 3);
    v->arch.nmi_masked = v->arch.mce_masked = 0;
    v->vcpu_info->evtchn_upcall_mask = !(f.rflags & RFLAGS_IF);
    if ((f.cs & 3) == 3 && !frame_to_user(v))
        return 0;
    regs->rip = f.rip;
    regs->cs = pv_fix_sel((uint16_t)f.cs);
    regs->rflags = (f.rflags & RFLAGS_GUEST) | RFLAGS_IF | RFLAGS_ONE;
    regs->rsp = f.rsp;
    regs->ss = pv_fix_sel((uint16_t)f.ss);
    if (f.flags & VGCF_in_syscall)
        return (long)f.rax;
    regs->r11 = f.r11;
    regs->rcx = f.rcx;
    regs->entry_vector &= ~ENTRY_SYSRET;
    return (long)f.rax;
}
