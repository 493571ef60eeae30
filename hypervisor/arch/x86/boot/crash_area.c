/* SPDX-License-Identifier: MIT */
/*
 * Takes the memory for a crash kernel before anybody else takes any.
 */
#include <hv/boot.h>
#include <hv/cmdline.h>
#include <hv/kexec.h>
#include <hv/lib.h>

#include <asm/boot.h>

/* A kernel that was moved wants to start at a multiple of this. */
#define AREA_ALIGN 0x1000000UL
/* Devices with short addresses are all that a crash kernel may have. */
#define DEFAULT_LIMIT 0x100000000UL

struct kexec_area crash_area __ro_after_init;

static char wanted[128] __initdata;
PARAM_STR("crashkernel", wanted);

static uint64_t __init installed_ram(void)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < boot_info.nr_e820; i++)
        if (boot_info.e820[i].type == E820_RAM)
            sum += boot_info.e820[i].size;
    /* What firmware keeps for itself counts for a user, too. */
    return ROUND_UP(sum, 128UL << 20);
}

void __init crash_area_reserve(void)
{
    struct crashkernel_wish w;
    paddr_t at;

    if (!wanted[0])
        return;
    if (crashkernel_parse(wanted, installed_ram(), &w)) {
        printk(LOG_WARN "Command line: bad value in 'crashkernel=%s'\n",
               wanted);
        return;
    }
    w.size = ROUND_UP(w.size, PAGE_SIZE);
    if (!w.size)
        return;
    if (w.fixed)
        at = boot_alloc_at(w.fixed, w.size) ? w.fixed : 0;
    else
        at = boot_alloc_try(w.size, AREA_ALIGN,
                            w.limit ? w.limit : DEFAULT_LIMIT);
    if (!at) {
        printk(LOG_WARN "No %lu MiB for a crash kernel%s\n", w.size >> 20,
               w.fixed ? " at that place" : "");
        return;
    }
    crash_area = (struct kexec_area){at, w.size};
    printk("Crash kernel: %lu MiB at %#lx\n", w.size >> 20, at);
}
