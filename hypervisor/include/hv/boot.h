/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader handed over, copied out of its memory.
 */
#ifndef HV_BOOT_H
#define HV_BOOT_H

#include <hv/types.h>

#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4
#define E820_UNUSABLE 5
#define E820_MAX      256
#define E820_MAX_RAW  512 /* of the loader's entries */

/* ABI layout: 20 bytes (XENMEM_memory_map). */
struct e820_entry {
    uint64_t addr, size;
    uint32_t type;
} PACKED;

struct boot_module {
    paddr_t start;
    uint64_t len;       /* exact bytes */
    char cmdline[1024]; /* without the image name */
};

#define MAX_BOOT_MODULES 4

struct boot_info {
    char loader[64];
    char cmdline[1024];
    struct boot_module module[MAX_BOOT_MODULES];
    unsigned int nr_modules;
    struct e820_entry e820[E820_MAX]; /* sorted, no overlap */
    unsigned int nr_e820;
    paddr_t rsdp; /* 0: search for it */
    bool efi;
    struct { /* linear framebuffer or text, as the loader left it */
        uint64_t addr;
        uint32_t pitch, width, height;
        uint8_t bpp, type; /* 0 none, 1 rgb, 2 ega text */
    } fb;
};

extern struct boot_info boot_info;

#endif
