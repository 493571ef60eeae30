/* SPDX-License-Identifier: MIT */
/*
 * Not linked: compiled to assembly, from which the build takes the numbers
 * that assembly files need as <asm_offsets.h>.
 */
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <asm/cpu_info.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/spec_ctrl.h>
#include <asm/pv/bounce.h>
#include <asm/x86.h>

#define DEFINE(name, value) \
    __asm__ volatile("\n#@@" #name " %0 @@" ::"i"((long)(value)))
/* entry.S counts on these places. */
#define FOLLOWS(a, b)                                     \
    _Static_assert(offsetof(struct arch_vcpu, b) ==       \
                       offsetof(struct arch_vcpu, a) + 1, \
                   "read as one")
FOLLOWS(nmi_pending, mce_pending);
FOLLOWS(mce_pending, runstate_pending);
FOLLOWS(runstate_pending, time_pending);
FOLLOWS(nmi_masked, mce_masked);
_Static_assert(HV_VIRT_START >> HV_VIRT_SHIFT == HV_VIRT_TAG &&
                   HV_VIRT_END - HV_VIRT_START == 1UL << HV_VIRT_SHIFT,
               "asm/config.h");

#define OFFSET(name, type, member) DEFINE(name, offsetof(type, member))

void asm_offsets(void);
void asm_offsets(void)
{
    /* The stack top of a CPU: cpu_info, its frame first. */
    OFFSET(CPU_INFO_guest_regs, struct cpu_info, guest_regs);
    OFFSET(CPU_INFO_softirqs, struct cpu_info, softirqs);
    OFFSET(CPU_INFO_kernel_mode, struct cpu_info, kernel_mode);
    OFFSET(CPU_INFO_current, struct cpu_info, vcpu);
    OFFSET(CPU_INFO_percpu_offset, struct cpu_info, percpu_offset);
    OFFSET(CPU_INFO_cpu, struct cpu_info, cpu);
    OFFSET(CPU_INFO_guest_cr3, struct cpu_info, guest_cr3);
    OFFSET(CPU_INFO_host_cr3, struct cpu_info, host_cr3);
    OFFSET(CPU_INFO_hv_cr3, struct cpu_info, hv_cr3);
    OFFSET(CPU_INFO_scratch, struct cpu_info, scratch);

    DEFINE(REGS_SIZE, sizeof(struct cpu_regs));
    OFFSET(REGS_r15, struct cpu_regs, r15);
    OFFSET(REGS_r14, struct cpu_regs, r14);
    OFFSET(REGS_r13, struct cpu_regs, r13);
    OFFSET(REGS_r12, struct cpu_regs, r12);
    OFFSET(REGS_rbp, struct cpu_regs, rbp);
    OFFSET(REGS_rbx, struct cpu_regs, rbx);
    OFFSET(REGS_r11, struct cpu_regs, r11);
    OFFSET(REGS_r10, struct cpu_regs, r10);
    OFFSET(REGS_r9, struct cpu_regs, r9);
    OFFSET(REGS_r8, struct cpu_regs, r8);
    OFFSET(REGS_rax, struct cpu_regs, rax);
    OFFSET(REGS_rcx, struct cpu_regs, rcx);
    OFFSET(REGS_rdx, struct cpu_regs, rdx);
    OFFSET(REGS_rsi, struct cpu_regs, rsi);
    OFFSET(REGS_rdi, struct cpu_regs, rdi);
    OFFSET(REGS_error_code, struct cpu_regs, error_code);
    OFFSET(REGS_entry_vector, struct cpu_regs, entry_vector);
    OFFSET(REGS_rip, struct cpu_regs, rip);
    OFFSET(REGS_cs, struct cpu_regs, cs);
    OFFSET(REGS_rflags, struct cpu_regs, rflags);
    OFFSET(REGS_rsp, struct cpu_regs, rsp);
    OFFSET(REGS_ss, struct cpu_regs, ss);

    OFFSET(VCPU_domain, struct vcpu, domain);
    OFFSET(VCPU_vcpu_info, struct vcpu, vcpu_info);
    OFFSET(VCPU_is_idle, struct vcpu, is_idle);
    OFFSET(VCPU_regs, struct vcpu, arch.regs);
    OFFSET(VCPU_kernel_mode, struct vcpu, arch.kernel_mode);
    OFFSET(VCPU_syscall_callback, struct vcpu, arch.syscall_callback);
    OFFSET(VCPU_event_callback, struct vcpu, arch.event_callback);
    OFFSET(VCPU_kernel_stack, struct vcpu, arch.kernel_stack);
    OFFSET(VCPU_kernel_l4, struct vcpu, arch.kernel_l4);
    OFFSET(VCPU_user_l4, struct vcpu, arch.user_l4);
    OFFSET(VCPU_shown_iopl, struct vcpu, arch.shown_iopl);
    OFFSET(VCPU_syscall_masks, struct vcpu, arch.syscall_masks);
    /* Bytes, read as one: nmi_pending, mce_pending, runstate_pending,
     * time_pending; and cleared as one: nmi_masked, mce_masked. */
    OFFSET(VCPU_exit_work, struct vcpu, arch.nmi_pending);
    OFFSET(VCPU_nmi_masked, struct vcpu, arch.nmi_masked);
    OFFSET(VCPU_INFO_upcall_mask, struct vcpu_info, evtchn_upcall_mask);

    DEFINE(HYPERCALL_IRET, __HYPERVISOR_iret);
    DEFINE(VGCF_IN_SYSCALL, VGCF_in_syscall);
    DEFINE(HYPERCALL_TABLE_ENTRIES, NR_HYPERCALLS);
    DEFINE(HYPERCALL_ENOSYS, ENOSYS);

    /* Bits that C spells with a type suffix. */
    DEFINE(ASM_RFLAGS_IF, RFLAGS_IF);
    DEFINE(ASM_RFLAGS_IF_BIT, __builtin_ctzl(RFLAGS_IF));
    DEFINE(ASM_RFLAGS_IOPL, RFLAGS_IOPL);
    DEFINE(ASM_RFLAGS_ONE, RFLAGS_ONE);
    DEFINE(ASM_RFLAGS_ENTRY, RFLAGS_IF | RFLAGS_ONE);
    DEFINE(GUEST_FLAGS, RFLAGS_GUEST);
    DEFINE(ASM_PAGE_SHIFT, PAGE_SHIFT);
    DEFINE(SYSRET_BAD_FLAGS, RFLAGS_TF | RFLAGS_RF | RFLAGS_VM);
    DEFINE(ASM_CR0_BOOT, CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    DEFINE(ASM_CR4_PAE, CR4_PAE);
    DEFINE(ASM_EFER_LME, EFER_LME);
    DEFINE(ASM_EFER_NX, EFER_NX);
    DEFINE(ASM_MSR_EFER, MSR_EFER);
    DEFINE(ASM_MSR_SPEC_CTRL, MSR_SPEC_CTRL);
    DEFINE(ASM_MSR_PRED_CMD, MSR_PRED_CMD);
    DEFINE(ASM_PRED_CMD_IBPB, PRED_CMD_IBPB);
    DEFINE(ASM_SPEC_CTRL_IBRS, SPEC_CTRL_IBRS);
    OFFSET(SPEC_CHOICE_spec_ctrl, struct spec_choice, spec_ctrl);
    DEFINE(ASM_PTE_TABLE, PTE_P | PTE_RW | PTE_A);
    DEFINE(ASM_PTE_LARGE, PTE_P | PTE_RW | PTE_A | PTE_D | PTE_PSE);
    DEFINE(ASM_PTE_RW, PTE_P | PTE_RW | PTE_A | PTE_D);
}
