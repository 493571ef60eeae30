/* SPDX-License-Identifier: MIT */
/*
 * Finds ACPI's tables and reads what the hypervisor needs of them into
 * acpi_info. Tables stay as they are: the control domain reads them itself.
 * ACPI Specification 6.4, chapter 5.
 */
#include <hv/acpi.h>

#include <hv/boot.h>
#include <hv/lib.h>

#include <asm/page.h>

#include "acpi_tables.h"

#define MAX_TABLE    (16U << 20)
#define BIOS_START   0xe0000UL
#define BIOS_END     0x100000UL
#define EBDA_SEGMENT 0x40eUL
#define EBDA_SEARCH  1024U

struct acpi_info acpi_info;

static bool __init sums_to_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    uint8_t sum = 0;

    while (n--)
        sum = (uint8_t)(sum + *b++);
    return !sum;
}

/* ---- the root pointer ---- */

static bool __init is_rsdp(const struct acpi_rsdp *r)
{
    return !memcmp(r->signature, "RSD PTR ", 8) && sums_to_zero(r, 20);
}

static bool __init search_rsdp(paddr_t start, size_t len, struct acpi_rsdp *out)
{
    const char *p = map_firmware(start, len);
    bool found = false;

    for (size_t i = 0; p && i + sizeof(*out) <= len && !found; i += 16) {
        const struct acpi_rsdp *r = (const void *)(p + i);

        found = is_rsdp(r);
        if (found)
            *out = *r;
    }
    iounmap(p, len);
    return found;
}

/* The extended BIOS area's segment is in a word at a fixed place. */
static paddr_t __init ebda_address(void)
{
    const uint16_t *p = map_firmware(EBDA_SEGMENT, sizeof(*p));
    paddr_t pa = p ? (paddr_t)*p << 4 : 0;

    iounmap(p, sizeof(*p));
    return pa >= 0x400 && pa < BIOS_START ? pa : 0;
}

static bool __init find_rsdp(struct acpi_rsdp *out)
{
    paddr_t ebda;

    if (boot_info.rsdp)
        return search_rsdp(boot_info.rsdp, sizeof(*out), out);
    ebda = ebda_address();
    return (ebda && search_rsdp(ebda, EBDA_SEARCH, out)) ||
           search_rsdp(BIOS_START, BIOS_END - BIOS_START, out);
}

/* ---- tables ---- */

/* The whole table, mapped; NULL if it is damaged. */
static const struct acpi_header *__init map_table(paddr_t pa)
{
    const struct acpi_header *h = map_firmware(pa, sizeof(*h));
    uint32_t len = h ? h->length : 0;

    iounmap(h, sizeof(*h));
    if (len < sizeof(*h) || len > MAX_TABLE)
        return NULL;
    h = map_firmware(pa, len);
    if (!h || sums_to_zero(h, len))
        return h;
    printk(LOG_WARN "ACPI: table %.4s has a wrong checksum\n", h->signature);
    iounmap(h, len);
    return NULL;
}

static void __init unmap_table(const struct acpi_header *h)
{
    if (h)
        iounmap(h, h->length);
}

static paddr_t srat __initdata, slit __initdata; /* 0: none */

static void __init read_table(paddr_t pa)
{
    const struct acpi_header *h = map_table(pa);

    if (!h)
        return;
    if (!memcmp(h->signature, "APIC", 4))
        acpi_read_madt((const void *)h);
    else if (!memcmp(h->signature, "FACP", 4))
        acpi_read_fadt((const void *)h);
    else if (!memcmp(h->signature, "HPET", 4))
        acpi_read_hpet((const void *)h);
    else if (!memcmp(h->signature, "MCFG", 4))
        acpi_read_mcfg((const void *)h);
    else if (!memcmp(h->signature, "SRAT", 4))
        srat = pa;
    else if (!memcmp(h->signature, "SLIT", 4))
        slit = pa;
    unmap_table(h);
}

/* They speak of what other tables list, in whatever order all come. */
static void __init read_affinity(void)
{
    const struct acpi_header *h = srat ? map_table(srat) : NULL;

    if (!h)
        return;
    acpi_read_srat((const void *)h);
    unmap_table(h);
    h = slit ? map_table(slit) : NULL;
    if (h)
        acpi_read_slit((const void *)h);
    unmap_table(h);
}

void __init acpi_read_dsdt(paddr_t pa)
{
    const struct acpi_header *h = map_table(pa);

    if (h)
        acpi_find_s5((const uint8_t *)(h + 1), h->length - sizeof(*h));
    unmap_table(h);
}

static void __init read_root(paddr_t pa, unsigned int entry_size)
{
    const struct acpi_header *h = map_table(pa);
    const char *p;

    if (!h)
        return;
    p = (const char *)(h + 1);
    for (; p + entry_size <= (const char *)h + h->length; p += entry_size) {
        uint64_t table = 0;

        memcpy(&table, p, entry_size);
        read_table(table);
    }
    unmap_table(h);
}

void __init acpi_init(void)
{
    struct acpi_rsdp rsdp;

    if (!find_rsdp(&rsdp)) {
        printk(LOG_WARN "ACPI: no tables found\n");
        return;
    }
    acpi_info.present = true;
    if (rsdp.revision >= 2 && rsdp.xsdt)
        read_root(rsdp.xsdt, 8);
    else
        read_root(rsdp.rsdt, 4);
    read_affinity();
    printk("ACPI: %u CPUs, %u I/O APICs%s%s\n", acpi_info.nr_cpus,
           acpi_info.nr_ioapics, acpi_info.hpet ? ", HPET" : "",
           acpi_info.nr_mcfg ? ", memory-mapped PCI configuration" : "");
}
