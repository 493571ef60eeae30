/* SPDX-License-Identifier: MIT */
/*
 * No operation may get dearer with the number of nodes, domains or watches
 * beyond a logarithm. The same work is timed in a small store and in one of a
 * thousand guests; a linear step anywhere shows as a ratio of dozens.
 */
#include <time.h>

#include "xs_fixture.h"

#define ROUNDS  300
#define TRIES   3
#define GUESTS  1000
#define ALLOWED 6.0

static double cpu_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* What creating, running and removing a guest asks of the store. */
static void life_of_a_guest(struct client *c, int nr)
{
    static const char *const leaves[] = {
        "name", "domid",        "memory/target",  "device/vbd/51712/state",
        "vm",   "console/port", "store/ring-ref", "control/shutdown",
    };
    char home[64];
    char path[128];
    uint32_t tx = tx_begin(c);

    snprintf(home, sizeof(home), "/local/domain/%d", nr);
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", home, leaves[i]);
        assert_int_equal(put(c, tx, path, "value"), 0);
    }
    assert_int_equal(tx_end(c, tx, true), 0);
    snprintf(path, sizeof(path), "%s/device", home);
    assert_int_equal(watch(c, path, "t"), 0);
    snprintf(path, sizeof(path), "%s/device/vbd/51712/state", home);
    assert_int_equal(put(c, 0, path, "4"), 0);
    assert_value(c, 0, path, "4");
}

static void end_of_a_guest(struct client *c, int nr)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%d/device", nr);
    assert_int_equal(unwatch(c, path, "t"), 0);
    snprintf(path, sizeof(path), "/local/domain/%d", nr);
    assert_int_equal(ask_path(c, XS_RM, 0, path, NULL), 0);
    c->from_at = c->from_len = 0;
}

static double time_rounds(struct client *c)
{
    double best = 1e9;

    for (int t = 0; t < TRIES; t++) {
        double start = cpu_seconds();
        double used;

        for (int i = 0; i < ROUNDS; i++) {
            life_of_a_guest(c, 30000 + i % 7);
            end_of_a_guest(c, 30000 + i % 7);
        }
        used = cpu_seconds() - start;
        if (used < best)
            best = used;
    }
    return best;
}

static void flat_to_a_thousand_guests(void **state)
{
    struct client *c = client_new(0);
    double small = time_rounds(c);
    double large;

    (void)state;
    for (int i = 1; i <= GUESTS; i++) {
        life_of_a_guest(c, i);
        c->from_at = c->from_len = 0;
    }
    assert_int_equal(store.watches.nr_watches, GUESTS);
    large = time_rounds(c);
    print_message("%d lives: %.1f us each alone, %.1f us among %d guests\n",
                  ROUNDS, small / ROUNDS * 1e6, large / ROUNDS * 1e6, GUESTS);
    assert_true(large < small * ALLOWED);
    client_end(c);
}

#define FEW  2000
#define MANY (8 * FEW)

/* The end of a transaction of so many changes, on top of somebody else's. */
static double time_commit(struct client *c, int nr)
{
    uint32_t tx = tx_begin(c);
    double start;

    for (int i = 0; i < nr; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/big/%d", i);
        assert_int_equal(put(c, tx, path, "v"), 0);
    }
    assert_int_equal(put(c, 0, "/other", ""), 0);
    start = cpu_seconds();
    assert_int_equal(tx_end(c, tx, true), 0);
    start = cpu_seconds() - start;
    assert_int_equal(ask_path(c, XS_RM, 0, "/big", NULL), 0);
    return start;
}

static double best_commit(struct client *c, int nr)
{
    double best = 1e9;

    for (int t = 0; t < TRIES; t++) {
        double used = time_commit(c, nr);

        if (used < best)
            best = used;
    }
    return best;
}

/* While one transaction ends, everybody else waits. */
static void commit_is_linear(void **state)
{
    struct client *c = client_new(0);
    double few = best_commit(c, FEW);
    double many = best_commit(c, MANY);

    (void)state;
    print_message("commit: %.1f us of %d changes, %.1f us of %d\n", few * 1e6,
                  FEW, many * 1e6, MANY);
    assert_true(many < few * 3.0 * MANY / FEW);
    client_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(flat_to_a_thousand_guests),
        STORE_TEST(commit_is_linear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
