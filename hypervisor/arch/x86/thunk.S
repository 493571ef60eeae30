/* SPDX-License-Identifier: MIT */
/*
 * Indirect branches of compiled code go through these (gcc's option
 * -mindirect-branch=thunk-extern). As linked each is a retpoline: the return
 * predictor, which holds the address of the loop, is all that speculation
 * follows; the real target comes from the stack. The second row is for
 * processors where a fence before the branch is the vendor's advice. patch.c
 * points the callers at the row that is needed, or at none.
 */
#include <asm/asm.h>

#define THUNK_SIZE 32

    .macro RETPOLINE reg:req
    .balign THUNK_SIZE
    .globl __x86_indirect_thunk_\reg
    .hidden __x86_indirect_thunk_\reg
    .type __x86_indirect_thunk_\reg, @function
__x86_indirect_thunk_\reg:
    call 2f
1:  pause
    lfence
    jmp 1b
2:  mov %\reg, (%rsp)
    ret
END(__x86_indirect_thunk_\reg)
    .endm

    .macro LFENCE_JMP reg:req
    .balign THUNK_SIZE
    lfence
    jmp *%\reg
    .endm

/* In the order of the registers' numbers; there is none of %rsp. */
    .macro ALL_REGS thunk:req
    \thunk rax
    \thunk rcx
    \thunk rdx
    \thunk rbx
    .balign THUNK_SIZE
    .skip THUNK_SIZE, 0xcc
    \thunk rbp
    \thunk rsi
    \thunk rdi
    \thunk r8
    \thunk r9
    \thunk r10
    \thunk r11
    \thunk r12
    \thunk r13
    \thunk r14
    \thunk r15
    .endm

    .section .text.thunks, "ax", @progbits
    .balign THUNK_SIZE
    .globl thunks_start
    .hidden thunks_start
thunks_start:
    ALL_REGS RETPOLINE
    ALL_REGS LFENCE_JMP
    .org thunks_start + 2 * 16 * THUNK_SIZE /* an error if it is more */

    .section .note.GNU-stack, "", @progbits
