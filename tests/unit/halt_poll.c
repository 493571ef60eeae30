/* SPDX-License-Identifier: MIT */
/*
 * How long a vcpu looks before it sleeps: longer after short sleeps, not at all
 * after long ones, and never where it costs others.
 */
#include <hostarch.h>

#include "core/halt_poll.h"
#include "core/sched_priv.h"

DEFINE_PER_CPU(struct runq, runq);

static struct domain domain;
static struct vcpu vcpu = {.domain = &domain};

static s_time_t wake_at; /* what the world does while it looks */
static s_time_t softirq_at, waiter_at;

static void a_microsecond(void)
{
    host_now += MICROSECS(1);
    if (host_now >= wake_at)
        vcpu.pause_flags = 0;
    if (host_now >= softirq_at)
        get_cpu_info()->softirqs = 1;
    if (host_now >= waiter_at)
        this_cpu(runq).nr_waiting = 1;
}

static int setup(void **state)
{
    (void)state;
    host_cpus_init(2);
    host_now = SECONDS(1);
    host_on_relax = a_microsecond;
    wake_at = softirq_at = waiter_at = S_TIME_MAX;
    get_cpu_info()->softirqs = 0;
    this_cpu(runq).nr_waiting = 0;
    domain.sched.cap = 0;
    vcpu.halt.window = 0;
    vcpu.halt.blocked = vcpu.runstate.time[RUNSTATE_blocked];
    return 0;
}

/* It goes to sleep and is woken after so long; how long did it look? */
static s_time_t sleep_for(s_time_t length)
{
    s_time_t from = host_now, looked;
    bool woken;

    vcpu.pause_flags = VPF_BLOCKED;
    wake_at = from + length;
    woken = halt_poll(&vcpu);
    looked = host_now - from;
    assert_int_equal(woken, !vcpu.pause_flags);
    if (!woken && looked < length)
        vcpu.runstate.time[RUNSTATE_blocked] += (uint64_t)(length - looked);
    return looked;
}

static void short_sleeps_are_waited_for(void **state)
{
    s_time_t looked = 0, before;

    (void)state;
    assert_int_equal(sleep_for(MICROSECS(100)), 0); /* nothing is known yet */
    for (unsigned int i = 0; looked < MICROSECS(100); i++) {
        assert_true(i < 8);
        before = looked;
        looked = sleep_for(MICROSECS(100));
        assert_true(looked > before);
        assert_true(looked <= MICROSECS(100));
    }
    for (unsigned int i = 0; i < 20; i++)
        assert_int_equal(sleep_for(MICROSECS(60)), MICROSECS(60));
}

static void never_longer_than_the_limit(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 100; i++)
        assert_true(sleep_for(MICROSECS(i * 7 % 220)) <= HALT_POLL_NS);
}

static void a_long_sleep_ends_it(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 6; i++)
        (void)sleep_for(MICROSECS(50));
    assert_true(sleep_for(MILLISECS(1)) > 0);
    for (unsigned int i = 0; i < 20; i++)
        assert_int_equal(sleep_for(MILLISECS(1)), 0);
}

static void who_wants_the_cpu_ends_the_look(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 6; i++)
        (void)sleep_for(MICROSECS(50));
    softirq_at = host_now + MICROSECS(5);
    assert_int_equal(sleep_for(MICROSECS(50)), MICROSECS(5));
    get_cpu_info()->softirqs = 0;
    softirq_at = S_TIME_MAX;
    waiter_at = host_now + MICROSECS(7);
    assert_int_equal(sleep_for(MICROSECS(50)), MICROSECS(7));
    assert_int_equal(sleep_for(MICROSECS(50)), 0);
}

static void not_on_capped_time_nor_on_one_cpu(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 6; i++)
        (void)sleep_for(MICROSECS(50));
    domain.sched.cap = 50;
    assert_int_equal(sleep_for(MICROSECS(50)), 0);
    domain.sched.cap = 0;
    assert_int_equal(sleep_for(MICROSECS(50)), MICROSECS(50));
    nr_cpus = 1;
    assert_int_equal(sleep_for(MICROSECS(50)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(short_sleeps_are_waited_for, setup),
        cmocka_unit_test_setup(never_longer_than_the_limit, setup),
        cmocka_unit_test_setup(a_long_sleep_ends_it, setup),
        cmocka_unit_test_setup(who_wants_the_cpu_ends_the_look, setup),
        cmocka_unit_test_setup(not_on_capped_time_nor_on_one_cpu, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
