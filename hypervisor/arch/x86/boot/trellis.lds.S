/* SPDX-License-Identifier: MIT */
/*
 * The image: linked at IMAGE_START + physical address, loaded at IMAGE_PHYS.
 *
 *   text    read, execute       kept
 *   init    text, rodata, data  freed after boot
 *   rodata  read                kept; holds the symbol table, which grows
 *                               between the links: no code lies behind it
 *   data    read, write         kept (a part is sealed read-only after boot)
 *   bss     read, write         kept; not in the file
 *
 * Everything with file contents is contiguous, in one segment: a multiboot 1
 * loader that knows no ELF64 copies it as one block (boot/header.S). Each part
 * starts on a page of its own and is mapped with its own rights.
 */
#include <asm/config.h>

#define PAGE 4096

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH("i386:x86-64")
ENTRY(boot_entry)

PHDRS
{
    image PT_LOAD FLAGS(7);
    stack PT_GNU_STACK FLAGS(6);
}

SECTIONS
{
    . = IMAGE_START + IMAGE_PHYS;
    image_start = .;

    .text : AT(ADDR(.text) - IMAGE_START) {
        text_start = .;
        KEEP(*(.multiboot))
        . = ALIGN(PAGE);
        entry_stub_start = .;
        KEEP(*(.text.entry_stub))
        . = ALIGN(PAGE);
        entry_stub_end = .;
        entry_text_start = .;
        *(.text.entry .text.entry.*)
        . = ALIGN(PAGE);
        entry_text_end = .;
        *(EXCLUDE_FILE(*liblzma.a:* *libzstd.a:* *liblz4.a:* *libz.a:*) .text)
        *(EXCLUDE_FILE(*liblzma.a:* *libzstd.a:* *liblz4.a:* *libz.a:*) .text.*)
        . = ALIGN(PAGE);
        text_end = .;
    } :image

    .init : AT(ADDR(.init) - IMAGE_START) {
        init_start = .;
        init_text_start = .;
        KEEP(*(.init.head))
        *(.init.text)
        *liblzma.a:*(.text .text.*)
        *libzstd.a:*(.text .text.*)
        *liblz4.a:*(.text .text.*)
        *libz.a:*(.text .text.*)
        . = ALIGN(PAGE);
        init_text_end = .;
        *(.init.rodata)
        *liblzma.a:*(.rodata .rodata.* .data.rel.ro* .eh_frame)
        *libzstd.a:*(.rodata .rodata.* .data.rel.ro* .eh_frame)
        *liblz4.a:*(.rodata .rodata.* .data.rel.ro* .eh_frame)
        *libz.a:*(.rodata .rodata.* .data.rel.ro* .eh_frame)
        . = ALIGN(8);
        params_start = .;
        KEEP(*(.params))
        params_end = .;
        . = ALIGN(4);
        patch_sites_start = .;
        KEEP(*(.patch_sites))
        patch_sites_end = .;
        . = ALIGN(PAGE);
        init_rodata_end = .;
        *(.init.data)
        *liblzma.a:*(.data .data.* .bss .bss.* COMMON)
        *libzstd.a:*(.data .data.* .bss .bss.* COMMON)
        *liblz4.a:*(.data .data.* .bss .bss.* COMMON)
        *libz.a:*(.data .data.* .bss .bss.* COMMON)
        /* Pristine per-CPU data, copied for each CPU as it comes up. */
        . = ALIGN(64);
        percpu_start = .;
        KEEP(*(.percpu))
        . = ALIGN(64);
        percpu_end = .;
        *(.init.bss)
        . = ALIGN(PAGE);
        init_end = .;
    } :image

    .rodata : AT(ADDR(.rodata) - IMAGE_START) {
        rodata_start = .;
        *(EXCLUDE_FILE(*liblzma.a:* *libzstd.a:* *liblz4.a:* *libz.a:*) .rodata)
        *(EXCLUDE_FILE(*liblzma.a:* *libzstd.a:* *liblz4.a:* *libz.a:*) .rodata.*)
        . = ALIGN(8);
        ex_table_start = .;
        KEEP(*(.ex_table))
        ex_table_end = .;
        . = ALIGN(4);
        build_id_start = .;
        KEEP(*(.note.gnu.build-id))
        build_id_end = .;
        *(.got .got.plt) /* the libraries' */
        KEEP(*(.symbols))
        . = ALIGN(PAGE);
        rodata_end = .;
    } :image

    .data : AT(ADDR(.data) - IMAGE_START) {
        data_start = .;
        ro_after_init_start = .;
        *(.data.ro_after_init)
        *(EXCLUDE_FILE(*liblzma.a:* *libzstd.a:* *liblz4.a:* *libz.a:*) .data.rel.ro*)
        . = ALIGN(PAGE);
        ro_after_init_end = .;
        *(EXCLUDE_FILE(*liblzma.a:* *libzstd.a:* *liblz4.a:* *libz.a:*) .data)
        *(EXCLUDE_FILE(*liblzma.a:* *libzstd.a:* *liblz4.a:* *libz.a:*) .data.*)
        . = ALIGN(PAGE);
        data_end = .;
        load_end = .;
    } :image

    .bss (NOLOAD) : AT(ADDR(.bss) - IMAGE_START) {
        bss_start = .;
        *(.bss.page_aligned)
        percpu_boot_copy = .;
        . += percpu_end - percpu_start;
        *(.bss)
        *(.bss.*)
        *(COMMON)
        . = ALIGN(PAGE);
        bss_end = .;
    } :image
    image_end = .;

    /* What the headers and the 32-bit code need as physical addresses. */
    boot_entry_phys = boot_entry - IMAGE_START;
    header_load_phys = image_start - IMAGE_START;
    header_load_end_phys = load_end - IMAGE_START;
    header_bss_end_phys = bss_end - IMAGE_START;

    /DISCARD/ : {
        *(.eh_frame .eh_frame.*)
        *(.note .note.*)
        *(.comment)
        *(.interp .dynamic .dynsym .dynstr .hash .gnu.hash .gnu.version*)
    }

    .debug_aranges 0 : { *(.debug_aranges) }
    .debug_info 0 : { *(.debug_info) }
    .debug_abbrev 0 : { *(.debug_abbrev) }
    .debug_line 0 : { *(.debug_line) }
    .debug_line_str 0 : { *(.debug_line_str) }
    .debug_frame 0 : { *(.debug_frame) }
    .debug_str 0 : { *(.debug_str) }
    .debug_loclists 0 : { *(.debug_loclists) }
    .debug_rnglists 0 : { *(.debug_rnglists) }
    .symtab 0 : { *(.symtab) }
    .strtab 0 : { *(.strtab) }
    .shstrtab 0 : { *(.shstrtab) }
}

ASSERT(entry_stub_end - entry_stub_start <= PAGE, "entry stub over one page")
ASSERT(image_start == text_start, "the headers must be at the load address")
