/* SPDX-License-Identifier: MIT */
/*
 * Every way in and out. Saves, switches the stack, calls C, restores; what to
 * do is decided in C (traps.c, pv/). docs/entry.md has the drawings and says
 * why each window is safe.
 *
 * The frame of an entry from a guest is cpu_info.guest_regs, which lies right
 * where TSS.RSP0 points: while such an entry is handled, %rsp at its common
 * part is at once the frame and struct cpu_info.
 */
#include <asm_offsets.h>

#include <asm/asm.h>
#include <asm/config.h>
#include <asm/patch.h>
#include <asm/traps.h>

/* Do the code up to the next label only if the feature is set. */
    .macro IF_PATCHED feature:req, do:req, else:req
    PATCH_BRANCH(\feature, \do)
    jmp \else
    .endm

    .macro WRITE_MSR msr:req
    mov $\msr, %ecx
    xor %edx, %edx
    wrmsr
    .endm

/*
 * Exceptions in the hypervisor come between spec_enter and spec_leave, but for
 * two kinds. The IRET to a guest may fault: what follows is the hypervisor's
 * again, and leaves once more. And those on stacks of their own come at any
 * instruction: they put back what they found, and leave no more in the buffers
 * than they found either. All registers are saved. (Subsection 1: some who use
 * these are in the section themselves.)
 */
    .macro RETAKE_CONTROLS
    PATCH_BRANCH(PATCH_IBRS_ENTER, .Lretake\@)
.Lretaken\@:
    .pushsection .text.entry.work, 1, "ax"
.Lretake\@:
    mov spec_choice + SPEC_CHOICE_spec_ctrl(%rip), %eax
    WRITE_MSR ASM_MSR_SPEC_CTRL
    jmp .Lretaken\@
    .popsection
    .endm

    .macro BORROW_CONTROLS /* %ebx keeps them */
    PATCH_BRANCH(PATCH_SPEC_ENTER, .Lborrow\@)
.Lborrowed\@:
    .pushsection .text.entry.work, 1, "ax"
.Lborrow\@:
    IF_PATCHED PATCH_IBRS_ENTER, 1f, 2f
1:  mov $ASM_MSR_SPEC_CTRL, %ecx
    rdmsr
    mov %eax, %ebx
    mov spec_choice + SPEC_CHOICE_spec_ctrl(%rip), %eax
    WRITE_MSR ASM_MSR_SPEC_CTRL
2:  IF_PATCHED PATCH_IBPB_ENTER, 1f, 2f
1:  mov $ASM_PRED_CMD_IBPB, %eax
    WRITE_MSR ASM_MSR_PRED_CMD
2:  jmp .Lborrowed\@
    .popsection
    .endm

    .macro RETURN_CONTROLS /* keeps %al */
    PATCH_BRANCH(PATCH_SPEC_LEAVE, .Lreturn\@)
.Lreturned\@:
    .pushsection .text.entry.work, 1, "ax"
.Lreturn\@:
    mov %eax, %r12d
    IF_PATCHED PATCH_IBRS_ENTER, 1f, 2f
1:  mov %ebx, %eax
    WRITE_MSR ASM_MSR_SPEC_CTRL
2:  IF_PATCHED PATCH_VERW_LEAVE, 1f, 2f
1:  verw .Lverw_selector(%rip)
2:  mov %r12d, %eax
    jmp .Lreturned\@
    .popsection
    .endm

/*
 * ---- one place at each way in and out ----
 * Page tables that have the hypervisor in them (isolation), and speculation
 * controls, where the processor asks for them: the work lies elsewhere, and
 * instruction \insn, of five bytes at least, is the branch site (asm/patch.h),
 * done after the work. It is moved, so it refers to nothing by %rip. (No numeric
 * labels: they would come between a user's.)
 *
 * If all vcpus are isolated and nothing else is to be done, the work is short
 * and asks nothing (PATCH_*_ISOLATED). Else whoever is not isolated has 0 for
 * CR3 (PATCH_ENTER, PATCH_LEAVE).
 *
 * In: %rsp is the frame (and struct cpu_info), %rax is in it; nothing of the
 * hypervisor was touched but that. \root says which page tables: those of the
 * guest's mode, or its kernel's.
 */
    .macro HOST_CR3_TO_RAX root:req
    .ifc \root, kernel
    mov CPU_INFO_host_cr3 + 8(%rsp), %rax
    .else
    movzbl CPU_INFO_kernel_mode(%rsp), %eax
    mov CPU_INFO_host_cr3(%rsp, %rax, 8), %rax
    .endif
    .endm

    .macro ENTERED_FROM_GUEST root:req, insn:vararg
    PATCH_OVER_EITHER PATCH_ENTER, .Lenter\@, PATCH_ENTER_ISOLATED, \
        .Lisolated\@, .Lentered\@, \insn
    .pushsection .text.entry.work, "ax"
.Lenter\@:
    HOST_CR3_TO_RAX \root
    test %rax, %rax
    jz .Ltables\@
    mov %rax, %cr3
.Ltables\@:
    PATCH_BRANCH(PATCH_SPEC_ENTER, .Lspec\@)
.Ldone\@:
    \insn
    jmp .Lentered\@
.Lspec\@:
    call spec_enter
    jmp .Ldone\@
.Lisolated\@:
    HOST_CR3_TO_RAX \root
    mov %rax, %cr3
    \insn
    jmp .Lentered\@
    .popsection
    .endm

/* In by SYSCALL: all registers are the guest's, and the page tables its
 * kernel's since the stub. */
    .macro ENTERED_BY_SYSCALL insn:vararg
    PATCH_OVER PATCH_SPEC_ENTER, .Lspec\@, .Lentered\@, \insn
    .pushsection .text.entry.work, "ax"
.Lspec\@:
    call spec_enter
    \insn
    jmp .Lentered\@
    .popsection
    .endm

/*
 * Out, to the \mode that is kernel, user, or what cpu_info says (frame):
 * interrupts are off, \reg is free. After it come only moves from the frame
 * and the instruction that leaves, \rest: of the hypervisor, the page tables
 * have the entry code and the entry page only.
 */
    .macro GUEST_CR3 mode:req, reg:req, reg32:req
    .ifc \mode, kernel
    mov CPU_INFO_guest_cr3 + 8(%rsp), \reg
    .else
    .ifc \mode, user
    mov CPU_INFO_guest_cr3(%rsp), \reg
    .else
    movzbl CPU_INFO_kernel_mode(%rsp), \reg32
    mov CPU_INFO_guest_cr3(%rsp, \reg, 8), \reg
    .endif
    .endif
    .endm

    .macro LEAVING_TO_GUEST mode:req, rest:req, reg:req, reg32:req, insn:vararg
    PATCH_OVER_EITHER PATCH_LEAVE, .Lleave\@, PATCH_LEAVE_ISOLATED, \
        .Lisolated\@, .Lleft\@, \insn
    \rest
    .pushsection .text.entry.work, "ax"
.Lleave\@:
    PATCH_BRANCH(PATCH_SPEC_LEAVE, .Lspec\@)
.Ltables\@:
    GUEST_CR3 \mode, \reg, \reg32
    test \reg, \reg
    jz .Ldone\@
    mov \reg, %cr3
.Ldone\@:
    \insn
    jmp .Lleft\@
.Lspec\@:
    call spec_leave
    jmp .Ltables\@
.Lisolated\@:
    GUEST_CR3 \mode, \reg, \reg32
    mov \reg, %cr3
    \insn
    \rest
    .popsection
    .endm

/* A mode is changed to the one with the root in %rax: on the way in or out if
 * the vcpu is isolated, here if not. */
    .macro LOAD_MODE_CR3
    PATCH_OVER_EITHER PATCH_ISOLATED_SOME, .Lmode\@, PATCH_ISOLATED_ALL, \
        .Lmode_done\@, .Lmode_done\@, \
        .byte 0x2e, 0x2e, 0x0f, 0x22, 0xd8 /* mov %rax, %cr3, padded */
    .pushsection .text.entry.work, "ax"
.Lmode\@:
    cmpq $0, CPU_INFO_guest_cr3 + 8(%rsp)
    jne .Lmode_done\@
    mov %rax, %cr3
    jmp .Lmode_done\@
    .popsection
    .endm

    .macro PUSH_CALLER_SAVED
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    .endm

    .macro PUSH_CALLEE_SAVED
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    .endm

/* What C preserves goes into the frame only when C is to see or change it. */
    .macro STORE_CALLEE_SAVED
    mov %rbx, REGS_rbx(%rsp)
    mov %rbp, REGS_rbp(%rsp)
    mov %r12, REGS_r12(%rsp)
    mov %r13, REGS_r13(%rsp)
    mov %r14, REGS_r14(%rsp)
    mov %r15, REGS_r15(%rsp)
    .endm

    .macro STORE_ARGUMENTS
    mov %rdi, REGS_rdi(%rsp)
    mov %rsi, REGS_rsi(%rsp)
    mov %rdx, REGS_rdx(%rsp)
    mov %r10, REGS_r10(%rsp)
    mov %r8, REGS_r8(%rsp)
    mov %r9, REGS_r9(%rsp)
    .endm

    .macro LOAD_ARGUMENTS_BUT_RDI
    mov REGS_rsi(%rsp), %rsi
    mov REGS_rdx(%rsp), %rdx
    mov REGS_r10(%rsp), %r10
    mov REGS_r8(%rsp), %r8
    mov REGS_r9(%rsp), %r9
    .endm

/* The last moves out, by SYSRET: all that a hypercall or a fault has in the
 * frame but what the first of them, LEAVING_TO_GUEST's own, loads. */
    .macro SYSRET_FROM_HYPERCALL
    LOAD_ARGUMENTS_BUT_RDI
    mov REGS_rsp(%rsp), %rsp
    sysretq
    .endm

    .macro SYSRET_TO_UPCALL
    LOAD_ARGUMENTS_BUT_RDI
    mov %r11, %rsp
    mov $ASM_RFLAGS_ENTRY, %r11d
    sysretq
    .endm

    .macro SYSRET_TO_SYSCALL_CALLBACK
    mov REGS_rdx(%rsp), %rdx
    mov %r11, %rsp
    mov $ASM_RFLAGS_ENTRY, %r11d
    sysretq
    .endm

    .macro SYSRET_FROM_FAULT
    mov REGS_rflags(%rsp), %r11
    mov REGS_rax(%rsp), %rax
    mov REGS_rdi(%rsp), %rdi
    SYSRET_FROM_HYPERCALL
    .endm

/* May fault on what the guest asked for: hv_exception() knows the places by
 * where the exception table sends them, a label that nothing jumps to. */
    .macro IRETQ_TO_GUEST
.Liretq\@:
    iretq
    EX_TABLE(.Liretq\@, iret_failed)
    .endm

    .macro IRETQ_FROM_IRET
    mov REGS_rax(%rsp), %rax
    mov REGS_r11(%rsp), %r11
    add $REGS_rip, %rsp
    IRETQ_TO_GUEST
    .endm

    .macro SAVE_REGS
    PUSH_CALLER_SAVED
    PUSH_CALLEE_SAVED
    .endm

    .macro RESTORE_REGS
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    .endm

/*
 * Is there anything to do before a guest is entered? Interrupts are off, so
 * nothing can come unseen. \v is a register with current, lost. The two bytes
 * at vcpu_info are upcall pending and mask: 1..255 is pending, unmasked.
 */
    .macro BRANCH_IF_WORK work:req, event:req, v:req, v32:req
    cmpq $0, CPU_INFO_softirqs(%rsp)
    jne \work
    cmpl $0, VCPU_exit_work(\v)
    jne \work
    mov VCPU_vcpu_info(\v), \v
    movzwl (\v), \v32
    dec \v32
    cmp $0xff, \v32
    jb \event
    .endm

/* From a place of this CPU's stack: its struct cpu_info. */
    .macro CPU_INFO_FROM reg:req
    or $(PERCPU_AREA_SIZE - 1), \reg
    lea 1 - PERCPU_AREA_SIZE + AREA_CPU_INFO(\reg), \reg
    .endm

/* A load or store of the guest's memory: a fault continues at \fix. */
    .macro GUEST fix:req, insn:vararg
777: \insn
    EX_TABLE(777b, \fix)
    .endm

/*
 * ---- the entry stub: one page, mapped at the start of every CPU's area ----
 * SYSCALL leaves %rsp the guest's. This code is reached through the area's
 * own mapping, so that RIP-relative operands find the CPU's struct cpu_info
 * at the end of the area without any register. No register is lost but %rsp,
 * which is in the frame then.
 */
#define CPU_INFO(off) \
    (.Lstub_page + AREA_CPU_INFO + (off))(%rip)

    .macro SYSCALL_STUB name:req, target:req, isolated
FUNC(\name)
    mov %rsp, CPU_INFO(REGS_rsp)
    .ifnb \isolated
    mov CPU_INFO(CPU_INFO_host_cr3 + 8), %rsp
    mov %rsp, %cr3
    .endif
    PATCH_OVER PATCH_RETPOLINE, 2f, \name\()_plain, lea CPU_INFO(0), %rsp
    jmp *4f(%rip)
    /* The same, by the return predictor: as linked, thunk.S does it so. */
2:  lea CPU_INFO(0), %rsp
    call 3f
    pause
    lfence
    jmp . - 5
3:  lea 8(%rsp), %rsp
    pushq 4f(%rip)
    ret
    .balign 8
4:  .quad \target
END(\name)
    .endm

    .section .text.entry_stub, "ax"
    .balign 4096
.Lstub_page:
    SYSCALL_STUB stub_syscall64, syscall64_entry
    SYSCALL_STUB stub_syscall32, syscall32_entry
    /* An isolated vcpu's: LSTAR and CSTAR say which (traps.c). %rsp is free. */
    SYSCALL_STUB stub_syscall64_isolated, syscall64_entry, isolated
    SYSCALL_STUB stub_syscall32_isolated, syscall32_entry, isolated

/*
 * ---- SYSCALL, from 64-bit code ----
 * %rcx is the guest's rip, %r11 its flags; interrupts are off. Three ways:
 * a hypercall; the kernel's iret, the most frequent hypercall, which needs
 * nothing of the others' frame; a program's system call.
 */
    .section .text.entry, "ax"
FUNC(syscall64_entry)
    ENTERED_BY_SYSCALL cmpb $0, CPU_INFO_kernel_mode(%rsp)
    je syscall_from_user
    cmp $HYPERCALL_IRET, %eax
    je iret_hypercall

    /*
     * Arguments go to C in their registers, and into the frame, from which
     * they are restored; rbx, rbp, r12-r15 C preserves. The index is masked,
     * so that no speculation reads beyond the table.
     */
    mov %rcx, REGS_rip(%rsp)
    mov %r11, REGS_rflags(%rsp)
    STORE_ARGUMENTS
    sti
    cmp $HYPERCALL_TABLE_ENTRIES - 1, %eax
    ja hypercall_unknown
    and $HYPERCALL_TABLE_ENTRIES - 1, %eax
    mov hypercall_dispatch(%rip), %r11
    mov %r10, %rcx
    mov (%r11, %rax, 8), %r11
    call __x86_indirect_thunk_r11
hypercall_done:
    cli
    mov CPU_INFO_current(%rsp), %rdx
    BRANCH_IF_WORK hypercall_work, hypercall_event, %rdx, %edx
hypercall_leave:
    /* A rip below the hole may be at its very edge; the flags may be ones
     * that SYSRET does not load as IRET does: the other way looks closer. */
    mov REGS_rip(%rsp), %rcx
    mov REGS_rflags(%rsp), %r11
    test %rcx, %rcx
    jns hypercall_work
    test $SYSRET_BAD_FLAGS, %r11d
    jnz hypercall_work
    LEAVING_TO_GUEST kernel, SYSRET_FROM_HYPERCALL, %rdx, %edx, \
        mov REGS_rdi(%rsp), %rdi

hypercall_unknown:
    mov $-HYPERCALL_ENOSYS, %rax
    jmp hypercall_done

/* rax is the result. The frame is completed, as if all had been saved. */
    .macro COMPLETE_HYPERCALL_FRAME
    mov %rax, REGS_rax(%rsp)
    mov REGS_rip(%rsp), %rcx
    mov %rcx, REGS_rcx(%rsp)
    mov REGS_rflags(%rsp), %rcx
    mov %rcx, REGS_r11(%rsp)
    movl $0, REGS_error_code(%rsp)
    movl $ENTRY_SYSCALL | ENTRY_SYSRET, REGS_entry_vector(%rsp)
    movl $SEL_RING3_CS64, REGS_cs(%rsp)
    movl $SEL_RING3_DS, REGS_ss(%rsp)
    .endm

hypercall_work:
    COMPLETE_HYPERCALL_FRAME
    STORE_CALLEE_SAVED
    jmp leave

/*
 * An event: as syscall_from_user, but onto the stack of the kernel that is
 * running. The upcall is entered with the hypercall's result and registers.
 */
hypercall_event:
    mov CPU_INFO_current(%rsp), %rdx
    mov REGS_rsp(%rsp), %r11
    and $-16, %r11
    sub $56, %r11
    mov %r11, %rcx
    shr $HV_VIRT_SHIFT, %rcx
    cmp $HV_VIRT_TAG, %ecx
    je hypercall_event_by_c
    cmpq $0, VCPU_event_callback(%rdx)
    je hypercall_event_by_c
    mov REGS_rip(%rsp), %rcx
    GUEST hypercall_event_by_c, mov %rcx, (%r11)
    GUEST hypercall_event_by_c, mov %rcx, 16(%r11)
    mov REGS_rflags(%rsp), %rcx
    GUEST hypercall_event_by_c, mov %rcx, 8(%r11)
    or VCPU_shown_iopl(%rdx), %rcx
    GUEST hypercall_event_by_c, mov %rcx, 32(%r11)
    GUEST hypercall_event_by_c, movq $SEL_RING3_CS64 & ~3, 24(%r11)
    mov REGS_rsp(%rsp), %rcx
    GUEST hypercall_event_by_c, mov %rcx, 40(%r11)
    GUEST hypercall_event_by_c, movq $SEL_RING3_DS, 48(%r11)
    mov VCPU_vcpu_info(%rdx), %rcx
    movb $1, VCPU_INFO_upcall_mask(%rcx)
    mov VCPU_event_callback(%rdx), %rcx /* canonical since it was set */
    LEAVING_TO_GUEST kernel, SYSRET_TO_UPCALL, %rdx, %edx, \
        mov REGS_rdi(%rsp), %rdi

hypercall_event_by_c:
    COMPLETE_HYPERCALL_FRAME
    mov CPU_INFO_current(%rsp), %rdi
    call pv_deliver_pending
    mov REGS_rax(%rsp), %rax
    cmpq $0, CPU_INFO_softirqs(%rsp) /* the domain was crashed? */
    je hypercall_leave
    jmp hypercall_work
END(syscall64_entry)

/*
 * ---- a program's system call ----
 * Straight to the kernel's callback: GS base, page tables, seven words onto
 * its stack. Only rax, rdx, rcx, r11 are used. Whatever is not plain, and a
 * stack that faults, is for C (pv_syscall()).
 */
FUNC(syscall_from_user)
    mov %rax, REGS_rax(%rsp)
    mov %rdx, REGS_rdx(%rsp)
    mov CPU_INFO_current(%rsp), %rdx
    cmpq $0, VCPU_syscall_callback(%rdx)
    je syscall_by_c
    mov VCPU_vcpu_info(%rdx), %rax
    cmpb $0, VCPU_INFO_upcall_mask(%rax)
    jne syscall_by_c
    mov VCPU_kernel_l4(%rdx), %rax
    shl $ASM_PAGE_SHIFT, %rax
    swapgs
    LOAD_MODE_CR3
    movb $1, VCPU_kernel_mode(%rdx)
    movb $1, CPU_INFO_kernel_mode(%rsp)
    mov VCPU_kernel_stack(%rdx), %rax
    /* rcx r11 rip cs|mask rflags rsp ss. Until the last store rcx and r11
     * stay what they are but for IOPL, which is clear in real flags. */
    GUEST syscall_fault, mov %rcx, -56(%rax)
    GUEST syscall_fault, mov %r11, -48(%rax)
    GUEST syscall_fault, mov %rcx, -40(%rax)
    GUEST syscall_fault, movq $SEL_RING3_CS64, -32(%rax)
    or VCPU_shown_iopl(%rdx), %r11
    GUEST syscall_fault, mov %r11, -24(%rax)
    mov REGS_rsp(%rsp), %rdx
    GUEST syscall_fault, mov %rdx, -16(%rax)
    GUEST syscall_fault, movq $SEL_RING3_DS, -8(%rax)
    mov CPU_INFO_current(%rsp), %rdx
    mov VCPU_vcpu_info(%rdx), %rcx
    movzbl VCPU_syscall_masks(%rdx), %r11d
    mov %r11b, VCPU_INFO_upcall_mask(%rcx)
    mov VCPU_syscall_callback(%rdx), %rcx /* canonical since it was set */
    lea -56(%rax), %r11
    BRANCH_IF_WORK syscall_work, syscall_work, %rdx, %edx
    LEAVING_TO_GUEST kernel, SYSRET_TO_SYSCALL_CALLBACK, %rdx, %edx, \
        mov REGS_rax(%rsp), %rax

/* The bounce is done; the frame says so. */
syscall_work:
    mov %rcx, REGS_rip(%rsp)
    mov %r11, REGS_rsp(%rsp)
    movq $ASM_RFLAGS_ENTRY, REGS_rflags(%rsp)
    mov REGS_rax(%rsp), %rax
    mov REGS_rdx(%rsp), %rdx
    STORE_ARGUMENTS
    STORE_CALLEE_SAVED
    COMPLETE_HYPERCALL_FRAME
    jmp leave

/* Nothing was changed yet. */
syscall_by_c:
    lea guest_syscall(%rip), %rax
1:  mov %rax, REGS_r15(%rsp)
    mov %rcx, REGS_rip(%rsp)
    mov %r11, REGS_rflags(%rsp)
    mov REGS_rax(%rsp), %rax
    mov REGS_rdx(%rsp), %rdx
    STORE_ARGUMENTS
    COMPLETE_HYPERCALL_FRAME
    mov %rsp, %rdi
    mov REGS_r15(%rsp), %rax
    STORE_CALLEE_SAVED
    call __x86_indirect_thunk_rax
    jmp leave

syscall_fault:
    and $~ASM_RFLAGS_IOPL, %r11
    lea guest_syscall_again(%rip), %rax
    jmp 1b
END(syscall_from_user)

/* ---- SYSCALL from compatibility mode (AMD) ---- */
FUNC(syscall32_entry)
    ENTERED_BY_SYSCALL mov %rcx, REGS_rip(%rsp)
    mov %r11, REGS_rflags(%rsp)
    STORE_ARGUMENTS
    STORE_CALLEE_SAVED
    COMPLETE_HYPERCALL_FRAME
    movl $ENTRY_SYSCALL32, REGS_entry_vector(%rsp)
    movl $SEL_RING3_CS32, REGS_cs(%rsp)
syscall_common:
    mov %rsp, %rdi
    call guest_syscall
    jmp leave
END(syscall32_entry)

/*
 * ---- SYSENTER (Intel) ----
 * SYSENTER_ESP is the end of the frame. Nothing of the caller's rip and rsp is
 * known; of the flags only IF and VM were cleared. With TF set the #DB comes
 * here, on its own stack, and clears TF.
 */
FUNC(sysenter_entry)
    push $SEL_RING3_DS
    push $0
    pushfq
    orl $ASM_RFLAGS_IF, (%rsp)
    push $3
    push $0
    push $0
    movl $ENTRY_SYSENTER, 4(%rsp)
    push $2
    popfq
    SAVE_REGS
    ENTERED_FROM_GUEST kernel, cmpb $0, CPU_INFO_kernel_mode(%rsp)
    jmp syscall_common
END(sysenter_entry)

/* ---- the 256 gates ---- */
/* Where the processor pushes none, so that all frames are alike. */
    .macro PUSH_NO_ERROR_CODE vec:req
    .if \vec == 8 || (\vec >= 10 && \vec <= 14) || \vec == 17 || \
        \vec == 21 || \vec == 29 || \vec == 30
    .else
    push $0
    .endif
    .endm

    .balign 16
FUNC(vector_stubs)
    .set vec, 0
    .rept 256
    .balign 16
    PUSH_NO_ERROR_CODE vec
    movl $vec, 4(%rsp)
    .if vec == X86_TRAP_DB || vec == X86_TRAP_NMI || vec == X86_TRAP_DF || \
        vec == X86_TRAP_MC
    jmp ist_common
    .elseif vec == X86_TRAP_NM || vec == X86_TRAP_GP || \
        vec == X86_TRAP_INT80
    jmp exception_common
    .elseif vec < 32
    jmp fault_common
    .else
    jmp irq_common
    .endif
    .set vec, vec + 1
    .endr
END(vector_stubs)

/* While exceptions are traced, the faults among them take the longer way. */
    .balign 16
FUNC(traced_stubs)
    .set vec, 0
    .rept 32
    .balign 16
    PUSH_NO_ERROR_CODE vec
    movl $vec, 4(%rsp)
    jmp exception_common
    .set vec, vec + 1
    .endr
END(traced_stubs)

/*
 * Exceptions that most often are just the guest's. guest_fault() sees half of
 * the registers; if it wants all, the frame is completed for the other way.
 */
FUNC(fault_common)
    cld
    testb $3, (REGS_cs - REGS_error_code)(%rsp)
    jz exception_from_hv
    PUSH_CALLER_SAVED
    sub $REGS_r11, %rsp
    ENTERED_FROM_GUEST kernel, {disp8} lea 0(%rsp), %rdi
    call guest_fault
    dec %eax
    jnz fault_not_bounced
    mov CPU_INFO_current(%rsp), %rdx
    BRANCH_IF_WORK fault_work, fault_work, %rdx, %edx
    /* rip is canonical since it was set. */
    LEAVING_TO_GUEST kernel, SYSRET_FROM_FAULT, %rdx, %edx, \
        mov REGS_rip(%rsp), %rcx
fault_not_bounced:
    js fault_complete
fault_work:
    STORE_CALLEE_SAVED
    jmp leave
fault_complete: /* entered as above: only a program's page tables are missing */
    STORE_CALLEE_SAVED
    PATCH_BRANCH(PATCH_ISOLATION, fault_isolated)
fault_on_mode:
    mov %rsp, %rdi
    jmp exception_entered
    .pushsection .text.entry.work, "ax"
fault_isolated:
    cmpb $0, CPU_INFO_kernel_mode(%rsp)
    jne fault_on_mode
    mov CPU_INFO_host_cr3(%rsp), %rax
    test %rax, %rax
    jz fault_on_mode
    mov %rax, %cr3
    jmp fault_on_mode
    .popsection
END(fault_common)

FUNC(exception_common)
    cld
    testb $3, (REGS_cs - REGS_error_code)(%rsp)
    jz exception_from_hv
    SAVE_REGS
exception_from_guest:
    ENTERED_FROM_GUEST mode, {disp8} lea 0(%rsp), %rdi
exception_entered:
    call guest_exception
    jmp leave
exception_from_hv:
    PATCH_BRANCH(PATCH_ISOLATION, exception_in_the_dark)
exception_seen:
    SAVE_REGS
    RETAKE_CONTROLS
    mov %rsp, %rdi
    call hv_exception
return_to_hv:
    RESTORE_REGS
    add $8, %rsp
    iretq
END(exception_common)

FUNC(irq_common)
    cld
    SAVE_REGS
    testb $3, REGS_cs(%rsp)
    jz 1f
    ENTERED_FROM_GUEST mode, {disp8} lea 0(%rsp), %rdi
    call do_irq_vector
    jmp leave
1:  mov %rsp, %rdi
    call do_irq_vector
    jmp return_to_hv
END(irq_common)

/*
 * #DB, NMI, #DF, #MC: each on a stack of its own, since they come at any
 * instruction, the one after SYSCALL included. From a guest the frame moves to
 * its usual place and all goes on as with any exception. From the hypervisor
 * it stays here.
 */
FUNC(ist_common)
    PATCH_BRANCH(PATCH_ISOLATION, ist_isolated)
    cld
    SAVE_REGS
    testb $3, REGS_cs(%rsp)
    jz ist_from_hv
    mov %rsp, %rsi
    CPU_INFO_FROM %rsp
    mov %rsp, %rdi
    mov $(REGS_SIZE / 8), %ecx
    rep movsq
    jmp exception_from_guest

ist_from_hv:
    BORROW_CONTROLS
    mov %rsp, %rdi
    call hv_ist_exception
    RETURN_CONTROLS
    test %al, %al
    jz return_to_hv
    /* The NMI handler was interrupted. IRET would let the next NMI in, onto
     * the stack in use: return by RET, through that stack. */
    mov REGS_rsp(%rsp), %rax
    mov REGS_rip(%rsp), %rcx
    mov %rcx, -8(%rax)
    mov REGS_rflags(%rsp), %rcx
    mov %rcx, -16(%rax)
    sub $16, %rax
    mov %rax, REGS_rsp(%rsp)
    RESTORE_REGS
    mov (REGS_rsp - REGS_error_code)(%rsp), %rsp
    popfq
    ret
END(ist_common)

/* ---- out ---- */
FUNC(reset_stack_and_call)
    CPU_INFO_FROM %rsp
    call __x86_indirect_thunk_rdi
    ud2
END(reset_stack_and_call)

/*
 * SYSRET needs flat selectors and no odd flags. Intel SDM vol. 2, SYSRET: a
 * non-canonical RCX faults in ring 0 with the guest's stack, so it is checked,
 * after the last moment at which anyone could change it. Flags: ENTRY_SYSRET?
 */
    .macro LEAVE_BY_FRAME
    jz leave_by_iret
    cmpl $SEL_RING3_CS64, REGS_cs(%rsp)
    jne leave_by_iret
    cmpl $SEL_RING3_DS, REGS_ss(%rsp)
    jne leave_by_iret
    testl $SYSRET_BAD_FLAGS, REGS_rflags(%rsp)
    jnz leave_by_iret
    mov REGS_rip(%rsp), %rcx
    mov %rcx, %rdx
    shl $16, %rdx
    sar $16, %rdx
    cmp %rcx, %rdx
    jne leave_by_iret
    RESTORE_REGS
    mov (REGS_rip - REGS_error_code)(%rsp), %rcx
    mov (REGS_rflags - REGS_error_code)(%rsp), %r11
    mov (REGS_rsp - REGS_error_code)(%rsp), %rsp
    sysretq
    .endm

/* The whole frame is valid and says where to go. */
FUNC(exit_to_guest)
    CPU_INFO_FROM %rsp
leave:
    cli
    mov CPU_INFO_current(%rsp), %rdx
    BRANCH_IF_WORK leave_by_work, leave_by_work, %rdx, %edx
leave_now:
    LEAVING_TO_GUEST frame, LEAVE_BY_FRAME, %rdx, %edx, \
        testl $ENTRY_SYSRET, REGS_entry_vector(%rsp)
leave_by_work:
    call guest_exit_work /* comes back with interrupts off */
    jmp leave_now

leave_by_iret:
    RESTORE_REGS
    add $8, %rsp
    IRETQ_TO_GUEST
END(exit_to_guest)
/*
 * ---- the iret hypercall: the kernel's way back, to itself or a program ----
 * On its stack: rax r11 rcx flags rip cs rflags rsp ss. All other registers
 * are what the interrupted context is to have, so rax, rcx, r11 are the only
 * ones used. As long as the guest's stack is read nothing is changed that
 * do_iret() cannot do again: what is not plain starts over there.
 */
    .macro IRET_LEAVE mode:req
    movw $0, VCPU_nmi_masked(%rcx) /* and mce_masked */
    BRANCH_IF_WORK iret_work, iret_work, %rcx, %ecx
    LEAVING_TO_GUEST \mode, IRETQ_FROM_IRET, %rax, %eax, \
        mov REGS_rcx(%rsp), %rcx
    .endm

FUNC(iret_hypercall)
    mov REGS_rsp(%rsp), %r11
    mov %r11, %rax
    shr $HV_VIRT_SHIFT, %rax /* its end cannot lie in there: the first */
    cmp $HV_VIRT_TAG, %eax /* word faults before that */
    cmove %rax, %r11       /* nor does speculation read there */
    je iret_by_c
    GUEST iret_by_c, mov (%r11), %rax
    mov %rax, REGS_rax(%rsp)
    GUEST iret_by_c, testl $VGCF_IN_SYSCALL, 24(%r11)
    jnz iret_by_c
    GUEST iret_by_c, mov 8(%r11), %rax
    mov %rax, REGS_r11(%rsp)
    GUEST iret_by_c, mov 16(%r11), %rax
    mov %rax, REGS_rcx(%rsp)
    GUEST iret_by_c, mov 32(%r11), %rax
    mov %rax, REGS_rip(%rsp)
    GUEST iret_by_c, movzwl 64(%r11), %eax
    or $3, %eax
    mov %rax, REGS_ss(%rsp)
    mov CPU_INFO_current(%rsp), %rcx
    GUEST iret_by_c, mov 48(%r11), %rax
    and $GUEST_FLAGS | ASM_RFLAGS_IF | ASM_RFLAGS_IOPL, %eax
    xor VCPU_shown_iopl(%rcx), %eax
    test $ASM_RFLAGS_IOPL, %eax
    jnz iret_by_c
    or $ASM_RFLAGS_ONE, %eax
    mov VCPU_vcpu_info(%rcx), %rcx
    bts $ASM_RFLAGS_IF_BIT, %eax
    setnc VCPU_INFO_upcall_mask(%rcx)
    mov %rax, REGS_rflags(%rsp)
    GUEST iret_by_c, movzwl 40(%r11), %eax
    GUEST iret_by_c, mov 56(%r11), %r11
    mov %rax, REGS_cs(%rsp)
    mov CPU_INFO_current(%rsp), %rcx
    not %eax
    test $3, %al
    jnz iret_to_kernel
    mov VCPU_user_l4(%rcx), %rax
    shl $ASM_PAGE_SHIFT, %rax
    js iret_by_c /* INVALID_MFN */
    mov %r11, REGS_rsp(%rsp)
    swapgs
    LOAD_MODE_CR3
    movb $0, VCPU_kernel_mode(%rcx)
    movb $0, CPU_INFO_kernel_mode(%rsp)
    IRET_LEAVE user

iret_to_kernel:
    mov %r11, REGS_rsp(%rsp)
    orl $3, REGS_cs(%rsp)
    IRET_LEAVE kernel

    /* Nothing jumps here: the exception table's word for IRETQ to a guest. */
    .globl iret_failed
    .hidden iret_failed
iret_failed:
    ud2

iret_work:
    movq $0, REGS_error_code(%rsp) /* and entry_vector: no SYSRET */
    STORE_ARGUMENTS
    STORE_CALLEE_SAVED
    jmp leave

/* As any hypercall. Its rip is not known any more, nor does it matter; what
 * the frame holds may be another's. */
iret_by_c:
    movq $0, REGS_rip(%rsp)
    movq $ASM_RFLAGS_ENTRY, REGS_rflags(%rsp)
    STORE_ARGUMENTS
    STORE_CALLEE_SAVED
    mov $HYPERCALL_IRET, %eax
    COMPLETE_HYPERCALL_FRAME
    sti
    call do_iret
    mov %rax, REGS_rax(%rsp)
    jmp leave
END(iret_hypercall)

/*
 * ---- isolation: what comes while the hypervisor is not mapped ----
 * #DB, NMI, #DF, #MC have slots in the entry page instead of their stacks. From
 * a guest the frame moves to its usual place. From the hypervisor it moves to
 * the stack, and with it what must be as it was when it goes on:
 *
 *   slot   rbx rcx rax | vector, rip cs rflags rsp ss
 *   stack  the frame, address of the slot, CR3
 *
 * The way back is by the slot, on the CR3 that was loaded. What the hypervisor
 * had in registers does not stay in it.
 */
#define SLOT_CR3   0
#define SLOT_RAX   16
#define SLOT_FRAME 24
#define STACK_SLOT REGS_SIZE
#define STACK_CR3  (REGS_SIZE + 8)
#define STACK_SIZE (REGS_SIZE + 16)

    .section .text.entry.work, "ax"

    .macro PUSH_SLOT
    push %rax
    push %rcx
    push %rbx
    mov %rsp, %rcx
    CPU_INFO_FROM %rcx
    .endm

/* The slot is at %rsp, the CR3 that was in %rbx; %rcx: where on the stack. */
    .macro SLOT_TO_STACK
    mov %rbx, STACK_CR3(%rcx)
    mov %rsp, STACK_SLOT(%rcx)
    .irp word, 0, 8, 16, 24, 32, 40
    mov SLOT_FRAME + \word(%rsp), %rax
    mov %rax, REGS_error_code + \word(%rcx)
    .endr
    pop %rbx
    mov 8(%rsp), %rax
    lea REGS_error_code(%rcx), %rcx
    xchg %rsp, %rcx
    mov (%rcx), %rcx
    SAVE_REGS
    mov STACK_SLOT(%rsp), %rax
    movq $0, (%rax)
    movq $0, 8(%rax)
    movq $0, SLOT_RAX(%rax)
    .endm

/*
 * An exception in the hypervisor. It may be one of the instruction that returns
 * to a guest, on the guest's page tables: there the frame lies below the
 * guest's, in the entry page, too near its end for all registers.
 */
exception_in_the_dark:
    PUSH_SLOT
    mov %cr3, %rbx
    cmp CPU_INFO_guest_cr3(%rcx), %rbx
    je 1f
    cmp CPU_INFO_guest_cr3 + 8(%rcx), %rbx
    je 1f
    pop %rbx
    pop %rcx
    pop %rax
    jmp exception_seen
1:  movzbl CPU_INFO_kernel_mode(%rcx), %eax
    mov CPU_INFO_host_cr3(%rcx, %rax, 8), %rax
    mov %rax, %cr3
    sub $STACK_SIZE, %rcx
    SLOT_TO_STACK
    RETAKE_CONTROLS
    mov %rsp, %rdi
    call hv_exception
    jmp return_by_slot

ist_isolated:
    cld
    PUSH_SLOT
    testb $3, SLOT_FRAME + REGS_cs - REGS_error_code(%rsp)
    jz 1f
    .irp word, 0, 8, 16, 24, 32, 40
    mov SLOT_FRAME + \word(%rsp), %rax
    mov %rax, REGS_error_code + \word(%rcx)
    .endr
    pop %rbx
    pop %rax
    mov %rax, CPU_INFO_scratch(%rcx)
    pop %rax
    .irp word, -24, -16, -8, 0, 8, 16, 24, 32, 40
    movq $0, \word(%rsp)
    .endr
    lea REGS_error_code(%rcx), %rsp
    mov CPU_INFO_scratch - REGS_error_code(%rsp), %rcx
    SAVE_REGS
    jmp exception_from_guest

1:  mov %cr3, %rbx
    mov CPU_INFO_hv_cr3(%rcx), %rax
    mov %rax, %cr3
    /* Slot n has addresses 0x(4+n)00 below its top; IST n's stack is page 2n
     * of the area. */
    mov %esp, %eax
    shr $8, %eax
    and $0xf, %eax
    sub $3, %eax
    shl $13, %eax
    lea 0x1000 - AREA_CPU_INFO - STACK_SIZE(%rcx, %rax), %rcx
    SLOT_TO_STACK
    BORROW_CONTROLS
    mov %rsp, %rdi
    call hv_ist_exception
    RETURN_CONTROLS
    test %al, %al
    jnz ist_by_ret
return_by_slot:
    mov STACK_SLOT(%rsp), %rax
    mov REGS_rip(%rsp), %rcx
    mov %rcx, SLOT_FRAME + REGS_rip - REGS_error_code(%rax)
    mov REGS_rflags(%rsp), %rcx
    mov %rcx, SLOT_FRAME + REGS_rflags - REGS_error_code(%rax)
    mov REGS_rax(%rsp), %rcx
    mov %rcx, SLOT_RAX(%rax)
    mov STACK_CR3(%rsp), %rcx
    mov %rcx, SLOT_CR3(%rax)
    RESTORE_REGS
    mov (STACK_SLOT - REGS_error_code)(%rsp), %rsp
    pop %rax
    mov %rax, %cr3
    mov SLOT_RAX - 8(%rsp), %rax
    movq $0, SLOT_RAX - 8(%rsp)
    add $SLOT_FRAME, %rsp /* a word was popped: rip is next */
    iretq

    /* The NMI handler was interrupted: as in ist_from_hv. */
ist_by_ret:
    mov REGS_rsp(%rsp), %rcx
    .irp word, REGS_rip, REGS_rflags, REGS_rax
    sub $8, %rcx
    mov \word(%rsp), %rax
    mov %rax, (%rcx)
    .endr
    sub $8, %rcx
    mov STACK_CR3(%rsp), %rax
    mov %rax, (%rcx)
    mov %rcx, REGS_rsp(%rsp)
    RESTORE_REGS
    mov (REGS_rsp - REGS_error_code)(%rsp), %rsp
    pop %rax
    mov %rax, %cr3
    pop %rax
    popfq
    ret

/*
 * ---- speculation controls (spec_choose.c) ----
 * Called with the return address below the frame, all registers kept, on page
 * tables of the hypervisor.
 */
#define SCRATCH(n) (CPU_INFO_scratch + 8 * (n) + 8)(%rsp)

FUNC(spec_enter)
    mov %rax, SCRATCH(0)
    mov %rcx, SCRATCH(1)
    mov %rdx, SCRATCH(2)
    IF_PATCHED PATCH_IBRS_ENTER, 1f, 2f
1:  mov spec_choice + SPEC_CHOICE_spec_ctrl(%rip), %eax
    WRITE_MSR ASM_MSR_SPEC_CTRL
2:  IF_PATCHED PATCH_IBPB_ENTER, 1f, 2f
1:  mov $ASM_PRED_CMD_IBPB, %eax
    WRITE_MSR ASM_MSR_PRED_CMD
2:  IF_PATCHED PATCH_RSB_ENTER, 1f, 2f
    /* 32 calls that never return where they say. */
1:  mov $16, %ecx
    mov %rsp, %rax
3:  call 5f
4:  pause
    lfence
    jmp 4b
5:  call 7f
6:  pause
    lfence
    jmp 6b
7:  mov %rax, %rsp
    dec %ecx
    jnz 3b
2:  mov SCRATCH(0), %rax
    mov SCRATCH(1), %rcx
    mov SCRATCH(2), %rdx
    ret
END(spec_enter)

FUNC(spec_leave)
    mov %rax, SCRATCH(0)
    mov %rcx, SCRATCH(1)
    mov %rdx, SCRATCH(2)
    IF_PATCHED PATCH_IBRS_ENTER, 1f, 2f
1:  mov spec_choice + SPEC_CHOICE_spec_ctrl(%rip), %eax
    and $~ASM_SPEC_CTRL_IBRS, %eax
    WRITE_MSR ASM_MSR_SPEC_CTRL
2:  IF_PATCHED PATCH_VERW_LEAVE, 1f, 2f
    /* Overwrites buffers, in the form with a memory operand only. */
1:  verw .Lverw_selector(%rip)
2:  mov SCRATCH(0), %rax
    mov SCRATCH(1), %rcx
    mov SCRATCH(2), %rdx
    ret
.Lverw_selector:
    .word SEL_HV_DS
END(spec_leave)

    .section .note.GNU-stack, "", @progbits
