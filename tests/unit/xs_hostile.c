/* SPDX-License-Identifier: MIT */
/*
 * A guest that sends whatever hurts: random bytes, valid headers on random
 * payloads, requests in every order, reading slowly or not at all. Under the
 * sanitizers, and with the whole store verified on the way; dom0 must be
 * served all the while, and nothing of dom0's may be changed or seen.
 */
#include <errno.h>

#include "xs_fixture.h"

static const char *const words[] = {
    "/",
    "/a",
    "a",
    "data",
    "data/x",
    "data/x/y/z",
    "../x",
    "//",
    "/local/domain/0",
    "@introduceDomain",
    "@releaseDomain",
    "T",
    "F",
    "0",
    "1",
    "4294967295",
    "n0",
    "b666",
    "r666",
    "secret",
    "/secret",
    "tok",
    "-1",
    "check",
    "18446744073709551616",
    "/local/domain/666/data/deep/er/and/deeper",
};

#define NR_WORDS (sizeof(words) / sizeof(words[0]))

static size_t random_payload(char *buf, size_t room)
{
    size_t len = 0;
    int nr = (int)(random() % 5);

    for (int i = 0; i < nr; i++) {
        const char *w = words[(size_t)random() % NR_WORDS];
        size_t n = strlen(w) + (random() % 8 != 0);

        if (n > room - len)
            break;
        memcpy(buf + len, w, n);
        len += n;
    }
    if (random() % 10 == 0) {
        size_t n = (size_t)random() % (room - len);

        memset(buf + len, (int)random(), n);
        len += n;
    }
    return len;
}

static void post_random(struct client *g, uint32_t last_tx)
{
    char buf[XENSTORE_PAYLOAD_MAX];
    size_t len = random_payload(buf, random() % 20 ? 256 : sizeof(buf));
    uint32_t tx = random() % 3 ? 0 : (uint32_t)random() % (last_tx + 2);

    if (g->to_len + sizeof(struct xsd_sockmsg) + len > sizeof(g->to))
        return;
    post(g, (uint32_t)random() % 25, tx, buf, len);
}

static void drain(struct client *g)
{
    struct message m;

    while (receive(g, &m))
        ;
}

static void well_formed_nonsense(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = client_new(666);

    (void)state;
    srandom(11);
    assert_int_equal(put(dom0, 0, "/secret", "s"), 0);
    assert_int_equal(put(dom0, 0, "/local/domain/666/data", ""), 0);
    assert_int_equal(set_perms(dom0, "/local/domain/666/data", "n666"), 0);
    g->stays = true;
    for (int i = 0; i < 60000; i++) {
        post_random(g, g->conn->next_tx);
        if (random() % 4 == 0) {
            g->from_room = (size_t)random() % 3000;
            conn_make_ready(g->conn);
            run();
            drain(g);
        }
        if (i % 5000 == 0) {
            assert_value(dom0, 0, "/secret", "s");
            assert_int_equal(store_check(&store), 0);
        }
    }
    assert_true(account_find(&store.accounts, 666)->nodes <= 1000);
    assert_true(g->conn->nr_watches <= 128);
    assert_true(g->conn->nr_txs <= 10);
    client_end(g);
    assert_int_equal(store.watches.nr_watches, 0);
    client_end(dom0);
}

/* Not even headers that make sense. */
static void random_bytes(void **state)
{
    struct client *g = client_new(13);

    (void)state;
    srandom(5);
    g->stays = true;
    for (int i = 0; i < 20000; i++) {
        unsigned char junk[64];
        size_t n = (size_t)random() % sizeof(junk);

        for (size_t j = 0; j < n; j++)
            junk[j] = random() % 3 ? 0 : (unsigned char)random();
        if (g->to_len + n > sizeof(g->to))
            g->to_len = g->to_at = 0;
        send_raw(g, junk, n);
        run();
        drain(g);
        if (g->conn->ignored) {
            g->to_len = g->to_at = 0;
            conn_reset(g->conn);
        }
    }
    assert_int_equal(store_check(&store), 0);
    client_end(g);
}

/* One byte at a time, as a ring may deliver it. */
static void drop_by_drop(void **state)
{
    struct client *g = client_new(0);
    struct xsd_sockmsg hdr = {.type = XS_WRITE, .req_id = 7, .len = 6};
    char whole[sizeof(hdr) + 6];
    struct message m;

    (void)state;
    memcpy(whole, &hdr, sizeof(hdr));
    memcpy(whole + sizeof(hdr), "/b\0abc", 6);
    g->from_room = 0;
    for (size_t i = 0; i < sizeof(whole); i++) {
        send_raw(g, whole + i, 1);
        run();
    }
    while (!receive(g, &m)) {
        g->from_room = 1;
        conn_make_ready(g->conn);
        run();
    }
    assert_int_equal(m.hdr.type, XS_WRITE);
    assert_string_equal(m.data, "OK");
    g->from_room = SIZE_MAX;
    assert_value(g, 0, "/b", "abc");
    client_end(g);
}

/* A connection that ends in the middle of everything leaves nothing. */
static void sudden_ends(void **state)
{
    (void)state;
    srandom(17);
    for (int i = 0; i < 300; i++) {
        struct client *g = client_new(21);

        for (int j = 0; j < 40; j++)
            post_random(g, g->conn != NULL ? g->conn->next_tx : 0);
        g->from_room = (size_t)random() % 500;
        run();
        client_end(g);
        assert_int_equal(store.watches.nr_watches, 0);
        assert_int_equal(store.nr_conns, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(well_formed_nonsense),
        STORE_TEST(random_bytes),
        STORE_TEST(drop_by_drop),
        STORE_TEST(sudden_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
