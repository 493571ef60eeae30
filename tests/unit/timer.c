/* SPDX-License-Identifier: MIT */
/*
 * Timers on three CPUs against a model that is a plain list: every guest's
 * clock, the scheduler and all time-outs hang on them. A timer that is lost,
 * early, twice or on the wrong CPU must show here.
 */
#include <stdlib.h>

#include <hostarch.h>
#include <hv/softirq.h>
#include <hv/timer.h>

#define NR_CPUS   3
#define NR_TIMERS 200
#define ROUNDS    20000

struct model {
    struct timer timer;
    bool armed, dead;
    s_time_t expires;
    unsigned int cpu;
    unsigned int fired;
    s_time_t rearm_by; /* the handler sets its own timer again */
};

static struct model m[NR_TIMERS];
static s_time_t last_expiry; /* of the run in progress on this CPU */

static void fire(void *arg)
{
    struct model *t = arg;

    assert_false(host_irqs_off);
    assert_int_equal(host_locks_held, 0);
    assert_true(t->armed && !t->dead);
    assert_int_equal(smp_processor_id(), t->cpu);
    assert_true(t->expires <= host_now);
    assert_true(t->expires >= last_expiry);
    assert_false(timer_is_active(&t->timer));
    last_expiry = t->expires;
    t->armed = false;
    t->fired++;
    if (t->rearm_by > 0) {
        t->armed = true;
        t->expires = host_now + t->rearm_by;
        t->rearm_by = 0;
        timer_set(&t->timer, t->expires);
    }
}

static int setup(void **state)
{
    static bool registered;

    (void)state;
    host_cpus_init(NR_CPUS);
    if (!registered) {
        timer_init_subsystem();
        registered = true;
    }
    for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
        timer_cpu_init(cpu);
    for (unsigned int i = 0; i < NR_TIMERS; i++) {
        m[i] = (struct model){.cpu = i % NR_CPUS};
        timer_init(&m[i].timer, fire, &m[i], m[i].cpu);
    }
    host_now = SECONDS(1);
    return 0;
}

static void arm(struct model *t, s_time_t expires)
{
    timer_set(&t->timer, expires);
    if (t->dead)
        return;
    t->armed = true;
    t->expires = expires;
}

/* Each CPU's timer interrupt, when its hardware is due, and its softirqs. */
static void run_all_cpus(void)
{
    for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++) {
        host_run_on(cpu);
        if (host_timer_deadline[cpu] <= host_now)
            timer_interrupt();
        last_expiry = 0;
        softirq_run();
    }
    host_run_on(0);
}

static void nothing_due_is_left(void)
{
    for (unsigned int i = 0; i < NR_TIMERS; i++) {
        if (m[i].armed && m[i].expires <= host_now)
            fail_msg("timer %u, due %ld ns ago, has not fired", i,
                     (long)(host_now - m[i].expires));
        assert_int_equal(timer_is_active(&m[i].timer), m[i].armed);
    }
}

/* The hardware of each CPU fires no later than its first timer is due. */
static void hardware_is_set(void)
{
    for (unsigned int i = 0; i < NR_TIMERS; i++)
        if (m[i].armed)
            assert_true(host_timer_deadline[m[i].cpu] <= m[i].expires);
}

static void random_step(struct model *t)
{
    switch (rand() % 8) {
    case 0:
    case 1:
    case 2:
        arm(t, host_now + rand() % 1000 - 20);
        break;
    case 3:
        timer_stop(&t->timer);
        t->armed = false;
        break;
    case 4:
        t->cpu = (unsigned int)rand() % NR_CPUS;
        timer_migrate(&t->timer, t->cpu);
        break;
    case 5:
        t->rearm_by = 1 + rand() % 300;
        break;
    case 6:
        if (rand() % 50 == 0) {
            timer_kill(&t->timer);
            t->armed = false;
            t->dead = true;
        }
        break;
    default:
        host_now += rand() % 30;
        break;
    }
}

static void random_sequences_equal_the_model(void **state)
{
    unsigned int fired = 0;

    (void)state;
    srand(3);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        host_run_on((unsigned int)rand() % NR_CPUS);
        random_step(&m[rand() % NR_TIMERS]);
        if (round % 8 == 0) {
            run_all_cpus();
            nothing_due_is_left();
            hardware_is_set();
        }
        assert_false(host_irqs_off);
    }
    for (unsigned int i = 0; i < NR_TIMERS; i++)
        fired += m[i].fired;
    assert_true(fired > ROUNDS / 10);
    assert_int_equal(host_locks_held, 0);
}

/* More due timers than one softirq handles: the rest is not forgotten. */
static void many_at_once_all_fire_in_order(void **state)
{
    (void)state;
    host_run_on(1);
    for (unsigned int i = 0; i < NR_TIMERS; i++) {
        m[i].cpu = 1;
        timer_migrate(&m[i].timer, 1);
        arm(&m[i], host_now + 1 + (i * 37) % 100);
    }
    host_now += 1000;
    for (unsigned int tries = 0; tries < 10; tries++)
        run_all_cpus();
    for (unsigned int i = 0; i < NR_TIMERS; i++)
        assert_int_equal(m[i].fired, 1);
    assert_true(host_timer_deadline[1] > host_now);
}

static void another_cpu_is_told_of_an_earlier_timer(void **state)
{
    unsigned int before = host_event_checks[2];

    (void)state;
    host_run_on(0);
    arm(&m[2], host_now + 500);
    assert_int_equal(host_event_checks[2], before + 1);
    run_all_cpus();
    arm(&m[5], host_now + 900); /* later than its first: nothing to tell */
    assert_int_equal(host_event_checks[2], before + 1);
    arm(&m[8], host_now + 100);
    assert_int_equal(host_event_checks[2], before + 2);
    run_all_cpus();
    assert_true(host_timer_deadline[2] == m[8].expires);
}

static void a_dead_timer_stays_dead(void **state)
{
    (void)state;
    arm(&m[0], host_now + 5);
    timer_kill(&m[0].timer);
    m[0].armed = false;
    m[0].dead = true;
    timer_set(&m[0].timer, host_now + 1);
    assert_false(timer_is_active(&m[0].timer));
    host_now += 10;
    run_all_cpus();
    assert_int_equal(m[0].fired, 0);
}

/* A CPU goes: its timers fire on CPU 0, at their time, as do those that are
 * set for it later. It comes back, and has its own again. */
static void a_cpu_that_goes_leaves_its_timers(void **state)
{
    (void)state;
    host_now = 1000;
    for (unsigned int i = 0; i < 20; i++) {
        struct model *t = &m[i];

        *t = (struct model){.cpu = i % NR_CPUS};
        timer_init(&t->timer, fire, t, t->cpu);
        if (i < 15)
            arm(t, host_now + 100 + i);
    }
    host_run_on(1);
    timer_cpu_close(2);
    for (unsigned int i = 0; i < 20; i++)
        if (m[i].cpu == 2)
            m[i].cpu = 0;
    host_run_on(0);
    for (unsigned int i = 15; i < 20; i++)
        arm(&m[i], host_now + 50 + i);
    arm(&m[2], host_now + 300);
    timer_stop(&m[5].timer);
    m[5].armed = false;
    host_now += 200;
    run_all_cpus();
    nothing_due_is_left();
    for (unsigned int i = 0; i < 20; i++)
        assert_int_equal(m[i].fired, i == 2 || i == 5 ? 0 : 1);
    timer_cpu_open(2);
    timer_migrate(&m[2].timer, 2);
    m[2].cpu = 2;
    host_now += 200;
    run_all_cpus();
    assert_int_equal(m[2].fired, 1);
    assert_int_equal(host_locks_held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_sequences_equal_the_model, setup),
        cmocka_unit_test_setup(many_at_once_all_fire_in_order, setup),
        cmocka_unit_test_setup(another_cpu_is_told_of_an_earlier_timer, setup),
        cmocka_unit_test_setup(a_dead_timer_stays_dead, setup),
        cmocka_unit_test_setup(a_cpu_that_goes_leaves_its_timers, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
