/* SPDX-License-Identifier: MIT */
/*
 * Structures of the Multiboot 1 (0.6.96) and Multiboot 2 (2.0) boot
 * information, as the loader leaves them in memory.
 */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include <hv/types.h>

#define MB1_BOOT_MAGIC 0x2badb002
#define MB2_BOOT_MAGIC 0x36d76289

#define MB1_HAS_CMDLINE     (1U << 2)
#define MB1_HAS_MODULES     (1U << 3)
#define MB1_HAS_MMAP        (1U << 6)
#define MB1_HAS_LOADER      (1U << 9)
#define MB1_HAS_FRAMEBUFFER (1U << 12)

struct mb1_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
    uint32_t mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr, config_table, loader_name, apm_table;
    uint32_t vbe_control_info, vbe_mode_info;
    uint16_t vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
    uint64_t fb_addr;
    uint32_t fb_pitch, fb_width, fb_height;
    uint8_t fb_bpp, fb_type;
} PACKED;
_Static_assert(offsetof(struct mb1_info, fb_addr) == 88, "Multiboot 1");

struct mb1_module {
    uint32_t start, end, string, reserved;
};

struct mb1_mmap {
    uint32_t size; /* of the rest */
    uint64_t addr, len;
    uint32_t type;
} PACKED;

enum mb2_tag_type {
    MB2_TAG_END = 0,
    MB2_TAG_CMDLINE = 1,
    MB2_TAG_LOADER = 2,
    MB2_TAG_MODULE = 3,
    MB2_TAG_MMAP = 6,
    MB2_TAG_FRAMEBUFFER = 8,
    MB2_TAG_EFI64 = 12,
    MB2_TAG_ACPI_OLD = 14,
    MB2_TAG_ACPI_NEW = 15,
    MB2_TAG_EFI_MMAP = 17,
};

struct mb2_tag {
    uint32_t type, size;
};

struct mb2_info {
    uint32_t total_size, reserved;
    struct mb2_tag tag[]; /* 8-byte aligned each */
};

struct mb2_string {
    struct mb2_tag tag;
    char string[];
};

struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
    char string[];
};

struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
    char entries[];
};

struct mb2_mmap_entry {
    uint64_t addr, len;
    uint32_t type, reserved;
};

struct mb2_framebuffer {
    struct mb2_tag tag;
    uint64_t addr;
    uint32_t pitch, width, height;
    uint8_t bpp, type;
    uint16_t reserved;
};

#endif
