/* SPDX-License-Identifier: MIT */
/*
 * How consoled serves consoles when a guest is hostile or something is lacking,
 * and that others do not suffer: console.c on a loop of its own. The guest's
 * end of ring and event channel, the clock, the socket's address and the pty
 * are this file's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "consoled/attach.h"
#include "consoled/budget.h"
#include "consoled/console.h"
#include "consoled/hv.h"
#include "consoled/logfile.h"
#include "consoled/pty.h"
#include "libs/daemon/files.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "libs/sys/foreign.h"

#include <public/io/console.h>

#define DOMID 7U
#define PORT  3 /* ours */

struct hv hv;

static struct xencons_interface *page; /* the guest's */
static void (*notified)(void);         /* what it does when notified */
static bool port_masked;
static unsigned int looks; /* that its signals made us do */
static unsigned int lines; /* of the daemon's log */
static uint64_t now_ms = 1;
static int pty_peer = -1;

void log_line(const char *fmt, ...)
{
    (void)fmt;
    lines++;
}

uint64_t log_now_ms(void)
{
    return now_ms;
}

int sys_gntdev_map(struct sys_gntdev *gd, uint32_t domid, const uint32_t *refs,
                   unsigned int nr, int prot, void **addr)
{
    (void)gd;
    (void)domid;
    (void)refs;
    (void)nr;
    (void)prot;
    page = calloc(1, sizeof(*page));
    *addr = page;
    return page == NULL ? -ENOMEM : 0;
}

int sys_gntdev_unmap(struct sys_gntdev *gd, void *addr, unsigned int nr)
{
    (void)gd;
    (void)nr;
    free(addr);
    page = NULL;
    return 0;
}

int sys_foreign_map(struct sys *sys, uint32_t domid, int prot,
                    const xen_pfn_t *mfns, unsigned long nr, int *errs,
                    void **addr)
{
    (void)sys;
    (void)domid;
    (void)prot;
    (void)mfns;
    (void)nr;
    (void)errs;
    (void)addr;
    return -EINVAL;
}

int sys_evtchn_bind_interdomain(struct sys_evtchn *ec, uint32_t domid,
                                uint32_t remote_port)
{
    (void)ec;
    (void)domid;
    (void)remote_port;
    return PORT;
}

int sys_evtchn_unbind(struct sys_evtchn *ec, uint32_t port)
{
    (void)ec;
    (void)port;
    return 0;
}

int sys_evtchn_notify(struct sys_evtchn *ec, uint32_t port)
{
    (void)ec;
    (void)port;
    if (notified != NULL)
        notified();
    return 0;
}

int sys_evtchn_unmask(struct sys_evtchn *ec, uint32_t port)
{
    (void)ec;
    (void)port;
    port_masked = false;
    return 0;
}

static unsigned int consoles; /* opened so far */

/* An abstract address, a new one for each console: no file is left behind. */
static socklen_t address(struct sockaddr_un *addr)
{
    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;
    snprintf(addr->sun_path + 1, sizeof(addr->sun_path) - 1, "cons-serve-%d-%u",
             (int)getpid(), consoles);
    return (socklen_t)sizeof(*addr);
}

int attach_listen(uint32_t domid)
{
    struct sockaddr_un addr;
    socklen_t len = address(&addr);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)domid;
    if (fd < 0)
        return -errno;
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

void attach_unlink(uint32_t domid)
{
    (void)domid;
}

/* The other end stands for slave and program: pty_peer. */
int pty_open(int *slave, char *path, size_t room)
{
    int fd[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) != 0)
        return -errno;
    *slave = pty_peer = fd[1];
    snprintf(path, room, "/dev/pts/test");
    return fd[0];
}

static struct console *open_console(void)
{
    struct console *con;

    consoles++;
    con = console_open(DOMID, 1, 0, "test");
    assert_non_null(con);
    port_masked = false;
    looks = 0;
    return con;
}

static void print_full_ring(void)
{
    page->out_prod = page->out_cons + (uint32_t)sizeof(page->out);
}

/*
 * A guest that has printed more by the time it is told of the room, for ever;
 * its end must not wait for it to fall silent.
 */
static void close_while_it_prints(void **state)
{
    struct console *con = open_console();

    (void)state;
    alarm(20);
    notified = print_full_ring;
    print_full_ring();
    console_close(con);
    notified = NULL;
    alarm(0);
}

/* What did not fit into a full ring is still heard. */
static void last_words(void)
{
    notified = NULL;
    memcpy(page->out + (page->out_prod % sizeof(page->out)), "bye", 3);
    page->out_prod += 3;
}

static void close_takes_what_is_left(void **state)
{
    struct console *con = open_console();
    char buf[4096];
    ssize_t n;
    int peer;

    (void)state;
    memset(page->out, 'x', sizeof(page->out));
    print_full_ring();
    notified = last_words;
    peer = dup(pty_peer);
    console_close(con);
    n = read(peer, buf, sizeof(buf));
    close(peer);
    assert_int_equal(n, sizeof(((struct xencons_interface *)0)->out) + 3);
    assert_memory_equal(buf + n - 3, "bye", 3);
}

static void print(const char *text)
{
    for (; *text != '\0'; text++)
        page->out[page->out_prod++ % sizeof(page->out)] = *text;
}

static void no_more_files(void)
{
    struct rlimit lim;
    int next = dup(0);

    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
    lim.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
}

static void attach(int fd)
{
    struct sockaddr_un addr;
    socklen_t len = address(&addr);

    assert_int_equal(connect(fd, (struct sockaddr *)&addr, len), 0);
}

static void serve_rounds(int n)
{
    while (n-- > 0) {
        assert_int_equal(loop_round(0), 0);
        consoles_run();
    }
}

static void expect_text(int fd, const char *text)
{
    char buf[64];
    ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

    assert_int_equal(n, strlen(text));
    assert_memory_equal(buf, text, (size_t)n);
}

static unsigned int ttys;

static void count_tty(const struct console *con)
{
    assert_string_not_equal(console_tty(con), "");
    ttys++;
}

/* Page and port are enough for a console; the rest comes when it can. */
static void console_without_files(void **state)
{
    char dir[] = "/tmp/cons-serve-XXXXXX";
    struct console *con;
    char name[64];
    char text[16];
    FILE *f;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    logfile_policy.dir = dir;
    no_more_files();
    con = open_console();
    assert_string_equal(console_tty(con), "");
    print("one ");
    serve_rounds(2);
    assert_int_equal(page->out_cons, 4);

    /* Still none: tried, but not said again. */
    assert_true(consoles_run() > 0);
    lines = 0;
    now_ms += 1000;
    consoles_mend(count_tty);
    assert_int_equal(ttys, 0);
    assert_int_equal(lines, 0);

    files_raise_limit();
    consoles_mend(count_tty);
    assert_int_equal(ttys, 0);
    now_ms += 1000;
    consoles_mend(count_tty);
    assert_int_equal(ttys, 1);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    attach(fd);
    print("two");
    console_make_ready(con);
    serve_rounds(3);
    expect_text(fd, "one two");
    expect_text(pty_peer, "one two");
    assert_int_equal(consoles_run(), -1);

    close(fd);
    console_close(con);
    snprintf(name, sizeof(name), "%s/console-test.log", dir);
    f = fopen(name, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    assert_string_equal(text, "two");
    fclose(f);
    unlink(name);
    rmdir(dir);
    logfile_policy.dir = NULL;
}

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A program that cannot be let in waits, and we sleep meanwhile. */
static void no_file_for_a_program(void **state)
{
    struct console *con = open_console();
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    double before;

    (void)state;
    print("hello");
    serve_rounds(2);
    no_more_files();
    lines = 0;
    attach(fd);
    serve_rounds(2);
    before = seconds();
    assert_int_equal(loop_round(200), 0);
    assert_true(seconds() - before > 0.19);
    now_ms += 1000;
    consoles_mend(count_tty);
    serve_rounds(2);
    assert_int_equal(lines, 1);

    files_raise_limit();
    now_ms += 1000;
    consoles_mend(count_tty);
    serve_rounds(3);
    expect_text(fd, "hello");
    assert_int_equal(consoles_run(), -1);
    close(fd);
    console_close(con);
}

/* The guest signals: heard only while its port is not masked. */
static void fire(void)
{
    if (port_masked)
        return;
    port_masked = true;
    consoles_event(PORT);
    looks++;
}

static void say_nothing(void)
{
}

static void say_a_letter(void)
{
    print("x");
}

static void say_nonsense(void)
{
    page->out_prod += 1000000;
}

/* Whatever it does or leaves, signals cost us a bounded number of looks. */
static void signals_are_limited(void (*act)(void))
{
    struct console *con;

    now_ms = (now_ms / PERIOD_MS + 1) * PERIOD_MS;
    con = open_console();
    for (unsigned int period = 1; period <= 3; period++) {
        for (int i = 0; i < 100000; i++) {
            act();
            fire();
            consoles_run();
        }
        assert_in_range(looks, 1, period * (PERIOD_BYTES / LOOK_BYTES + 1));
        assert_int_equal(consoles_run(), PERIOD_MS);
        now_ms += PERIOD_MS;
    }
    assert_true(looks > 2 * PERIOD_BYTES / LOOK_BYTES);
    console_close(con);
}

static void empty_signals(void **state)
{
    (void)state;
    signals_are_limited(say_nothing);
}

static void letters_one_by_one(void **state)
{
    (void)state;
    signals_are_limited(say_a_letter);
}

static void nonsense_again_and_again(void **state)
{
    (void)state;
    signals_are_limited(say_nonsense);
}

/* A kernel that boots: 16 bytes a signal, and we are as fast as it is. */
static void boot_is_not_held_up(void **state)
{
    struct console *con;

    (void)state;
    now_ms += PERIOD_MS;
    con = open_console();
    for (int i = 0; i < 200 * 80 / 16; i++) {
        print("0123456789abcdef");
        fire();
        consoles_run();
        assert_int_equal(page->out_cons, page->out_prod);
    }
    console_close(con);
}

/* Long output comes at the whole rate: 64 rings full in each period. */
static void bulk_gets_all_of_its_period(void **state)
{
    uint32_t begin;
    struct console *con;

    (void)state;
    now_ms += PERIOD_MS;
    con = open_console();
    for (int period = 0; period < 2; period++) {
        begin = page->out_cons;
        notified = print_full_ring;
        print_full_ring();
        fire();
        while (consoles_run() == 0)
            ;
        notified = NULL;
        assert_int_equal(page->out_cons - begin, PERIOD_BYTES);
        now_ms += PERIOD_MS;
    }
    console_close(con);
}

/* While its guest waits for the next period, one can type, and we sleep. */
static void typing_at_a_guest_that_waits(void **state)
{
    struct console *con;
    char text[4096];
    double before;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    now_ms += PERIOD_MS;
    con = open_console();
    attach(fd);
    serve_rounds(2);
    for (unsigned int i = 0; i <= PERIOD_BYTES / LOOK_BYTES; i++) {
        fire();
        consoles_run();
    }
    assert_true(port_masked);
    assert_int_equal(send(fd, "\003", 1, 0), 1);
    serve_rounds(1);
    assert_int_equal(page->in_prod, 1);

    /* More than ring and buffer hold is left where it is. */
    memset(text, 'x', sizeof(text));
    assert_int_equal(send(fd, text, sizeof(text), 0), sizeof(text));
    serve_rounds(20);
    assert_int_equal(page->in_prod, sizeof(page->in));
    before = seconds();
    assert_int_equal(loop_round(200), 0);
    assert_true(seconds() - before > 0.19);
    assert_true(port_masked);
    close(fd);
    console_close(con);
}

/* It hears no more of either list. */
static void close_of_one_that_waits(void **state)
{
    struct console *con;

    (void)state;
    now_ms += PERIOD_MS;
    con = open_console();
    for (unsigned int i = 0; i <= PERIOD_BYTES / LOOK_BYTES; i++) {
        fire();
        consoles_run();
    }
    console_make_ready(con);
    console_close(con);
    now_ms += PERIOD_MS;
    assert_int_equal(consoles_run(), -1);
}

static int start(void **state)
{
    (void)state;
    logfile_policy.dir = NULL;
    return loop_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_while_it_prints),
        cmocka_unit_test(close_takes_what_is_left),
        cmocka_unit_test(console_without_files),
        cmocka_unit_test(no_file_for_a_program),
        cmocka_unit_test(empty_signals),
        cmocka_unit_test(letters_one_by_one),
        cmocka_unit_test(nonsense_again_and_again),
        cmocka_unit_test(boot_is_not_held_up),
        cmocka_unit_test(bulk_gets_all_of_its_period),
        cmocka_unit_test(typing_at_a_guest_that_waits),
        cmocka_unit_test(close_of_one_that_waits),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
