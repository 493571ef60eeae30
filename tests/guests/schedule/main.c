/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's promises (docs/scheduler.md) on the real hypervisor: domains
 * with eight busy vcpus on two CPUs get their shares by weight and cap, and a
 * vcpu that sleeps most of the time runs within a millisecond of its wake-up
 * (option latency; on one CPU: QEMU lets several run in turns, for longer than
 * that). Meant for a machine whose time goes by instructions (-icount). Option
 * seconds=N: how long shares are measured.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

static unsigned int passed, failed;

static void nap_until(uint64_t when)
{
    struct sched_poll op;

    memset(&op, 0, sizeof(op));
    op.timeout = when;
    hc_sched_op(SCHEDOP_poll, &op);
}

/* --- guests --- */

static void NORETURN spin(void *arg)
{
    volatile uint64_t *count = arg;

    for (;;)
        ++*count;
}

static void busy(void)
{
    static uint64_t counts[KIT_MAX_CPUS];

    for (unsigned int i = 1; i < smp_count(); i++)
        smp_start(i, (void (*)(void *))spin, &counts[i]);
    spin(&counts[0]);
}

#define WAKES 2000

static uint64_t late[WAKES]; /* in ns, ascending */

static void note(unsigned int nr, uint64_t ns)
{
    unsigned int i = nr;

    for (; i > 0 && late[i - 1] > ns; i--)
        late[i] = late[i - 1];
    late[i] = ns;
}

/* Sleeps of 1 to 4 ms: how late is it when they are over? */
static void wakes_in_time(void)
{
    unsigned int random = 12345;

    for (unsigned int i = 0; i < WAKES; i++) {
        uint64_t when;

        random = random * 1103515245 + 12345;
        when = time_now() + NS_PER_MS + random / 4 % (3 * NS_PER_MS);
        nap_until(when);
        note(i, time_now() - when);
    }
    printk("late by %lu us, 99.9 %% by %lu us, at most %lu us\n",
           late[WAKES / 2] / 1000, late[WAKES * 999 / 1000] / 1000,
           late[WAKES - 1] / 1000);
    EXPECT(late[WAKES * 999 / 1000] < NS_PER_MS);
}

static const struct test sleeper_tests[] = {
    {"wakes in time", wakes_in_time},
};

/* --- the control domain --- */

static struct share {
    unsigned int vcpus;
    uint16_t weight, cap;
    unsigned int per_mille; /* of one CPU, that it should get */
    struct kit_domain d;
    uint64_t before;
} shares[] = {
    /* d0 and d1 are held by their caps; the others share what is left. */
    {.vcpus = 1, .weight = 256, .cap = 20, .per_mille = 200},
    {.vcpus = 2, .weight = 512, .cap = 50, .per_mille = 500},
    {.vcpus = 1, .weight = 256, .per_mille = 325},
    {.vcpus = 2, .weight = 512, .per_mille = 650},
    {.vcpus = 2, .weight = 256, .per_mille = 325},
};

static uint64_t cpu_time(const struct kit_domain *d)
{
    static struct xen_domctl op;

    EXPECT_EQ(domctl(&op, XEN_DOMCTL_getdomaininfo, d->id), 0);
    return op.u.getdomaininfo.cpu_time;
}

static long set_share(const struct share *s)
{
    static struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    op.u.scheduler_op.u.credit2.weight = s->weight;
    op.u.scheduler_op.u.credit2.cap = s->cap;
    return domctl(&op, XEN_DOMCTL_scheduler_op, s->d.id);
}

static bool start_all(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(shares); i++) {
        struct xen_domctl_createdomain c = domain_defaults();

        c.max_vcpus = shares[i].vcpus;
        EXPECT_EQ(domain_build(&shares[i].d, domain_image(), "busy", &c), 0);
        if (test_failed())
            return false;
        EXPECT_EQ(set_share(&shares[i]), 0);
        EXPECT_EQ(domain_unpause(&shares[i].d), 0);
        printk("%lu ms: domain %u runs\n", time_now() / NS_PER_MS,
               shares[i].d.id);
    }
    return true;
}

static void stop_all(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(shares); i++)
        if (shares[i].d.id)
            EXPECT_EQ(domain_destroy(&shares[i].d), 0);
}

static unsigned int seconds_to_measure(void)
{
    char value[8];
    unsigned int n = 0;

    if (!option("seconds", value, sizeof(value)))
        return 30;
    for (const char *c = value; *c >= '0' && *c <= '9'; c++)
        n = n * 10 + (unsigned int)(*c - '0');
    return n;
}

static void check_share(const struct share *s, uint64_t elapsed)
{
    uint64_t got = cpu_time(&s->d) - s->before;
    uint64_t want = elapsed / 1000 * s->per_mille;
    uint64_t off = got > want ? got - want : want - got;

    printk("%u vcpus, weight %u, cap %u: %lu us, fair are %lu us, off by "
           "%lu.%02lu %%\n",
           s->vcpus, s->weight, s->cap, got / 1000, want / 1000,
           off * 100 / want, off * 10000 / want % 100);
    EXPECT(off * 100 <= want * 3);
}

static void weights_and_caps(void)
{
    uint64_t from, to;

    if (start_all()) {
        nap_until(time_now() + NS_PER_S);
        from = time_now();
        for (unsigned int i = 0; i < ARRAY_SIZE(shares); i++)
            shares[i].before = cpu_time(&shares[i].d);
        nap_until(from + seconds_to_measure() * NS_PER_S);
        to = time_now();
        for (unsigned int i = 0; i < ARRAY_SIZE(shares); i++)
            check_share(&shares[i], to - from);
    }
    stop_all();
}

static void latency(void)
{
    static struct kit_domain sleeper;

    if (start_all()) {
        EXPECT_EQ(domain_build(&sleeper, domain_image(), "sleeper", NULL), 0);
        domain_run_tests(&sleeper, "sleeper", 60, &passed, &failed);
        EXPECT_EQ(domain_destroy(&sleeper), 0);
    }
    stop_all();
}

static const struct test share_tests[] = {
    {"weights and caps", weights_and_caps},
};

static const struct test latency_tests[] = {
    {"latency", latency},
};

void kit_main(void)
{
    if (option("busy", NULL, 0))
        busy();
    else if (option("sleeper", NULL, 0))
        tests_run(sleeper_tests, ARRAY_SIZE(sleeper_tests));
    else if (option("latency", NULL, 0))
        tests_run_with(latency_tests, 1, &passed, &failed);
    else
        tests_run_with(share_tests, 1, &passed, &failed);
}
