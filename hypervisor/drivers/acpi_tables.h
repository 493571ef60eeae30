/* SPDX-License-Identifier: MIT */
/*
 * Layout of the ACPI tables that are read (ACPI 6.4, sections 5.2.5 to 5.2.12;
 * IA-PC HPET 1.0a; PCI Firmware 3.2, MCFG).
 */
#ifndef DRIVERS_ACPI_TABLES_H
#define DRIVERS_ACPI_TABLES_H

#include <hv/types.h>

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t ext_checksum, reserved[3];
} PACKED;
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} PACKED;
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

/* Generic Address Structure. */
struct acpi_gas {
    uint8_t space, width, offset, access;
    uint64_t addr;
} PACKED;

struct acpi_madt {
    struct acpi_header h;
    uint32_t lapic_addr, flags;
    uint8_t entries[];
} PACKED;

enum madt_type {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_ADDR = 5,
    MADT_X2APIC = 9,
};

struct madt_entry {
    uint8_t type, length;
} PACKED;

#define MADT_CPU_ENABLED 0x1U
#define MADT_PCAT_COMPAT 0x1U /* of the table's flags */

struct madt_lapic {
    struct madt_entry e;
    uint8_t acpi_id, apic_id;
    uint32_t flags;
} PACKED;

struct madt_ioapic {
    struct madt_entry e;
    uint8_t id, reserved;
    uint32_t addr, gsi_base;
} PACKED;

#define MADT_BUS_ISA       0
#define NR_ISA_IRQS        16
#define MADT_POLARITY      0x3
#define MADT_POLARITY_LOW  0x3
#define MADT_TRIGGER       0xc
#define MADT_TRIGGER_LEVEL 0xc

struct madt_override {
    struct madt_entry e;
    uint8_t bus, isa_irq;
    uint32_t gsi;
    uint16_t flags;
} PACKED;

struct madt_lapic_addr {
    struct madt_entry e;
    uint16_t reserved;
    uint64_t addr;
} PACKED;

struct madt_x2apic {
    struct madt_entry e;
    uint16_t reserved;
    uint32_t apic_id, flags, acpi_id;
} PACKED;

#define FADT_RESET_SUPPORTED (1U << 10)
#define FADT_TIMER_32BIT     (1U << 8)

struct acpi_fadt {
    struct acpi_header h;
    uint32_t facs, dsdt;
    uint8_t reserved0, profile;
    uint16_t sci_int;
    uint32_t smi_cmd;
    uint8_t acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
    uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_timer;
    uint32_t gpe0, gpe1;
    uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_timer_len;
    uint8_t misc[8];
    uint16_t flush[2];
    uint8_t duty[2], day_alarm, month_alarm, century;
    uint16_t boot_arch;
    uint8_t reserved1;
    uint32_t flags;
    struct acpi_gas reset;
    uint8_t reset_value;
    uint16_t arm_boot;
    uint8_t minor;
    uint64_t x_facs, x_dsdt;
    struct acpi_gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt;
} PACKED;
_Static_assert(offsetof(struct acpi_fadt, pm_timer) == 76, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, flags) == 112, "ACPI 5.2.9");
_Static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "ACPI 5.2.9");

struct acpi_hpet {
    struct acpi_header h;
    uint32_t id;
    struct acpi_gas addr;
    uint8_t number;
    uint16_t min_tick;
    uint8_t attributes;
} PACKED;

struct acpi_mcfg {
    struct acpi_header h;
    uint64_t reserved;
    struct {
        uint64_t base;
        uint16_t segment;
        uint8_t start_bus, end_bus;
        uint32_t reserved;
    } PACKED space[];
} PACKED;

/* ---- SRAT, SLIT ---- */

struct acpi_srat {
    struct acpi_header h;
    uint8_t reserved[12];
    uint8_t entries[]; /* struct madt_entry begins each */
} PACKED;
_Static_assert(sizeof(struct acpi_srat) == 48, "ACPI 5.2.16");

enum srat_type {
    SRAT_LAPIC = 0,
    SRAT_MEMORY = 1,
    SRAT_X2APIC = 2,
};

#define SRAT_ENABLED 0x1U

struct srat_lapic {
    struct madt_entry e;
    uint8_t domain_low, apic_id;
    uint32_t flags;
    uint8_t sapic_eid, domain_high[3];
    uint32_t clock_domain;
} PACKED;
_Static_assert(sizeof(struct srat_lapic) == 16, "ACPI 5.2.16.1");

struct srat_memory {
    struct madt_entry e;
    uint32_t proximity_domain;
    uint16_t reserved1;
    uint64_t base, length;
    uint32_t reserved2, flags;
    uint64_t reserved3;
} PACKED;
_Static_assert(sizeof(struct srat_memory) == 40, "ACPI 5.2.16.2");

struct srat_x2apic {
    struct madt_entry e;
    uint16_t reserved1;
    uint32_t proximity_domain, apic_id, flags, clock_domain, reserved2;
} PACKED;
_Static_assert(sizeof(struct srat_x2apic) == 24, "ACPI 5.2.16.3");

struct acpi_slit {
    struct acpi_header h;
    uint64_t nr;
    uint8_t entry[]; /* nr rows of nr */
} PACKED;
_Static_assert(sizeof(struct acpi_slit) == 44, "ACPI 5.2.17");

/* acpi_srat.c: to hv/numa.h. After the MADT; the SRAT before the SLIT. */
void acpi_read_srat(const struct acpi_srat *t);
void acpi_read_slit(const struct acpi_slit *t);

/* acpi_read.c: into acpi_info. Lengths of the tables were checked to hold at
 * least their header. */
void acpi_read_madt(const struct acpi_madt *t);
void acpi_read_fadt(const struct acpi_fadt *t);
void acpi_read_hpet(const struct acpi_hpet *t);
void acpi_read_mcfg(const struct acpi_mcfg *t);
/* The values of the package \_S5_ in the AML at p. */
void acpi_find_s5(const uint8_t *p, size_t len);
/* acpi.c */
void acpi_read_dsdt(paddr_t pa);

#endif
