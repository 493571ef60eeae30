/* SPDX-License-Identifier: MIT */
/*
 * The contents of single ACPI tables.
 */
#include <hv/acpi.h>
#include <hv/lib.h>

#include "acpi_tables.h"

/* ---- MADT ---- */

/* In the table's order, which the CPUs' numbers follow. */
static void __init add_cpu(uint32_t apic_id, uint32_t acpi_id, uint32_t flags)
{
    struct acpi_info *a = &acpi_info;

    if (!(flags & MADT_CPU_ENABLED))
        return;
    for (unsigned int i = 0; i < a->nr_cpus; i++)
        if (a->cpu_apic_id[i] == apic_id)
            return; /* listed as local APIC and as x2APIC */
    if (a->nr_cpus == MAX_CPUS)
        return;
    a->cpu_apic_id[a->nr_cpus] = apic_id;
    a->cpu_acpi_id[a->nr_cpus++] = acpi_id;
}

static void __init add_ioapic(const struct madt_ioapic *e)
{
    unsigned int n = acpi_info.nr_ioapics;

    if (n == ACPI_MAX_IOAPICS)
        return;
    acpi_info.ioapic[n].addr = e->addr;
    acpi_info.ioapic[n].gsi_base = e->gsi_base;
    acpi_info.ioapic[n].id = e->id;
    acpi_info.nr_ioapics++;
}

/* "Conforms to the bus" means edge, high for ISA. */
static void __init add_override(const struct madt_override *e)
{
    unsigned int n = acpi_info.nr_overrides;

    if (n == ACPI_MAX_OVERRIDES || e->bus != MADT_BUS_ISA ||
        e->isa_irq >= NR_ISA_IRQS)
        return;
    acpi_info.override[n].isa_irq = e->isa_irq;
    acpi_info.override[n].gsi = e->gsi;
    acpi_info.override[n].level =
        (e->flags & MADT_TRIGGER) == MADT_TRIGGER_LEVEL;
    acpi_info.override[n].low = (e->flags & MADT_POLARITY) == MADT_POLARITY_LOW;
    acpi_info.nr_overrides++;
}

static void __init read_madt_entry(const struct madt_entry *e)
{
    const struct madt_lapic *lapic = (const void *)e;
    const struct madt_x2apic *x2apic = (const void *)e;
    const struct madt_lapic_addr *addr = (const void *)e;

    switch (e->type) {
    case MADT_LAPIC:
        /* All ones is everybody. */
        if (e->length >= sizeof(*lapic) && lapic->apic_id != 0xff)
            add_cpu(lapic->apic_id, lapic->acpi_id, lapic->flags);
        break;
    case MADT_X2APIC:
        if (e->length >= sizeof(*x2apic) && x2apic->apic_id != ~0U)
            add_cpu(x2apic->apic_id, x2apic->acpi_id, x2apic->flags);
        break;
    case MADT_IOAPIC:
        if (e->length >= sizeof(struct madt_ioapic))
            add_ioapic((const void *)e);
        break;
    case MADT_OVERRIDE:
        if (e->length >= sizeof(struct madt_override))
            add_override((const void *)e);
        break;
    case MADT_LAPIC_ADDR:
        if (e->length >= sizeof(*addr))
            acpi_info.lapic_addr = addr->addr;
        break;
    }
}

void __init acpi_read_madt(const struct acpi_madt *t)
{
    const uint8_t *p = t->entries, *end = (const uint8_t *)t + t->h.length;

    if (t->h.length < sizeof(*t))
        return;
    acpi_info.lapic_addr = t->lapic_addr;
    acpi_info.has_pic = t->flags & MADT_PCAT_COMPAT;
    while (p + sizeof(struct madt_entry) <= end) {
        const struct madt_entry *e = (const void *)p;

        if (e->length < sizeof(*e) || p + e->length > end)
            break;
        read_madt_entry(e);
        p += e->length;
    }
}

/* ---- FADT ---- */

static bool __init has(const struct acpi_fadt *t, size_t offset, size_t size)
{
    return offset + size <= t->h.length;
}
#define HAS(t, field) \
    has(t, offsetof(struct acpi_fadt, field), sizeof((t)->field))

void __init acpi_read_fadt(const struct acpi_fadt *t)
{
    struct acpi_info *a = &acpi_info;
    paddr_t dsdt;

    if (!HAS(t, flags))
        return;
    a->sci_gsi = t->sci_int;
    a->pm1a_control = (uint16_t)t->pm1a_cnt;
    a->pm1b_control = (uint16_t)t->pm1b_cnt;
    if (t->pm_timer_len == 4) {
        a->pm_timer_port = (uint16_t)t->pm_timer;
        a->pm_timer_32bit = t->flags & FADT_TIMER_32BIT;
    }
    if ((t->flags & FADT_RESET_SUPPORTED) && HAS(t, reset_value)) {
        a->reset.present = true;
        a->reset.space = t->reset.space;
        a->reset.width = t->reset.width;
        a->reset.addr = t->reset.addr;
        a->reset.value = t->reset_value;
    }
    dsdt = HAS(t, x_dsdt) && t->x_dsdt ? t->x_dsdt : t->dsdt;
    if (dsdt)
        acpi_read_dsdt(dsdt);
}

/* ---- \_S5 ---- */

#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_PACKAGE 0x12

/* A small constant; moves *p. -1: something else. */
static int __init aml_small(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *q = *p;

    if (q >= end)
        return -1;
    if (*q == AML_ZERO || *q == AML_ONE) {
        *p = q + 1;
        return *q;
    }
    if (*q == AML_BYTE && q + 1 < end) {
        *p = q + 2;
        return q[1];
    }
    return -1;
}

/* After Name(_S5_: a package whose first two elements are wanted. */
static bool __init read_s5(const uint8_t *p, const uint8_t *end)
{
    int a, b;

    if (p + 3 > end || *p != AML_PACKAGE)
        return false;
    p++;
    p += 1 + (*p >> 6); /* PkgLength: 1 to 4 bytes */
    p++;                /* NumElements */
    a = aml_small(&p, end);
    b = aml_small(&p, end);
    if (a < 0)
        return false;
    acpi_info.s5_type_a = (uint8_t)a;
    acpi_info.s5_type_b = (uint8_t)(b < 0 ? 0 : b);
    acpi_info.s5_known = true;
    return true;
}

/* The name may be written with or without the root's backslash. */
void __init acpi_find_s5(const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;

    for (const uint8_t *q = p + 1; q + 4 < end; q++) {
        bool named;

        if (memcmp(q, "_S5_", 4))
            continue;
        named = q[-1] == AML_NAME ||
                (q[-1] == '\\' && q - 1 > p && q[-2] == AML_NAME);
        if (named && read_s5(q + 4, end))
            return;
    }
}

/* ---- HPET, MCFG ---- */

void __init acpi_read_hpet(const struct acpi_hpet *t)
{
    if (t->h.length >= sizeof(*t) && !t->addr.space && !acpi_info.hpet)
        acpi_info.hpet = t->addr.addr;
}

void __init acpi_read_mcfg(const struct acpi_mcfg *t)
{
    struct acpi_info *a = &acpi_info;
    size_t n;

    if (t->h.length < sizeof(*t))
        return;
    n = (t->h.length - sizeof(*t)) / sizeof(t->space[0]);
    for (size_t i = 0; i < n && a->nr_mcfg < ARRAY_SIZE(a->mcfg); i++) {
        a->mcfg[a->nr_mcfg].base = t->space[i].base;
        a->mcfg[a->nr_mcfg].segment = t->space[i].segment;
        a->mcfg[a->nr_mcfg].start_bus = t->space[i].start_bus;
        a->mcfg[a->nr_mcfg].end_bus = t->space[i].end_bus;
        a->nr_mcfg++;
    }
}
