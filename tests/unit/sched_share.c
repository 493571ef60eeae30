/* SPDX-License-Identifier: MIT */
/*
 * The bounds of docs/scheduler.md over tens of simulated seconds: shares by
 * weight and cap, latency of who sleeps most of the time, and guests that try
 * to get more than their share.
 */
#include <stdlib.h>
#include <string.h>

#include <sched_sim.h>

/* What a vcpu does: run for run_ns, then sleep for sleep_ns; 0 = for ever. The
 * spread is added at random. */
static struct guest {
    s_time_t run_ns, sleep_ns, spread_ns;
    s_time_t left;     /* of this run */
    s_time_t wakes_at; /* when asleep */
    s_time_t woken;    /* and waits for a CPU since */
    bool asleep;
    bool yields;           /* in place of sleeping */
    unsigned int wakes_up; /* 1 + who is woken when this one goes to sleep */
    unsigned int nr_waits;
    s_time_t waits[20000];
} guests[64];

static s_time_t some(s_time_t ns, s_time_t spread)
{
    return ns + (spread ? rand() % spread : 0);
}

static void guest_starts(unsigned int i)
{
    struct guest *g = &guests[i];

    g->asleep = false;
    g->left = g->run_ns ? some(g->run_ns, g->spread_ns) : S_TIME_MAX;
    g->woken = host_now;
    wake(i);
}

static void guest_runs(unsigned int i, s_time_t run_ns, s_time_t sleep_ns)
{
    guests[i] = (struct guest){.run_ns = run_ns, .sleep_ns = sleep_ns};
    guest_starts(i);
}

static void guest_sleeps(unsigned int i)
{
    struct guest *g = &guests[i];

    host_run_on(vcpus[i].processor);
    if (g->yields) {
        g->left = g->run_ns;
        sched_yield();
        return;
    }
    g->asleep = true;
    g->wakes_at =
        g->sleep_ns ? host_now + some(g->sleep_ns, g->spread_ns) : S_TIME_MAX;
    block(i);
    if (g->wakes_up && guests[g->wakes_up - 1].asleep)
        guest_starts(g->wakes_up - 1);
}

static s_time_t next_guest_event(s_time_t end)
{
    for (unsigned int i = 0; i < sim_vcpus; i++) {
        const struct guest *g = &guests[i];

        if (g->asleep)
            end = g->wakes_at < end ? g->wakes_at : end;
        else if (vcpus[i].is_running && g->left < end - host_now)
            end = host_now + g->left;
    }
    return end;
}

static void note_wait(struct guest *g, const struct vcpu *v)
{
    if (!g->woken || !v->is_running)
        return;
    if (g->nr_waits < ARRAY_SIZE(g->waits))
        g->waits[g->nr_waits++] = host_now - g->woken;
    g->woken = 0;
}

static void guests_pass(s_time_t ns)
{
    for (unsigned int i = 0; i < sim_vcpus; i++)
        if (vcpus[i].is_running && guests[i].left != S_TIME_MAX)
            guests[i].left -= ns;
}

static void guests_act(void)
{
    for (unsigned int i = 0; i < sim_vcpus; i++) {
        struct guest *g = &guests[i];

        if (g->asleep && g->wakes_at <= host_now)
            guest_starts(i);
        else if (!g->asleep && vcpus[i].is_running && g->left <= 0)
            guest_sleeps(i);
    }
}

static void run_guests(s_time_t ns)
{
    s_time_t end = host_now + ns;
    unsigned int events = 0;

    settle_cpus();
    while (host_now < end) {
        s_time_t to = next_event(next_guest_event(end)), before = host_now;

        pass_time(to);
        guests_pass(to - before);
        run_timers();
        guests_act();
        settle_cpus();
        check_waits();
        for (unsigned int i = 0; i < sim_vcpus; i++)
            note_wait(&guests[i], &vcpus[i]);
        if (++events % 64 == 0)
            check_running();
    }
    check_invariants();
}

static void all_busy(void)
{
    for (unsigned int i = 0; i < sim_vcpus; i++)
        guest_runs(i, 0, 0);
}

static int compare_times(const void *a, const void *b)
{
    s_time_t x = *(const s_time_t *)a, y = *(const s_time_t *)b;

    return (x > y) - (x < y);
}

static s_time_t wait_percentile(unsigned int i, unsigned int per_mille)
{
    struct guest *g = &guests[i];

    assert_true(g->nr_waits > 100);
    qsort(g->waits, g->nr_waits, sizeof(g->waits[0]), compare_times);
    return g->waits[(g->nr_waits - 1) * per_mille / 1000];
}

static void print_share(const char *what, unsigned int d, s_time_t want)
{
    print_message("  %s d%u: %lld ms, fair are %lld ms\n", what, d,
                  (long long)domain_ran(d) / 1000000,
                  (long long)want / 1000000);
}

static void assert_domain(const char *what, unsigned int d, s_time_t want,
                          unsigned int per_mille)
{
    print_share(what, d, want);
    assert_near(what, d, domain_ran(d), want, per_mille);
}

/* ---- shares ---- */

/* Eight busy vcpus, one to a domain, on two CPUs. */
static void weights_of_single_vcpus(void **state)
{
    static const uint16_t weights[] = {256, 256, 512, 512, 128, 1024, 300, 64};
    unsigned int sum = 0;

    (void)state;
    sim_start(2);
    for (unsigned int i = 0; i < 8; i++) {
        (void)make_domain(1, weights[i], 0);
        sum += weights[i];
    }
    all_busy();
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(30));
    for (unsigned int i = 0; i < 8; i++)
        assert_domain("weights", i, SECONDS(60) * weights[i] / sum, 30);
}

/* A domain's weight is shared by its vcpus, however many it has. */
static void weights_of_domains(void **state)
{
    (void)state;
    sim_start(2);
    (void)make_domain(1, 256, 0);
    (void)make_domain(2, 512, 0);
    (void)make_domain(5, 256, 0);
    all_busy();
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(30));
    for (unsigned int i = 0; i < 3; i++)
        print_share("domains", i, SECONDS(15));
    assert_domain("domains", 0, SECONDS(15), 30);
    assert_domain("domains", 1, SECONDS(30), 30);
    assert_domain("domains", 2, SECONDS(15), 30);
}

/* Capped domains get their cap, the others the rest by weight. */
static void caps_are_kept(void **state)
{
    (void)state;
    sim_start(2);
    (void)make_domain(1, 256, 20);
    (void)make_domain(3, 256, 50);
    (void)make_domain(2, 256, 0);
    (void)make_domain(2, 512, 0);
    all_busy();
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(30));
    assert_domain("caps", 0, SECONDS(6), 30);
    /* Its share by weight of what d0 leaves is 1.8 / 4: less than its cap. */
    assert_domain("caps", 1, SECONDS(30) * 18 / 40, 30);
    assert_domain("caps", 2, SECONDS(30) * 18 / 40, 30);
    assert_domain("caps", 3, SECONDS(30) * 36 / 40, 30);
}

/* The domains of tests/guests/schedule. */
static void weights_and_caps_together(void **state)
{
    (void)state;
    sim_start(2);
    (void)make_domain(1, 256, 20);
    (void)make_domain(2, 512, 50);
    (void)make_domain(1, 256, 0);
    (void)make_domain(2, 512, 0);
    (void)make_domain(2, 256, 0);
    all_busy();
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(30));
    assert_domain("both", 0, SECONDS(6), 30);
    assert_domain("both", 1, SECONDS(15), 30);
    for (unsigned int i = 2; i < 5; i++)
        print_share("both", i, SECONDS(39) * (i == 3 ? 2 : 1) / 4);
    for (unsigned int i = 2; i < 5; i++)
        assert_domain("both", i, SECONDS(39) * (i == 3 ? 2 : 1) / 4, 30);
}

static void caps_hold_on_an_idle_machine(void **state)
{
    static const uint16_t caps[] = {1, 10, 37, 100, 150, 50};
    static const unsigned int nr[] = {1, 1, 4, 1, 2, 1};

    (void)state;
    sim_start(8);
    for (unsigned int i = 0; i < 6; i++)
        (void)make_domain(nr[i], 256, caps[i]);
    all_busy();
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(10));
    for (unsigned int i = 0; i < 6; i++)
        assert_domain("cap", i, SECONDS(10) * caps[i] / 100, 30);
}

static void settings_change_while_running(void **state)
{
    (void)state;
    sim_start(2);
    (void)make_domain(2, 256, 25);
    (void)make_domain(2, 256, 0);
    all_busy();
    run_guests(SECONDS(1));
    sched_domain_set(&doms[0], 0, 0);
    sched_domain_set(&doms[1], 768, UINT16_MAX);
    run_guests(MILLISECS(200));
    forget_times();
    run_guests(SECONDS(5));
    assert_domain("uncapped", 0, SECONDS(10) / 4, 30);
    sched_domain_set(&doms[1], 0, 30);
    run_guests(MILLISECS(200));
    forget_times();
    run_guests(SECONDS(5));
    assert_domain("capped", 1, SECONDS(5) * 3 / 10, 30);
    assert_domain("rest", 0, SECONDS(10) - SECONDS(5) * 3 / 10, 30);
}

static void many_cpus_are_fair(void **state)
{
    (void)state;
    sim_start(16);
    for (unsigned int i = 0; i < 4; i++)
        (void)make_domain(8, (uint16_t)(256 << (i & 1)), 0);
    all_busy();
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(5));
    /* A vcpu gets no more than a CPU: no domain more than half the machine. */
    for (unsigned int i = 0; i < 4; i++)
        assert_domain("16 CPUs", i, SECONDS(80) * (1 + (i & 1)) / 6, 30);
}

/* One waits for ever beside 64 that run: all of them lose the same. */
static void one_too_many_goes_round(void **state)
{
    (void)state;
    sim_start(16);
    for (unsigned int i = 0; i < 17; i++)
        (void)make_domain(1, 256, 0);
    all_busy();
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(10));
    for (unsigned int i = 0; i < 17; i++)
        assert_near("round", i, domain_ran(i), SECONDS(160) / 17, 60);
}

/* Bound vcpus make their CPU's time slow or fast; a free one is not hurt by
 * going between them. */
static void bound_vcpus_do_not_distort(void **state)
{
    cpumask_t cpu0 = cpumask_of(0), cpu1 = cpumask_of(1);

    (void)state;
    start(2, 5);
    assert_int_equal(sched_set_affinity(&vcpus[0], &cpu0, NULL, false), 0);
    for (unsigned int i = 1; i < 4; i++)
        assert_int_equal(sched_set_affinity(&vcpus[i], &cpu1, NULL, false), 0);
    all_busy();
    run_guests(SECONDS(10));
    forget_times();
    run_guests(SECONDS(10));
    assert_domain("bound", 0, SECONDS(5), 30);
    assert_domain("free", 4, SECONDS(5), 30);
    for (unsigned int i = 1; i < 4; i++)
        assert_domain("crowded", i, SECONDS(10) / 3, 30);
    /* Now the free one sleeps between, and wakes where it can run. */
    guest_runs(4, MILLISECS(2), MILLISECS(3));
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(10));
    assert_true(domain_ran(4) > SECONDS(10) * 30 / 100);
    assert_true(sim[4].longest_wait < MILLISECS(30));
    for (unsigned int i = 1; i < 4; i++)
        assert_true(sim[i].longest_wait < MILLISECS(60));
}

/* ---- latency ---- */

static void latency_beside_busy_ones(void **state)
{
    (void)state;
    sim_start(2);
    for (unsigned int i = 0; i < 8; i++)
        (void)make_domain(1, 256, 0);
    (void)make_domain(1, 256, 0);
    all_busy();
    guest_runs(8, MICROSECS(50), MILLISECS(2));
    guests[8].spread_ns = MILLISECS(3);
    run_guests(SECONDS(30));
    print_message("  latency: median %lld us, 99.9 %% %lld us, longest %lld us "
                  "of %u\n",
                  (long long)wait_percentile(8, 500) / 1000,
                  (long long)wait_percentile(8, 999) / 1000,
                  (long long)wait_percentile(8, 1000) / 1000,
                  guests[8].nr_waits);
    assert_true(wait_percentile(8, 999) < MILLISECS(1));
}

/* The same where the busy vcpus and the idle one are of one domain. */
static void latency_within_a_domain(void **state)
{
    (void)state;
    sim_start(2);
    (void)make_domain(9, 256, 0);
    all_busy();
    guest_runs(8, MICROSECS(50), MILLISECS(2));
    guests[8].spread_ns = MILLISECS(3);
    run_guests(SECONDS(30));
    print_message("  latency: median %lld us, 99.9 %% %lld us\n",
                  (long long)wait_percentile(8, 500) / 1000,
                  (long long)wait_percentile(8, 999) / 1000);
    assert_true(wait_percentile(8, 999) < MILLISECS(1));
}

/* Several that sleep most of the time, beside many that are busy. */
static void latency_of_several(void **state)
{
    (void)state;
    sim_start(2);
    (void)make_domain(16, 256, 0);
    for (unsigned int i = 0; i < 4; i++)
        (void)make_domain(1, 256, 0);
    all_busy();
    for (unsigned int i = 16; i < 20; i++) {
        guest_runs(i, MICROSECS(50), MILLISECS(5));
        guests[i].spread_ns = MILLISECS(5);
    }
    run_guests(SECONDS(15));
    for (unsigned int i = 16; i < 20; i++) {
        print_message("  latency: v%u 99.9 %% %lld us\n", i,
                      (long long)wait_percentile(i, 999) / 1000);
        assert_true(wait_percentile(i, 999) < MILLISECS(1));
    }
}

/* ---- guests that want more than their share ---- */

/* A victim with one busy vcpu beside an attacker, on one CPU. */
static void versus(unsigned int attackers)
{
    sim_start(1);
    (void)make_domain(1, 256, 0);
    (void)make_domain(attackers, 256, 0);
    guest_runs(0, 0, 0);
}

static void assert_victim_is_well(const char *what, s_time_t wait)
{
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(8));
    print_message("  %s: victim %lld ms of %lld, waits %lld us\n", what,
                  (long long)domain_ran(0) / 1000000, 4000LL,
                  (long long)sim[0].longest_wait / 1000);
    assert_true(domain_ran(0) > SECONDS(4) * 97 / 100);
    assert_true(sim[0].longest_wait < wait);
}

static void blocking_before_the_slice_ends(void **state)
{
    (void)state;
    versus(1);
    guest_runs(1, SLICE_NS - MICROSECS(1), MICROSECS(1));
    assert_victim_is_well("blocks before the end", MILLISECS(40));
}

static void blocking_before_the_boost_ends(void **state)
{
    (void)state;
    versus(1);
    guest_runs(1, BOOST_NS - MICROSECS(1), MICROSECS(1));
    assert_victim_is_well("boost again and again", MILLISECS(40));
}

/* Vcpus that take turns: the next one is always fresh from sleep. */
static void taking_turns(void **state)
{
    static const s_time_t runs[] = {MICROSECS(100), MICROSECS(499),
                                    MILLISECS(2), MILLISECS(4)};

    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(runs); n++) {
        versus(16);
        for (unsigned int i = 1; i <= 16; i++) {
            guest_runs(i, runs[n], 0);
            guests[i].wakes_up = 1 + (i % 16 + 1);
            guest_sleeps(i);
        }
        guest_starts(1);
        assert_victim_is_well("takes turns", MILLISECS(40));
    }
}

/* Vcpus that sleep by their own timers, so that one always wakes. */
static void waking_all_the_time(void **state)
{
    (void)state;
    versus(32);
    for (unsigned int i = 1; i <= 32; i++) {
        guest_runs(i, MICROSECS(300), MILLISECS(8));
        guests[i].spread_ns = MILLISECS(2);
    }
    assert_victim_is_well("wakes all the time", MILLISECS(40));
}

static void a_busy_one_and_many_that_wake(void **state)
{
    (void)state;
    versus(16);
    guest_runs(1, 0, 0);
    for (unsigned int i = 2; i <= 16; i++) {
        guest_runs(i, MICROSECS(400), MILLISECS(10));
        guests[i].spread_ns = MILLISECS(5);
    }
    assert_victim_is_well("busy and waking", MILLISECS(40));
}

/* An honest domain whose vcpus sleep in between gets what it asks for, up to
 * its share. */
static void sleeping_is_no_fault(void **state)
{
    (void)state;
    versus(4);
    for (unsigned int i = 1; i <= 4; i++) {
        guest_runs(i, MILLISECS(1), MILLISECS(2));
        guests[i].spread_ns = MILLISECS(1);
    }
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(10));
    assert_domain("sleeps", 1, SECONDS(5), 50);
    /* One vcpu, a third of the time: less than its share. */
    versus(1);
    guest_runs(1, MILLISECS(2), MILLISECS(4));
    run_guests(SECONDS(1));
    forget_times();
    run_guests(SECONDS(10));
    assert_domain("sleeps", 1, SECONDS(10) / 3, 100);
}

static void yield_storm(void **state)
{
    (void)state;
    versus(4);
    for (unsigned int i = 1; i <= 4; i++) {
        guest_runs(i, MICROSECS(20), 0);
        guests[i].yields = true;
    }
    assert_victim_is_well("yields", MILLISECS(40));
}

static void many_vcpus(void **state)
{
    (void)state;
    versus(60);
    for (unsigned int i = 1; i <= 60; i++)
        guest_runs(i, 0, 0);
    assert_victim_is_well("many vcpus", MILLISECS(40));
}

/* Before each of its vcpus is charged, the others are taken down. */
static void down_before_the_bill(void **state)
{
    s_time_t end;

    (void)state;
    versus(8);
    for (unsigned int i = 1; i <= 8; i++)
        guest_runs(i, 0, 0);
    run_guests(SECONDS(1));
    forget_times();
    for (end = host_now + SECONDS(10); host_now < end;) {
        struct vcpu *v = running_on(0);

        run_guests(MICROSECS(4990));
        if (v->is_idle || v->domain != &doms[1])
            continue;
        for (unsigned int i = 1; i <= 8; i++)
            if (!vcpus[i].is_running)
                block(i);
        run_guests(MICROSECS(20));
        for (unsigned int i = 1; i <= 8; i++)
            if (!vcpus[i].is_running)
                wake(i);
    }
    assert_true(domain_ran(0) > SECONDS(5) * 97 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_of_single_vcpus),
        cmocka_unit_test(weights_of_domains),
        cmocka_unit_test(caps_are_kept),
        cmocka_unit_test(weights_and_caps_together),
        cmocka_unit_test(caps_hold_on_an_idle_machine),
        cmocka_unit_test(settings_change_while_running),
        cmocka_unit_test(many_cpus_are_fair),
        cmocka_unit_test(one_too_many_goes_round),
        cmocka_unit_test(bound_vcpus_do_not_distort),
        cmocka_unit_test(latency_beside_busy_ones),
        cmocka_unit_test(latency_within_a_domain),
        cmocka_unit_test(latency_of_several),
        cmocka_unit_test(blocking_before_the_slice_ends),
        cmocka_unit_test(blocking_before_the_boost_ends),
        cmocka_unit_test(taking_turns),
        cmocka_unit_test(waking_all_the_time),
        cmocka_unit_test(a_busy_one_and_many_that_wake),
        cmocka_unit_test(sleeping_is_no_fault),
        cmocka_unit_test(yield_storm),
        cmocka_unit_test(many_vcpus),
        cmocka_unit_test(down_before_the_bill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
