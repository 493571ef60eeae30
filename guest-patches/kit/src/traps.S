/* SPDX-License-Identifier: MIT */
/*
 * Entries from the hypervisor and the return to whatever was interrupted.
 *
 * On entry rsp points to rcx, r11, [error code,] rip, cs, rflags, rsp, ss.
 * rcx and r11 are in the frame, hence free as scratch here. The stubs make
 * every frame carry an error code, then the common part adds vector and the
 * other registers: struct regs of kit/trap.h.
 */
#include <public/xen.h>

#define STUB_SIZE 32
#define REGS_SIZE (22 * 8)

.macro stub vector:req, has_error:req
    .balign STUB_SIZE
    .if \has_error == 0
    pop %rcx
    pop %r11
    push $0
    push %r11
    push %rcx
    .endif
    push $\vector
    jmp common
.endm

    .text
    .balign STUB_SIZE
    .globl kit_trap_stubs
kit_trap_stubs:
    .set i, 0
    .rept 256
    .if (i == 8) || (i == 10) || (i == 11) || (i == 12) || (i == 13) || \
        (i == 14) || (i == 17) || (i == 21) || (i == 30)
    stub i, 1
    .else
    stub i, 0
    .endif
    .set i, i + 1
    .endr
/* The callbacks, in the order of VEC_EVENT and following. */
    stub 0x100, 0
    stub 0x101, 0
    stub 0x102, 0
    stub 0x103, 0

common:
    push %rax
    push %rdi
    push %rsi
    push %rdx
    push %r8
    push %r9
    push %r10
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbp
    and $-16, %rsp
    call trap_dispatch
    mov %rbp, %rsp

/* rsp at a struct regs. */
resume:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r10
    pop %r9
    pop %r8
    pop %rdx
    pop %rsi
    pop %rdi
    pop %rax
/* Left: vector, rcx, r11, error, rip... Wanted: rax, r11, rcx, flags, rip... */
    mov 8(%rsp), %rcx
    mov 16(%rsp), %r11
    mov %rax, (%rsp)
    mov %r11, 8(%rsp)
    mov %rcx, 16(%rsp)
    movq $0, 24(%rsp)
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2

    .globl trap_resume
trap_resume:
    mov %rdi, %rsi
    sub $REGS_SIZE, %rsp
    and $-16, %rsp
    mov %rsp, %rdi
    mov $REGS_SIZE / 8, %ecx
    cld
    rep movsq
    jmp resume

/* Failsafe: rcx, r11, ds, es, fs, gs, rip...; the selectors stay null. */
    .globl kit_failsafe
kit_failsafe:
    push %rax
    push %rdi
    push %rsi
    push %rdx
    push %r8
    push %r9
    push %r10
    push %rbp
    lea 64(%rsp), %rdi
    mov %rsp, %rbp
    and $-16, %rsp
    cld
    call trap_failsafe
    mov %rbp, %rsp
    pop %rbp
    pop %r10
    pop %r9
    pop %r8
    pop %rdx
    pop %rsi
    pop %rdi
    pop %rax
/* rcx, r11, ds, es, fs, gs, rip: the last four before rip become the context */
    mov (%rsp), %rcx
    mov 8(%rsp), %r11
    add $16, %rsp
    mov %rax, (%rsp)
    mov %r11, 8(%rsp)
    mov %rcx, 16(%rsp)
    movq $0, 24(%rsp)
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2

/*
 * bool context_run(uint64_t *save_sp, void (*fn)(void *), void *arg)
 * runs fn(arg) and returns 0, or 1 when context_return(*save_sp) came first.
 */
    .globl context_run
context_run:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    sub $8, %rsp
    mov %rsp, (%rdi)
    mov %rdx, %rdi
    call *%rsi
    xor %eax, %eax
context_out:
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .globl context_return
context_return:
    mov %rdi, %rsp
    mov $1, %eax
    cld
    jmp context_out
