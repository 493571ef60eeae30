/* SPDX-License-Identifier: MIT */
/*
 * Requests as clients make them: nodes, permissions, watches, quotas, domains,
 * and the errors the protocol promises.
 */
#include <errno.h>

#include "xs_fixture.h"

static void nodes(void **state)
{
    struct client *c = client_new(0);
    struct message m;

    (void)state;
    assert_int_equal(put(c, 0, "/a/b/c", "hello"), 0);
    assert_value(c, 0, "/a/b/c", "hello");
    assert_value(c, 0, "/a/b", "");
    assert_int_equal(put(c, 0, "/a/b/c", ""), 0);
    assert_value(c, 0, "/a/b/c", "");
    assert_int_equal(ask_path(c, XS_READ, 0, "/a/x", NULL), -ENOENT);
    assert_int_equal(ask_path(c, XS_MKDIR, 0, "/a/d", NULL), 0);
    assert_int_equal(ask_path(c, XS_MKDIR, 0, "/a/d", NULL), 0);
    assert_int_equal(ask_path(c, XS_DIRECTORY, 0, "/a", &m), 0);
    assert_int_equal(m.hdr.len, 4);
    assert_memory_equal(m.data, "b\0d", 4);
    assert_int_equal(ask_path(c, XS_RM, 0, "/a/b", NULL), 0);
    assert_int_equal(ask_path(c, XS_READ, 0, "/a/b/c", NULL), -ENOENT);
    assert_int_equal(ask_path(c, XS_RM, 0, "/a/b", NULL), 0);
    assert_int_equal(ask_path(c, XS_RM, 0, "/no/where", NULL), -ENOENT);
    assert_int_equal(ask_path(c, XS_RM, 0, "/", NULL), -EINVAL);
    client_end(c);
}

static void values_are_bytes(void **state)
{
    struct client *c = client_new(0);
    struct message m;

    (void)state;
    assert_int_equal(ask(c, XS_WRITE, 0, "/v\0a\0b\0", 7, NULL), 0);
    assert_int_equal(ask_path(c, XS_READ, 0, "/v", &m), 0);
    assert_int_equal(m.hdr.len, 4);
    assert_memory_equal(m.data, "a\0b", 4);
    client_end(c);
}

static void malformed_requests(void **state)
{
    struct client *c = client_new(0);

    (void)state;
    assert_int_equal(ask(c, XS_READ, 0, "/a", 2, NULL), -EINVAL);
    assert_int_equal(ask(c, XS_READ, 0, "", 0, NULL), -EINVAL);
    assert_int_equal(ask(c, XS_READ, 0, "/a\0/b", 6, NULL), -EINVAL);
    assert_int_equal(ask_path(c, XS_READ, 0, "/a//b", NULL), -EINVAL);
    assert_int_equal(ask_path(c, XS_READ, 0, "/a b", NULL), -EINVAL);
    assert_int_equal(ask_path(c, XS_READ, 0, "@introduceDomain", NULL),
                     -EINVAL);
    assert_int_equal(put(c, 0, "@introduceDomain", "x"), -EINVAL);
    assert_int_equal(ask(c, XS_WATCH, 0, "/a\0t", 4, NULL), -EINVAL);
    assert_int_equal(ask_path(c, XS_WATCH, 0, "/a", NULL), -EINVAL);
    assert_int_equal(watch(c, "@nonsense", "t"), -EINVAL);
    assert_int_equal(ask(c, XS_SET_PERMS, 0, "/", 2, NULL), -EINVAL);
    assert_int_equal(ask(c, XS_SET_PERMS, 0, "/\0q1", 5, NULL), -EINVAL);
    assert_int_equal(ask_path(c, 20, 0, "x", NULL), -ENOSYS);
    assert_int_equal(ask_path(c, XS_WATCH_EVENT, 0, "x", NULL), -ENOSYS);
    assert_int_equal(ask_path(c, 12345, 0, "x", NULL), -ENOSYS);
    assert_int_equal(ask_path(c, XS_READ, 99, "/", NULL), -ENOENT);
    assert_int_equal(ask(c, XS_INTRODUCE, 0,
                         "1\0"
                         "2",
                         4, NULL),
                     -EINVAL);
    assert_int_equal(ask(c, XS_INTRODUCE, 0,
                         "0\0"
                         "2\0"
                         "3",
                         6, NULL),
                     -EINVAL);
    assert_int_equal(ask_path(c, XS_RELEASE, 0, "7", NULL), -ENOENT);
    client_end(c);
}

static void too_long_a_message_ends_the_connection(void **state)
{
    struct xsd_sockmsg hdr = {.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1};
    struct client *c = client_new(0);
    struct client *ring = client_new(3);

    (void)state;
    send_raw(c, &hdr, sizeof(hdr));
    run();
    assert_true(c->closed);
    client_end(c);

    /* A ring stays but is not heard, until it is reset. */
    ring->stays = true;
    assert_int_equal(watch(ring, "data", "t"), 0);
    send_raw(ring, &hdr, sizeof(hdr));
    run();
    assert_false(ring->closed);
    assert_true(ring->conn->ignored);
    assert_int_equal(ring->conn->nr_watches, 0);
    ring->from_at = ring->from_len = ring->to_at = ring->to_len = 0;
    post(ring, XS_READ, 0, "/", 2);
    expect_nothing(ring);
    conn_reset(ring->conn);
    ring->to_at = ring->to_len = 0;
    assert_int_equal(ask_path(ring, XS_GET_DOMAIN_PATH, 0, "3", NULL), 0);
    client_end(ring);
}

static void large_directories_come_in_parts(void **state)
{
    struct client *c = client_new(0);
    char names[20000];
    struct message m;
    size_t used = 0;
    char gen[32] = "";

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/big/a-long-name-%d", i);
        assert_int_equal(put(c, 0, path, "x"), 0);
    }
    assert_int_equal(ask_path(c, XS_DIRECTORY, 0, "/big", NULL), -E2BIG);
    for (;;) {
        char req[64];
        int n = snprintf(req, sizeof(req), "/big%c%zu", 0, used);
        size_t gen_len;

        assert_int_equal(ask(c, XS_DIRECTORY_PART, 0, req, (size_t)n + 1, &m),
                         0);
        gen_len = strlen(m.data) + 1;
        if (used > 0)
            assert_string_equal(gen, m.data);
        strcpy(gen, m.data);
        memcpy(names + used, m.data + gen_len, m.hdr.len - gen_len);
        used += m.hdr.len - gen_len;
        if (names[used - 1] == '\0' && names[used - 2] == '\0')
            break;
    }
    assert_int_equal(used - 1, node_list_bytes(tree_find(store.root, "/big")));
    client_end(c);
}

static void permissions(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g1 = client_new(1);
    struct client *g2 = client_new(2);
    struct message m;

    (void)state;
    assert_int_equal(put(dom0, 0, "/local/domain/1/name", "one"), 0);
    assert_int_equal(put(dom0, 0, "/local/domain/1/data", ""), 0);
    /* Not yet told who may do what: nothing for guests. */
    assert_int_equal(ask_path(g1, XS_READ, 0, "name", NULL), -EACCES);
    assert_int_equal(set_perms(dom0, "/local/domain/1/name", "n0 r1"), 0);
    assert_int_equal(set_perms(dom0, "/local/domain/1/data", "n1"), 0);
    assert_value(g1, 0, "name", "one");
    assert_value(g1, 0, "/local/domain/1/name", "one");
    assert_int_equal(ask_path(g2, XS_READ, 0, "/local/domain/1/name", NULL),
                     -EACCES);
    assert_int_equal(put(g1, 0, "name", "x"), -EACCES);
    assert_int_equal(put(g1, 0, "data/mine", "v"), 0);
    assert_int_equal(put(g2, 0, "/local/domain/1/data/x", "v"), -EACCES);
    /* The maker owns it, inherits the rest. */
    assert_int_equal(
        ask_path(dom0, XS_GET_PERMS, 0, "/local/domain/1/data/mine", &m), 0);
    assert_string_equal(m.data, "n1");
    /* Not even whether it exists. */
    assert_int_equal(
        ask_path(g2, XS_READ, 0, "/local/domain/1/data/none", NULL), -EACCES);
    assert_int_equal(ask_path(g1, XS_READ, 0, "data/none", NULL), -ENOENT);
    /* The owner lets others in; only dom0 gives away. */
    assert_int_equal(set_perms(g1, "data/mine", "n1 b2"), 0);
    assert_int_equal(put(g2, 0, "/local/domain/1/data/mine", "by 2"), 0);
    assert_value(g1, 0, "data/mine", "by 2");
    assert_int_equal(set_perms(g1, "data/mine", "n2"), -EPERM);
    assert_int_equal(set_perms(g2, "/local/domain/1/data/mine", "n2"), -EACCES);
    assert_int_equal(set_perms(dom0, "/local/domain/1/data/mine", "n2"), 0);
    assert_int_equal(ask_path(g1, XS_READ, 0, "data/mine", NULL), -EACCES);
    /* dom0 only. */
    assert_int_equal(ask_path(g1, XS_CONTROL, 0, "check", NULL), -EACCES);
    assert_int_equal(ask_path(g1, XS_RELEASE, 0, "2", NULL), -EACCES);
    client_end(dom0);
    client_end(g1);
    client_end(g2);
}

static void a_new_domain_does_not_inherit_an_old_ones_rights(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g;

    (void)state;
    assert_int_equal(ask(dom0, XS_INTRODUCE, 0,
                         "5\0"
                         "1\0"
                         "1",
                         6, NULL),
                     0);
    assert_int_equal(put(dom0, 0, "/secret", "old"), 0);
    assert_int_equal(put(dom0, 0, "/owned", "old"), 0);
    assert_int_equal(set_perms(dom0, "/secret", "n0 r5"), 0);
    assert_int_equal(set_perms(dom0, "/owned", "n5"), 0);
    g = client_new(5);
    assert_value(g, 0, "/secret", "old");
    assert_int_equal(account_find(&store.accounts, 5)->nodes, 1);
    client_end(g);
    assert_int_equal(ask_path(dom0, XS_RELEASE, 0, "5", NULL), 0);

    assert_int_equal(ask(dom0, XS_INTRODUCE, 0,
                         "5\0"
                         "1\0"
                         "1",
                         6, NULL),
                     0);
    g = client_new(5);
    assert_int_equal(ask_path(g, XS_READ, 0, "/secret", NULL), -EACCES);
    assert_int_equal(ask_path(g, XS_READ, 0, "/owned", NULL), -EACCES);
    assert_int_equal(account_find(&store.accounts, 5)->nodes, 0);
    assert_int_equal(ask_path(dom0, XS_RM, 0, "/owned", NULL), 0);
    assert_int_equal(account_find(&store.accounts, 5)->nodes, 0);
    client_end(g);
    client_end(dom0);
}

static void watches(void **state)
{
    struct client *a = client_new(0);
    struct client *b = client_new(0);

    (void)state;
    assert_int_equal(watch(a, "/w/x", "t1"), 0);
    expect_event(a, "/w/x", "t1");
    assert_int_equal(watch(a, "/w/x", "t1"), -EEXIST);
    assert_int_equal(watch(a, "/w/x", "t2"), 0);
    expect_event(a, "/w/x", "t2");
    assert_int_equal(unwatch(a, "/w/x", "t2"), 0);
    assert_int_equal(unwatch(a, "/w/x", "t2"), -ENOENT);
    assert_int_equal(put(b, 0, "/w/x", "1"), 0);
    expect_event(a, "/w/x", "t1");
    assert_int_equal(put(b, 0, "/w/x/deep/er", "1"), 0);
    expect_event(a, "/w/x/deep/er", "t1");
    assert_int_equal(put(b, 0, "/w/y", "1"), 0);
    assert_int_equal(put(b, 0, "/w", "1"), 0);
    expect_nothing(a);
    /* Removing what is above tells each watch below, if it was there. */
    assert_int_equal(watch(a, "/w/x/deep/er", "t3"), 0);
    expect_event(a, "/w/x/deep/er", "t3");
    assert_int_equal(watch(a, "/w/x/not/there", "t4"), 0);
    expect_event(a, "/w/x/not/there", "t4");
    assert_int_equal(ask_path(b, XS_RM, 0, "/w", NULL), 0);
    expect_event(a, "/w/x", "t1");
    expect_event(a, "/w/x/deep/er", "t3");
    expect_nothing(a);
    /* Nothing left of them. */
    assert_int_equal(ask(a, XS_RESET_WATCHES, 0, "", 1, NULL), 0);
    assert_int_equal(store.watches.nr_watches, 0);
    assert_int_equal(store.watches.nr_points, 0);
    client_end(a);
    client_end(b);
}

static void watch_depth(void **state)
{
    struct client *c = client_new(0);

    (void)state;
    assert_int_equal(ask(c, XS_WATCH, 0,
                         "/d\0t\0"
                         "1",
                         7, NULL),
                     0);
    expect_event(c, "/d", "t");
    assert_int_equal(put(c, 0, "/d/e/f", "1"), 0);
    expect_nothing(c);
    assert_int_equal(put(c, 0, "/d/e", "1"), 0);
    expect_event(c, "/d/e", "t");
    client_end(c);
}

static void relative_watches_and_permission_to_know(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = client_new(4);

    (void)state;
    assert_int_equal(put(dom0, 0, "/local/domain/4/device", ""), 0);
    assert_int_equal(set_perms(dom0, "/local/domain/4/device", "n0 r4"), 0);
    assert_int_equal(watch(g, "device", "tok"), 0);
    expect_event(g, "device", "tok");
    assert_int_equal(watch(g, "/", "all"), 0);
    expect_event(g, "/", "all");
    assert_int_equal(put(dom0, 0, "/local/domain/4/device/vif", "1"), 0);
    expect_event(g, "/local/domain/4/device/vif", "all");
    expect_event(g, "device/vif", "tok");
    /* What it may not read it does not learn about. */
    assert_int_equal(put(dom0, 0, "/hidden", "1"), 0);
    expect_nothing(g);
    assert_int_equal(ask_path(dom0, XS_RM, 0, "/hidden", NULL), 0);
    expect_nothing(g);
    client_end(dom0);
    client_end(g);
}

static void special_watches(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = client_new(9);
    struct message m;

    (void)state;
    assert_int_equal(watch(dom0, "@introduceDomain", "i"), 0);
    expect_event(dom0, "@introduceDomain", "i");
    assert_int_equal(watch(dom0, "@releaseDomain", "r"), 0);
    expect_event(dom0, "@releaseDomain", "r");
    assert_int_equal(watch(g, "@releaseDomain", "g"), 0);
    expect_event(g, "@releaseDomain", "g");
    assert_int_equal(ask(dom0, XS_INTRODUCE, 0,
                         "7\0"
                         "100\0"
                         "1",
                         8, NULL),
                     0);
    expect_event(dom0, "@introduceDomain", "i");
    /* Once more with the same page: no news. */
    assert_int_equal(ask(dom0, XS_INTRODUCE, 0,
                         "7\0"
                         "100\0"
                         "2",
                         8, NULL),
                     0);
    expect_nothing(dom0);
    assert_int_equal(ask(dom0, XS_INTRODUCE, 0,
                         "7\0"
                         "101\0"
                         "2",
                         8, NULL),
                     -EINVAL);
    assert_int_equal(ask_path(dom0, XS_IS_DOMAIN_INTRODUCED, 0, "7", &m), 0);
    assert_string_equal(m.data, "T");
    assert_int_equal(ask_path(dom0, XS_RELEASE, 0, "7", NULL), 0);
    expect_event(dom0, "@releaseDomain", "r");
    expect_nothing(g);
    assert_int_equal(ask_path(dom0, XS_IS_DOMAIN_INTRODUCED, 0, "7", &m), 0);
    assert_string_equal(m.data, "F");
    assert_int_equal(ask_path(dom0, XS_GET_DOMAIN_PATH, 0, "7", &m), 0);
    assert_string_equal(m.data, "/local/domain/7");
    /* Once allowed, a guest learns of it too. */
    assert_int_equal(set_perms(dom0, "@releaseDomain", "n0 r9"), 0);
    assert_int_equal(ask(dom0, XS_INTRODUCE, 0,
                         "7\0"
                         "100\0"
                         "1",
                         8, NULL),
                     0);
    assert_int_equal(ask_path(dom0, XS_RELEASE, 0, "7", NULL), 0);
    expect_event(g, "@releaseDomain", "g");
    client_end(dom0);
    client_end(g);
}

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

static void quotas(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 6);
    static char big[4000];
    char name[32];
    int rc = 0;
    int i;

    (void)state;
    /* Its home counts as its own. */
    for (i = 0; i < 2000 && rc == 0; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        rc = put(g, 0, name, "");
    }
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(i, 1000);
    assert_int_equal(put(g, 0, "n0", "still writable"), 0);
    assert_int_equal(ask_path(g, XS_RM, 0, "n1", NULL), 0);
    assert_int_equal(put(g, 0, "fresh", ""), 0);
    assert_int_equal(ask_path(g, XS_MKDIR, 0, "one-more", NULL), -ENOSPC);

    memset(big, 'x', sizeof(big) - 1);
    big[2048] = '\0';
    assert_int_equal(put(g, 0, "n0", big), 0);
    big[2048] = 'x';
    big[2049] = '\0';
    assert_int_equal(put(g, 0, "n0", big), -ENOSPC);
    assert_int_equal(put(dom0, 0, "/d", big), 0);

    for (i = 0, rc = 0; i < 2000 && rc == 0; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        rc = watch(g, "n0", name);
    }
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(i, 129);

    for (i = 0; i < 10; i++)
        tx_begin(g);
    assert_int_equal(ask_path(g, XS_TRANSACTION_START, 0, "", NULL), -ENOSPC);
    assert_int_equal(set_perms(g, "n0", "n6 r1 r2 r3 r4"), 0);
    assert_int_equal(set_perms(g, "n0", "n6 r1 r2 r3 r4 r5"), -ENOSPC);
    client_end(g);
    client_end(dom0);
}

/* Every component of a watched path costs memory, there or not. */
static void quota_of_watch_memory(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 6);
    char path[2001];
    char token[16];
    int rc = 0;
    int i;

    (void)state;
    for (i = 0; i < 1000; i++)
        memcpy(path + 2 * i, "a/", 3);
    path[1999] = '\0';
    for (i = 0; i < 128 && rc == 0; i++) {
        path[0] = (char)('a' + i % 26);
        snprintf(token, sizeof(token), "%d", i);
        rc = watch(g, path, token);
    }
    assert_int_equal(rc, -ENOSPC);
    assert_in_range(i, 2, 20);
    assert_int_equal(watch(g, "device/vbd/51712/state", "plain"), 0);
    /* One that goes makes room for another. */
    path[0] = 'a';
    assert_int_equal(watch(g, path, "more"), -ENOSPC);
    assert_int_equal(unwatch(g, path, "0"), 0);
    assert_int_equal(watch(g, path, "more"), 0);
    assert_int_equal(ask_path(g, XS_RESET_WATCHES, 0, "", NULL), 0);
    assert_int_equal(g->conn->watch_bytes, 0);
    /* The ordinary ones of a guest all fit, and dom0's always. */
    for (i = 0; i < 128; i++) {
        snprintf(path, sizeof(path),
                 "/local/domain/0/backend/vbd/6/51712/%d/hotplug-status", i);
        assert_int_equal(watch(g, path, "ffff888000123456"), 0);
    }
    memset(path, '/', sizeof(path) - 1);
    for (i = 0; i < 1000; i++)
        path[2 * i + 1] = 'b';
    for (i = 0; i < 20; i++) {
        snprintf(token, sizeof(token), "%d", i);
        assert_int_equal(watch(dom0, path, token), 0);
    }
    client_end(g);
    client_end(dom0);
}

static void quota_in_transactions(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 6);
    uint32_t tx = tx_begin(g);
    char name[32];
    int rc = 0;
    int i;

    (void)state;
    store.quotas.limit[QUOTA_NODES] = 50;
    for (i = 0; i < 100 && rc == 0; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        rc = put(g, tx, name, "");
    }
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(i, 50);
    assert_int_equal(tx_end(g, tx, true), 0);
    assert_int_equal(account_find(&store.accounts, 6)->nodes, 50);
    store.quotas.limit[QUOTA_TX_NODES] = 20;
    tx = tx_begin(g);
    for (i = 0, rc = 0; i < 100 && rc == 0; i++) {
        const char *value;

        snprintf(name, sizeof(name), "n%d", i % 49);
        rc = get(g, tx, name, &value);
    }
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(i, 21);
    assert_int_equal(tx_end(g, tx, false), 0);
    client_end(g);
    client_end(dom0);
}

/* A guest that does not read: bounded, and nothing is lost for good. */
static void unread_events_are_merged(void **state)
{
    struct client *dom0 = client_new(0);
    struct client *g = guest_with_home(dom0, 8);
    struct message m;
    int nr = 0;
    bool merged = false;

    (void)state;
    assert_int_equal(ask_path(dom0, XS_MKDIR, 0, "/local/domain/8/w", NULL), 0);
    assert_int_equal(set_perms(dom0, "/local/domain/8/w", "n8"), 0);
    assert_int_equal(watch(g, "w", "t"), 0);
    expect_event(g, "w", "t");
    g->from_room = 0;
    for (int i = 0; i < 3000; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/local/domain/8/w/%d", i % 500);
        assert_int_equal(put(dom0, 0, path, "x"), 0);
        if (i < 500)
            assert_int_equal(set_perms(dom0, path, "n8"), 0);
    }
    assert_int_equal(g->conn->nr_events, store.quotas.limit[QUOTA_EVENTS] + 1);
    /* Its requests wait while its output does. */
    post(g, XS_READ, 0, "w", 2);
    run();
    g->from_room = SIZE_MAX;
    conn_make_ready(g->conn);
    run();
    while (receive(g, &m)) {
        if (m.hdr.type == XS_WATCH_EVENT) {
            nr++;
            merged |= strcmp(m.data, "w") == 0;
        }
    }
    assert_int_equal(nr, store.quotas.limit[QUOTA_EVENTS] + 1);
    assert_true(merged);
    assert_int_equal(m.hdr.type, XS_READ);
    /* And again as usual. */
    assert_int_equal(put(dom0, 0, "/local/domain/8/w/1", "y"), 0);
    expect_event(g, "w/1", "t");
    client_end(g);
    client_end(dom0);
}

static void control(void **state)
{
    struct client *c = client_new(0);
    struct message m;

    (void)state;
    assert_int_equal(ask_path(c, XS_CONTROL, 0, "help", &m), 0);
    assert_non_null(strstr(m.data, "memreport"));
    assert_int_equal(ask_path(c, XS_CONTROL, 0, "check", &m), 0);
    assert_string_equal(m.data, "OK");
    assert_int_equal(ask(c, XS_CONTROL, 0,
                         "quota\0set\0nodes\0"
                         "5",
                         18, &m),
                     0);
    assert_int_equal(store.quotas.limit[QUOTA_NODES], 5);
    assert_int_equal(ask(c, XS_CONTROL, 0,
                         "quota\0set\0nope\0"
                         "5",
                         17, &m),
                     -ENOENT);
    assert_int_equal(ask_path(c, XS_CONTROL, 0, "quota", &m), 0);
    assert_int_equal(ask_path(c, XS_CONTROL, 0, "memreport", &m), 0);
    assert_int_equal(ask_path(c, XS_CONTROL, 0, "nonsense", &m), -ENOENT);
    client_end(c);
}

static void nobody_waits_behind_a_talker(void **state)
{
    struct client *talker = client_new(0);
    struct client *other = client_new(0);
    struct message m;

    (void)state;
    for (int i = 0; i < 1000; i++)
        post(talker, XS_DIRECTORY, 0, "/", 2);
    post(other, XS_DIRECTORY, 0, "/", 2);
    conns_run(&store);
    assert_true(receive(other, &m));
    assert_true(store.nr_requests < 100);
    run();
    client_end(talker);
    client_end(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(nodes),
        STORE_TEST(values_are_bytes),
        STORE_TEST(malformed_requests),
        STORE_TEST(too_long_a_message_ends_the_connection),
        STORE_TEST(large_directories_come_in_parts),
        STORE_TEST(permissions),
        STORE_TEST(a_new_domain_does_not_inherit_an_old_ones_rights),
        STORE_TEST(watches),
        STORE_TEST(watch_depth),
        STORE_TEST(relative_watches_and_permission_to_know),
        STORE_TEST(special_watches),
        STORE_TEST(quotas),
        STORE_TEST(quota_of_watch_memory),
        STORE_TEST(quota_in_transactions),
        STORE_TEST(unread_events_are_merged),
        STORE_TEST(control),
        STORE_TEST(nobody_waits_behind_a_talker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
