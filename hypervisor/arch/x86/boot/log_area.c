/* SPDX-License-Identifier: MIT */
/*
 * Memory for the log where the next boot finds it again: the same place every
 * time that the machine has the same RAM. Firmware and boot loaders use the
 * top of RAM below 4 GiB, and the bottom; it lies well below the top.
 */
#include <hv/boot.h>
#include <hv/console.h>
#include <hv/lib.h>

#include <asm/boot.h>
#include <asm/page.h>

#define FOUR_GIB   0x100000000UL
#define BELOW_TOP  (16UL << 20)
#define AREA_ALIGN 0x200000UL

static paddr_t area __initdata;

static paddr_t __init top_of_low_ram(void)
{
    paddr_t top = 0;

    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM && e->addr + e->size <= FOUR_GIB)
            top = max_t(paddr_t, top, e->addr + e->size);
    }
    return top;
}

void __init log_area_reserve(void)
{
    paddr_t top = top_of_low_ram();

    if (top > 4 * BELOW_TOP)
        area =
            boot_alloc_try(console_memory_size(), AREA_ALIGN, top - BELOW_TOP);
}

void __init log_area_use(void)
{
    if (area)
        console_use_memory((void *)maddr_to_directmap(area));
}
