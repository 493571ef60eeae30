/* SPDX-License-Identifier: MIT */
/*
 * Transactions: isolation, what conflicts and what merges, and, by brute
 * force, that committed ones are as if they had run one after the other.
 */
#include <errno.h>

#include "xs_fixture.h"

static void isolation(void **state)
{
    struct client *a = client_new(0);
    struct client *b = client_new(0);
    uint32_t tx;

    (void)state;
    assert_int_equal(put(a, 0, "/x", "1"), 0);
    tx = tx_begin(a);
    assert_int_equal(put(a, tx, "/x", "2"), 0);
    assert_int_equal(put(a, tx, "/y", "new"), 0);
    assert_value(a, tx, "/x", "2");
    assert_value(b, 0, "/x", "1");
    assert_int_equal(ask_path(b, XS_READ, 0, "/y", NULL), -ENOENT);
    assert_int_equal(tx_end(a, tx, false), 0);
    assert_value(b, 0, "/x", "1");
    assert_int_equal(tx_end(a, tx, false), -ENOENT);
    tx = tx_begin(a);
    assert_int_equal(put(a, tx, "/x", "3"), 0);
    /* What others do meanwhile is not seen inside. */
    assert_int_equal(put(b, 0, "/other", "o"), 0);
    assert_int_equal(ask_path(a, XS_READ, tx, "/other", NULL), -ENOENT);
    assert_int_equal(ask_path(a, XS_TRANSACTION_START, tx, "", NULL), -EBUSY);
    assert_int_equal(ask_path(a, XS_TRANSACTION_END, tx, "X", NULL), -EINVAL);
    assert_int_equal(tx_end(a, tx, true), -EAGAIN);
    client_end(a);
    client_end(b);
}

static void watches_fire_at_the_end(void **state)
{
    struct client *a = client_new(0);
    struct client *b = client_new(0);
    uint32_t tx;

    (void)state;
    assert_int_equal(watch(b, "/t", "w"), 0);
    expect_event(b, "/t", "w");
    tx = tx_begin(a);
    assert_int_equal(put(a, tx, "/t/1", "a"), 0);
    assert_int_equal(put(a, tx, "/t/2", "a"), 0);
    assert_int_equal(put(a, tx, "/t/1", "b"), 0);
    expect_nothing(b);
    assert_int_equal(tx_end(a, tx, true), 0);
    expect_event(b, "/t/2", "w");
    expect_event(b, "/t/1", "w");
    expect_nothing(b);
    tx = tx_begin(a);
    assert_int_equal(put(a, tx, "/t/3", "a"), 0);
    assert_int_equal(tx_end(a, tx, false), 0);
    expect_nothing(b);
    client_end(a);
    client_end(b);
}

/* One thing inside, one outside meanwhile; does the commit succeed? */
enum act {
    READ_X,
    WRITE_X,
    RM_X,
    LIST_DIR,
    MAKE_KID,
    READ_MISSING,
    WRITE_DEEP,
    PERMS_X,
    RM_DIR,
    READ_Y,
    WRITE_Y,
    NR_ACTS,
};

static int act(struct client *c, uint32_t tx, enum act what)
{
    const char *v;

    switch (what) {
    case READ_X:
        return get(c, tx, "/d/x", &v);
    case WRITE_X:
        return put(c, tx, "/d/x", "w");
    case RM_X:
        return ask_path(c, XS_RM, tx, "/d/x", NULL);
    case LIST_DIR:
        return ask_path(c, XS_DIRECTORY, tx, "/d", NULL);
    case MAKE_KID:
        return put(c, tx, "/d/missing", "k");
    case READ_MISSING:
        return get(c, tx, "/d/missing", &v);
    case WRITE_DEEP:
        return put(c, tx, "/d/missing/deep", "k");
    case PERMS_X:
        return ask(c, XS_SET_PERMS, tx, "/d/x\0n0\0r3", 11, NULL);
    case RM_DIR:
        return ask_path(c, XS_RM, tx, "/d", NULL);
    case READ_Y:
        return get(c, tx, "/e/y", &v);
    default:
        return put(c, tx, "/e/y", "w");
    }
}

static int outcome(struct client *a, struct client *b, enum act inside,
                   enum act outside)
{
    uint32_t tx;
    int rc;

    assert_int_equal(put(a, 0, "/d/x", "0"), 0);
    assert_int_equal(put(a, 0, "/e/y", "0"), 0);
    tx = tx_begin(a);
    act(a, tx, inside);
    act(b, 0, outside);
    rc = tx_end(a, tx, true);
    assert_int_equal(store_check(&store), 0);
    assert_int_equal(ask_path(a, XS_RM, 0, "/d", NULL), 0);
    return rc;
}

static void what_conflicts(void **state)
{
    static const struct {
        enum act inside;
        enum act outside;
        int rc;
    } table[] = {
        {READ_X, READ_X, 0},
        {READ_X, WRITE_X, -EAGAIN},
        {READ_X, RM_X, -EAGAIN},
        {READ_X, PERMS_X, -EAGAIN},
        {READ_X, MAKE_KID, 0},
        {READ_X, RM_DIR, -EAGAIN},
        {WRITE_X, READ_X, 0},
        {WRITE_X, WRITE_X, 0}, /* blind: the later one wins */
        {WRITE_X, RM_X, -EAGAIN},
        {WRITE_X, PERMS_X, -EAGAIN},
        {RM_X, WRITE_X, 0},
        {RM_X, RM_X, -EAGAIN},
        {LIST_DIR, WRITE_X, 0},
        {LIST_DIR, MAKE_KID, -EAGAIN},
        {LIST_DIR, RM_X, -EAGAIN},
        {LIST_DIR, WRITE_DEEP, -EAGAIN},
        {READ_MISSING, MAKE_KID, -EAGAIN},
        {READ_MISSING, WRITE_X, 0},
        {MAKE_KID, MAKE_KID, -EAGAIN},
        {MAKE_KID, WRITE_X, 0},
        {MAKE_KID, RM_DIR, -EAGAIN},
        {WRITE_DEEP, MAKE_KID, -EAGAIN},
        {RM_DIR, WRITE_X, 0},
        {READ_Y, WRITE_X, 0},
        {WRITE_Y, WRITE_X, 0},
        {WRITE_Y, RM_DIR, 0},
        {READ_Y, WRITE_Y, -EAGAIN},
    };
    struct client *a = client_new(0);
    struct client *b = client_new(0);

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int rc = outcome(a, b, table[i].inside, table[i].outside);

        if (rc != table[i].rc)
            fail_msg("row %zu: got %d, expected %d", i, rc, table[i].rc);
    }
    client_end(a);
    client_end(b);
}

/*
 * Two counters moved about by interleaved transactions: their sum may never
 * change, and no committed increment may be lost.
 */
#define TXS 6

static long number_at(struct client *c, uint32_t tx, const char *path)
{
    const char *v;

    assert_int_equal(get(c, tx, path, &v), 0);
    return strtol(v, NULL, 10);
}

static void put_number(struct client *c, uint32_t tx, const char *path, long n)
{
    char text[24];

    snprintf(text, sizeof(text), "%ld", n);
    assert_int_equal(put(c, tx, path, text), 0);
}

static void as_if_one_after_the_other(void **state)
{
    struct client *c[TXS];
    uint32_t tx[TXS] = {0};
    long from[TXS];
    long expect[4] = {0};
    int committed = 0;
    int lost = 0;

    (void)state;
    srandom(3);
    for (int i = 0; i < TXS; i++)
        c[i] = client_new(0);
    for (int i = 0; i < 4; i++) {
        char path[16];

        snprintf(path, sizeof(path), "/n/%d", i);
        put_number(c[0], 0, path, 0);
    }
    for (int step = 0; step < 20000; step++) {
        int i = (int)(random() % TXS);
        char p[16];
        char q[16];

        if (tx[i] == 0) {
            tx[i] = tx_begin(c[i]);
            from[i] = random() % 4;
            continue;
        }
        snprintf(p, sizeof(p), "/n/%ld", from[i]);
        snprintf(q, sizeof(q), "/n/%ld", (from[i] + 1) % 4);
        if (random() % 2 == 0) {
            put_number(c[i], tx[i], p, number_at(c[i], tx[i], p) - 1);
            put_number(c[i], tx[i], q, number_at(c[i], tx[i], q) + 1);
            if (tx_end(c[i], tx[i], true) == 0) {
                expect[from[i]]--;
                expect[(from[i] + 1) % 4]++;
                committed++;
            } else {
                lost++;
            }
        } else {
            tx_end(c[i], tx[i], false);
        }
        tx[i] = 0;
    }
    for (int i = 0; i < 4; i++) {
        char path[16];

        snprintf(path, sizeof(path), "/n/%d", i);
        assert_int_equal(number_at(c[0], 0, path), expect[i]);
    }
    assert_true(committed > 1000);
    assert_true(lost > 100);
    for (int i = 0; i < TXS; i++)
        client_end(c[i]);
}

/* Different homes: every one commits, whatever the others do. */
static void strangers_never_conflict(void **state)
{
    struct client *c[8];
    uint32_t tx[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        c[i] = client_new(0);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 8; i++)
            tx[i] = tx_begin(c[i]);
        for (int i = 0; i < 8; i++) {
            char path[64];

            snprintf(path, sizeof(path), "/local/domain/%d/r%d", i + 1, round);
            if (round == 0) {
                /* The first ones make the common parents: one after another. */
                tx_end(c[i], tx[i], false);
                assert_int_equal(put(c[i], 0, path, "x"), 0);
                tx[i] = tx_begin(c[i]);
            } else {
                assert_int_equal(put(c[i], tx[i], path, "x"), 0);
            }
        }
        for (int i = 0; i < 8; i++)
            assert_int_equal(tx_end(c[i], tx[i], true), 0);
    }
    assert_int_equal(node_nr_kids(tree_find(store.root, "/local/domain/8")),
                     50);
    assert_int_equal(store.nr_conflicts, 0);
    for (int i = 0; i < 8; i++)
        client_end(c[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(isolation),
        STORE_TEST(watches_fire_at_the_end),
        STORE_TEST(what_conflicts),
        STORE_TEST(as_if_one_after_the_other),
        STORE_TEST(strangers_never_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
