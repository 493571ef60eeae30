/* SPDX-License-Identifier: MIT */
/*
 * The measurement. Under -icount shift=0 a nanosecond is an instruction, so
 * figures are exact and the same in every run.
 */
#include "late.h"

#include <kit/console.h>
#include <kit/event.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/xen.h>

#define SETUP_NS 4000UL /* from setting the timer to the operation */

static volatile uint64_t fired;
static unsigned int timer_port;

static void seen(void)
{
    if (!fired)
        fired = time_now();
}

static void ignore(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
}

void late_init(void)
{
    long port = event_bind_virq(VIRQ_TIMER, 0);

    EXPECT(port > 0);
    timer_port = (unsigned int)port;
    event_bind(timer_port, ignore);
    event_upcall_hook = seen;
}

unsigned int late_port(void)
{
    return timer_port;
}

static uint64_t length_of(const struct late_case *c)
{
    uint64_t from;

    if (c->prepare)
        c->prepare();
    from = time_now();
    c->run();
    from = time_now() - from;
    if (c->undo)
        c->undo();
    return from;
}

/* The timer ends `at` ns after the operation begins. */
static uint64_t late_once(const struct late_case *c, uint64_t at)
{
    uint64_t begin;

    if (c->prepare)
        c->prepare();
    fired = 0;
    begin = time_now() + SETUP_NS;
    EXPECT_EQ(timer_set_oneshot(begin + at, 0), 0);
    while (time_now() < begin)
        cpu_relax();
    c->run();
    while (!fired)
        cpu_relax();
    if (c->undo)
        c->undo();
    return fired > begin + at ? fired - begin - at : 0;
}

/* Moments that are spread evenly, and in step with no loop: multiples of the
 * golden ratio. */
static uint64_t moment(unsigned int i, uint64_t length)
{
    return length * ((i * 40503U) & 0xffff) / 65536;
}

/* Option slack=N: bounds are N times as wide, for a hypervisor that is built to
 * be looked into. */
static uint64_t bound_of(const struct late_case *c)
{
    uint64_t bound = c->bound_ns ? c->bound_ns : LATE_BOUND_NS, slack = 0;
    char value[8];

    if (!option("slack", value, sizeof(value)))
        return bound;
    for (const char *p = value; *p >= '0' && *p <= '9'; p++)
        slack = slack * 10 + (uint64_t)(*p - '0');
    return bound * slack;
}

static void measure(const struct late_case *c)
{
    unsigned int samples = c->samples ? c->samples : LATE_SAMPLES;
    uint64_t bound = bound_of(c);
    uint64_t length = length_of(c), worst = 0;

    for (unsigned int i = 0; i < samples; i++) {
        uint64_t late = late_once(c, moment(i, length));

        if (late > worst)
            worst = late;
    }
    printk("LATE %lu %lu %s | %s\n", worst, length, c->name, c->work);
    if (worst >= bound)
        test_fail(__FILE__, __LINE__, "%s: late by %lu ns, allowed %lu",
                  c->name, worst, bound);
}

void late_measure(const struct late_case *cases, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        measure(&cases[i]);
}
