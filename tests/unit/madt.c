/* SPDX-License-Identifier: MIT */
/*
 * The table of processors and interrupt controllers (MADT), as odd firmware
 * writes it, and damaged.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

#include <hv/acpi.h>

#include <drivers/acpi_tables.h>

struct acpi_info acpi_info;

void acpi_read_dsdt(paddr_t pa)
{
    (void)pa;
}

static union {
    struct acpi_madt t;
    uint8_t bytes[16384];
} madt;

static void begin(void)
{
    memset(&acpi_info, 0, sizeof(acpi_info));
    memset(&madt, 0, sizeof(madt));
    madt.t.h.length = sizeof(madt.t);
    madt.t.lapic_addr = 0xfee00000;
    madt.t.flags = MADT_PCAT_COMPAT;
}

static void *add(uint8_t type, size_t length)
{
    struct madt_entry *e = (void *)(madt.bytes + madt.t.h.length);

    e->type = type;
    e->length = (uint8_t)length;
    madt.t.h.length += (uint32_t)length;
    return e;
}

static void add_lapic(uint8_t apic_id, uint8_t acpi_id, uint32_t flags)
{
    struct madt_lapic *e = add(MADT_LAPIC, sizeof(*e));

    e->apic_id = apic_id;
    e->acpi_id = acpi_id;
    e->flags = flags;
}

static void add_x2apic(uint32_t apic_id, uint32_t acpi_id, uint32_t flags)
{
    struct madt_x2apic *e = add(MADT_X2APIC, sizeof(*e));

    e->apic_id = apic_id;
    e->acpi_id = acpi_id;
    e->flags = flags;
}

static void cpus_are_those_that_are_enabled_once(void **state)
{
    (void)state;
    begin();
    add_lapic(0, 10, MADT_CPU_ENABLED);
    add_lapic(2, 11, 0);   /* disabled */
    add_lapic(2, 12, 2);   /* could be plugged in */
    add_lapic(255, 13, 1); /* the broadcast id is nobody's */
    add_lapic(4, 14, 1);
    add_lapic(4, 15, 1);  /* twice */
    add_x2apic(4, 16, 1); /* and once more */
    add_x2apic(0, 10, 1); /* x2APIC entries for ids below 255 */
    add_x2apic(6, 17, 1);
    add_x2apic(300, 18, 1);
    add_x2apic(70000, 19, 0);
    add_x2apic(0xffffffff, 20, 1);
    acpi_read_madt(&madt.t);
    assert_int_equal(acpi_info.nr_cpus, 4);
    assert_int_equal(acpi_info.cpu_apic_id[0], 0);
    assert_int_equal(acpi_info.cpu_apic_id[1], 4);
    assert_int_equal(acpi_info.cpu_acpi_id[1], 14);
    assert_int_equal(acpi_info.cpu_apic_id[2], 6);
    assert_int_equal(acpi_info.cpu_apic_id[3], 300);
    assert_int_equal(acpi_info.cpu_acpi_id[3], 18);
    assert_true(acpi_info.has_pic);
}

static void no_more_cpus_than_there_is_room_for(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < MAX_CPUS + 50; i++)
        add_x2apic(i * 3, i, MADT_CPU_ENABLED);
    acpi_read_madt(&madt.t);
    assert_int_equal(acpi_info.nr_cpus, MAX_CPUS);
    assert_int_equal(acpi_info.cpu_apic_id[MAX_CPUS - 1], (MAX_CPUS - 1) * 3);
}

static void controllers_and_overrides(void **state)
{
    struct madt_override *o;
    struct madt_ioapic *io;
    struct madt_lapic_addr *a;

    (void)state;
    begin();
    madt.t.flags = 0; /* no 8259 */
    for (uint32_t i = 0; i < ACPI_MAX_IOAPICS + 2; i++) {
        io = add(MADT_IOAPIC, sizeof(*io));
        io->id = (uint8_t)i;
        io->addr = 0xfec00000 + i * 0x1000;
        io->gsi_base = i * 24;
    }
    o = add(MADT_OVERRIDE, sizeof(*o)); /* the timer, as on every PC */
    o->gsi = 2;
    o = add(MADT_OVERRIDE, sizeof(*o)); /* the SCI */
    *o = (struct madt_override){o->e, 0, 9, 9, 0xd};
    o->gsi = 9;
    o = add(MADT_OVERRIDE, sizeof(*o)); /* not of the ISA bus */
    o->bus = 1;
    o = add(MADT_OVERRIDE, sizeof(*o)); /* there are 16 of them */
    o->isa_irq = 16;
    a = add(MADT_LAPIC_ADDR, sizeof(*a));
    a->addr = 0x1fee00000;
    add(200, 9);
    acpi_read_madt(&madt.t);
    assert_false(acpi_info.has_pic);
    assert_int_equal(acpi_info.nr_ioapics, ACPI_MAX_IOAPICS);
    assert_int_equal(acpi_info.ioapic[3].gsi_base, 72);
    assert_int_equal(acpi_info.lapic_addr, 0x1fee00000);
    assert_int_equal(acpi_info.nr_overrides, 2);
    assert_int_equal(acpi_info.override[0].gsi, 2);
    assert_false(acpi_info.override[0].level);
    assert_false(acpi_info.override[0].low);
    assert_int_equal(acpi_info.override[1].isa_irq, 9);
    assert_true(acpi_info.override[1].level);
    assert_false(acpi_info.override[1].low);
}

static void cut_off_entries_end_the_table(void **state)
{
    struct madt_lapic *e;

    (void)state;
    begin();
    add_lapic(0, 0, 1);
    e = add(MADT_LAPIC, sizeof(*e));
    e->e.length = 0; /* would never end */
    add_lapic(9, 0, 1);
    acpi_read_madt(&madt.t);
    assert_int_equal(acpi_info.nr_cpus, 1);
    begin();
    add_lapic(0, 0, 1);
    add_lapic(1, 0, 1);
    madt.t.h.length -= 1;
    acpi_read_madt(&madt.t);
    assert_int_equal(acpi_info.nr_cpus, 1);
    begin();
    e = add(MADT_LAPIC, 4); /* too short to be one */
    e->apic_id = 5;
    add_lapic(1, 0, 1);
    acpi_read_madt(&madt.t);
    assert_int_equal(acpi_info.nr_cpus, 1);
    assert_int_equal(acpi_info.cpu_apic_id[0], 1);
    begin();
    madt.t.h.length = sizeof(madt.t.h);
    acpi_read_madt(&madt.t);
    assert_int_equal(acpi_info.nr_cpus, 0);
}

static void random_tables_do_no_harm(void **state)
{
    (void)state;
    srand(5);
    for (unsigned int round = 0; round < 20000; round++) {
        uint32_t len;
        uint8_t *copy;

        begin();
        for (unsigned int i = rand() % 20; i > 0; i--)
            add((uint8_t)(rand() % 10), (size_t)rand() % 24);
        for (unsigned int i = rand() % 30; i > 0; i--)
            madt.bytes[36 + (unsigned int)rand() % 400] = (uint8_t)rand();
        len = madt.t.h.length;
        copy = malloc(len);
        memcpy(copy, madt.bytes, len);
        acpi_read_madt((const void *)copy);
        free(copy);
        assert_true(acpi_info.nr_cpus <= MAX_CPUS);
        assert_true(acpi_info.nr_ioapics <= ACPI_MAX_IOAPICS);
        assert_true(acpi_info.nr_overrides <= ACPI_MAX_OVERRIDES);
        for (unsigned int i = 0; i < acpi_info.nr_cpus; i++)
            for (unsigned int j = 0; j < i; j++)
                assert_int_not_equal(acpi_info.cpu_apic_id[i],
                                     acpi_info.cpu_apic_id[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpus_are_those_that_are_enabled_once),
        cmocka_unit_test(no_more_cpus_than_there_is_room_for),
        cmocka_unit_test(controllers_and_overrides),
        cmocka_unit_test(cut_off_entries_end_the_table),
        cmocka_unit_test(random_tables_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
