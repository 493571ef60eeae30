/* SPDX-License-Identifier: MIT */
/*
 * Where an application processor starts: real mode, in a page below 1 MiB to
 * which smpboot.c copies this. Its CS base is the page. smpboot.c fills in the
 * addresses that depend on where the page is. From here to the entry point
 * there is nothing but the change of modes.
 */
#include <asm/trampoline.h>
#include <asm_offsets.h>

#define CS32 8
#define DS 16
#define CS64 24

    .section .init.rodata, "a"
    .balign 16
    .globl trampoline_start, trampoline_end, trampoline_32, trampoline_64
    .hidden trampoline_start, trampoline_end, trampoline_32, trampoline_64
    .code16
trampoline_start:
    cli
    jmp trampoline_16
    .org trampoline_start + TRAMPOLINE_CR3
    .quad 0
    .org trampoline_start + TRAMPOLINE_ENTRY
    .quad 0
    .org trampoline_start + TRAMPOLINE_STACK
    .quad 0
    .org trampoline_start + TRAMPOLINE_GDT
    .quad 0
    .quad 0x00cf9b000000ffff    /* CS32 */
    .quad 0x00cf93000000ffff    /* DS */
    .quad 0x00af9b000000ffff    /* CS64 */
    .org trampoline_start + TRAMPOLINE_GDT_PTR
    .short 31
    .long 0                     /* address of the table */
    .org trampoline_start + TRAMPOLINE_FAR32
    .long 0                     /* address of trampoline_32 */
    .short CS32
    .org trampoline_start + TRAMPOLINE_FAR64
    .long 0                     /* address of trampoline_64 */
    .short CS64

trampoline_16:
    mov %cs, %ax
    mov %ax, %ds
    movzwl %ax, %ebx
    shl $4, %ebx                /* the page's address, kept to the end */
    lgdtl TRAMPOLINE_GDT_PTR
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl *TRAMPOLINE_FAR32

    .code32
trampoline_32:
    mov $DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $ASM_CR4_PAE, %eax
    mov %eax, %cr4
    mov TRAMPOLINE_CR3(%ebx), %eax
    mov %eax, %cr3
    mov $ASM_MSR_EFER, %ecx
    rdmsr
    or $ASM_EFER_LME + ASM_EFER_NX, %eax
    wrmsr
    mov $ASM_CR0_BOOT, %eax
    mov %eax, %cr0
    ljmpl *TRAMPOLINE_FAR64(%ebx)

    .code64
trampoline_64:
    mov %ebx, %ebx
    mov TRAMPOLINE_STACK(%rbx), %rsp
    mov TRAMPOLINE_ENTRY(%rbx), %rax
    xor %ebp, %ebp
    call *%rax
    ud2
trampoline_end:

    .section .note.GNU-stack, "", @progbits
