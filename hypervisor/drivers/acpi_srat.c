/* SPDX-License-Identifier: MIT */
/*
 * Which memory and CPUs are near to each other: the System Resource Affinity
 * Table and the System Locality Information Table (ACPI 6.4, 5.2.16, 5.2.17).
 * A table that contradicts itself is worth nothing: then all is one node.
 */
#include <hv/acpi.h>
#include <hv/lib.h>
#include <hv/numa.h>

#include "acpi_tables.h"

static bool broken __initdata;

static void __init give_up(const char *why)
{
    if (!broken)
        printk(LOG_WARN "ACPI: no nodes: %s\n", why);
    broken = true;
    numa_forget();
}

static unsigned int __init node_of(uint32_t proximity_domain)
{
    unsigned int node = numa_node_of_domain(proximity_domain);

    if (node == NODE_NONE)
        give_up("more than this hypervisor can tell apart");
    return node;
}

/* CPUs have the numbers of the MADT's order, which was read before. */
static void __init add_cpu(uint32_t apic_id, uint32_t proximity_domain)
{
    unsigned int node = node_of(proximity_domain);

    for (unsigned int i = 0; i < acpi_info.nr_cpus && node != NODE_NONE; i++)
        if (acpi_info.cpu_apic_id[i] == apic_id)
            acpi_info.cpu_node[i] = (uint8_t)node;
}

static void __init add_memory(const struct srat_memory *e)
{
    unsigned int node;

    if (!(e->flags & SRAT_ENABLED) || !e->length)
        return;
    node = node_of(e->proximity_domain);
    if (node != NODE_NONE && !numa_add_memory(e->base, e->length, node))
        give_up("memory listed twice, or in too many pieces");
}

static void __init read_entry(const struct acpi_srat *t,
                              const struct madt_entry *e)
{
    const struct srat_lapic *lapic = (const void *)e;
    const struct srat_memory *memory = (const void *)e;
    const struct srat_x2apic *x2apic = (const void *)e;
    uint32_t domain;

    switch (e->type) {
    case SRAT_LAPIC:
        if (e->length < sizeof(*lapic) || !(lapic->flags & SRAT_ENABLED))
            break;
        /* The upper bits were reserved, with any contents, in revision 1. */
        domain = lapic->domain_low;
        if (t->h.revision >= 2)
            domain |= (uint32_t)lapic->domain_high[0] << 8 |
                      (uint32_t)lapic->domain_high[1] << 16 |
                      (uint32_t)lapic->domain_high[2] << 24;
        add_cpu(lapic->apic_id, domain);
        break;
    case SRAT_MEMORY:
        if (e->length >= sizeof(*memory))
            add_memory(memory);
        break;
    case SRAT_X2APIC:
        if (e->length >= sizeof(*x2apic) && (x2apic->flags & SRAT_ENABLED))
            add_cpu(x2apic->apic_id, x2apic->proximity_domain);
        break;
    }
}

void __init acpi_read_srat(const struct acpi_srat *t)
{
    const uint8_t *p = t->entries, *end = (const uint8_t *)t + t->h.length;

    broken = false;
    numa_forget();
    if (t->h.length < sizeof(*t))
        return;
    while (!broken && p + sizeof(struct madt_entry) <= end) {
        const struct madt_entry *e = (const void *)p;

        if (e->length < sizeof(*e) || p + e->length > end) {
            give_up("an entry of the table is cut off");
            break;
        }
        read_entry(t, e);
        p += e->length;
    }
}

/* Row by row; every one local to itself and to no other. */
static bool __init slit_makes_sense(const struct acpi_slit *t)
{
    uint64_t n = t->nr;

    if (n == 0 || n > 256 || t->h.length < sizeof(*t) + n * n)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        for (uint64_t j = 0; j < n; j++) {
            uint8_t d = t->entry[i * n + j];

            if (i == j ? d != DISTANCE_LOCAL : d <= DISTANCE_LOCAL)
                return false;
        }
    }
    return true;
}

/* Distances are by proximity domain; those that are nodes count. */
void __init acpi_read_slit(const struct acpi_slit *t)
{
    if (t->h.length < sizeof(*t) || !slit_makes_sense(t)) {
        printk(LOG_WARN "ACPI: the table of distances makes no sense\n");
        return;
    }
    for (uint32_t i = 0; i < t->nr; i++) {
        unsigned int a = numa_known_domain(i);

        for (uint32_t j = 0; j < t->nr && a != NODE_NONE; j++) {
            unsigned int b = numa_known_domain(j);

            if (b != NODE_NONE)
                numa_set_distance(a, b, t->entry[i * t->nr + j]);
        }
    }
}
