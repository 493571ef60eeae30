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
#include <asm/traps.h>

/*
 * ---- one place at each way in and out ----
 * In: %rsp is the frame (and struct cpu_info); nothing of the hypervisor was
 * touched but that. Out: the last point at which the registers named are
 * free; after it come only moves and the instruction that leaves.
 */
    .macro ENTERED_FROM_GUEST
    .endm
    .macro LEAVING_TO_GUEST
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

    .macro LOAD_ARGUMENTS
    mov REGS_rdi(%rsp), %rdi
    mov REGS_rsi(%rsp), %rsi
    mov REGS_rdx(%rsp), %rdx
    mov REGS_r10(%rsp), %r10
    mov REGS_r8(%rsp), %r8
    mov REGS_r9(%rsp), %r9
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
    (.Lstub_page + PERCPU_AREA_SIZE - CPU_INFO_SIZE + (off))(%rip)

    .macro SYSCALL_STUB name:req, target:req
FUNC(\name)
    mov %rsp, CPU_INFO(REGS_rsp)
    lea CPU_INFO(0), %rsp
    jmp *1f(%rip)
    .balign 8
1:  .quad \target
END(\name)
    .endm

    .section .text.entry_stub, "ax"
    .balign 4096
.Lstub_page:
    SYSCALL_STUB stub_syscall64, syscall64_entry
    SYSCALL_STUB stub_syscall32, syscall32_entry

/*
 * ---- SYSCALL, from 64-bit code ----
 * %rcx is the guest's rip, %r11 its flags; interrupts are off. Three ways:
 * a hypercall; the kernel's iret, the most frequent hypercall, which needs
 * nothing of the others' frame; a program's system call.
 */
    .section .text.entry, "ax"
FUNC(syscall64_entry)
    ENTERED_FROM_GUEST
    cmpb $0, CPU_INFO_kernel_mode(%rsp)
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
    lea hypercall_table(%rip), %r11
    mov %r10, %rcx
    call *(%r11, %rax, 8)
hypercall_done:
    cli
    mov CPU_INFO_current(%rsp), %rdx
    BRANCH_IF_WORK hypercall_work, hypercall_event, %rdx, %edx
hypercall_leave:
    LEAVING_TO_GUEST /* rcx rdx rdi rsi r8-r11 */
    /* A rip below the hole may be at its very edge; the flags may be ones
     * that SYSRET does not load as IRET does: the other way looks closer. */
    mov REGS_rip(%rsp), %rcx
    mov REGS_rflags(%rsp), %r11
    test %rcx, %rcx
    jns hypercall_work
    test $SYSRET_BAD_FLAGS, %r11d
    jnz hypercall_work
    LOAD_ARGUMENTS
    mov REGS_rsp(%rsp), %rsp
    sysretq

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

/* The upcall is entered with the hypercall's result and all registers. */
hypercall_event:
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
    mov %rax, %cr3
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
    LEAVING_TO_GUEST /* rax rdx */
    mov REGS_rax(%rsp), %rax
    mov REGS_rdx(%rsp), %rdx
    mov %r11, %rsp
    mov $ASM_RFLAGS_ENTRY, %r11d
    sysretq

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
    call *%rax
    jmp leave

syscall_fault:
    and $~ASM_RFLAGS_IOPL, %r11
    lea guest_syscall_again(%rip), %rax
    jmp 1b
END(syscall_from_user)

/* ---- SYSCALL from compatibility mode (AMD) ---- */
FUNC(syscall32_entry)
    ENTERED_FROM_GUEST
    mov %rcx, REGS_rip(%rsp)
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
    ENTERED_FROM_GUEST
    jmp syscall_common
END(sysenter_entry)

/* ---- the 256 gates ---- */
    .balign 16
FUNC(vector_stubs)
    .set vec, 0
    .rept 256
    .balign 16
    .if vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21 || \
        vec == 29 || vec == 30
    .else
    push $0
    .endif
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
    ENTERED_FROM_GUEST
    mov %rsp, %rdi
    call guest_fault
    dec %eax
    jnz fault_not_bounced
    mov CPU_INFO_current(%rsp), %rdx
    BRANCH_IF_WORK fault_work, fault_work, %rdx, %edx
    LEAVING_TO_GUEST /* all but rbx rbp r12-r15 */
    mov REGS_rip(%rsp), %rcx /* canonical since it was set */
    mov REGS_rflags(%rsp), %r11
    mov REGS_rax(%rsp), %rax
    LOAD_ARGUMENTS
    mov REGS_rsp(%rsp), %rsp
    sysretq
fault_not_bounced:
    js fault_complete
fault_work:
    STORE_CALLEE_SAVED
    jmp leave
fault_complete:
    STORE_CALLEE_SAVED
    jmp exception_from_guest
END(fault_common)

FUNC(exception_common)
    cld
    testb $3, (REGS_cs - REGS_error_code)(%rsp)
    jz exception_from_hv
    SAVE_REGS
    ENTERED_FROM_GUEST
exception_from_guest:
    mov %rsp, %rdi
    call guest_exception
    jmp leave
exception_from_hv:
    SAVE_REGS
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
    ENTERED_FROM_GUEST
    mov %rsp, %rdi
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
    cld
    SAVE_REGS
    testb $3, REGS_cs(%rsp)
    jz ist_from_hv
    mov %rsp, %rsi
    or $(PERCPU_AREA_SIZE - 1), %rsp
    lea 1 - CPU_INFO_SIZE(%rsp), %rsp
    mov %rsp, %rdi
    mov $(REGS_SIZE / 8), %ecx
    rep movsq
    ENTERED_FROM_GUEST
    jmp exception_from_guest

ist_from_hv:
    mov %rsp, %rdi
    call hv_ist_exception
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
    or $(PERCPU_AREA_SIZE - 1), %rsp
    lea 1 - CPU_INFO_SIZE(%rsp), %rsp
    call *%rdi
    ud2
END(reset_stack_and_call)

/* The whole frame is valid and says where to go. */
FUNC(exit_to_guest)
    or $(PERCPU_AREA_SIZE - 1), %rsp
    lea 1 - CPU_INFO_SIZE(%rsp), %rsp
leave:
    cli
    mov CPU_INFO_current(%rsp), %rdx
    BRANCH_IF_WORK leave_by_work, leave_by_work, %rdx, %edx
leave_now:
    LEAVING_TO_GUEST /* every register */
    /*
     * SYSRET needs flat selectors and no odd flags. Intel SDM vol. 2, SYSRET:
     * a non-canonical RCX faults in ring 0 with the guest's stack, so it is
     * checked, after the last moment at which anyone could change it.
     */
    testl $ENTRY_SYSRET, REGS_entry_vector(%rsp)
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

leave_by_work:
    call guest_exit_work /* comes back with interrupts off */
    jmp leave_now

leave_by_iret:
    RESTORE_REGS
    add $8, %rsp
    jmp iret_to_guest
END(exit_to_guest)

/*
 * ---- the iret hypercall: the kernel's way back, to itself or a program ----
 * On its stack: rax r11 rcx flags rip cs rflags rsp ss. All other registers
 * are what the interrupted context is to have, so rax, rcx, r11 are the only
 * ones used. As long as the guest's stack is read nothing is changed that
 * do_iret() cannot do again: what is not plain starts over there.
 */
FUNC(iret_hypercall)
    mov REGS_rsp(%rsp), %r11
    mov %r11, %rax
    shr $HV_VIRT_SHIFT, %rax /* its end cannot lie in there: the first */
    cmp $HV_VIRT_TAG, %eax /* word faults before that */
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
    mov %rax, %cr3
    movb $0, VCPU_kernel_mode(%rcx)
    movb $0, CPU_INFO_kernel_mode(%rsp)
iret_masks:
    movw $0, VCPU_nmi_masked(%rcx) /* and mce_masked */
    BRANCH_IF_WORK iret_work, iret_work, %rcx, %ecx
    LEAVING_TO_GUEST /* rax rcx r11 */
    mov REGS_rax(%rsp), %rax
    mov REGS_rcx(%rsp), %rcx
    mov REGS_r11(%rsp), %r11
    add $REGS_rip, %rsp
    /* May fault on what the guest asked for: hv_exception() knows the place. */
    .globl iret_to_guest
    .hidden iret_to_guest
iret_to_guest:
    iretq

iret_to_kernel:
    mov %r11, REGS_rsp(%rsp)
    orl $3, REGS_cs(%rsp)
    jmp iret_masks

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

    .section .note.GNU-stack, "", @progbits
