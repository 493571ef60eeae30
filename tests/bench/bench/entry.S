/* SPDX-License-Identifier: MIT */
/*
 * The shortest handlers that a guest kernel could have, so that what is
 * measured is the hypervisor. Frame: rcx, r11, [error], rip, cs, rflags, rsp,
 * ss. The iret hypercall wants rax, r11, rcx, flags, rip...
 */
#include <public/xen.h>

.macro return_to_guest
    push $0
    push %rcx
    push %r11
    push %rax
    mov $__HYPERVISOR_iret, %eax
    syscall
.endm

    .text

/* A system call: nothing to do. */
    .globl bench_syscall
bench_syscall:
    pop %rcx
    pop %r11
    return_to_guest

/* A fault without error code at an instruction of two bytes. */
    .globl bench_fault2
bench_fault2:
    pop %rcx
    pop %r11
    addq $2, (%rsp)
    return_to_guest

/* A trap: goes on after it. */
    .globl bench_trap
bench_trap:
    pop %rcx
    pop %r11
    return_to_guest

/* A page fault at an instruction of two bytes. */
    .globl bench_page_fault
bench_page_fault:
    pop %rcx
    pop %r11
    add $8, %rsp
    addq $2, (%rsp)
    return_to_guest

/* An upcall: the pending byte, the selector and the port's word are cleared. */
    .globl bench_upcall
bench_upcall:
    pop %rcx
    pop %r11
    push $0
    push %rcx
    push %r11
    push %rax
    mov bench_pending_word(%rip), %rcx
    mov shared_info(%rip), %rax
    movb $0, (%rax)
    movq $0, 8(%rax)
    movq $0, (%rcx)
    mov $__HYPERVISOR_iret, %eax
    syscall

/* User code: rcx is lost to SYSCALL, so count in rbx; INT 0x80 ends. */
    .section .rodata
    .globl bench_user_syscalls, bench_user_syscalls_end
bench_user_syscalls:
1:  syscall
    dec %rbx
    jnz 1b
    int $0x80
bench_user_syscalls_end:

    .globl bench_user_faults, bench_user_faults_end
bench_user_faults:
1:  mov (%rdi), %eax
    dec %rbx
    jnz 1b
    int $0x80
bench_user_faults_end:

    .globl bench_user_nothing, bench_user_nothing_end
bench_user_nothing:
1:  dec %rbx
    jnz 1b
    int $0x80
bench_user_nothing_end:
