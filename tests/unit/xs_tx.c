/* SPDX-License-Identifier: MIT */
/*
 * Transactions: isolation, what conflicts and what merges, and, by brute
 * force, that committed ones are as if they had run one after the other.
 */
#include <errno.h>

#include "xs_fixture.h"

/* The address sanitizer's count; its header is not always installed. */
size_t __sanitizer_get_current_allocated_bytes(void);

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

/* A guest with a home of its own. */
static struct client *guest_with_home(struct client *dom0, uint32_t domid)
{
    struct client *g = client_new(domid);
    char path[64];
    char perms[16];

    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    snprintf(perms, sizeof(perms), "n%u", domid);
    assert_int_equal(ask_path(dom0, XS_MKDIR, 0, path, NULL), 0);
    assert_int_equal(set_perms(dom0, path, perms), 0);
    return g;
}

#define REPEATS 100000

/* Whoever repeats itself must not make us keep each time: it is our memory. */
static void one_path_over_and_over(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 6);
    static char value[2049];
    size_t before;
    uint32_t tx;

    (void)state;
    memset(value, 'x', sizeof(value) - 1);
    assert_int_equal(put(g, 0, "v", value), 0);
    tx = tx_begin(g);
    before = __sanitizer_get_current_allocated_bytes();
    for (int i = 0; i < REPEATS; i++) {
        snprintf(value + 2000, 49, "%048d", i);
        assert_int_equal(put(g, tx, "v", value), 0);
    }
    assert_true(__sanitizer_get_current_allocated_bytes() < before + 65536);
    /* Merged on top of somebody else's change, it is the last value. */
    assert_int_equal(put(dom0, 0, "/other", ""), 0);
    assert_int_equal(tx_end(g, tx, true), 0);
    assert_value(g, 0, "v", value);
    client_end(g);
    client_end(dom0);
}

/* What cannot be kept once only is counted, and refused in the end. */
static int many_changes(struct client *g, uint32_t tx, int *nr)
{
    static const char perms[] = "p\0n6\0r1";
    int rc = 0;

    for (*nr = 0; *nr < REPEATS && rc == 0; (*nr)++) {
        switch (*nr % 4) {
        case 0:
            rc = put(g, tx, "p", "");
            break;
        case 1:
            rc = ask(g, XS_SET_PERMS, tx, perms, sizeof(perms), NULL);
            break;
        case 2:
            rc = ask_path(g, XS_MKDIR, tx, "p/kid", NULL);
            break;
        default:
            rc = ask_path(g, XS_RM, tx, "p", NULL);
            break;
        }
    }
    return rc;
}

static void changes_are_limited(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 6);
    uint32_t tx = tx_begin(g);
    size_t before = __sanitizer_get_current_allocated_bytes();
    int nr;

    (void)state;
    assert_int_equal(many_changes(g, tx, &nr), -ENOSPC);
    assert_true(nr > 1000);
    assert_true(__sanitizer_get_current_allocated_bytes() <
                before + 1024 * 1024);
    assert_int_equal(tx_end(g, tx, true), 0);
    assert_int_equal(put(g, 0, "p", "goes on"), 0);
    /* dom0 has no limits. */
    tx = tx_begin(dom0);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(ask_path(dom0, XS_MKDIR, tx, "/q/r", NULL), 0);
        assert_int_equal(ask_path(dom0, XS_RM, tx, "/q", NULL), 0);
    }
    assert_int_equal(tx_end(dom0, tx, true), 0);
    client_end(g);
    client_end(dom0);
}

/* Limits hold for the sum of transactions, not only inside of each. */
static void limits_hold_at_the_end(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 6);
    struct account *a = account_find(&store.accounts, 6);
    static char value[1001];
    uint32_t tx[4];

    (void)state;
    memset(value, 'x', sizeof(value) - 1);
    store.quotas.limit[QUOTA_NODES] = 25;
    for (int i = 0; i < 4; i++) {
        tx[i] = tx_begin(g);
        for (int j = 0; j < 10; j++) {
            char path[32];

            snprintf(path, sizeof(path), "t%d-%d", i, j);
            assert_int_equal(put(g, tx[i], path, value), 0);
        }
    }
    /* Its home and ten nodes each; no memory for the second ten. */
    assert_int_equal(tx_end(g, tx[0], true), 0);
    store.quotas.limit[QUOTA_MEMORY] = a->bytes + 5000;
    assert_int_equal(tx_end(g, tx[1], true), -ENOSPC);
    store.quotas.limit[QUOTA_MEMORY] = 1 << 20;
    assert_int_equal(tx_end(g, tx[2], true), 0);
    assert_int_equal(tx_end(g, tx[3], true), -ENOSPC);
    assert_int_equal(a->nodes, 21);
    /* Nothing of it was applied, the transaction is over. */
    assert_int_equal(ask_path(g, XS_READ, 0, "t3-0", NULL), -ENOENT);
    assert_int_equal(ask_path(g, XS_READ, tx[3], "t3-0", NULL), -ENOENT);
    assert_int_equal(g->conn->nr_txs, 0);
    /* To have less is always possible. */
    store.quotas.limit[QUOTA_NODES] = 5;
    tx[0] = tx_begin(g);
    assert_int_equal(ask_path(g, XS_RM, tx[0], "t0-0", NULL), 0);
    assert_int_equal(put(dom0, 0, "/other", ""), 0);
    assert_int_equal(tx_end(g, tx[0], true), 0);
    client_end(g);
    client_end(dom0);
}

/* Long paths cost what they are long. */
static void long_paths_are_limited(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 6);
    uint32_t tx = tx_begin(g);
    char path[2000];
    int rc = 0;
    int i;

    (void)state;
    memset(path, 'a', sizeof(path));
    for (i = 0; i < 900 && rc == 0; i++) {
        snprintf(path + 1900, 50, "%d", i);
        rc = ask_path(g, XS_READ, tx, path, NULL);
        rc = rc == -ENOENT ? 0 : rc;
    }
    assert_int_equal(rc, -ENOSPC);
    assert_true(i > 200);
    client_end(g);
    client_end(dom0);
}

/*
 * A change may take an earlier one's place only where nothing in between makes
 * a difference: each of these must be the same, merged or not.
 */
enum step_kind {
    STEP_END,
    STEP_WRITE,
    STEP_MKDIR,
    STEP_RM,
    STEP_PERMS,
};
struct step {
    enum step_kind kind;
    const char *path;
    const char *arg;
};

static const struct step scripts[][8] = {
    /* The second value must not go with the node it did not mean. */
    {{STEP_WRITE, "/s/a", "1"},
     {STEP_RM, "/s/a", NULL},
     {STEP_WRITE, "/s/a", "2"}},
    {{STEP_WRITE, "/s/a/b", "1"},
     {STEP_RM, "/s/a", NULL},
     {STEP_WRITE, "/s/a/b", "2"}},
    {{STEP_WRITE, "/s/a", "1"},
     {STEP_RM, "/s/a", NULL},
     {STEP_WRITE, "/s/a", "2"},
     {STEP_WRITE, "/s/b", "1"},
     {STEP_WRITE, "/s/a", "3"}},
    /* The kid inherits what its parent had then; the later one what now. */
    {{STEP_MKDIR, "/s/a", NULL},
     {STEP_PERMS, "/s/a", "n0 r5"},
     {STEP_WRITE, "/s/a/kid", "1"},
     {STEP_PERMS, "/s/a", "n0 r7"},
     {STEP_WRITE, "/s/a/young", "1"}},
    {{STEP_WRITE, "/s/a", "1"},
     {STEP_PERMS, "/s/a", "n0 r5"},
     {STEP_PERMS, "/s/a", "n0 r7"},
     {STEP_WRITE, "/s/a", "2"},
     {STEP_PERMS, "/s/a", "n0 b7"}},
    {{STEP_PERMS, "/s/old", "n0 r5"},
     {STEP_RM, "/s/old", NULL},
     {STEP_WRITE, "/s/old", "1"},
     {STEP_PERMS, "/s/old", "n0 r7"}},
    /* Values before and after permissions, kids made in between. */
    {{STEP_WRITE, "/s/old", "1"},
     {STEP_PERMS, "/s", "n0 w5"},
     {STEP_MKDIR, "/s/old/kid", NULL},
     {STEP_WRITE, "/s/old", "2"},
     {STEP_PERMS, "/s/old", "n0 r7"},
     {STEP_WRITE, "/s/old/kid", "3"},
     {STEP_WRITE, "/s/old", ""}},
};

static int take_step(struct client *c, uint32_t tx, const struct step *s)
{
    char buf[128];
    size_t at = strlen(s->path) + 1;

    memcpy(buf, s->path, at);
    switch (s->kind) {
    case STEP_WRITE:
        return put(c, tx, s->path, s->arg);
    case STEP_PERMS:
        for (const char *p = s->arg; *p != '\0'; p++)
            buf[at++] = *p == ' ' ? '\0' : *p;
        buf[at++] = '\0';
        return ask(c, XS_SET_PERMS, tx, buf, at, NULL);
    case STEP_RM:
        return ask_path(c, XS_RM, tx, s->path, NULL);
    default:
        return ask_path(c, XS_MKDIR, tx, s->path, NULL);
    }
}

/* The subtree as text: names, values, permissions. */
static void picture(const struct node *n, void *arg)
{
    FILE *f = arg;

    fprintf(f, "%s=%.*s", n->name->data,
            n->value != NULL ? (int)n->value->len_bytes : 0,
            n->value != NULL ? n->value->data : "");
    for (uint32_t i = 0; i < n->perms->nr; i++)
        fprintf(f, " %c%u", n->perms->e[i].access, n->perms->e[i].domid);
    fputc('\n', f);
}

/* What the store looks like afterwards, and the answers on the way. */
static void run_script(struct client *c, const struct step *s, bool in_tx,
                       char *out, size_t room)
{
    FILE *f = fmemopen(out, room, "w");
    uint32_t tx;

    assert_non_null(f);
    assert_int_equal(put(c, 0, "/s/old", "0"), 0);
    tx = in_tx ? tx_begin(c) : 0;
    for (; s->kind != STEP_END; s++)
        fprintf(f, "%d\n", take_step(c, tx, s));
    if (in_tx) {
        /* So that the changes are made again. */
        assert_int_equal(put(c, 0, "/elsewhere", ""), 0);
        assert_int_equal(tx_end(c, tx, true), 0);
    }
    node_walk(tree_find(store.root, "/s"), picture, f);
    fclose(f);
    assert_int_equal(store_check(&store), 0);
    assert_int_equal(ask_path(c, XS_RM, 0, "/s", NULL), 0);
    assert_int_equal(ask_path(c, XS_RM, 0, "/elsewhere", NULL), 0);
}

static void same_either_way(struct client *c, const struct step *script)
{
    char plain[1024] = "";
    char merged[1024] = "";

    run_script(c, script, false, plain, sizeof(plain));
    run_script(c, script, true, merged, sizeof(merged));
    assert_string_equal(merged, plain);
}

static void merged_as_if_made_one_by_one(void **state)
{
    struct client *c = client_new(0);

    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        same_either_way(c, scripts[i]);
    client_end(c);
}

static void the_same_with_anything(void **state)
{
    static const char *const paths[] = {"/s",     "/s/a",   "/s/a/b",
                                        "/s/old", "/s/a/c", "/s/old/d"};
    static const char *const lists[] = {"n0", "n0 r5", "r0 w7", "n0 b5 r7"};
    static const char *const values[] = {"", "1", "22", "333"};
    struct client *c = client_new(0);

    (void)state;
    srandom(23);
    for (int i = 0; i < 3000; i++) {
        struct step script[16] = {{STEP_END, NULL, NULL}};

        for (int j = 0; j < 15; j++) {
            struct step *s = &script[j];

            /* Removals seldom, and never of all there is. */
            s->path = paths[1 + random() % 5];
            s->kind = (enum step_kind)(STEP_WRITE + random() % 4);
            if (s->kind == STEP_RM && random() % 3 != 0)
                s->kind = STEP_WRITE;
            if (s->kind == STEP_PERMS)
                s->path = paths[random() % 6];
            s->arg =
                (s->kind == STEP_PERMS ? lists : values)[(size_t)random() % 4];
        }
        same_either_way(c, script);
    }
    client_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(isolation),
        STORE_TEST(watches_fire_at_the_end),
        STORE_TEST(what_conflicts),
        STORE_TEST(as_if_one_after_the_other),
        STORE_TEST(strangers_never_conflict),
        STORE_TEST(one_path_over_and_over),
        STORE_TEST(changes_are_limited),
        STORE_TEST(limits_hold_at_the_end),
        STORE_TEST(long_paths_are_limited),
        STORE_TEST(merged_as_if_made_one_by_one),
        STORE_TEST(the_same_with_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
