/* SPDX-License-Identifier: MIT */
/*
 * Frames that are not ordinary RAM. A domain may map those that it was given,
 * the control domain all, but nobody what the hypervisor drives itself. The
 * lists here are constant after boot.
 */
#include <asm/pv/iomem.h>

#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/x86.h>

#define MAX_RANGES 64

struct iomem_range {
    uint64_t first, end; /* frames */
};

static struct iomem_range denied[MAX_RANGES] __ro_after_init;
static unsigned int nr_denied __ro_after_init;
static struct iomem_range read_only[MAX_RANGES] __ro_after_init;
static unsigned int nr_read_only __ro_after_init;
static uint64_t addressable_end __ro_after_init = 1UL << (36 - PAGE_SHIFT);

static void __init add(struct iomem_range *ranges, unsigned int *count,
                       mfn_t first, uint64_t nr)
{
    if (*count == MAX_RANGES)
        panic("Too many reserved MMIO ranges");
    ranges[(*count)++] = (struct iomem_range){mfn_x(first), mfn_x(first) + nr};
}

static bool contains(const struct iomem_range *ranges, unsigned int count,
                     mfn_t m)
{
    for (unsigned int i = 0; i < count; i++)
        if (mfn_x(m) >= ranges[i].first && mfn_x(m) < ranges[i].end)
            return true;
    return false;
}

void __init iomem_deny(mfn_t first, uint64_t nr)
{
    add(denied, &nr_denied, first, nr);
}

void __init iomem_read_only(mfn_t first, uint64_t nr)
{
    add(read_only, &nr_read_only, first, nr);
}

bool iomem_is_read_only(mfn_t m)
{
    return contains(read_only, nr_read_only, m);
}

bool iomem_denied_range(unsigned int i, mfn_t *first, uint64_t *nr)
{
    if (i >= nr_denied)
        return false;
    *first = mfn(denied[i].first);
    *nr = denied[i].end - denied[i].first;
    return true;
}

bool mfn_is_addressable(mfn_t m)
{
    return mfn_x(m) < addressable_end;
}

/* Firmware tables are memory: read through the cache like RAM. */
bool iomem_is_memory(mfn_t m)
{
    paddr_t pa = mfn_to_maddr(m);

    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (pa >= e->addr && pa - e->addr < e->size)
            return e->type == E820_ACPI || e->type == E820_NVS ||
                   e->type == E820_RAM;
    }
    return false;
}

bool arch_iomem_permitted(const struct domain *d, mfn_t m)
{
    return mfn_is_addressable(m) && !contains(denied, nr_denied, m) &&
           rangeset_contains(&d->iomem, mfn_x(m), mfn_x(m));
}

void __init iomem_init(void)
{
    if (cpuid(0x80000000).a >= 0x80000008)
        addressable_end = 1UL << ((cpuid(0x80000008).a & 0xff) - PAGE_SHIFT);
    /* Local APICs, and what devices write to as interrupt messages. */
    iomem_deny(mfn(0xfee00), 0x100);
    /* AMD HyperTransport's own range. */
    iomem_deny(mfn(0xfd00000000 >> PAGE_SHIFT), 0x300000000 >> PAGE_SHIFT);
    for (unsigned int i = 0; i < acpi_info.nr_ioapics; i++)
        iomem_deny(maddr_to_mfn(acpi_info.ioapic[i].addr), 1);
    if (acpi_info.hpet)
        iomem_read_only(maddr_to_mfn(acpi_info.hpet), 1);
    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_UNUSABLE && e->addr >= 0x100000)
            iomem_deny(maddr_to_mfn(e->addr), DIV_ROUND_UP(e->size, PAGE_SIZE));
    }
}
