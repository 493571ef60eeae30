/* SPDX-License-Identifier: MIT */
/*
 * What boot loaders look for at the start of the file. Multiboot 1 with the
 * address fields: QEMU's -kernel and old loaders then copy the image as one
 * block and need not understand ELF64. Multiboot 2 (GRUB, BIOS and UEFI) loads
 * the ELF segments; the tags say where to enter and what information we want.
 * Multiboot Specification 0.6.96, "OS image format"; Multiboot2 2.0, "The
 * Header".
 */
#include <asm/asm.h>
#include <asm/config.h>

#define MB1_MAGIC 0x1badb002
#define MB1_ALIGN_MODULES 0x1
#define MB1_MEMORY_INFO 0x2
#define MB1_ADDRESS_FIELDS 0x10000
#define MB1_FLAGS (MB1_ALIGN_MODULES | MB1_MEMORY_INFO | MB1_ADDRESS_FIELDS)

#define MB2_MAGIC 0xe85250d6
#define MB2_ARCH_I386 0
#define MB2_TAG_END 0
#define MB2_TAG_INFO_REQUEST 1
#define MB2_TAG_ENTRY 3
#define MB2_TAG_CONSOLE 4
#define MB2_TAG_FRAMEBUFFER 5
#define MB2_TAG_MODULE_ALIGN 6
#define MB2_OPTIONAL 1
#define MB2_CONSOLE_EGA_TEXT 2
#define MB2_INFO_CMDLINE 1
#define MB2_INFO_MODULE 3
#define MB2_INFO_MMAP 6
#define MB2_INFO_FRAMEBUFFER 8

    .section .multiboot, "a"
    .balign 8
mb1_header:
    .long MB1_MAGIC
    .long MB1_FLAGS
    .long -(MB1_MAGIC + MB1_FLAGS)
    .long mb1_header - IMAGE_START
    .long header_load_phys
    .long header_load_end_phys
    .long header_bss_end_phys
    .long boot_entry_phys

    .balign 8
mb2_header:
    .long MB2_MAGIC
    .long MB2_ARCH_I386
    .long mb2_end - mb2_header
    .long -(MB2_MAGIC + MB2_ARCH_I386 + (mb2_end - mb2_header))

    .balign 8
1:  .short MB2_TAG_INFO_REQUEST, 0
    .long 2f - 1b
    .long MB2_INFO_CMDLINE, MB2_INFO_MODULE, MB2_INFO_MMAP
2:
    .balign 8
1:  .short MB2_TAG_INFO_REQUEST, MB2_OPTIONAL
    .long 2f - 1b
    .long MB2_INFO_FRAMEBUFFER
2:
    .balign 8
    .short MB2_TAG_ENTRY, 0
    .long 12
    .long boot_entry_phys

    .balign 8
    .short MB2_TAG_CONSOLE, MB2_OPTIONAL
    .long 12
    .long MB2_CONSOLE_EGA_TEXT

    .balign 8
    .short MB2_TAG_FRAMEBUFFER, MB2_OPTIONAL
    .long 20
    .long 80, 25, 0 /* columns, lines, text */

    .balign 8
    .short MB2_TAG_MODULE_ALIGN, 0
    .long 8

    .balign 8
    .short MB2_TAG_END, 0
    .long 8
mb2_end:

    .section .note.GNU-stack, "", @progbits
