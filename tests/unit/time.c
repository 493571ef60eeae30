/* SPDX-License-Identifier: MIT */
/*
 * The measure of time: the TSC against each reference clock that a machine may
 * have, with an emulator's or SMM's delays in between, and TSCs that differ.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

#include <hv/acpi.h>
#include <hv/cmdline.h>

#include <public/xen.h>

#include <asm/page.h>
#include <asm/time.h>

struct acpi_info acpi_info;

/* ---- the machine: one true time, in picoseconds ---- */

static unsigned __int128 now_ps;
static uint64_t tsc_hz;
static unsigned int delay_chance; /* of 1000: a read takes 100 us longer */

static struct {
    uint32_t reg[0x400 / 4];
    uint32_t period_fs;
} hpet;
static uint16_t pit_latched;
static bool pit_high;

static void pass(uint64_t ns)
{
    now_ps += ns * 1000;
    if (hpet.period_fs)
        hpet.reg[0xf0 / 4] = (uint32_t)(now_ps * 1000 / hpet.period_fs);
}

static uint64_t count(uint64_t hz)
{
    return (uint64_t)(now_ps * hz / 1000000000000);
}

/* Two threads play two CPUs, by the host's counter. */
static bool two_cpus;
static __thread int64_t skew;

uint64_t rdtsc_ordered(void)
{
    if (two_cpus) {
        /* As the name says: a bare RDTSC runs ahead of the loads before it. */
        __builtin_ia32_lfence();
        return __builtin_ia32_rdtsc() + (uint64_t)skew;
    }
    pass(20 + (uint64_t)rand() % 100);
    if ((unsigned int)rand() % 1000 < delay_chance)
        pass(100000);
    return count(tsc_hz);
}

uint32_t inl(uint16_t port)
{
    uint32_t mask = acpi_info.pm_timer_32bit ? 0xffffffff : 0xffffff;

    assert_int_equal(port, 0x608);
    pass(400);
    return (uint32_t)count(3579545) & mask;
}

void outb(uint8_t v, uint16_t port)
{
    pass(400);
    if (port == 0x43 && v == 0x80) {
        pit_latched = (uint16_t)(0x10000 - count(1193182) % 0x10000);
        pit_high = false;
    }
}

uint8_t inb(uint16_t port)
{
    pass(400);
    if (port != 0x42)
        return 0;
    pit_high = !pit_high;
    return (uint8_t)(pit_high ? pit_latched : pit_latched >> 8);
}

struct cpuid_leaf cpuid(uint32_t leaf)
{
    (void)leaf;
    return (struct cpuid_leaf){0};
}

void *ioremap(paddr_t pa, size_t len)
{
    assert_int_equal(pa, 0xfed00000);
    assert_int_equal(len, sizeof(hpet.reg));
    return hpet.reg;
}

static uint64_t apic_measured_ns;
void apic_timer_measure_start(void)
{
}

void apic_timer_measure_end(uint64_t ns)
{
    apic_measured_ns = ns;
}

void apic_timer_init_cpu(void)
{
}

/* The real now_ns() is under test. */
s_time_t host_now;
void arch_timer_program(s_time_t deadline)
{
    (void)deadline;
}

/* ---- measuring ---- */

enum clock {
    HPET_SLOW,
    HPET_FAST,
    PM_24,
    PM_32,
    PIT,
    BROKEN_HPET, /* its period is nonsense: the next one is taken */
    NR_CLOCKS
};

static void power_on(enum clock c, uint64_t hz)
{
    host_cpus_init(2);
    memset(&acpi_info, 0, sizeof(acpi_info));
    memset(&hpet, 0, sizeof(hpet));
    tsc_hz = hz;
    now_ps = (unsigned __int128)1000000 * (unsigned int)rand();
    if (c == HPET_SLOW || c == HPET_FAST || c == BROKEN_HPET) {
        acpi_info.hpet = 0xfed00000;
        hpet.period_fs = c == HPET_FAST ? 10000000 : 69841279;
        hpet.reg[1] = c == BROKEN_HPET ? 0xffffffff : hpet.period_fs;
    }
    if (c == PM_24 || c == PM_32 || c == BROKEN_HPET)
        acpi_info.pm_timer_port = 0x608;
    acpi_info.pm_timer_32bit = c == PM_32;
}

static void assert_ppm(uint64_t got, uint64_t want, uint64_t ppm)
{
    uint64_t off = got > want ? got - want : want - got;

    if (off > want / 1000000 * ppm)
        fail_msg("%lu is not %lu within %lu ppm", got, want, ppm);
}

static const uint64_t rates[] = {799999000, 1000000000, 2299998000, 2999950000,
                                 4700001000};

static void each(void (*fn)(enum clock c))
{
    srand(1);
    for (delay_chance = 0; delay_chance <= 20; delay_chance += 20) {
        for (unsigned int c = 0; c < NR_CLOCKS; c++) {
            for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++) {
                power_on(c, rates[i]);
                time_init();
                fn(c);
            }
        }
    }
    delay_chance = 0;
}

static void is_near(enum clock c)
{
    (void)c;
    assert_ppm(tsc_khz * 1000UL, tsc_hz, 500);
    assert_true(apic_measured_ns >= 4990000 && apic_measured_ns < 8000000);
}

static void the_first_measure_is_within_500_ppm(void **state)
{
    (void)state;
    each(is_near);
}

static void becomes_exact(enum clock c)
{
    s_time_t before;
    uint64_t took = c == PIT ? 20000000 : 1500000000;

    pass(took);
    before = now_ns();
    time_refine();
    assert_ppm(tsc_khz * 1000UL, tsc_hz, c == PIT ? 200 : 20);
    assert_true(now_ns() >= before); /* time never goes back */
}

static void the_second_measure_is_exact(void **state)
{
    (void)state;
    each(becomes_exact);
}

static void runs_evenly(enum clock c)
{
    s_time_t last = now_ns();
    s_time_t began = last;
    unsigned __int128 began_ps = now_ps;

    (void)c;
    for (unsigned int i = 0; i < 2000; i++) {
        s_time_t t;

        pass((uint64_t)rand() % 1000000);
        t = now_ns();
        assert_true(t >= last);
        last = t;
    }
    assert_ppm((uint64_t)(last - began), (uint64_t)((now_ps - began_ps) / 1000),
               500);
}

static void time_is_even_and_never_goes_back(void **state)
{
    (void)state;
    each(runs_evenly);
}

/* A moment in time, and when the TSC is there. */
static void deadlines_are_met(void **state)
{
    (void)state;
    power_on(HPET_FAST, 2300000000);
    time_init();
    for (unsigned int i = 0; i < 1000; i++) {
        s_time_t at = now_ns() + rand() % 1000000000;
        uint64_t tsc = ns_to_tsc(at);
        s_time_t t;

        while (count(tsc_hz) < tsc)
            pass((tsc - count(tsc_hz)) * 1000 / (tsc_hz / 1000000) + 1);
        t = now_ns();
        assert_true(t > at - 20000 && t < at + 20000);
    }
}

/* A guest computes the time with shifts and loses up to a tick: what it has
 * seen by the old record it does not see undone by the new one. */
static s_time_t guests_time(const struct vcpu_time_info *t, uint64_t tsc)
{
    uint64_t delta = tsc - t->tsc_timestamp;

    delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
    return (s_time_t)(t->system_time + (uint64_t)((unsigned __int128)delta *
                                                      t->tsc_to_system_mul >>
                                                  32));
}

static void a_new_course_goes_on_from_the_old(void **state)
{
    struct vcpu_time_info old = {0}, new = {0};

    (void)state;
    srand(2);
    for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++) {
        power_on(HPET_FAST, rates[i]);
        time_init();
        for (unsigned int n = 0; n < 2000; n++) {
            uint64_t hz = rates[i] / 2 + (uint64_t)rand() % (rates[i] * 2);
            uint64_t tsc;
            s_time_t ns, jump = rand() % 2 ? rand() % 1000000 : 0;

            pass((uint64_t)rand() % 2000000000);
            tsc = rdtsc_ordered();
            ns = tsc_to_ns(tsc);
            time_fill_record(&old);
            time_set_course(tsc, ns + jump, hz);
            time_fill_record(&new);
            assert_true(tsc_to_ns(tsc) == ns + jump);
            assert_true(tsc_to_ns(tsc - 1000) == ns + jump);
            assert_true(guests_time(&new, tsc) >= guests_time(&old, tsc));
            assert_true(guests_time(&new, tsc + hz) >=
                        ns + jump + NSEC_PER_SEC - 2);
            assert_true(guests_time(&new, tsc + hz) <=
                        ns + jump + NSEC_PER_SEC);
            assert_true(now_ns() >= ns + jump);
        }
    }
}

/* ---- the choice of a clock ---- */

static void expect_clock(const char *option, const char *name, bool only_tsc)
{
    char line[64];

    snprintf(line, sizeof(line), "clocksource=%s", option);
    cmdline_parse(line);
    assert_string_equal(ref_clock_find()->name, name);
    assert_int_equal(ref_clock_is_tsc(), only_tsc);
}

/* The last test: the choice stays. */
static void the_command_line_chooses_the_clock(void **state)
{
    (void)state;
    power_on(HPET_FAST, 1000000000);
    acpi_info.pm_timer_port = 0x608;
    assert_string_equal(ref_clock_find()->name, "HPET");
    expect_clock("sundial", "HPET", false);
    expect_clock("acpi", "PM timer", false);
    expect_clock("pit", "PIT", false);
    expect_clock("hpet", "HPET", false);
    expect_clock("tsc", "HPET", true); /* measured by the best */
    /* What is not there is not taken. */
    power_on(PM_24, 1000000000);
    expect_clock("hpet", "PM timer", false);
    power_on(PIT, 1000000000);
    expect_clock("acpi", "PIT", false);
}

/* ---- two CPUs ---- */

static void *other_cpu(void *arg)
{
    skew = *(const int64_t *)arg;
    time_sync_answer();
    return NULL;
}

static void sync_with(int64_t other_skew)
{
    pthread_t other;

    assert_int_equal(pthread_create(&other, NULL, other_cpu, &other_skew), 0);
    assert_true(time_sync_cpu(1));
    pthread_join(other, NULL);
}

static s_time_t now_on(unsigned int cpu, int64_t its_skew)
{
    s_time_t t;

    host_run_on(cpu);
    skew = its_skew;
    t = now_ns();
    host_run_on(0);
    skew = 0;
    return t;
}

static void cpus_whose_tscs_differ_agree_on_the_time(void **state)
{
    static const int64_t skews[] = {0, 3000000000, -3000000000, 1L << 50};

    (void)state;
    power_on(HPET_FAST, 2000000000);
    time_init();
    two_cpus = true;
    for (unsigned int i = 0; i < ARRAY_SIZE(skews); i++) {
        s_time_t a, b, c, off;

        /* Of before: CPU 1 starts with CPU 0's scale. */
        host_run_on(1);
        time_init_cpu();
        host_run_on(0);
        off = now_on(0, 0);
        sync_with(skews[i]);
        /* Half a round at most, of threads that the host may take away. */
        off = now_on(0, 0) - off + 1000000;
        assert_int_equal(tsc_is_stable(), i == 0);
        a = now_on(0, 0);
        b = now_on(1, skews[i]);
        c = now_on(0, 0);
        assert_true(b > a - off && b < c + off);
    }
    two_cpus = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_measure_is_within_500_ppm),
        cmocka_unit_test(the_second_measure_is_exact),
        cmocka_unit_test(time_is_even_and_never_goes_back),
        cmocka_unit_test(deadlines_are_met),
        cmocka_unit_test(a_new_course_goes_on_from_the_old),
        cmocka_unit_test(cpus_whose_tscs_differ_agree_on_the_time),
        cmocka_unit_test(the_command_line_chooses_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
