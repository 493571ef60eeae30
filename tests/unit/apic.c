/* SPDX-License-Identifier: MIT */
/*
 * The local APIC in both its modes and both its timers, against a model of its
 * registers: QEMU's software emulation has neither x2APIC nor TSC deadline.
 * The model takes only what Intel SDM vol. 3 allows ("Local APIC Register
 * Address Map Supported by x2APIC", "x2APIC State Transitions") and fails the
 * test for what would be a #GP.
 */
#include <string.h>

#include <hostarch.h>

#include <hv/acpi.h>
#include <hv/smp.h>
#include <hv/timer.h>

#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/page.h>
#include <asm/time.h>
#include <asm/traps.h>

struct cpu_caps cpu_caps;
struct cpu_topology cpu_topology[MAX_CPUS];
struct acpi_info acpi_info;

/* ---- the model ---- */

/* Numbers as the manual has them, not as our headers do. */
#define IA32_APIC_BASE    0x1b
#define IA32_TSC_DEADLINE 0x6e0
#define BASE_BSP          0x100
#define BASE_EXTD         0x400
#define BASE_EN           0x800

static uint64_t base, deadline;
static uint32_t reg[0x100]; /* by MSR - 0x800 */
static uint64_t icr[16];
static unsigned int nr_icr, nr_eoi;
static uint32_t mmio[1024]; /* xAPIC registers */
static unsigned int timer_raised;

enum {
    R = 1,
    W = 2
};

static unsigned int access_to(uint32_t msr)
{
    switch (msr) {
    case 0x802: /* id */
    case 0x803: /* version */
    case 0x80a: /* PPR */
    case 0x80d: /* LDR */
    case 0x839: /* current count */
        return R;
    case 0x80b: /* EOI */
    case 0x83f: /* self IPI */
        return W;
    case 0x808: /* TPR */
    case 0x80f: /* SVR */
    case 0x828: /* ESR */
    case 0x82f: /* CMCI */
    case 0x830: /* ICR */
    case 0x832: /* LVT timer */
    case 0x833: /* LVT thermal */
    case 0x834: /* LVT performance */
    case 0x835: /* LVT LINT0 */
    case 0x836: /* LVT LINT1 */
    case 0x837: /* LVT error */
    case 0x838: /* initial count */
    case 0x83e: /* divide */
        return R | W;
    default: /* ISR, TMR, IRR */
        return msr >= 0x810 && msr <= 0x827 ? R : 0;
    }
}

static void write_base(uint64_t v)
{
    uint64_t from = base & (BASE_EN | BASE_EXTD);
    uint64_t to = v & (BASE_EN | BASE_EXTD);

    assert_int_not_equal(to, BASE_EXTD);                    /* invalid */
    assert_false(from == 0 && to == (BASE_EN | BASE_EXTD)); /* not at once */
    assert_false(from == (BASE_EN | BASE_EXTD) && to == BASE_EN);
    assert_int_equal(v & 0xff, 0);
    assert_int_equal((v ^ base) & ~(uint64_t)(BASE_EN | BASE_EXTD), 0);
    base = v;
}

uint64_t rdmsr(uint32_t msr)
{
    if (msr == IA32_APIC_BASE)
        return base;
    assert_int_equal(base & (BASE_EN | BASE_EXTD), BASE_EN | BASE_EXTD);
    assert_true(access_to(msr) & R);
    return reg[msr - 0x800];
}

/* The highest bit in service goes. */
static void end_of_interrupt(void)
{
    nr_eoi++;
    for (unsigned int i = 8; i-- > 0;) {
        uint32_t *isr = &reg[0x10 + i];

        if (!*isr)
            continue;
        *isr &= ~(0x80000000U >> __builtin_clz(*isr));
        return;
    }
}

void wrmsr(uint32_t msr, uint64_t v)
{
    if (msr == IA32_APIC_BASE) {
        write_base(v);
        return;
    }
    if (msr == IA32_TSC_DEADLINE) {
        assert_true(cpu_caps.tsc_deadline);
        deadline = v;
        return;
    }
    assert_int_equal(base & (BASE_EN | BASE_EXTD), BASE_EN | BASE_EXTD);
    assert_true(access_to(msr) & W);
    if (msr == 0x830) {
        assert_true(nr_icr < 16);
        icr[nr_icr++] = v;
        return;
    }
    assert_int_equal(v >> 32, 0);
    if (msr == 0x80b || msr == 0x828)
        assert_int_equal(v, 0);
    if (msr == 0x80b)
        end_of_interrupt();
    reg[msr - 0x800] = (uint32_t)v;
}

struct cpuid_leaf cpuid(uint32_t leaf)
{
    return (struct cpuid_leaf){.d = leaf == 1 ? 1U << 9 : 0};
}

static unsigned int nr_outb;
void outb(uint8_t v, uint16_t port)
{
    (void)v;
    assert_true(port == 0x20 || port == 0x21 || port == 0xa0 || port == 0xa1);
    nr_outb++;
}

void *ioremap(paddr_t pa, size_t len)
{
    assert_int_equal(pa, 0xfee00000);
    assert_int_equal(len, PAGE_SIZE);
    return mmio;
}

/* ---- what the code under test calls ---- */

static uint8_t handled;
void irq_vector_set_handler(uint8_t vector, void (*fn)(struct cpu_regs *))
{
    assert_non_null(fn);
    handled = vector;
}

void timer_interrupt(void)
{
    timer_raised++;
}

uint64_t ns_to_tsc(s_time_t at)
{
    return (uint64_t)at * 3 + 7;
}

/* The clock, without hostarch's timer beside the real one. */
s_time_t host_now;
s_time_t now_ns(void)
{
    return host_now;
}

/* ---- tests ---- */

/* As the processor comes out of reset, or as firmware leaves it. */
static void power_on(bool x2apic, uint64_t firmware)
{
    host_cpus_init(4);
    memset(&cpu_caps, 0, sizeof(cpu_caps));
    memset(&acpi_info, 0, sizeof(acpi_info));
    memset(reg, 0, sizeof(reg));
    memset(mmio, 0, sizeof(mmio));
    nr_icr = nr_eoi = timer_raised = nr_outb = 0;
    base = 0xfee00000 | BASE_BSP | firmware;
    deadline = 0;
    cpu_caps.x2apic = x2apic;
    reg[0x02] = 0x12345;
    reg[0x03] = 6 << 16 | 0x14; /* seven LVT entries */
    mmio[0x20 / 4] = 9U << 24;
    mmio[0x30 / 4] = 6 << 16 | 0x14;
    for (unsigned int i = 0; i < 4; i++)
        cpu_topology[i].apic_id = i;
    cpu_topology[3].apic_id = 0x10003;
}

static void x2apic_is_switched_on_in_two_steps(void **state)
{
    (void)state;
    power_on(true, BASE_EN);
    cpu_caps.hypervisor = true;
    apic_init_boot();
    assert_true(x2apic_mode);
    apic_init_cpu();
    assert_int_equal(base, 0xfee00000 | BASE_BSP | BASE_EN | BASE_EXTD);
    assert_int_equal(apic_id(), 0x12345);
    assert_int_equal(reg[0x0f], 0x100 | VECTOR_SPURIOUS);
    assert_int_equal(reg[0x08], 0);
    assert_int_equal(reg[0x32], 0x10000 | VECTOR_TIMER);
    assert_int_equal(reg[0x33], 0x10000);
    assert_int_equal(reg[0x34], 0x10000);
    assert_int_equal(reg[0x35], 0x10000);
    assert_int_equal(reg[0x36], 0x400);
    assert_int_equal(reg[0x37], VECTOR_APIC_ERROR);
    /* From off, and from where firmware was already. */
    power_on(true, 0);
    cpu_caps.hypervisor = true;
    apic_init_boot();
    apic_init_cpu();
    power_on(true, BASE_EN | BASE_EXTD);
    apic_init_boot();
    assert_true(x2apic_mode);
    apic_init_cpu();
    assert_int_equal(base & (BASE_EN | BASE_EXTD), BASE_EN | BASE_EXTD);
    apic_shutdown_cpu();
    assert_int_equal(base & (BASE_EN | BASE_EXTD), BASE_EN);
}

/* On bare metal it wants interrupt remapping, which is not set up: only where
 * there is no other way. */
static void x2apic_is_used_where_it_is_needed(void **state)
{
    (void)state;
    power_on(true, BASE_EN);
    apic_init_boot();
    assert_false(x2apic_mode);
    power_on(true, BASE_EN);
    acpi_info.nr_cpus = 2;
    acpi_info.cpu_apic_id[1] = 255;
    apic_init_boot();
    assert_true(x2apic_mode);
    power_on(false, BASE_EN);
    acpi_info.nr_cpus = 2;
    acpi_info.cpu_apic_id[1] = 300;
    apic_init_boot();
    assert_false(x2apic_mode);
}

/* What was in service when firmware left is ended, each once. */
static void interrupts_in_service_are_ended(void **state)
{
    (void)state;
    power_on(true, BASE_EN | BASE_EXTD);
    reg[0x10 + 2] = 0x80000001;
    reg[0x10 + 7] = 0x10;
    apic_init_boot();
    apic_init_cpu();
    assert_int_equal(nr_eoi, 3);
    for (unsigned int i = 0; i < 8; i++)
        assert_int_equal(reg[0x10 + i], 0);
}

static void ipis_go_to_wide_ids(void **state)
{
    cpumask_t mask = {{0xe}};

    (void)state;
    power_on(true, BASE_EN | BASE_EXTD);
    apic_init_boot();
    apic_init_cpu();
    apic_send(0xfffe0001, ICR_STARTUP | 0x9f);
    assert_int_equal(icr[0], 0xfffe00010000069f);
    apic_send(5, ICR_INIT | ICR_ASSERT);
    assert_int_equal(icr[1], 0x500004500);
    host_run_on(1); /* the sender is left out */
    apic_send_ipi_mask(&mask, 0xfa);
    host_run_on(0);
    assert_int_equal(nr_icr, 4);
    assert_int_equal(icr[2], 0x2000040fa);
    assert_int_equal(icr[3], 0x10003000040faUL);
}

static void xapic_registers_are_memory(void **state)
{
    (void)state;
    power_on(false, BASE_EN);
    apic_init_boot();
    apic_init_cpu();
    assert_int_equal(base, 0xfee00000 | BASE_BSP | BASE_EN);
    assert_int_equal(apic_id(), 9);
    assert_int_equal(mmio[0xf0 / 4], 0x100 | VECTOR_SPURIOUS);
    assert_int_equal(mmio[0x350 / 4], 0x10000);
    assert_int_equal(mmio[0x360 / 4], 0x400);
    apic_send(0x21, ICR_FIXED | ICR_ASSERT | 0x31);
    assert_int_equal(mmio[0x310 / 4], 0x21000000);
    assert_int_equal(mmio[0x300 / 4], 0x4031);
}

static void the_deadline_timer(void **state)
{
    (void)state;
    power_on(true, BASE_EN | BASE_EXTD);
    cpu_caps.tsc_deadline = true;
    apic_init_boot();
    apic_init_cpu();
    apic_timer_init_cpu();
    assert_int_equal(handled, VECTOR_TIMER);
    assert_int_equal(reg[0x32], 0x40000 | VECTOR_TIMER);
    host_now = 1000;
    arch_timer_program(5000);
    assert_int_equal(deadline, 5000 * 3 + 7 + 1);
    arch_timer_program(S_TIME_MAX); /* 0 disarms */
    assert_int_equal(deadline, 0);
    /* Due already: no register is needed, and none would be quick enough. */
    arch_timer_program(1000);
    assert_int_equal(timer_raised, 1);
    assert_int_equal(deadline, 0);
    /* Far away: it wakes earlier, and programs the rest. */
    arch_timer_program(1000 + SECONDS(100));
    assert_int_equal(deadline, (1000 + SECONDS(4)) * 3 + 7 + 1);
}

/* 10 MHz measured; a deadline is never early by more than the rounding. */
static void the_counting_timer(void **state)
{
    (void)state;
    for (unsigned int x2 = 0; x2 < 2; x2++) {
        uint32_t *init = x2 ? &reg[0x38] : &mmio[0x380 / 4];
        uint32_t *count = x2 ? &reg[0x39] : &mmio[0x390 / 4];
        uint32_t *lvt = x2 ? &reg[0x32] : &mmio[0x320 / 4];
        uint32_t *divide = x2 ? &reg[0x3e] : &mmio[0x3e0 / 4];

        power_on(x2, BASE_EN | (x2 ? BASE_EXTD : 0));
        apic_init_boot();
        apic_init_cpu();
        apic_timer_measure_start();
        assert_int_equal(*init, 0xffffffff);
        *count = 0xffffffff - 50000;
        apic_timer_measure_end(MILLISECS(5));
        assert_int_equal(*init, 0);
        apic_timer_init_cpu();
        assert_int_equal(*lvt, VECTOR_TIMER); /* one-shot, not masked */
        assert_int_equal(*divide, 0xb);
        host_now = 0;
        arch_timer_program(MILLISECS(1));
        assert_int_equal(*init, 10001);
        arch_timer_program(1);
        assert_int_equal(*init, 1); /* 0 would be off */
        arch_timer_program(S_TIME_MAX);
        assert_int_equal(*init, 0);
    }
}

/* Writing to ports where no 8259 is may reach something else. */
static void the_8259s_are_left_alone_if_there_are_none(void **state)
{
    (void)state;
    power_on(false, BASE_EN);
    acpi_info.present = true;
    pic_disable();
    assert_int_equal(nr_outb, 0);
    acpi_info.has_pic = true;
    pic_disable();
    assert_int_equal(nr_outb, 10);
    acpi_info.has_pic = acpi_info.present = false; /* who knows */
    pic_disable();
    assert_int_equal(nr_outb, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x2apic_is_switched_on_in_two_steps),
        cmocka_unit_test(x2apic_is_used_where_it_is_needed),
        cmocka_unit_test(interrupts_in_service_are_ended),
        cmocka_unit_test(ipis_go_to_wide_ids),
        cmocka_unit_test(xapic_registers_are_memory),
        cmocka_unit_test(the_deadline_timer),
        cmocka_unit_test(the_counting_timer),
        cmocka_unit_test(the_8259s_are_left_alone_if_there_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
