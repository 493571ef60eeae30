/* SPDX-License-Identifier: MIT */
/*
 * From the loader's 32-bit protected mode to C in long mode. Page tables for
 * the way: all of the first 4 GiB at its own address and the first 1 GiB at
 * IMAGE_START, both writable and executable; paging.c replaces them. CPU 0's
 * stack is at its final address from the start (asm/config.h, per-CPU areas).
 */
#include <asm/asm.h>
#include <asm/config.h>
#include <asm_offsets.h>

#define PHYS(sym) (sym - IMAGE_START)
#define SLOT(va) (((va) >> 39) & 511)
#define L3_INDEX(va) (((va) >> 30) & 511)
#define STACK_TOP (PERCPU_AREA_START + AREA_CPU_INFO)

    .section .init.head, "ax", @progbits
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    mov %eax, %ebp              /* loader's magic */
    mov %ebx, %esi              /* its information */

    /* The loader promises zeroed bss only with ELF; be independent of it. */
    mov $PHYS(bss_start), %edi
    mov $PHYS(bss_end), %ecx
    sub %edi, %ecx
    shr $2, %ecx
    xor %eax, %eax
    rep stosl

    /* Without long mode there is nothing to be done but to say so. */
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx                /* LM */
    jnc no_long_mode
    bt $20, %edx                /* NX */
    jnc no_long_mode

    /* boot_l2: 4 GiB in 2 MiB pages. */
    mov $PHYS(boot_l2), %edi
    mov $ASM_PTE_LARGE, %eax
    mov $2048, %ecx
1:  mov %eax, (%edi)
    movl $0, 4(%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b

    mov $PHYS(boot_l2) + ASM_PTE_TABLE, %eax
    mov %eax, PHYS(boot_l3_low)
    mov %eax, PHYS(boot_l3_image) + L3_INDEX(IMAGE_START) * 8
    add $0x1000, %eax
    mov %eax, PHYS(boot_l3_low) + 8
    add $0x1000, %eax
    mov %eax, PHYS(boot_l3_low) + 16
    add $0x1000, %eax
    mov %eax, PHYS(boot_l3_low) + 24
    movl $PHYS(boot_l3_low) + ASM_PTE_TABLE, PHYS(boot_l4)
    movl $PHYS(boot_l3_image) + ASM_PTE_TABLE, \
        PHYS(boot_l4) + SLOT(IMAGE_START) * 8

    /* CPU 0's area: only the main stack; percpu_init_cpu(0) maps the rest. */
    movl $PHYS(area_l3) + ASM_PTE_TABLE, \
        PHYS(boot_l4) + SLOT(PERCPU_AREA_START) * 8
    movl $PHYS(area_l2) + ASM_PTE_TABLE, PHYS(area_l3)
    movl $PHYS(area_l1) + ASM_PTE_TABLE, PHYS(area_l2)
    mov $PHYS(boot_cpu_stack) + ASM_PTE_RW, %eax
    mov $PHYS(area_l1) + AREA_STACK_PAGE * 8, %edi
    mov $16 - AREA_STACK_PAGE, %ecx
1:  mov %eax, (%edi)
    movl $0x80000000, 4(%edi)   /* NX */
    add $0x1000, %eax
    add $8, %edi
    loop 1b

    mov $PHYS(boot_l4), %eax
    mov %eax, %cr3
    mov $ASM_CR4_PAE, %eax
    mov %eax, %cr4
    mov $ASM_MSR_EFER, %ecx
    rdmsr
    or $ASM_EFER_LME + ASM_EFER_NX, %eax
    wrmsr
    mov $ASM_CR0_BOOT, %eax
    mov %eax, %cr0
    lgdt PHYS(boot_gdt_ptr)
    ljmp $SEL_HV_CS, $PHYS(boot_long_mode)

no_long_mode:
    mov $PHYS(no_long_mode_text), %esi
    mov $0x3f8, %edx
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  hlt
    jmp 2b

    .code64
boot_long_mode:
    movabs $1f, %rax
    jmp *%rax
1:  mov $SEL_HV_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    movabs $STACK_TOP, %rsp
    and $-16, %rsp
    mov %ebp, %edi
    mov %esi, %esi
    xor %ebp, %ebp
    call start_hypervisor
    ud2

    .section .init.rodata, "a"
no_long_mode_text:
    .asciz "Trellis needs a 64-bit processor with NX.\r\n"

    /* Based 0xe000 below, so that our selectors are the final ones. */
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff    /* SEL_HV_CS: ring 0, 64-bit code */
    .quad 0x00cf93000000ffff    /* SEL_HV_DS */
boot_gdt_end:
boot_gdt_ptr:
    .short GDT_RESERVED_BYTE + (boot_gdt_end - boot_gdt) - 1
    .long PHYS(boot_gdt) - GDT_RESERVED_BYTE

    .section .init.bss, "aw", @progbits
    .balign 4096
    .globl boot_l4
    .hidden boot_l4
boot_l4:        .fill 4096
boot_l3_low:    .fill 4096
boot_l3_image:  .fill 4096
boot_l2:        .fill 4 * 4096

    /* Kept: CPU 0's area and the tables of the first areas. */
    .section .bss.page_aligned, "aw", @nobits
    .balign 4096
    .globl area_l3, area_l2, area_l1, boot_cpu_stack
    .hidden area_l3, area_l2, area_l1, boot_cpu_stack
area_l3:        .skip 4096
area_l2:        .skip 4096
area_l1:        .skip 4096
boot_cpu_stack: .skip (16 - AREA_STACK_PAGE) * 4096

    .section .note.GNU-stack, "", @progbits
