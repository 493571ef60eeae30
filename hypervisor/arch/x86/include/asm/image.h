/* SPDX-License-Identifier: MIT */
/*
 * Places in the image, set by the linker script (boot/trellis.lds.S).
 */
#ifndef ASM_IMAGE_H
#define ASM_IMAGE_H

#include <asm/config.h>
#include <hv/types.h>

extern char image_start[], image_end[];
extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[], data_end[];
extern char ro_after_init_start[], ro_after_init_end[];
extern char init_start[], init_end[];
extern char init_text_start[], init_text_end[], init_rodata_end[];
extern char bss_start[], bss_end[];
extern char percpu_start[], percpu_end[], percpu_boot_copy[];

static inline paddr_t image_to_phys(const void *p)
{
    return (uintptr_t)p - IMAGE_START;
}

static inline bool in_image(const void *p)
{
    return (const char *)p >= image_start && (const char *)p < image_end;
}

#endif
