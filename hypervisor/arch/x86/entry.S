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

    .macro SAVE_LOW
    push %rdi
    push %rsi
    push %rdx
    .endm

    .macro SAVE_HIGH
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    .endm

    .macro SAVE_REGS
    SAVE_LOW
    push %rcx
    SAVE_HIGH
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

/* The frame is 168 bytes below a 16-byte boundary: C wants 8 more. */
    .macro CALL_C fn:req
    sub $8, %rsp
    call \fn
    add $8, %rsp
    .endm

/*
 * ---- the entry stub: one page, mapped at the start of every CPU's area ----
 * SYSCALL leaves %rsp the guest's. This code is reached through the area's
 * own mapping, so that RIP-relative operands find the CPU's struct cpu_info
 * at the end of the area without any register.
 */
#define CPU_INFO(off) \
    (.Lstub_page + PERCPU_AREA_SIZE - CPU_INFO_SIZE + (off))(%rip)

    .macro SYSCALL_STUB name:req, cs:req, vector:req, target:req
FUNC(\name)
    mov %rsp, CPU_INFO(CPU_INFO_scratch_rsp)
    lea CPU_INFO(REGS_SIZE), %rsp
    push $SEL_RING3_DS
    push CPU_INFO(CPU_INFO_scratch_rsp)
    push %r11
    push $\cs
    push %rcx
    push $0
    movl $\vector, 4(%rsp)
    movabs $\target, %rcx
    jmp *%rcx
END(\name)
    .endm

    .section .text.entry_stub, "ax"
    .balign 4096
.Lstub_page:
    SYSCALL_STUB stub_syscall64, SEL_RING3_CS64, \
        ENTRY_SYSCALL | ENTRY_SYSRET, syscall64_entry
    SYSCALL_STUB stub_syscall32, SEL_RING3_CS32, ENTRY_SYSCALL32, \
        syscall32_entry

/* ---- SYSCALL, from 64-bit code ---- */
    .section .text.entry, "ax"
FUNC(syscall64_entry)
    SAVE_LOW
    push (REGS_rip - REGS_rdx)(%rsp) /* rcx holds rip, in the frame too */
    SAVE_HIGH
    mov CPU_INFO_current(%rsp), %rbx
    cmpb $0, VCPU_kernel_mode(%rbx)
    je syscall_from_user

    /* A hypercall. The arguments are still in their registers; the number is
     * clamped so that no speculation reads beyond the table. */
    sti
    mov %eax, %eax
    cmp $HYPERCALL_TABLE_ENTRIES, %rax
    sbb %rbp, %rbp
    and %rbp, %rax
    test %rbp, %rbp
    jz bad_hypercall
    shl $HYPERCALL_ENTRY_SHIFT, %eax
    lea hypercall_table(%rip), %rbp
    mov HYPERCALL_fn(%rbp, %rax), %rbp
    test %rbp, %rbp
    jz bad_hypercall
    mov %r10, %rcx
    CALL_C *%rbp
    mov %rax, REGS_rax(%rsp)
    jmp leave
bad_hypercall:
    movq $-HYPERCALL_ENOSYS, REGS_rax(%rsp)
    jmp leave

syscall_from_user:
    mov %rsp, %rdi
    CALL_C guest_syscall
    jmp leave
END(syscall64_entry)

/* ---- SYSCALL from compatibility mode (AMD) ---- */
FUNC(syscall32_entry)
    SAVE_LOW
    push (REGS_rip - REGS_rdx)(%rsp)
    SAVE_HIGH
    jmp syscall_from_user
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
    jmp syscall_from_user
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
    .elseif vec < 32 || vec == X86_TRAP_INT80
    jmp exception_common
    .else
    jmp irq_common
    .endif
    .set vec, vec + 1
    .endr
END(vector_stubs)

FUNC(exception_common)
    cld
    SAVE_REGS
    testb $3, REGS_cs(%rsp)
    jz exception_from_hv
exception_from_guest:
    mov %rsp, %rdi
    CALL_C guest_exception
    jmp leave
exception_from_hv:
    mov %rsp, %rdi
    CALL_C hv_exception
return_to_hv:
    RESTORE_REGS
    add $8, %rsp
    iretq
END(exception_common)

FUNC(irq_common)
    cld
    SAVE_REGS
    mov %rsp, %rdi
    testb $3, REGS_cs(%rsp)
    jz 1f
    CALL_C do_irq_vector
    jmp leave
1:  CALL_C do_irq_vector
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
    jmp exception_from_guest

ist_from_hv:
    mov %rsp, %rdi
    CALL_C hv_ist_exception
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
    CALL_C *%rdi
    ud2
END(reset_stack_and_call)

FUNC(exit_to_guest)
    or $(PERCPU_AREA_SIZE - 1), %rsp
    lea 1 - CPU_INFO_SIZE(%rsp), %rsp
leave:
    /* Most often there is nothing to do: no softirq, nothing to deliver. With
     * interrupts off from here on, nothing can come unseen. The two bytes at
     * vcpu_info are upcall pending and mask: 1..255 is pending, unmasked. */
    cli
    mov CPU_INFO_percpu_offset(%rsp), %rcx
    lea percpu_softirq_pending(%rip), %rdx
    mov CPU_INFO_current(%rsp), %rbx
    cmpq $0, (%rcx, %rdx)
    jne leave_by_work
    testl $PENDING_NMI_MCE, VCPU_nmi_pending(%rbx)
    jnz leave_by_work
    mov VCPU_vcpu_info(%rbx), %rcx
    movzwl (%rcx), %ecx
    dec %ecx
    cmp $0xff, %ecx
    jb leave_by_work
leave_now:
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
    CALL_C guest_exit_work /* comes back with interrupts off */
    jmp leave_now

leave_by_iret:
    RESTORE_REGS
    add $8, %rsp
    /* May fault on what the guest asked for: hv_exception() knows the place. */
    .globl iret_to_guest
    .hidden iret_to_guest
iret_to_guest:
    iretq
END(exit_to_guest)

    .section .note.GNU-stack, "", @progbits
