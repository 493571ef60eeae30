/* SPDX-License-Identifier: MIT */
/*
 * The platform clock, and what it is for: to find out that a TSC does not keep
 * time, and to keep time by it then. The arithmetic is in tsc_follow.c; which
 * TSC is taken for what is in docs/boot.md, "Time".
 *
 * Trusted: nothing is done. Watched: CPU 0 compares once a second. Followed:
 * every CPU corrects its own scale once a second, by a timer of its own.
 */
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/perfc.h>
#include <hv/smp.h>
#include <hv/spinlock.h>
#include <hv/timer.h>

#include <asm/cpu.h>
#include <asm/irqflags.h>
#include <asm/time.h>

#include "tsc_follow.h"

enum tsc_use {
    TSC_TRUSTED,
    TSC_ALONE, /* no clock to compare with */
    TSC_WATCHED,
    TSC_FOLLOWED
};
static enum tsc_use use;

static enum {
    OPTION_NONE,
    OPTION_STABLE,
    OPTION_UNSTABLE
} option __initdata;

/* Guards the platform's time, and the counter: some are read in two parts. */
static spinlock_t platform_lock = SPINLOCK_INIT(LOCK_RANK_TIME); /* irq off */
static struct platform_time platform;

static struct timer watch_timer;
static struct tsc_watch watch;
static s_time_t watch_interval = WATCH_NS;

/* A sample is taken again while its window is longer, but not for ever. */
#define WINDOW_NS MICROSECS(100)
#define RETRY_NS  MILLISECS(10)
#define MAX_TRIES 8

struct follower {
    struct timer timer; /* its handler is all that touches the rest */
    struct tsc_follow f;
    unsigned int tries;
};
static DEFINE_PER_CPU(struct follower, follower);

static int __init parse_tsc(const char *value)
{
    if (!strcmp(value, "stable") || !strcmp(value, "stable:socket"))
        option = OPTION_STABLE;
    else if (!strcmp(value, "unstable") || !strcmp(value, "skewed"))
        option = OPTION_UNSTABLE;
    else
        return -EINVAL;
    return 0;
}
PARAM_FUNC("tsc", parse_tsc);

static s_time_t window_ns(const struct clock_sample *s)
{
    return (s_time_t)(s->window * 1000000 / tsc_khz);
}

/* The platform's time at a sample. Caller holds platform_lock. */
static s_time_t platform_at(const struct clock_sample *s, s_time_t expected)
{
    return platform_time_at(&platform, s->ref, expected);
}

/* ---- following ---- */

/* Interrupts are off: from the sample to the new course nobody reads time. */
static struct tsc_course follow(struct follower *me)
{
    struct clock_sample s;
    struct tsc_course c;
    s_time_t local, now;

    spin_lock(&platform_lock);
    s = clock_sample();
    local = tsc_to_ns(s.tsc);
    now = platform_at(&s, tsc_follow_expect(&me->f, local));
    spin_unlock(&platform_lock);
    if (window_ns(&s) > WINDOW_NS && ++me->tries < MAX_TRIES)
        return (struct tsc_course){.base_ns = local, .next_ns = RETRY_NS};
    me->tries = 0;
    c = tsc_follow_step(&me->f, s.tsc, local, now);
    time_set_course(s.tsc, c.base_ns, c.hz);
    perfc_inc(PERFC_CLOCK_STEPS);
    if (c.base_ns != local)
        perfc_inc(PERFC_CLOCK_JUMPS);
    return c;
}

/* In SOFTIRQ_TIMER, which programs the CPU's timer anew when it is through:
 * what was programmed by the old scale does not stay. */
static void follow_tick(void *cpu)
{
    struct follower *me = &this_cpu(follower);
    struct tsc_course c;
    unsigned long flags;

    /* Its CPU has gone offline, and this one has its timers. */
    if ((uintptr_t)cpu != smp_processor_id())
        return;
    flags = irq_save();
    c = follow(me);
    irq_restore(flags);
    timer_set(&me->timer, c.base_ns + c.next_ns);
    if (!current->is_idle)
        arch_vcpu_time_update(current, false);
}

/* The first step at once: whatever time that CPU has. */
static void follower_start(unsigned int cpu)
{
    struct timer *t = &per_cpu(follower, cpu).timer;

    timer_migrate(t, cpu);
    timer_set(t, 0);
}

void arch_clock_cpu_up(unsigned int cpu)
{
    if (READ_ONCE(use) == TSC_FOLLOWED)
        follower_start(cpu);
}

static void follow_all(void)
{
    unsigned int cpu;

    tsc_set_unstable();
    WRITE_ONCE(use, TSC_FOLLOWED);
    for_each_online_cpu (cpu)
        follower_start(cpu);
}

/* ---- watching ---- */

static bool machine_is_idle(void)
{
    unsigned int cpu;

    for_each_online_cpu (cpu)
        if (!READ_ONCE(cpu_info_of(cpu)->vcpu)->is_idle)
            return false;
    return true;
}

/* An idle machine is woken less often, as far as the counter allows. */
static s_time_t next_interval(void)
{
    s_time_t wrap = platform_wrap_ns(&platform);
    s_time_t longest = min_t(s_time_t, WATCH_MAX_NS, wrap / 4);
    s_time_t twice = min_t(s_time_t, 2 * watch_interval, longest);

    return machine_is_idle() ? max_t(s_time_t, WATCH_NS, twice) : WATCH_NS;
}

static struct clock_pair watch_read(void)
{
    unsigned long flags = spin_lock_irqsave(&platform_lock);
    struct clock_sample s = clock_sample();
    struct clock_pair p = {.local_ns = tsc_to_ns(s.tsc),
                           .slop_ns = window_ns(&s)};

    p.platform_ns = platform_at(&s, watch.last.platform_ns +
                                        (p.local_ns - watch.last.local_ns));
    spin_unlock_irqrestore(&platform_lock, flags);
    return p;
}

static void watch_tick(void *unused)
{
    struct clock_pair before = watch.last, now = watch_read();

    (void)unused;
    if (tsc_watch_check(&watch, &now, platform_wrap_ns(&platform) / 4 * 3)) {
        printk(LOG_WARN "The TSC does not keep time: %lld ns went by in %lld "
                        "ns of the %s, by which it is corrected from now on\n",
               (long long)(now.local_ns - before.local_ns),
               (long long)(now.platform_ns - before.platform_ns),
               ref_clock->name);
        /* From here, not from where the platform's time would be. */
        platform.start_ns += now.local_ns - now.platform_ns;
        follow_all();
        return;
    }
    watch_interval = next_interval();
    timer_set(&watch_timer, now.local_ns + watch_interval);
}

/* ---- boot ---- */

/*
 * Without another hypervisor, whose business it is: does the TSC go at one
 * rate, whatever the processor's clock? Invariant ones do; Intel's from these
 * models on (SDM vol. 3, "Time-Stamp Counter").
 */
static bool __init has_constant_rate(void)
{
    const struct cpu_caps *c = &cpu_caps;

    if (c->hypervisor || c->invariant_tsc)
        return true;
    return c->vendor == VENDOR_INTEL && ((c->family == 0xf && c->model >= 3) ||
                                         (c->family == 6 && c->model >= 0xe));
}

static enum tsc_use __init choose(void)
{
    if (option == OPTION_STABLE)
        return TSC_TRUSTED;
    /* The PIT wraps 18 times a second. */
    if (ref_clock_is_tsc() || ref_clock->mask <= 0xffff)
        return TSC_ALONE;
    if (option == OPTION_UNSTABLE || !tsc_is_stable() || !has_constant_rate())
        return TSC_FOLLOWED;
    return TSC_WATCHED;
}

static const char *const use_text[] = {
    [TSC_TRUSTED] = "trusted",
    [TSC_ALONE] = "with no clock to compare it with",
    [TSC_WATCHED] = "watched",
    [TSC_FOLLOWED] = "corrected",
};

static void report(void)
{
    printk(LOG_INFO "Clock: TSC, %s%s, %s",
           cpu_caps.invariant_tsc ? "invariant" : "not said to be invariant",
           tsc_is_stable() ? "" : ", not one for all CPUs", use_text[use]);
    if (use == TSC_WATCHED || use == TSC_FOLLOWED)
        printk(" by the %s (%lu kHz, wraps in %lld ms)", ref_clock->name,
               ref_clock->hz / 1000,
               (long long)(platform_wrap_ns(&platform) / 1000000));
    printk("\n");
}

void __init platform_clock_init(void)
{
    struct clock_sample s = clock_sample();

    if (option == OPTION_UNSTABLE)
        tsc_set_unstable();
    use = choose();
    watch.last.local_ns = watch.last.platform_ns = tsc_to_ns(s.tsc);
    platform_time_start(&platform, ref_clock->hz, ref_clock->mask, s.ref,
                        watch.last.local_ns);
    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
        struct follower *f = &per_cpu(follower, cpu);

        timer_init(&f->timer, follow_tick, (void *)(uintptr_t)cpu, cpu);
        tsc_follow_start(&f->f, tsc_khz * 1000UL);
    }
    timer_init(&watch_timer, watch_tick, NULL, 0);
    report();
    if (use == TSC_FOLLOWED)
        follow_all();
    else if (use == TSC_WATCHED)
        timer_set(&watch_timer, now_ns() + watch_interval);
}

/* ---- console key ---- */

void platform_clock_show(void)
{
    unsigned int cpu;

    report();
    if (use == TSC_WATCHED)
        printk(LOG_INFO "checked every %lld ms; bad ones of the last 16: %#x\n",
               (long long)(watch_interval / 1000000), watch.bad);
    if (use != TSC_FOLLOWED)
        return;
    for_each_online_cpu (cpu) {
        const struct tsc_follow *f = &per_cpu(follower, cpu).f;
        uint64_t hz = READ_ONCE(f->hz);

        printk(LOG_INFO "cpu %u: TSC %lu.%06lu MHz, time was off by %lld ns; "
                        "%lu steps, %lu jumps\n",
               cpu, hz / 1000000, hz % 1000000,
               (long long)READ_ONCE(f->error_ns), READ_ONCE(f->nr_steps),
               READ_ONCE(f->nr_jumps));
    }
}
