/* SPDX-License-Identifier: MIT */
/*
 * Sets of ranges against a plain bitmap: random additions and removals, all
 * members and the form (sorted, none touches the next) after each.
 */
#include <string.h>

#include <hostarch.h>
#include <hv/rangeset.h>

#define SPAN 256 /* numbers; some runs lie at the end of the 64 bits */

static struct rangeset rs;
static bool model[SPAN];
static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (uint32_t)(seed >> 33) % n;
}

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    rangeset_init(&rs);
    memset(model, 0, sizeof(model));
    seed = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rangeset_free(&rs);
    return 0;
}

static void check(uint64_t base)
{
    for (unsigned int i = 0; i < SPAN; i++)
        assert_int_equal(rangeset_contains(&rs, base + i, base + i), model[i]);
    for (unsigned int i = 0; i < rs.nr; i++) {
        assert_true(rs.ranges[i].first <= rs.ranges[i].last);
        if (i)
            assert_true(rs.ranges[i - 1].last + 1 < rs.ranges[i].first);
    }
}

static void run_against_model(uint64_t base)
{
    for (unsigned int round = 0; round < 3000; round++) {
        uint32_t a = random_below(SPAN), b = a + random_below(SPAN - a);
        bool add = random_below(2);

        if (add)
            assert_int_equal(rangeset_add(&rs, base + a, base + b), 0);
        else
            assert_int_equal(rangeset_remove(&rs, base + a, base + b), 0);
        for (uint32_t i = a; i <= b; i++)
            model[i] = add;
        check(base);
        /* A range is in it if each member is. */
        a = random_below(SPAN);
        b = a + random_below(SPAN - a);
        for (uint32_t i = a; i <= b; i++)
            add = i == a ? model[i] : add && model[i];
        assert_int_equal(rangeset_contains(&rs, base + a, base + b), add);
    }
}

static void like_a_bitmap(void **state)
{
    (void)state;
    run_against_model(0);
}

static void like_a_bitmap_at_the_end(void **state)
{
    (void)state;
    run_against_model(UINT64_MAX - SPAN + 1);
}

static void everything(void **state)
{
    (void)state;
    assert_int_equal(rangeset_add(&rs, 0, UINT64_MAX), 0);
    assert_int_equal(rangeset_add(&rs, 0, UINT64_MAX), 0);
    assert_int_equal(rs.nr, 1);
    assert_true(rangeset_contains(&rs, 0, UINT64_MAX));
    assert_int_equal(rangeset_remove(&rs, 5, 5), 0);
    assert_int_equal(rs.nr, 2);
    assert_false(rangeset_contains(&rs, 0, UINT64_MAX));
    assert_int_equal(rangeset_remove(&rs, 0, UINT64_MAX), 0);
    assert_true(rangeset_is_empty(&rs));
}

static void bounded(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < RANGESET_MAX; i++)
        assert_int_equal(rangeset_add(&rs, i * 4, i * 4 + 1), 0);
    assert_int_equal(rangeset_add(&rs, 5000, 5000), -ENOSPC);
    assert_int_equal(rs.nr, RANGESET_MAX);
    assert_false(rangeset_contains(&rs, 5000, 5000));
    /* One that touches another needs no place; one in two pieces does. */
    assert_int_equal(rangeset_add(&rs, 2, 2), 0);
    assert_int_equal(rangeset_remove(&rs, 1, 1), -ENOSPC);
    assert_true(rangeset_contains(&rs, 0, 2));
    assert_int_equal(rangeset_remove(&rs, 4, 5), 0);
    assert_int_equal(rangeset_remove(&rs, 1, 1), 0);
    assert_false(rangeset_contains(&rs, 1, 1));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(like_a_bitmap),
        TEST(like_a_bitmap_at_the_end),
        TEST(everything),
        TEST(bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
