/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor takes from the firmware's ACPI tables (ACPI
 * specification, "ACPI Software Programming Model"). Read once at boot.
 */
#ifndef HV_ACPI_H
#define HV_ACPI_H

#include <hv/cpumask.h>
#include <hv/types.h>

#define ACPI_MAX_IOAPICS   16
#define ACPI_MAX_OVERRIDES 16

struct acpi_info {
    bool present;
    bool has_pic; /* two 8259s, as in a PC */
    paddr_t lapic_addr;
    unsigned int nr_cpus; /* enabled ones, in the MADT's order */
    uint32_t cpu_apic_id[MAX_CPUS];
    uint32_t cpu_acpi_id[MAX_CPUS];
    uint8_t cpu_node[MAX_CPUS]; /* hv/numa.h */
    unsigned int nr_ioapics;
    struct {
        paddr_t addr;
        uint32_t gsi_base;
        uint8_t id;
    } ioapic[ACPI_MAX_IOAPICS];
    unsigned int nr_overrides; /* ISA interrupts that differ */
    struct {
        uint8_t isa_irq;
        bool level, low;
        uint32_t gsi;
    } override[ACPI_MAX_OVERRIDES];
    uint16_t pm_timer_port; /* 0: none */
    bool pm_timer_32bit;
    uint16_t pm1a_control, pm1b_control; /* ports, 0: none */
    uint16_t sci_gsi;
    bool s5_known;
    uint8_t s5_type_a, s5_type_b; /* SLP_TYP values of \_S5 */
    struct {
        uint8_t space, width; /* 0 memory, 1 port, 2 PCI */
        uint64_t addr;
        uint8_t value;
        bool present;
    } reset;
    paddr_t hpet; /* 0: none */
    struct {
        paddr_t base;
        uint16_t segment;
        uint8_t start_bus, end_bus;
    } mcfg[4];
    unsigned int nr_mcfg;
};

extern struct acpi_info acpi_info;
void acpi_init(void);
/* Enter S5 (or the sleep state whose SLP_TYP values are given). */
void acpi_enter_sleep(uint8_t type_a, uint8_t type_b);

#endif
