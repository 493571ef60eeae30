/* SPDX-License-Identifier: MIT */
/*
 * The way out (asm/kexec.h): runs from a page of its own at its machine
 * address, so all addresses here are relative. Loads the last page tables and
 * descriptors, copies what is to be copied, enters the image.
 *
 *   rdi page tables   rsi first page of copies   rdx entry
 *   rcx 32-bit entry  r8 this page
 */
#include <asm_offsets.h>

#include <asm/asm.h>

#define CS64 8
#define DS 16
#define CS32 24

    .section .rodata, "a"
    .balign 16
    .globl kexec_code_start, kexec_code_end
    .hidden kexec_code_start, kexec_code_end
kexec_code_start:
    lea 0x1000(%r8), %rsp
    mov %rdi, %cr3
    mov $ASM_CR0_BOOT, %eax
    mov %rax, %cr0
    mov %ecx, %r9d
    mov %rdx, %r10
    mov $ASM_MSR_EFER, %ecx
    mov $ASM_EFER_LME, %eax
    xor %edx, %edx
    wrmsr

    lea gdt(%rip), %rax
    mov %rax, 2 + gdt_ptr(%rip)
    lgdt gdt_ptr(%rip)
    mov $DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    lldt %ax
    pushq $CS64
    lea 1f(%rip), %rax
    push %rax
    lretq
1:
    /* struct kexec_copies: next, number, then pairs of destination, source. */
    cld
    mov %rsi, %rbx
next_page:
    test %rbx, %rbx
    jz copied
    mov 8(%rbx), %rbp
    lea 16(%rbx), %rdx
    mov (%rbx), %rbx
next_copy:
    test %rbp, %rbp
    jz next_page
    mov (%rdx), %rdi
    mov 8(%rdx), %rsi
    mov $512, %ecx
    rep movsq
    add $16, %rdx
    dec %rbp
    jmp next_copy
copied:
    mov %cr3, %rax              /* what was copied may be code */
    mov %rax, %cr3
    test %r9d, %r9d
    jnz enter_32bit
    mov %r10, %rax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    xor %r8d, %r8d
    xor %r9d, %r9d
    jmp *%rax

/* Paging off, in a flat segment; the entry is below 4 GiB, and so is this
 * page, whose descriptors the image may use until it has its own. */
enter_32bit:
    mov %r10d, %edx
    pushq $CS32
    lea 1f(%rip), %rax
    push %rax
    lretq
    .code32
1:  mov %cr0, %eax
    and $0x7fffffff, %eax       /* PG */
    mov %eax, %cr0
    mov %edx, %ebx
    mov $ASM_MSR_EFER, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    mov %eax, %cr4
    jmp *%ebx
    .code64

    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff    /* CS64 */
    .quad 0x00cf93000000ffff    /* DS */
    .quad 0x00cf9b000000ffff    /* CS32 */
gdt_ptr:
    .short gdt_ptr - gdt - 1
    .quad 0
    /* An error if there is more: the rest of the page is the stack. */
    .org kexec_code_start + 3072
kexec_code_end:

    .section .note.GNU-stack, "", @progbits
