/* SPDX-License-Identifier: MIT */
/*
 * The longest time for which the hypervisor does not look for work to do: how
 * late the timer is that ends inside an operation. Meant for a machine whose
 * time goes by instructions (-icount shift=0), and for an optimised hypervisor
 * (else: option slack=N). docs/performance.md has the
 * table; tests/bench/preempt.py prints it beside Debian's hypervisor.
 */
#include "late.h"

#include <kit/cpu.h>
#include <kit/test.h>
#include <kit/time.h>

static void spin(void)
{
    time_delay(20000);
}

/* What the measurement and an upcall cost. */
static void nothing(void)
{
    static const struct late_case c = {
        .name = "busy kernel", .work = "20 us", .run = spin};

    late_measure(&c, 1);
}

static void tables(void)
{
    table_prepare();
    late_measure(table_cases, nr_table_cases);
}

static void memory(void)
{
    late_measure(memory_cases, nr_memory_cases);
}

static void grants(void)
{
    grant_prepare();
    late_measure(grant_cases, nr_grant_cases);
}

static void events(void)
{
    late_measure(event_cases, nr_event_cases);
    event_cleanup();
}

static void control(void)
{
    late_measure(control_cases, nr_control_cases);
}

static const struct test tests[] = {
    {"nothing", nothing}, {"page tables", tables}, {"memory", memory},
    {"grants", grants},   {"events", events},      {"control", control},
};

void kit_main(void)
{
    timer_stop_periodic();
    late_init();
    events_on();
    tests_run(tests, ARRAY_SIZE(tests));
}
