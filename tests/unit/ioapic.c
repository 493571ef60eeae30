/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC against a model of its registers, with a device that raises its
 * line between any two accesses: on a machine the moments in which an interrupt
 * is lost, or goes to a wrong place, are too short to be met. Rules of the
 * model: 82093AA data sheet, "I/O Redirection Table Registers". An edge at a
 * masked pin is ignored.
 */
#include <hostarch.h>

#include <hv/acpi.h>

#include <asm/irq.h>
#include <asm/page.h>
#include <asm/x86.h>

#define BASE   0xfec00000
#define PINS   24
#define PIN    4
#define LEVEL  true
#define EDGE   false
#define HIGH   false
#define MASKED 0x10000U

struct acpi_info acpi_info = {
    .nr_ioapics = 1,
    .ioapic = {{.addr = BASE, .gsi_base = 0}},
};

/* ---- the model ---- */

static uint32_t window[8];  /* where the registers lie: select, data */
static uint32_t select_reg; /* IOREGSEL */
static uint32_t low[PINS], high[PINS];
static bool edges; /* the device raises PIN after each access */
static unsigned int raised, lost;
/* Interrupts that arrived: by vector and destination. */
static unsigned int arrived[256][256];

static void raise_edge(void)
{
    raised++;
    if (low[PIN] & MASKED)
        lost++;
    else
        arrived[low[PIN] & 0xff][high[PIN] >> 24]++;
}

static uint32_t *selected(void)
{
    uint32_t n = select_reg - 0x10;

    assert_in_range(select_reg, 0x10, 0x10 + 2 * PINS - 1);
    return n & 1 ? &high[n / 2] : &low[n / 2];
}

uint32_t mmio_read32(const volatile uint32_t *reg)
{
    uint32_t v;

    assert_ptr_equal(reg, &window[4]);
    v = select_reg == 1 ? (PINS - 1) << 16 | 0x20 : *selected();
    if (edges)
        raise_edge();
    return v;
}

void mmio_write32(volatile uint32_t *reg, uint32_t value)
{
    if (reg == &window[0]) {
        select_reg = value;
    } else {
        assert_ptr_equal(reg, &window[4]);
        *selected() = value;
    }
    if (edges)
        raise_edge();
}

void *ioremap(paddr_t pa, size_t len)
{
    assert_int_equal(pa, BASE);
    assert_true(len <= sizeof(window));
    return window;
}

/* ---- tests ---- */

static int setup(void **state)
{
    static bool done;

    (void)state;
    if (!done)
        ioapic_init();
    done = true;
    edges = false;
    for (unsigned int i = 0; i < PINS; i++) {
        low[i] = MASKED;
        high[i] = 0;
    }
    raised = lost = 0;
    memset(arrived, 0, sizeof(arrived));
    return 0;
}

static void a_line_is_routed_masked(void **state)
{
    (void)state;
    ioapic_route(PIN, 0x31, 2, LEVEL, true);
    assert_int_equal(low[PIN], 0x31 | 1U << 13 | 1U << 15 | MASKED);
    assert_int_equal(high[PIN], 2U << 24);
    ioapic_set_mask(PIN, false);
    assert_int_equal(low[PIN], 0x31 | 1U << 13 | 1U << 15);
}

/* As when a vcpu goes to another CPU, or a CPU leaves. */
static void no_edge_is_lost_on_the_way_to_another_cpu(void **state)
{
    (void)state;
    ioapic_route(PIN, 0x31, 2, EDGE, HIGH);
    ioapic_set_mask(PIN, false);
    edges = true;
    ioapic_route(PIN, 0x31, 3, EDGE, HIGH);
    ioapic_set_mask(PIN, false);
    assert_true(raised > 0);
    assert_int_equal(lost, 0);
    assert_int_equal(arrived[0x31][2] + arrived[0x31][3], raised);
    assert_true(arrived[0x31][3] > 0);
    assert_int_equal(low[PIN], 0x31);
}

/* A level line in flight stays masked wherever it goes. */
static void a_masked_line_stays_masked(void **state)
{
    (void)state;
    ioapic_route(PIN, 0x31, 2, LEVEL, HIGH);
    ioapic_route(PIN, 0x31, 3, LEVEL, HIGH);
    assert_true(low[PIN] & MASKED);
    assert_int_equal(high[PIN], 3U << 24);
}

/* Another vector, or another kind of line: never half of the old and half of
 * the new. */
static void another_vector_does_not_come_half_way(void **state)
{
    (void)state;
    ioapic_route(PIN, 0x31, 2, EDGE, HIGH);
    ioapic_set_mask(PIN, false);
    edges = true;
    ioapic_route(PIN, 0x42, 3, EDGE, HIGH);
    assert_true(low[PIN] & MASKED);
    ioapic_set_mask(PIN, false);
    assert_int_equal(arrived[0x42][2] + arrived[0x31][3], 0);
    edges = false;
    ioapic_route(PIN, 0x42, 3, LEVEL, HIGH);
    assert_int_equal(low[PIN], 0x42 | 1U << 15 | MASKED);
    ioapic_set_mask(PIN, false);
    ioapic_route(PIN, 0x42, 3, LEVEL, true);
    assert_int_equal(low[PIN], 0x42 | 1U << 15 | 1U << 13 | MASKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_routed_masked, setup),
        cmocka_unit_test_setup(no_edge_is_lost_on_the_way_to_another_cpu,
                               setup),
        cmocka_unit_test_setup(a_masked_line_stays_masked, setup),
        cmocka_unit_test_setup(another_vector_does_not_come_half_way, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
