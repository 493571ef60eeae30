/* SPDX-License-Identifier: MIT */
/*
 * The client library against the daemon's loop and socket, in a process of its
 * own: several clients at once, transactions that race, listings too long for
 * one message, events in between replies.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/xs/conn.h"
#include "libs/xs/wire.h"
#include "xs_server.h"

static void all_calls(void **state)
{
    struct xs *xs = connect_to();
    struct xs_perm perms[2] = {{0, 'n'}, {4, 'r'}};
    struct xs_perm *got;
    char **names;
    char *value;
    uint64_t n;
    size_t len;

    (void)state;
    assert_int_equal(xs_write(xs, 0, "/c/v", "a\0b", 3), 0);
    assert_int_equal(xs_read(xs, 0, "/c/v", &value, &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(value, "a\0b", 4);
    free(value);
    assert_int_equal(xs_writef(xs, 0, "/c/n", "%d", 4711), 0);
    assert_int_equal(xs_read_u64(xs, 0, "/c/n", &n), 0);
    assert_int_equal(n, 4711);
    assert_int_equal(xs_write_str(xs, 0, "/c/n", "12x"), 0);
    assert_int_equal(xs_read_u64(xs, 0, "/c/n", &n), -EINVAL);
    assert_int_equal(xs_read_u64(xs, 0, "/c/none", &n), -ENOENT);
    assert_int_equal(xs_mkdir(xs, 0, "/c/d"), 0);
    assert_int_equal(xs_directory(xs, 0, "/c", &names), 3);
    assert_string_equal(names[0], "d");
    assert_string_equal(names[2], "v");
    assert_null(names[3]);
    free(names);
    assert_int_equal(xs_directory(xs, 0, "/c/d", &names), 0);
    free(names);
    assert_int_equal(xs_set_perms(xs, 0, "/c/d", perms, 2), 0);
    assert_int_equal(xs_get_perms(xs, 0, "/c/d", &got), 2);
    assert_int_equal(got[0].domid, 0);
    assert_int_equal(got[0].access, 'n');
    assert_int_equal(got[1].domid, 4);
    assert_int_equal(got[1].access, 'r');
    free(got);
    assert_int_equal(xs_introduce(xs, 3, 1234, 1), 0);
    assert_int_equal(xs_is_introduced(xs, 3), 1);
    assert_int_equal(xs_resume(xs, 3), 0);
    assert_int_equal(xs_set_target(xs, 3, 3), 0);
    assert_int_equal(xs_release(xs, 3), 0);
    assert_int_equal(xs_release(xs, 3), -ENOENT);
    assert_int_equal(xs_is_introduced(xs, 3), 0);
    assert_int_equal(xs_domain_path(xs, 9, &value), 0);
    assert_string_equal(value, "/local/domain/9");
    free(value);
    assert_int_equal(xs_control(xs, 1, (const char *[]){"check"}, &value), 0);
    assert_string_equal(value, "OK");
    free(value);
    assert_int_equal(xs_rm(xs, 0, "/c"), 0);
    assert_int_equal(xs_rm(xs, 0, "/c"), 0);
    assert_int_equal(xs_read(xs, 0, "/bad path", &value, NULL), -EINVAL);
    xs_close(xs);
}

static void long_listing(void **state)
{
    struct xs *xs = connect_to();
    char **names;
    char name[64];

    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "/long/%06d", i);
        assert_int_equal(xs_mkdir(xs, 0, name), 0);
    }
    assert_int_equal(xs_directory(xs, 0, "/long", &names), 3000);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "%06d", i);
        assert_string_equal(names[i], name);
    }
    free(names);
    xs_close(xs);
}

static void expect(struct xs *xs, const char *where, const char *token)
{
    struct xs_event ev;

    assert_int_equal(xs_wait_event(xs, &ev, 5000), 1);
    assert_string_equal(ev.path, where);
    assert_string_equal(ev.token, token);
    free(ev.path);
}

static void events_between_replies(void **state)
{
    struct xs *xs = connect_to();
    struct xs_event ev;
    char *value;

    (void)state;
    assert_int_equal(xs_watch(xs, "/e", "t"), 0);
    assert_int_equal(xs_write_str(xs, 0, "/e/1", "x"), 0);
    assert_int_equal(xs_write_str(xs, 0, "/e/2", "y"), 0);
    /* The answer is found behind the queued events. */
    assert_int_equal(xs_read(xs, 0, "/e/2", &value, NULL), 0);
    assert_string_equal(value, "y");
    free(value);
    expect(xs, "/e", "t");
    expect(xs, "/e/1", "t");
    expect(xs, "/e/2", "t");
    assert_int_equal(xs_next_event(xs, &ev), 0);
    assert_int_equal(xs_unwatch(xs, "/e", "t"), 0);
    assert_int_equal(xs_write_str(xs, 0, "/e/3", "x"), 0);
    assert_int_equal(xs_wait_event(xs, &ev, 50), 0);
    xs_close(xs);
}

#define RACERS 4
#define LAPS   100

static int increment(struct xs *xs, uint32_t tx, void *arg)
{
    uint64_t n;
    int rc = xs_read_u64(xs, tx, "/race/n", &n);

    (void)arg;
    if (rc == 0)
        rc = xs_writef(xs, tx, "/race/n", "%llu", (unsigned long long)n + 1);
    return rc;
}

static void race(int who)
{
    struct xs *xs;
    char mine[32];

    if (xs_open_path(path, &xs) != 0)
        _exit(1);
    snprintf(mine, sizeof(mine), "/race/by/%d", who);
    for (int i = 0; i < LAPS; i++) {
        int rc = xs_transaction(xs, increment, NULL);

        if (rc == 0)
            rc = xs_writef(xs, 0, mine, "%d", i + 1);
        if (rc != 0)
            _exit(2);
    }
    _exit(0);
}

static void racing_transactions_lose_nothing(void **state)
{
    struct xs *xs = connect_to();
    pid_t pid[RACERS];
    uint64_t n;

    (void)state;
    assert_int_equal(xs_write_str(xs, 0, "/race/n", "0"), 0);
    for (int i = 0; i < RACERS; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            race(i);
    }
    for (int i = 0; i < RACERS; i++) {
        int status;

        waitpid(pid[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(xs_read_u64(xs, 0, "/race/n", &n), 0);
    assert_int_equal(n, RACERS * LAPS);
    xs_close(xs);
}

/* Clients that come and go in the middle of a message. */
static void rude_clients(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct xs *xs;
    char *value;

    (void)state;
    strcpy(addr.sun_path, path);
    srandom(1);
    for (int i = 0; i < 300; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        uint32_t junk[12];
        size_t n = (size_t)random() % sizeof(junk);

        for (int j = 0; j < 12; j++)
            junk[j] = (uint32_t)random() % 40;
        assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
                         0);
        assert_int_equal(send(fd, junk, n, MSG_NOSIGNAL), n);
        close(fd);
    }
    xs = connect_to();
    assert_int_equal(xs_control(xs, 1, (const char *[]){"check"}, &value), 0);
    assert_string_equal(value, "OK");
    free(value);
    xs_close(xs);
}

/* What a daemon that lost its mind might answer. */
static void client_survives_a_bad_server(void **state)
{
    static const struct xsd_sockmsg bad[] = {
        {.type = XS_READ, .req_id = 1, .len = 5000},
        {.type = XS_READ, .req_id = 99, .len = 0},
        {.type = XS_WRITE, .req_id = 1, .len = 0},
        {.type = XS_WATCH_EVENT, .len = 0},
    };
    char fake[80];

    (void)state;
    snprintf(fake, sizeof(fake), "%s/fake", dir);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM, 0);
        struct xs *xs;
        char *value;
        int fd;

        strcpy(addr.sun_path, fake);
        assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)),
                         0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(xs_open_path(fake, &xs), 0);
        fd = accept(listener, NULL, NULL);
        assert_int_equal(send(fd, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
        assert_int_equal(xs_read(xs, 0, "/x", &value, NULL), -EPROTO);
        /* Once out of step it is not trusted again. */
        assert_int_equal(xs_read(xs, 0, "/x", &value, NULL), -EPROTO);
        xs_close(xs);
        close(fd);
        close(listener);
        unlink(fake);
    }
}

/* Does the store answer there, and not only take what is asked? */
static void assert_answers(struct xs *xs)
{
    char *value;

    assert_int_equal(xs_control(xs, 1, (const char *[]){"check"}, &value), 0);
    free(value);
    xs_close(xs);
}

/*
 * In the control domain the kernel's connection would keep requests for ever
 * while no daemon runs: it is for other domains, and for who asks for it.
 */
static void where_the_store_is(void **state)
{
    char gone[80];
    const char *sockets[] = {gone, path, NULL};
    struct xs_places places = {
        .sockets = sockets, .kernel = "/dev/null", .only_in_dom0 = "/dev/null"};
    struct xs *xs;

    (void)state;
    snprintf(gone, sizeof(gone), "%s/gone", dir);
    assert_int_equal(xs_open_places(&places, &xs), 0);
    assert_answers(xs);
    sockets[1] = NULL;
    assert_int_equal(xs_open_places(&places, &xs), -ENOENT);
    places.only_in_dom0 = gone;
    assert_int_equal(xs_open_places(&places, &xs), 0);
    xs_close(xs);
}

static void where_we_are_told(void **state)
{
    struct xs *xs;

    (void)state;
    assert_int_equal(setenv("XENSTORED_PATH", path, 1), 0);
    assert_int_equal(xs_open(&xs), 0);
    assert_answers(xs);
    assert_int_equal(setenv("XENSTORED_PATH", "/dev/null", 1), 0);
    assert_int_equal(xs_open(&xs), 0);
    xs_close(xs);
    /* Nothing is written to what cannot be the store. */
    assert_int_equal(setenv("XENSTORED_PATH", "/proc/self/exe", 1), 0);
    assert_int_equal(xs_open(&xs), -ECONNREFUSED);
    assert_int_equal(setenv("XENSTORED_PATH", "/nowhere", 1), 0);
    assert_int_equal(xs_open(&xs), -ENOENT);
    unsetenv("XENSTORED_PATH");
}

/* The socket is there, its daemon is dead. */
static void dead_daemon(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char dead[80];
    const char *sockets[] = {dead, NULL};
    const struct xs_places places = {
        .sockets = sockets, .kernel = "/dev/null", .only_in_dom0 = "/dev/null"};
    struct xs *xs;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    snprintf(dead, sizeof(dead), "%s/dead", dir);
    strcpy(addr.sun_path, dead);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    close(fd);
    assert_int_equal(xs_open_places(&places, &xs), -ECONNREFUSED);
    unlink(dead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_calls),
        cmocka_unit_test(long_listing),
        cmocka_unit_test(events_between_replies),
        cmocka_unit_test(racing_transactions_lose_nothing),
        cmocka_unit_test(rude_clients),
        cmocka_unit_test(client_survives_a_bad_server),
        cmocka_unit_test(where_the_store_is),
        cmocka_unit_test(where_we_are_told),
        cmocka_unit_test(dead_daemon),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
