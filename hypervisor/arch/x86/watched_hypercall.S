/* SPDX-License-Identifier: MIT */
/*
 * While somebody wants to know of every hypercall, this is the handler of all:
 * the number is in eax, the arguments where C wants them. Tells
 * watch_hypercall(), then goes on to the handler that is meant.
 */
#include <asm/asm.h>

    .text
FUNC(watched_hypercall)
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %r8
    push %r9
    push %rax
    mov %eax, %edi
    lea 8(%rsp), %rsi
    call watch_hypercall
    pop %rax
    pop %r9
    pop %r8
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    lea hypercall_table(%rip), %r11
    mov (%r11, %rax, 8), %r11
    jmp __x86_indirect_thunk_r11
END(watched_hypercall)

    .section .note.GNU-stack, "", @progbits
