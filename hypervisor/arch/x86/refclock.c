/* SPDX-License-Identifier: MIT */
/*
 * Counters of known frequency, to measure the TSC with, at boot and after.
 */
#include <hv/acpi.h>
#include <hv/cmdline.h>
#include <hv/lib.h>

#include <asm/page.h>
#include <asm/time.h>
#include <asm/x86.h>

/* ---- HPET (IA-PC HPET Specification 1.0a, "Register Overview") ---- */

#define HPET_ID       0x000 /* upper half: period in femtoseconds */
#define HPET_ID_64BIT (1U << 13)
#define HPET_CONFIG   0x010
#define HPET_ENABLE   (1U << 0)
#define HPET_LEGACY   (1U << 1)
#define HPET_COUNTER  0x0f0
#define HPET_SIZE     0x400
#define FEMTO_PER_SEC 1000000000000000UL
#define MAX_PERIOD_FS 100000000U

static volatile uint32_t *hpet;

/* The lower half suffices: it wraps after more than 40 s. */
static uint64_t hpet_read(void)
{
    return hpet[HPET_COUNTER / 4];
}

static struct ref_clock hpet_clock __ro_after_init = {
    .name = "HPET", .mask = 0xffffffff, .read = hpet_read};

static bool __init hpet_init(void)
{
    uint32_t period;

    if (!acpi_info.hpet)
        return false;
    hpet = ioremap(acpi_info.hpet, HPET_SIZE);
    if (!hpet)
        return false;
    period = hpet[HPET_ID / 4 + 1];
    if (!period || period > MAX_PERIOD_FS)
        return false;
    hpet[HPET_CONFIG / 4] =
        (hpet[HPET_CONFIG / 4] | HPET_ENABLE) & ~HPET_LEGACY;
    hpet_clock.hz = FEMTO_PER_SEC / period;
    return true;
}

/* ---- ACPI power-management timer ---- */

#define PM_TIMER_HZ 3579545

static uint64_t pm_timer_read(void)
{
    return inl(acpi_info.pm_timer_port);
}

static struct ref_clock pm_clock __ro_after_init = {
    .name = "PM timer", .hz = PM_TIMER_HZ, .read = pm_timer_read};

static bool __init pm_timer_init(void)
{
    if (!acpi_info.pm_timer_port)
        return false;
    pm_clock.mask = acpi_info.pm_timer_32bit ? 0xffffffff : 0xffffff;
    return true;
}

/* ---- 8254, counter 2, whose output goes nowhere ---- */

#define PIT_HZ            1193182
#define PIT_COUNTER2      0x42
#define PIT_CONTROL       0x43
#define PIT_SELECT2_LATCH 0x80
#define PIT_SELECT2_MODE2 0xb4 /* both bytes, rate generator, binary */
#define PORT_B            0x61
#define PORT_B_GATE2      0x01
#define PORT_B_SPEAKER    0x02

static uint64_t pit_read(void)
{
    uint64_t v;

    outb(PIT_SELECT2_LATCH, PIT_CONTROL);
    v = inb(PIT_COUNTER2);
    v |= (uint64_t)inb(PIT_COUNTER2) << 8;
    return 0xffff - v; /* it counts down */
}

static struct ref_clock pit_clock __ro_after_init = {
    .name = "PIT", .hz = PIT_HZ, .mask = 0xffff, .read = pit_read};

static bool __init pit_init(void)
{
    outb((uint8_t)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2), PORT_B);
    outb(PIT_SELECT2_MODE2, PIT_CONTROL);
    outb(0, PIT_COUNTER2); /* 65536 */
    outb(0, PIT_COUNTER2);
    return true;
}

/* ---- the choice ---- */

enum {
    HPET,
    PM_TIMER,
    PIT,
    TSC,
    NO_CHOICE
};
static unsigned int choice __initdata = NO_CHOICE;

/* Best first. TSC: only that, after it was measured by the best of the rest. */
static const struct {
    const char *option;
    struct ref_clock *clock;
    bool (*init)(void);
} clocks[] __initconst = {
    [HPET] = {"hpet", &hpet_clock, hpet_init},
    [PM_TIMER] = {"acpi", &pm_clock, pm_timer_init},
    [PIT] = {"pit", &pit_clock, pit_init},
    [TSC] = {"tsc", NULL, NULL},
};

static int __init parse_clocksource(const char *value)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(clocks); i++) {
        if (strcmp(value, clocks[i].option))
            continue;
        choice = i;
        return 0;
    }
    return -EINVAL;
}
PARAM_FUNC("clocksource", parse_clocksource);

bool __init ref_clock_is_tsc(void)
{
    return choice == TSC;
}

const struct ref_clock *__init ref_clock_find(void)
{
    if (choice < TSC) {
        if (clocks[choice].init())
            return clocks[choice].clock;
        printk(LOG_WARN "clocksource=%s: there is none\n",
               clocks[choice].option);
    }
    for (unsigned int i = HPET; i < PIT; i++)
        if (clocks[i].init())
            return clocks[i].clock;
    pit_init();
    return &pit_clock;
}
