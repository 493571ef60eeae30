/* SPDX-License-Identifier: MIT */
/*
 * The scheduler on simulated CPUs and a simulated clock: fair by weight, no
 * CPU idle while someone waits, wake-ups prompt, affinity kept, nobody running
 * twice or while paused. Every tick checks what must always hold.
 */
#include <stdlib.h>
#include <string.h>

#include <sched_sim.h>

/* ---- tests ---- */

static void one_cpu_is_shared_equally(void **state)
{
    (void)state;
    start(1, 4);
    for (unsigned int i = 0; i < 4; i++)
        wake(i);
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < 4; i++) {
        assert_share(i, SECONDS(2), 1, 4, 3);
        assert_true(sim[i].longest_wait <= MILLISECS(25));
    }
    /* Slices, not thrashing. */
    assert_true(switches < 2000);
}

static void weights_are_proportions(void **state)
{
    static const uint16_t weights[] = {128, 256, 512, 1024};

    (void)state;
    start(1, 4);
    for (unsigned int i = 0; i < 4; i++) {
        sched_domain_set(&doms[i], weights[i], 0);
        wake(i);
    }
    run_for(SECONDS(4));
    for (unsigned int i = 0; i < 4; i++)
        assert_share(i, SECONDS(4), weights[i], 1920, 5);
}

static void more_vcpus_than_cpus_are_fair(void **state)
{
    (void)state;
    start(3, 7);
    for (unsigned int i = 0; i < 7; i++)
        wake(i);
    run_for(SECONDS(4));
    for (unsigned int i = 0; i < 7; i++)
        assert_share(i, SECONDS(4), 3, 7, 15);
}

static void a_cpu_each_needs_no_switching(void **state)
{
    (void)state;
    start(4, 4);
    for (unsigned int i = 0; i < 4; i++)
        wake(i);
    run_for(MILLISECS(100));
    switches = 0;
    run_for(SECONDS(1));
    assert_int_equal(switches, 0);
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        assert_true(host_timer_deadline[cpu] > host_now); /* tickless */
}

/* One that sleeps most of the time gets the CPU soon after it wakes. */
static void sleepers_wake_promptly(void **state)
{
    (void)state;
    start(1, 4);
    for (unsigned int i = 1; i < 4; i++)
        wake(i);
    run_for(MILLISECS(100));
    for (unsigned int round = 0; round < 50; round++) {
        s_time_t woken = host_now;

        wake(0);
        while (!vcpus[0].is_running)
            tick();
        assert_true(host_now - woken <= MILLISECS(2));
        tick();
        block(0);
        run_for(MILLISECS(20));
    }
}

/* Sleeping long saves up no right to hold the CPU long. */
static void a_long_sleep_is_no_credit(void **state)
{
    (void)state;
    start(1, 2);
    wake(0);
    run_for(SECONDS(3));
    wake(1);
    sim[1].ran = 0;
    run_for(MILLISECS(200));
    assert_share(1, MILLISECS(200), 1, 2, 15);
}

static void affinity_is_kept_and_changed(void **state)
{
    cpumask_t one = cpumask_of(1), two = cpumask_of(2), none;

    (void)state;
    start(3, 5);
    cpumask_zero(&none);
    assert_int_equal(sched_set_affinity(&vcpus[0], &none, NULL, false),
                     -EINVAL);
    assert_int_equal(sched_set_affinity(&vcpus[0], &one, NULL, false), 0);
    assert_int_equal(sched_set_affinity(&vcpus[1], &one, NULL, false), 0);
    for (unsigned int i = 0; i < 5; i++)
        wake(i);
    run_for(SECONDS(1));
    assert_true(sim[0].ran > MILLISECS(250));
    assert_int_equal(sched_set_affinity(&vcpus[0], &two, NULL, false), 0);
    tick();
    for (unsigned int round = 0; round < 1000; round++) {
        tick();
        if (vcpus[0].is_running)
            assert_int_equal(vcpus[0].processor, 2);
    }
    assert_true(sim[0].ran > MILLISECS(250));
}

static void paused_vcpus_do_not_run(void **state)
{
    s_time_t ran;

    (void)state;
    start(2, 3);
    for (unsigned int i = 0; i < 3; i++)
        wake(i);
    run_for(MILLISECS(50));
    vcpus[1].pause_count = 1;
    sched_sleep_nosync(&vcpus[1]);
    tick();
    assert_false(vcpus[1].is_running);
    ran = sim[1].ran;
    run_for(MILLISECS(50));
    assert_int_equal(sim[1].ran, ran);
    vcpus[1].pause_count = 0;
    sched_wake(&vcpus[1]);
    run_for(MILLISECS(50));
    assert_true(sim[1].ran > ran);
}

/* The wake comes while the CPU is still saving the vcpu's registers. */
static void a_wake_during_the_switch_is_not_lost(void **state)
{
    cpumask_t one = cpumask_of(1);

    (void)state;
    start(2, 1);
    for (unsigned int round = 0; round < 10; round++) {
        wake(0);
        run_for(MILLISECS(1));
        assert_true(vcpus[0].is_running);
        wake_in_switch = &vcpus[0];
        block(0);
        run_for(MILLISECS(1));
        assert_null(wake_in_switch);
        assert_true(vcpus[0].is_running);
        /* And the same while it must leave this CPU. */
        assert_int_equal(sched_set_affinity(&vcpus[0], &one, NULL, false), 0);
        run_for(MILLISECS(1));
        assert_true(vcpus[0].is_running);
        one = cpumask_of(round % 2);
    }
}

static void yielding_lets_the_other_run(void **state)
{
    (void)state;
    start(1, 2);
    wake(0);
    wake(1);
    run_for(MILLISECS(50));
    for (unsigned int round = 0; round < 20; round++) {
        const struct vcpu *v = &vcpus[0];

        /* Fresh from sleep it is owed time, and yet it gives way. */
        block(0);
        run_for(MILLISECS(20));
        wake(0);
        while (running_on(0) != v)
            tick();
        host_run_on(0);
        sched_yield();
        tick();
        assert_ptr_not_equal(running_on(0), v);
    }
}

static void runstates_add_up(void **state)
{
    (void)state;
    start(1, 2);
    s_time_t began = host_now;

    wake(0);
    wake(1);
    run_for(MILLISECS(300));
    block(1);
    run_for(MILLISECS(100));
    wake(1);
    run_for(MILLISECS(100));
    for (unsigned int i = 0; i < 2; i++) {
        const struct vcpu_runstate_info *r = &vcpus[i].runstate;
        uint64_t sum = 0;

        for (unsigned int s = 0; s < 4; s++)
            sum += r->time[s];
        assert_int_equal(sum, r->state_entry_time - (uint64_t)began);
    }
    assert_true(vcpus[1].runstate.time[RUNSTATE_blocked] >= 95000000);
    assert_true(vcpus[1].runstate.time[RUNSTATE_blocked] <= 105000000);
}

static void random_life_keeps_the_rules(void **state)
{
    (void)state;
    srand(21);
    start(4, 10);
    for (unsigned int round = 0; round < 20000; round++) {
        unsigned int i = (unsigned int)rand() % 10;
        cpumask_t mask;

        host_run_on((unsigned int)rand() % 4);
        switch (rand() % 6) {
        case 0:
        case 1:
            wake(i);
            break;
        case 2:
            block(i);
            break;
        case 3:
            cpumask_zero(&mask);
            for (unsigned int cpu = 0; cpu < 4; cpu++)
                if (rand() % 2)
                    cpumask_set(&mask, cpu);
            (void)sched_set_affinity(&vcpus[i], &mask, NULL, false);
            break;
        case 4:
            if (!current->is_idle)
                sched_yield();
            break;
        default:
            tick();
            break;
        }
    }
    /* Whatever happened: free to run, everybody does. */
    for (unsigned int i = 0; i < 10; i++) {
        cpumask_t all = cpu_online_map;

        (void)sched_set_affinity(&vcpus[i], &all, NULL, false);
        wake(i);
        sim[i] = (struct sim){.ran = 0};
    }
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < 10; i++)
        assert_share(i, SECONDS(2), 4, 10, 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cpu_is_shared_equally),
        cmocka_unit_test(weights_are_proportions),
        cmocka_unit_test(more_vcpus_than_cpus_are_fair),
        cmocka_unit_test(a_cpu_each_needs_no_switching),
        cmocka_unit_test(sleepers_wake_promptly),
        cmocka_unit_test(a_long_sleep_is_no_credit),
        cmocka_unit_test(affinity_is_kept_and_changed),
        cmocka_unit_test(paused_vcpus_do_not_run),
        cmocka_unit_test(a_wake_during_the_switch_is_not_lost),
        cmocka_unit_test(yielding_lets_the_other_run),
        cmocka_unit_test(runstates_add_up),
        cmocka_unit_test(random_life_keeps_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
