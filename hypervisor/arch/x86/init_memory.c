/* SPDX-License-Identifier: MIT */
/*
 * After boot: what was written for the last time becomes read-only, and what
 * ran for the last time is freed.
 */
#include <hv/arch.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <asm/boot.h>
#include <asm/page.h>
#include <asm/tlb.h>

static uint64_t pages_of(const char *start, const char *end)
{
    return (uint64_t)(end - start) >> PAGE_SHIFT;
}

static void remap(const char *start, const char *end, uint64_t flags)
{
    uint64_t nr = pages_of(start, end);
    mfn_t m = maddr_to_mfn(image_to_phys(start));

    /* Tables exist at both places, so this allocates nothing. */
    if (hv_map((uintptr_t)start, m, nr, flags) ||
        hv_map(maddr_to_directmap(image_to_phys(start)), m, nr, flags))
        panic("Cannot remap the image");
}

void free_init_memory(void)
{
    uint64_t nr = pages_of(init_start, init_end);

    remap(ro_after_init_start, ro_after_init_end, HV_RO);
    hv_unmap((uintptr_t)init_start, nr);
    tlb_flush_hypervisor();
    heap_add_range(maddr_to_mfn(image_to_phys(init_start)), nr);
    printk("Freed %lu KiB of boot code and data\n", nr << (PAGE_SHIFT - 10));
}
