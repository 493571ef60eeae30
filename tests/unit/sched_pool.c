/* SPDX-License-Identifier: MIT */
/*
 * Affinity, placement, pools, CPUs that come and go: the ABI's answers, and
 * random operations of all kinds after each of which every rule holds.
 */
#include <stdlib.h>
#include <string.h>

#include <sched_sim.h>

static cpumask_t mask_of_bits(unsigned long bits)
{
    return (cpumask_t){{bits}};
}

static bool masks_are_equal(const cpumask_t *a, unsigned long bits)
{
    cpumask_t b = mask_of_bits(bits);

    return memcmp(a, &b, sizeof(b)) == 0;
}

static int take_cpu(unsigned int cpu)
{
    int rc;

    host_run_on(0);
    while ((rc = sched_cpu_remove(cpu)) == -ERESTART)
        settle_cpus();
    return rc;
}

static int take_pool_cpu(uint32_t pool, uint32_t cpu)
{
    int rc;

    host_run_on(0);
    while ((rc = sched_pool_remove_cpu(pool, cpu)) == -ERESTART)
        settle_cpus();
    return rc;
}

static int move_domain(uint32_t pool, unsigned int d)
{
    host_run_on(0);
    return sched_pool_move_domain(pool, &doms[d]);
}

/* ---- placement ---- */

static void idle_cores_come_before_idle_siblings(void **state)
{
    unsigned int used = 0;

    (void)state;
    threads_per_core = 2;
    start(8, 8);
    for (unsigned int i = 0; i < 4; i++) {
        wake(i);
        run_for(MILLISECS(1));
        used |= 1U << vcpus[i].processor / 2;
    }
    assert_int_equal(used, 0xf); /* all four cores */
    for (unsigned int i = 4; i < 8; i++)
        wake(i);
    run_for(MILLISECS(1));
    for (unsigned int i = 0; i < 8; i++)
        assert_true(vcpus[i].is_running);
    threads_per_core = 1;
}

static void soft_affinity_is_preferred(void **state)
{
    cpumask_t soft = mask_of_bits(4), both = mask_of_bits(6);

    (void)state;
    start(4, 3);
    assert_int_equal(sched_set_affinity(&vcpus[0], NULL, &soft, false), 0);
    for (unsigned int n = 0; n < 10; n++) {
        wake(0);
        run_for(MILLISECS(1));
        assert_int_equal(vcpus[0].processor, 2);
        block(0);
        run_for(MILLISECS(1));
    }
    /* Its CPU is taken by one that may run nowhere else: then another idle. */
    assert_int_equal(sched_set_affinity(&vcpus[1], &soft, NULL, false), 0);
    wake(1);
    run_for(MILLISECS(1));
    wake(0);
    run_for(MILLISECS(1));
    assert_true(vcpus[0].is_running && vcpus[0].processor != 2);
    block(0);
    run_for(MILLISECS(1));
    /* Hard affinity rules: the third is shared fairly. */
    assert_int_equal(sched_set_affinity(&vcpus[0], &both, &soft, false), 0);
    assert_int_equal(sched_set_affinity(&vcpus[2], &both, NULL, false), 0);
    wake(0);
    wake(2);
    run_for(SECONDS(1));
    forget_times();
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < 3; i++)
        assert_share(i, SECONDS(2), 2, 3, 3);
}

static void affinity_answers(void **state)
{
    cpumask_t hard = mask_of_bits(0x32), soft = mask_of_bits(0x0f), got;
    cpumask_t outside = mask_of_bits(0x30);

    (void)state;
    start(4, 1);
    assert_int_equal(sched_set_affinity(&vcpus[0], &outside, NULL, false),
                     -EINVAL);
    assert_int_equal(sched_set_affinity(&vcpus[0], &hard, &soft, false), 0);
    sched_get_affinity(&vcpus[0], false, &got, NULL);
    assert_true(masks_are_equal(&got, 0x32));
    sched_get_affinity(&vcpus[0], true, &got, &soft);
    assert_true(masks_are_equal(&got, 2));
    assert_true(masks_are_equal(&soft, 2));
}

static void pin_override_binds(void **state)
{
    cpumask_t hard = mask_of_bits(2);

    (void)state;
    start(4, 1);
    dom0 = &doms[0];
    wake(0);
    run_for(MILLISECS(1));
    host_run_on(vcpus[0].processor);
    assert_int_equal(sched_pin_override(-1), -EINVAL);
    assert_int_equal(sched_pin_override(7), -EINVAL);
    assert_int_equal(sched_pin_override(3), 0);
    run_for(MILLISECS(1));
    assert_int_equal(vcpus[0].processor, 3);
    host_run_on(3);
    assert_int_equal(sched_pin_override(2), -EBUSY);
    assert_int_equal(sched_set_affinity(&vcpus[0], &hard, NULL, false), -EBUSY);
    assert_int_equal(take_cpu(3), -EADDRINUSE);
    assert_int_equal(sched_set_affinity(&vcpus[0], &hard, NULL, true), 0);
    run_for(MILLISECS(1));
    assert_int_equal(vcpus[0].processor, 1);
    assert_int_equal(take_cpu(3), 0);
    sched_cpu_add(3);
    dom0 = NULL;
}

/* ---- CPUs and pools ---- */

static void a_cpu_goes_and_comes_back(void **state)
{
    cpumask_t two = mask_of_bits(4), got;

    (void)state;
    start(4, 6);
    assert_int_equal(sched_set_affinity(&vcpus[0], &two, NULL, false), 0);
    wake_all();
    run_for(MILLISECS(100));
    assert_int_equal(take_cpu(2), 0);
    run_for(MILLISECS(100));
    assert_true(running_on(2)->is_idle);
    assert_true(vcpus[0].sched.affinity_broken);
    sched_get_affinity(&vcpus[0], false, &got, NULL);
    assert_true(masks_are_equal(&got, 4));
    forget_times();
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < 6; i++)
        assert_share(i, SECONDS(2), 3, 6, 3);
    assert_true(running_on(2)->is_idle);
    sched_cpu_add(2);
    run_for(MILLISECS(10));
    assert_false(vcpus[0].sched.affinity_broken);
    forget_times();
    run_for(SECONDS(2));
    assert_int_equal(vcpus[0].processor, 2);
    for (unsigned int i = 0; i < 6; i++)
        assert_share(i, SECONDS(2), 4, 6, 4);
}

/* Out of the scheduler's hands but still online: parking takes a while. */
static void a_cpu_that_goes_offline_is_nobodys(void **state)
{
    cpumask_t last = mask_of_bits(8), unused;
    uint32_t id = 1;

    (void)state;
    start(4, 2);
    assert_int_equal(sched_pool_create(&id), 0);
    assert_int_equal(sched_set_affinity(&vcpus[0], &last, NULL, false), 0);
    wake(0);
    run_for(MILLISECS(1));
    host_run_on(0);
    assert_int_equal(sched_cpu_remove(3), -ERESTART); /* vcpu 0 is there yet */
    assert_int_equal(sched_pool_add_cpu(1, 3), -ENODEV);
    assert_int_equal(take_cpu(3), 0);
    sched_free_cpus(&unused);
    assert_true(masks_are_equal(&unused, 0));
    assert_int_equal(sched_pool_add_cpu(0, 3), -ENODEV);
    assert_int_equal(sched_pool_add_cpu(1, SCHED_ANY), -ENODEV);
    sched_cpu_add(3);
    assert_int_equal(take_pool_cpu(0, 3), 0);
    sched_free_cpus(&unused);
    assert_true(masks_are_equal(&unused, 8));
    /* It was free before it went; back, it is pool 0's. */
    assert_int_equal(take_cpu(3), 0);
    assert_int_equal(sched_pool_add_cpu(1, 3), -ENODEV);
    sched_cpu_add(3);
    assert_int_equal(sched_pool_add_cpu(1, 3), -ENODEV);
    assert_int_equal(take_pool_cpu(0, 3), 0);
    assert_int_equal(sched_pool_add_cpu(1, 3), 0);
}

static void pools_answer_as_the_abi_says(void **state)
{
    struct sched_pool_info info;
    uint32_t id = SCHED_ANY, same;
    cpumask_t unused;

    (void)state;
    start(4, 2);
    assert_int_equal(sched_pool_create(&id), 0);
    assert_int_equal(id, 1);
    same = id;
    assert_int_equal(sched_pool_create(&same), -EEXIST);
    assert_int_equal(sched_pool_info(1, &info), 0);
    assert_int_equal(info.nr_domains, 0);
    assert_int_equal(sched_pool_info(2, &info), -ENOENT);
    assert_int_equal(move_domain(1, 1), -EINVAL); /* no CPU */
    assert_int_equal(move_domain(9, 1), -ENOENT);
    assert_int_equal(sched_pool_add_cpu(1, 3), -ENODEV); /* not free */
    assert_int_equal(sched_pool_add_cpu(1, SCHED_ANY), -ENODEV);
    assert_int_equal(sched_pool_add_cpu(1, 99), -EINVAL);
    assert_int_equal(sched_pool_add_cpu(9, 3), -ENOENT);
    assert_int_equal(take_pool_cpu(1, 3), -ENODEV);
    assert_int_equal(take_pool_cpu(9, 3), -ENOENT);
    assert_int_equal(take_pool_cpu(0, 99), -EINVAL);
    assert_int_equal(take_pool_cpu(0, SCHED_ANY), 0);
    sched_free_cpus(&unused);
    assert_true(masks_are_equal(&unused, 8));
    assert_int_equal(sched_pool_add_cpu(1, SCHED_ANY), 0);
    assert_int_equal(sched_pool_destroy(1), -EBUSY);
    assert_int_equal(move_domain(1, 1), 0);
    assert_int_equal(take_pool_cpu(1, 3), -EBUSY); /* the last, with d1 */
    assert_int_equal(sched_domain_pool(&doms[1]), 1);
    wake_all();
    run_for(MILLISECS(10));
    assert_int_equal(vcpus[1].processor, 3);
    assert_int_equal(move_domain(0, 1), 0);
    run_for(MILLISECS(10));
    assert_true(vcpus[1].is_running && vcpus[1].processor != 3);
    assert_int_equal(take_pool_cpu(1, 3), 0);
    assert_int_equal(sched_pool_destroy(1), 0);
    assert_int_equal(sched_pool_destroy(1), -ENOENT);
    assert_int_equal(sched_pool_set_ratelimit(0, 50), -EINVAL);
    assert_int_equal(sched_pool_set_ratelimit(0, 500001), -EINVAL);
    assert_int_equal(sched_pool_set_ratelimit(5, 500), -ESRCH);
    assert_int_equal(sched_pool_set_ratelimit(0, 0), 0);
    assert_int_equal(sched_pool_set_ratelimit(0, SCHED_RATELIMIT_DEFAULT_US),
                     0);
}

/* What ran on it has not left yet when it is put into a pool again: counts are
 * right, and the next who takes it out does take it out. */
static void a_leaving_cpu_is_put_back(void **state)
{
    uint32_t id = 1;
    cpumask_t unused;

    (void)state;
    for (uint32_t to = 0; to < 2; to++) {
        start(4, 6);
        id = 1;
        assert_int_equal(sched_pool_create(&id), 0);
        wake_all();
        run_for(MILLISECS(10));
        host_run_on(0);
        assert_int_equal(sched_pool_remove_cpu(0, 3), -ERESTART);
        assert_int_equal(sched_pool_add_cpu(to, 3), 0);
        run_for(MILLISECS(10));
        assert_int_equal(running_on(3)->is_idle, to);
        assert_int_equal(take_pool_cpu(to, 3), 0);
        sched_free_cpus(&unused);
        assert_true(masks_are_equal(&unused, 8));
        run_for(MILLISECS(10));
        assert_true(running_on(3)->is_idle);
        assert_int_equal(sched_pool_add_cpu(0, 3), 0);
    }
}

static void pools_do_not_share(void **state)
{
    uint32_t id = 5;

    (void)state;
    start(4, 6);
    assert_int_equal(sched_pool_create(&id), 0);
    assert_int_equal(take_pool_cpu(0, 3), 0);
    assert_int_equal(sched_pool_add_cpu(5, 3), 0);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(move_domain(5, i), 0);
    wake_all();
    run_for(SECONDS(1));
    forget_times();
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < 4; i++)
        assert_share(i, SECONDS(2), 1, 4, 3);
    for (unsigned int i = 4; i < 6; i++)
        assert_share(i, SECONDS(2), 1, 1, 3);
}

/* ---- anything, in any order ---- */

#define RANDOM_CPUS 8

static unsigned int any(unsigned int n)
{
    return (unsigned int)rand() % n;
}

static void random_affinity(struct vcpu *v)
{
    cpumask_t hard = mask_of_bits(any(256)), soft = mask_of_bits(any(256));

    (void)sched_set_affinity(v, any(3) ? &hard : NULL, any(2) ? &soft : NULL,
                             any(4) == 0);
}

static void random_pool_operation(void)
{
    uint32_t id = any(4), cpu = any(RANDOM_CPUS + 1);

    switch (any(5)) {
    case 0:
        (void)sched_pool_create(&id);
        break;
    case 1:
        if (id)
            (void)sched_pool_destroy(id);
        break;
    case 2:
        (void)sched_pool_add_cpu(id, any(5) ? cpu : SCHED_ANY);
        break;
    case 3:
        (void)take_pool_cpu(id, cpu);
        break;
    default:
        (void)move_domain(id, any(sim_doms));
        break;
    }
}

static void random_hotplug(void)
{
    unsigned int cpu = any(RANDOM_CPUS);

    if (any(2))
        (void)take_cpu(cpu);
    else
        sched_cpu_add(cpu);
}

static void random_step(void)
{
    unsigned int i = any(sim_vcpus);
    struct vcpu *v = &vcpus[i];

    host_run_on(any(RANDOM_CPUS));
    switch (any(12)) {
    case 0:
    case 1:
    case 2:
        if (!v->pause_count)
            wake(i);
        break;
    case 3:
        block(i);
        break;
    case 4:
        v->pause_count++;
        sched_sleep_nosync(v);
        break;
    case 5:
        if (v->pause_count && --v->pause_count == 0)
            sched_wake(v);
        break;
    case 6:
        if (!current->is_idle)
            sched_yield();
        break;
    case 7:
        random_affinity(v);
        break;
    case 8:
        sched_domain_set(&doms[any(sim_doms)], (uint16_t)any(1000),
                         (uint16_t)(any(3) ? any(300) : 0));
        break;
    case 9:
        random_pool_operation();
        break;
    case 10:
        random_hotplug();
        break;
    default:
        if (!current->is_idle)
            (void)sched_pin_override((int)any(RANDOM_CPUS + 2) - 1);
        break;
    }
}

static void everything_at_random(unsigned int seed)
{
    srand(seed);
    sim_start(RANDOM_CPUS);
    for (unsigned int i = 0; i < 8; i++)
        (void)make_domain(1 + any(6), 256, 0);
    for (unsigned int n = 0; n < 3000; n++) {
        random_step();
        if (any(4) == 0)
            continue; /* several at once */
        run_for((s_time_t)any(3000) * 1000);
    }
    /* Whatever happened: all CPUs in one pool, free to run, all do. */
    for (unsigned int i = 0; i < sim_vcpus; i++) {
        cpumask_t all = mask_of_bits(~0UL);

        (void)sched_set_affinity(&vcpus[i], &all, &all, true);
        vcpus[i].sched.pinned = -1;
        vcpus[i].pause_count = 0;
    }
    for (unsigned int cpu = 0; cpu < RANDOM_CPUS; cpu++)
        sched_cpu_add(cpu);
    for (unsigned int d = 0; d < sim_doms; d++) {
        sched_domain_set(&doms[d], 256, 0);
        (void)move_domain(0, d);
    }
    for (unsigned int cpu = 0; cpu < RANDOM_CPUS; cpu++) {
        for (uint32_t id = 1; id < 4; id++)
            (void)take_pool_cpu(id, cpu);
        sched_cpu_add(cpu);
    }
    wake_all();
    run_for(SECONDS(1));
    forget_times();
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < sim_vcpus; i++)
        assert_true(sim[i].ran > MILLISECS(50));
}

static void random_life_keeps_the_rules(void **state)
{
    (void)state;
    for (unsigned int seed = 1; seed <= 4; seed++)
        everything_at_random(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_cores_come_before_idle_siblings),
        cmocka_unit_test(soft_affinity_is_preferred),
        cmocka_unit_test(affinity_answers),
        cmocka_unit_test(pin_override_binds),
        cmocka_unit_test(a_cpu_goes_and_comes_back),
        cmocka_unit_test(a_cpu_that_goes_offline_is_nobodys),
        cmocka_unit_test(pools_answer_as_the_abi_says),
        cmocka_unit_test(a_leaving_cpu_is_put_back),
        cmocka_unit_test(pools_do_not_share),
        cmocka_unit_test(random_life_keeps_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
