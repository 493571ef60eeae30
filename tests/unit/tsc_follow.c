/* SPDX-License-Identifier: MIT */
/*
 * System time by a platform clock, on CPUs whose TSCs drift, change their
 * rate, stand for a while, are set, and differ. The bounds that docs/boot.md
 * states are asserted here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

#include <tsc_follow.h>

/* ---- the machine: one true time in ns, in steps of QUANTUM ---- */

#define NR_CPUS  3
#define QUANTUM  100000 /* ns */
#define BOOT_HZ  2300000000UL
#define NOISE_NS 2000    /* a sample is off by up to this much */
#define LATE_NS  1000000 /* and a timer late */

struct machine_cpu {
    unsigned __int128 tsc; /* times 10^9 */
    uint64_t hz;           /* what it really has */
    struct tsc_follow f;
    uint64_t base_tsc;
    s_time_t base_ns;
    uint64_t course_hz;
    int64_t due; /* true time of the next step */
    s_time_t seen;
};
static struct machine_cpu cpus[NR_CPUS];
static struct platform_time platform;
static int64_t now_true;
static uint64_t ref_hz, ref_mask;
static bool stopped; /* nobody steps, all clocks go on */
static s_time_t most_ahead, most_behind, most_apart;

static uint64_t tsc_of(const struct machine_cpu *c)
{
    return (uint64_t)(c->tsc / 1000000000);
}

static uint64_t counter(void)
{
    return (uint64_t)((unsigned __int128)now_true * ref_hz / 1000000000) &
           ref_mask;
}

/* As now_ns() computes it: a TSC below the base shows the base. */
static s_time_t local_at(const struct machine_cpu *c, uint64_t tsc)
{
    int64_t delta = (int64_t)(tsc - c->base_tsc);

    if (delta <= 0)
        return c->base_ns;
    return c->base_ns +
           (s_time_t)((unsigned __int128)delta * 1000000000 / c->course_hz);
}

static void step(struct machine_cpu *c)
{
    uint64_t tsc = tsc_of(c);
    uint64_t noise = c->hz * ((uint64_t)rand() % NOISE_NS) / 1000000000;
    s_time_t local, at;
    struct tsc_course course;

    /* The TSC was read a little before the counter. */
    tsc = noise < tsc ? tsc - noise : tsc;
    local = local_at(c, tsc);
    at =
        platform_time_at(&platform, counter(), tsc_follow_expect(&c->f, local));
    course = tsc_follow_step(&c->f, tsc, local, at);
    assert_true(course.base_ns >= local);
    assert_true(course.next_ns > 0 && course.hz > 0);
    c->base_tsc = tsc;
    c->base_ns = course.base_ns;
    c->course_hz = course.hz;
    c->due = now_true + course.next_ns + rand() % LATE_NS;
}

static void look(void)
{
    s_time_t least = INT64_MAX, most = INT64_MIN;

    for (unsigned int i = 0; i < NR_CPUS; i++) {
        struct machine_cpu *c = &cpus[i];
        s_time_t t = local_at(c, tsc_of(c));

        if (t < c->seen)
            fail_msg("CPU %u went back from %ld to %ld", i, c->seen, t);
        c->seen = t;
        least = t < least ? t : least;
        most = t > most ? t : most;
    }
    if (most - now_true > most_ahead)
        most_ahead = most - now_true;
    if (now_true - least > most_behind)
        most_behind = now_true - least;
    if (most - least > most_apart)
        most_apart = most - least;
}

static void pass(int64_t ns)
{
    for (int64_t end = now_true + ns; now_true < end;) {
        now_true += QUANTUM;
        for (unsigned int i = 0; i < NR_CPUS; i++)
            cpus[i].tsc += (unsigned __int128)cpus[i].hz * QUANTUM;
        for (unsigned int i = 0; i < NR_CPUS && !stopped; i++)
            if (now_true >= cpus[i].due)
                step(&cpus[i]);
        look();
    }
}

static void forget(void)
{
    most_ahead = most_behind = most_apart = 0;
}

static void expect_bounds(s_time_t ahead, s_time_t behind, s_time_t apart)
{
    if (most_ahead > ahead || most_behind > behind || most_apart > apart)
        fail_msg("%ld ns ahead, %ld behind, %ld apart, of %ld, %ld, %ld",
                 most_ahead, most_behind, most_apart, ahead, behind, apart);
}

/* What docs/boot.md promises of a TSC that goes evenly. */
#define STEADY MICROSECS(20)

static void expect_steady(int64_t ns)
{
    forget();
    pass(ns);
    expect_bounds(STEADY, STEADY, STEADY);
}

static const struct {
    uint64_t hz, mask;
} refs[] = {
    {3579545, 0xffffff},
    {3579545, 0xffffffff},
    {14318179, 0xffffffff},
    {100000000, 0xffffffff},
};

static void power_on(unsigned int ref)
{
    memset(cpus, 0, sizeof(cpus));
    ref_hz = refs[ref].hz;
    ref_mask = refs[ref].mask;
    /* The counter is about to wrap. */
    now_true = (int64_t)((ref_mask - 1000000) / ref_hz * 1000000000);
    stopped = false;
    platform_time_start(&platform, ref_hz, ref_mask, counter(), now_true);
    for (unsigned int i = 0; i < NR_CPUS; i++) {
        struct machine_cpu *c = &cpus[i];

        /* None has seen the same number of ticks, all have the right time. */
        c->tsc =
            (unsigned __int128)(1000000000000UL + i * 7777777UL) * 1000000000;
        c->hz = BOOT_HZ;
        c->base_tsc = tsc_of(c);
        c->base_ns = now_true;
        c->course_hz = BOOT_HZ;
        c->due = now_true;
        tsc_follow_start(&c->f, BOOT_HZ);
    }
    forget();
}

static void each(void (*fn)(void))
{
    srand(1);
    for (unsigned int i = 0; i < ARRAY_SIZE(refs); i++) {
        power_on(i);
        fn();
    }
}

/* ---- following ---- */

static void goes_on(void)
{
    expect_steady(SECONDS(20));
}

static void a_good_tsc_stays_right(void **state)
{
    (void)state;
    each(goes_on);
}

/* Measured wrongly at boot, by as much on each CPU as differs. */
static void drift(void)
{
    static const int64_t ppm[NR_CPUS] = {500, -500, 100};

    for (unsigned int i = 0; i < NR_CPUS; i++)
        cpus[i].hz = (uint64_t)((int64_t)BOOT_HZ +
                                (int64_t)(BOOT_HZ / 1000000) * ppm[i]);
    pass(SECONDS(2));
    expect_bounds(MICROSECS(300), MICROSECS(300), MICROSECS(500));
    expect_steady(SECONDS(20));
}

static void drift_of_500_ppm_is_taken_out(void **state)
{
    (void)state;
    each(drift);
}

/* 20 ppm a second, which goes on: the error is that of one interval or two. */
static void warms_up(void)
{
    for (unsigned int i = 0; i < 30; i++) {
        cpus[0].hz += BOOT_HZ / 1000000 * 20;
        cpus[1].hz -= BOOT_HZ / 1000000 * 20;
        pass(SECONDS(1));
    }
    expect_bounds(MICROSECS(100), MICROSECS(100), MICROSECS(150));
}

static void drift_that_changes_is_followed(void **state)
{
    (void)state;
    each(warms_up);
}

static void halves(void)
{
    pass(SECONDS(3) + MILLISECS(300));
    cpus[1].hz /= 2;
    pass(SECONDS(2));
    /* Until the next step, of a second and a bit. */
    expect_bounds(STEADY, MILLISECS(520), MILLISECS(520));
    expect_steady(SECONDS(10));
}

static void half_the_rate_is_right_in_two_seconds(void **state)
{
    (void)state;
    each(halves);
}

static void doubles(void)
{
    pass(SECONDS(3) + MILLISECS(300));
    cpus[1].hz *= 2;
    pass(SECONDS(4));
    /* A second's worth ahead at most: then it is slower until it is right. */
    expect_bounds(MILLISECS(1010), MILLISECS(10), MILLISECS(1010));
    expect_steady(SECONDS(10));
}

static void twice_the_rate_is_right_in_four_seconds(void **state)
{
    (void)state;
    each(doubles);
}

/* P-states at random, as a governor sets them. */
static void governor(void)
{
    for (unsigned int i = 0; i < 200; i++) {
        cpus[rand() % NR_CPUS].hz = BOOT_HZ / 2 + (uint64_t)rand() % BOOT_HZ;
        pass(rand() % (int)SECONDS(1));
    }
    expect_bounds(SECONDS(3), SECONDS(2), SECONDS(4));
    for (unsigned int i = 0; i < NR_CPUS; i++)
        cpus[i].hz = BOOT_HZ;
    pass(SECONDS(8));
    expect_steady(SECONDS(5));
}

static void any_change_of_rate_ends_well(void **state)
{
    (void)state;
    each(governor);
}

static void stand(struct machine_cpu *c, int64_t ns)
{
    uint64_t hz = c->hz;

    c->hz = 0;
    pass(ns);
    c->hz = hz;
}

static void stands_once(void)
{
    pass(SECONDS(3) + MILLISECS(400));
    forget();
    stand(&cpus[2], MILLISECS(50));
    pass(SECONDS(1));
    expect_bounds(STEADY, MILLISECS(51), MILLISECS(51));
    expect_steady(SECONDS(10));
    assert_int_equal(cpus[2].f.nr_jumps, 1);
}

static void a_stop_of_50_ms_costs_one_jump(void **state)
{
    (void)state;
    each(stands_once);
}

/* A CPU that sleeps deeply in between: behind by what it slept. Ahead it gets
 * only after a step in the middle of a sleep, by less than half of that. */
static void sleeps(void)
{
    for (unsigned int i = 0; i < 20; i++) {
        stand(&cpus[0], MILLISECS(50));
        pass(MILLISECS(950));
    }
    expect_bounds(MILLISECS(25), MILLISECS(55), MILLISECS(55));
}

static void stops_again_and_again_do_not_run_ahead(void **state)
{
    (void)state;
    each(sleeps);
}

static void is_set(void)
{
    pass(SECONDS(3) + MILLISECS(500));
    /* Back: then it has the time of the last step until the next. */
    cpus[0].tsc = 0;
    cpus[0].seen = cpus[0].base_ns;
    pass(SECONDS(2));
    expect_bounds(STEADY, MILLISECS(1010), MILLISECS(1010));
    expect_steady(SECONDS(3));
    pass(MILLISECS(500));
    cpus[1].tsc += (unsigned __int128)BOOT_HZ * MILLISECS(1500);
    pass(SECONDS(5));
    expect_bounds(MILLISECS(1510), MILLISECS(10), MILLISECS(1510));
    expect_steady(SECONDS(5));
}

static void a_tsc_that_is_set_is_caught_up_with(void **state)
{
    (void)state;
    each(is_set);
}

/* The whole machine starves, as under an emulator: the clocks go on, nobody
 * steps, and the counter wraps as often as it likes. */
static void starves(void)
{
    static const s_time_t gaps[] = {SECONDS(3), SECONDS(5), SECONDS(20),
                                    SECONDS(100)};

    pass(SECONDS(4));
    for (unsigned int i = 0; i < ARRAY_SIZE(gaps); i++) {
        stopped = true;
        pass(gaps[i]);
        stopped = false;
        pass(SECONDS(2));
        expect_steady(SECONDS(3));
    }
}

static void a_gap_of_many_wraps_loses_no_time(void **state)
{
    (void)state;
    each(starves);
}

/* A CPU that comes back after it was parked for long, its TSC stopped. */
static void comes_back(void)
{
    pass(SECONDS(3));
    cpus[2].due = INT64_MAX;
    stand(&cpus[2], SECONDS(30));
    cpus[2].due = now_true;
    pass(QUANTUM);
    expect_steady(SECONDS(5));
}

static void a_parked_cpu_gets_the_time_at_once(void **state)
{
    (void)state;
    each(comes_back);
}

/* Values that no TSC has: nothing divides by 0, nothing wraps, and the course
 * is one that time can take. */
static void nonsense(void **state)
{
    struct tsc_follow f;
    uint64_t tsc = 0;
    s_time_t local = 0, at = 0;

    (void)state;
    srand(1);
    tsc_follow_start(&f, BOOT_HZ);
    for (unsigned int i = 0; i < 1000000; i++) {
        uint64_t r = (uint64_t)rand() << 32 | (uint64_t)rand() << 1;
        struct tsc_course c;

        tsc = rand() % 4 ? tsc + (r >> rand() % 64) : r;
        local += (s_time_t)(r >> (32 + rand() % 30));
        at += (s_time_t)(r >> (32 + rand() % 30));
        c = tsc_follow_step(&f, tsc, local, at);
        assert_true(c.base_ns >= local);
        assert_true(c.next_ns >= FOLLOW_SOON_NS / FOLLOW_SLOWER);
        assert_true(c.next_ns <= FOLLOW_NS + FOLLOW_NS / FOLLOW_FASTER);
        assert_true(c.hz >= BOOT_HZ / 17 && c.hz <= BOOT_HZ * 32);
        local = c.base_ns;
    }
}

/* ---- the platform clock ---- */

static void readings_in_a_row_are_exact(void **state)
{
    (void)state;
    srand(1);
    for (unsigned int i = 0; i < ARRAY_SIZE(refs); i++) {
        power_on(i);
        for (unsigned int n = 0; n < 100000; n++) {
            s_time_t wrap = platform_wrap_ns(&platform), at, expected;
            int64_t took = rand() % (wrap - 1000);
            bool often = n % 3 == 0; /* several wraps, and a TSC that is off */

            took += often ? wrap * (rand() % 8) : 0;
            now_true += took;
            expected = often
                           ? now_true + rand() % (wrap - 2000) - wrap / 2 + 1000
                           : NOT_EXPECTED;
            at = platform_time_at(&platform, counter(), expected);
            assert_true(at - now_true <= 1000 && now_true - at <= 1000);
        }
    }
}

/* A glitch of the chip is no wrap: time stands, and then is exact again. */
static void a_reading_that_goes_back_is_not_believed(void **state)
{
    (void)state;
    srand(1);
    for (unsigned int i = 0; i < ARRAY_SIZE(refs); i++) {
        power_on(i);
        for (unsigned int n = 0; n < 10000; n++) {
            s_time_t before, at;
            uint64_t off = 1 + (uint64_t)rand() % 1000;

            now_true += SECONDS(1);
            before = platform_time_at(&platform, counter(), now_true);
            assert_true(before - now_true <= 1000 && now_true - before <= 1000);
            at = platform_time_at(&platform, (counter() - off) & ref_mask,
                                  now_true + rand() % 100000);
            assert_true(at == before);
        }
    }
}

/* ---- watching ---- */

static struct tsc_watch watch;
static s_time_t local_ns, platform_ns;

static bool check(s_time_t local, s_time_t by_platform, s_time_t slop)
{
    struct clock_pair now;

    local_ns += local;
    platform_ns += by_platform;
    now = (struct clock_pair){local_ns, platform_ns, slop};
    return tsc_watch_check(&watch, &now, SECONDS(3));
}

static void watch_anew(void)
{
    memset(&watch, 0, sizeof(watch));
    assert_false(check(0, 0, 1000));
}

static void a_good_tsc_is_left_alone(void **state)
{
    (void)state;
    srand(1);
    watch_anew();
    for (unsigned int i = 0; i < 100000; i++) {
        s_time_t t = SECONDS(1) + rand() % 1000000000;

        /* Measured within 500 ppm, and read with noise. */
        assert_false(check(t + t / 2000 + rand() % 4000 - 2000, t, 2000));
    }
    assert_int_equal(watch.bad, 0);
    /* The emulator was away in the middle of all five readings. */
    assert_false(check(SECONDS(1) + MILLISECS(30), SECONDS(1), MILLISECS(30)));
    assert_false(check(SECONDS(1) - MILLISECS(30), SECONDS(1), 2000));
    assert_int_equal(watch.bad, 0);
    /* A paused machine: both stood. And one that was starved. */
    assert_false(check(20000, 21000, 1000));
    assert_false(check(SECONDS(50), SECONDS(50) % SECONDS(4), 1000));
    assert_false(check(SECONDS(50), SECONDS(50), 1000));
    assert_int_equal(watch.bad, 0);
}

static void one_stop_is_no_evidence_and_two_are(void **state)
{
    (void)state;
    watch_anew();
    assert_false(check(MILLISECS(950), SECONDS(1), 2000));
    for (unsigned int i = 0; i < 15; i++)
        assert_false(check(SECONDS(1), SECONDS(1), 2000));
    assert_false(check(MILLISECS(950), SECONDS(1), 2000));
    for (unsigned int i = 0; i < 14; i++)
        assert_false(check(SECONDS(1), SECONDS(1), 2000));
    assert_true(check(MILLISECS(950), SECONDS(1), 2000));
}

static void a_bad_rate_is_found_in_two_checks(void **state)
{
    static const s_time_t per_second[] = {SECONDS(1) + MICROSECS(1100),
                                          SECONDS(1) - MICROSECS(1100),
                                          MILLISECS(500), SECONDS(2), 0};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(per_second); i++) {
        watch_anew();
        assert_false(check(per_second[i], SECONDS(1), 2000));
        assert_true(check(per_second[i], SECONDS(1), 2000));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_tsc_stays_right),
        cmocka_unit_test(drift_of_500_ppm_is_taken_out),
        cmocka_unit_test(drift_that_changes_is_followed),
        cmocka_unit_test(half_the_rate_is_right_in_two_seconds),
        cmocka_unit_test(twice_the_rate_is_right_in_four_seconds),
        cmocka_unit_test(any_change_of_rate_ends_well),
        cmocka_unit_test(a_stop_of_50_ms_costs_one_jump),
        cmocka_unit_test(stops_again_and_again_do_not_run_ahead),
        cmocka_unit_test(a_tsc_that_is_set_is_caught_up_with),
        cmocka_unit_test(a_gap_of_many_wraps_loses_no_time),
        cmocka_unit_test(a_parked_cpu_gets_the_time_at_once),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(readings_in_a_row_are_exact),
        cmocka_unit_test(a_reading_that_goes_back_is_not_believed),
        cmocka_unit_test(a_good_tsc_is_left_alone),
        cmocka_unit_test(one_stop_is_no_evidence_and_two_are),
        cmocka_unit_test(a_bad_rate_is_found_in_two_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
