/* SPDX-License-Identifier: MIT */
/*
 * A store in memory and clients that talk to it by bytes, without sockets or
 * rings: for the xs_* tests.
 */
#ifndef TESTS_UNIT_XS_FIXTURE_H
#define TESTS_UNIT_XS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libs/daemon/log.h"
#include "libs/xs/wire.h"
#include "xenstored/conn.h"
#include "xenstored/domain.h"
#include "xenstored/store.h"
#include "xenstored/tree.h"

#define MSG_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)

/* What the client sent and has not been read; what it was sent. */
struct client {
    struct conn *conn;
    char to[65536];
    size_t to_len;
    size_t to_at;
    char from[1 << 20];
    size_t from_len;
    size_t from_at;
    size_t from_room; /* bytes it takes before it is "slow" */
    bool closed;
    bool stays; /* like a ring: broken connections remain */
    uint32_t next_id;
};

static struct store store;

static ssize_t client_read(struct conn *c, void *buf, size_t len)
{
    struct client *cl = c->io_arg;
    size_t left = cl->to_len - cl->to_at;

    if (len > left)
        len = left;
    memcpy(buf, cl->to + cl->to_at, len);
    cl->to_at += len;
    if (cl->to_at == cl->to_len)
        cl->to_at = cl->to_len = 0;
    return (ssize_t)len;
}

static ssize_t client_write(struct conn *c, const void *buf, size_t len)
{
    struct client *cl = c->io_arg;

    if (len > cl->from_room)
        len = cl->from_room;
    if (len > sizeof(cl->from) - cl->from_len)
        len = sizeof(cl->from) - cl->from_len;
    memcpy(cl->from + cl->from_len, buf, len);
    cl->from_len += len;
    cl->from_room -= len;
    return (ssize_t)len;
}

static void client_want(struct conn *c, bool in, bool out)
{
    (void)c;
    (void)in;
    (void)out;
}

static bool client_broken(struct conn *c, int err)
{
    struct client *cl = c->io_arg;

    (void)err;
    return cl->stays;
}

static void client_close(struct conn *c)
{
    struct client *cl = c->io_arg;

    cl->closed = true;
    cl->conn = NULL;
}

static const struct transport client_transport = {
    .read = client_read,
    .write = client_write,
    .want = client_want,
    .broken = client_broken,
    .close = client_close,
};

static __attribute__((unused)) struct client *client_new(uint32_t domid)
{
    struct actor actor = {
        .domid = domid,
        .target = NO_TARGET,
        .privileged = domid == 0,
    };
    struct client *cl = calloc(1, sizeof(*cl));

    assert_non_null(cl);
    assert_non_null(account_open(&store.accounts, domid, store.gen));
    cl->from_room = SIZE_MAX;
    cl->conn = conn_new(&store, &actor, &client_transport, cl);
    assert_non_null(cl->conn);
    return cl;
}

static __attribute__((unused)) void client_end(struct client *cl)
{
    if (cl->conn != NULL)
        conn_free(cl->conn);
    free(cl);
}

/* Let everybody have turns until nothing moves. */
static __attribute__((unused)) void run(void)
{
    while (conns_run(&store))
        ;
}

static __attribute__((unused)) void send_raw(struct client *cl,
                                             const void *data, size_t len)
{
    assert_true(len <= sizeof(cl->to) - cl->to_len);
    memcpy(cl->to + cl->to_len, data, len);
    cl->to_len += len;
    if (cl->conn != NULL)
        conn_make_ready(cl->conn);
}

static __attribute__((unused)) uint32_t post(struct client *cl, uint32_t type,
                                             uint32_t tx, const void *data,
                                             size_t len)
{
    struct xsd_sockmsg hdr = {
        .type = type,
        .req_id = ++cl->next_id,
        .tx_id = tx,
        .len = (uint32_t)len,
    };

    send_raw(cl, &hdr, sizeof(hdr));
    send_raw(cl, data, len);
    return hdr.req_id;
}

/* Next message sent to the client; NULL: none. Payload gets a NUL behind. */
struct message {
    struct xsd_sockmsg hdr;
    char data[XENSTORE_PAYLOAD_MAX + 1];
};

static __attribute__((unused)) bool receive(struct client *cl,
                                            struct message *m)
{
    size_t left = cl->from_len - cl->from_at;

    if (left < sizeof(m->hdr))
        return false;
    memcpy(&m->hdr, cl->from + cl->from_at, sizeof(m->hdr));
    assert_true(m->hdr.len <= XENSTORE_PAYLOAD_MAX);
    if (left < sizeof(m->hdr) + m->hdr.len)
        return false;
    memcpy(m->data, cl->from + cl->from_at + sizeof(m->hdr), m->hdr.len);
    m->data[m->hdr.len] = '\0';
    cl->from_at += sizeof(m->hdr) + m->hdr.len;
    if (cl->from_at == cl->from_len)
        cl->from_at = cl->from_len = 0;
    return true;
}

/*
 * Ask and get the reply, which must come before any event of the request
 * itself. Returns 0 or the -errno replied.
 */
static __attribute__((unused)) int ask(struct client *cl, uint32_t type,
                                       uint32_t tx, const void *data,
                                       size_t len, struct message *reply)
{
    static struct message scratch;
    uint32_t id = post(cl, type, tx, data, len);

    if (reply == NULL)
        reply = &scratch;
    run();
    do {
        assert_true(receive(cl, reply));
    } while (reply->hdr.type == XS_WATCH_EVENT);
    assert_int_equal(reply->hdr.req_id, id);
    assert_int_equal(reply->hdr.tx_id, tx);
    if (reply->hdr.type == XS_ERROR)
        return xs_error_parse(reply->data, reply->hdr.len);
    assert_int_equal(reply->hdr.type, type);
    return 0;
}

static __attribute__((unused)) int ask_path(struct client *cl, uint32_t type,
                                            uint32_t tx, const char *path,
                                            struct message *reply)
{
    return ask(cl, type, tx, path, strlen(path) + 1, reply);
}

static __attribute__((unused)) int put(struct client *cl, uint32_t tx,
                                       const char *path, const char *value)
{
    char buf[XENSTORE_PAYLOAD_MAX];
    size_t len = strlen(path) + 1;

    memcpy(buf, path, len);
    memcpy(buf + len, value, strlen(value));
    return ask(cl, XS_WRITE, tx, buf, len + strlen(value), NULL);
}

/* 0 and *value (static), or -errno. */
static __attribute__((unused)) int get(struct client *cl, uint32_t tx,
                                       const char *path, const char **value)
{
    static struct message m;
    int rc = ask_path(cl, XS_READ, tx, path, &m);

    *value = m.data;
    return rc;
}

#define assert_value(cl, tx, path, want)               \
    do {                                               \
        const char *got_;                              \
        assert_int_equal(get(cl, tx, path, &got_), 0); \
        assert_string_equal(got_, want);               \
    } while (0)

/* perms as on the wire: "n0\0r1\0" is given as "n0 r1". */
static __attribute__((unused)) int set_perms(struct client *cl,
                                             const char *path,
                                             const char *perms)
{
    char buf[512];
    size_t at = strlen(path) + 1;

    memcpy(buf, path, at);
    for (; *perms != '\0'; perms++)
        buf[at++] = *perms == ' ' ? '\0' : *perms;
    buf[at++] = '\0';
    return ask(cl, XS_SET_PERMS, 0, buf, at, NULL);
}

static __attribute__((unused)) int watch(struct client *cl, const char *path,
                                         const char *token)
{
    char buf[4096];
    int n = snprintf(buf, sizeof(buf), "%s%c%s", path, 0, token);

    return ask(cl, XS_WATCH, 0, buf, (size_t)n + 1, NULL);
}

static __attribute__((unused)) int unwatch(struct client *cl, const char *path,
                                           const char *token)
{
    char buf[4096];
    int n = snprintf(buf, sizeof(buf), "%s%c%s", path, 0, token);

    return ask(cl, XS_UNWATCH, 0, buf, (size_t)n + 1, NULL);
}

/* The next event must be this one. */
static __attribute__((unused)) void expect_event(struct client *cl,
                                                 const char *path,
                                                 const char *token)
{
    static struct message m;
    const char *argv[2];

    run();
    assert_true(receive(cl, &m));
    assert_int_equal(m.hdr.type, XS_WATCH_EVENT);
    assert_int_equal(m.hdr.req_id, 0);
    assert_int_equal(m.hdr.tx_id, 0);
    assert_int_equal(xs_strings(m.data, m.hdr.len, argv, 2, 2), 2);
    assert_string_equal(argv[0], path);
    assert_string_equal(argv[1], token);
}

static __attribute__((unused)) void expect_nothing(struct client *cl)
{
    static struct message m;

    run();
    assert_false(receive(cl, &m));
}

static __attribute__((unused)) uint32_t tx_begin(struct client *cl)
{
    static struct message m;
    uint32_t id;

    assert_int_equal(ask_path(cl, XS_TRANSACTION_START, 0, "", &m), 0);
    assert_int_equal(xs_parse_u32(m.data, &id), 0);
    return id;
}

static __attribute__((unused)) int tx_end(struct client *cl, uint32_t tx,
                                          bool commit)
{
    return ask_path(cl, XS_TRANSACTION_END, tx, commit ? "T" : "F", NULL);
}

static int setup(void **state)
{
    (void)state;
    if (getenv("XS_TEST_LOG") == NULL)
        log_open("/dev/null");
    return store_init(&store);
}

static int teardown(void **state)
{
    unsigned int faults = store_check(&store);

    (void)state;
    domains_free(&store);
    store_free(&store);
    return faults != 0;
}

#define STORE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
