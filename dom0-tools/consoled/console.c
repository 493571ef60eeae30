/* SPDX-License-Identifier: MIT */
/*
 * One guest's console.
 *
 *   ring --(rate limit)--> kept bytes --> pty, attached programs
 *                  \-----> log file
 *   ring <-- typed bytes <-- pty, attached programs
 *
 * A port is unmasked only when its guest may print again: a guest that prints
 * or signals too much (budget.h) costs nothing until its next period. Who reads
 * and types is served meanwhile.
 *
 * Page and port make a console. Without descriptors for the rest it keeps and
 * serves its ring all the same; the rest is tried again every MEND_MS.
 */
#include "console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <public/xen.h>

#include <public/grant_table.h>

#include "attach.h"
#include "budget.h"
#include "consring.h"
#include "hv.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "libs/sys/foreign.h"
#include "logfile.h"
#include "pty.h"
#include "reader.h"

#define TYPED_MAX    1024U
#define READERS_MAX  16U
#define PORT_BUCKETS 256U
#define MEND_MS      1000

struct console {
    struct loop_source listener; /* first: the loop hands us this */
    bool refused;                /* the last accept failed; said once */
    struct console *next_port;
    struct console *next_ready;
    struct console *next_late;
    bool is_ready;
    bool is_late;
    uint32_t domid;
    uint32_t remote_port;
    uint32_t port; /* ours */
    bool masked;
    bool by_grant;
    struct consring ring;
    struct logfile *log;
    int slave; /* -1: no pty */
    char tty[64];
    struct reader *readers; /* the pty is one */
    uint32_t nr_readers;
    size_t nr_typed;
    char typed[TYPED_MAX];
    struct budget budget;
    bool nonsense_logged;
    struct keep keep;
};

static struct console *ports[PORT_BUCKETS];
static struct console *ready;
static struct console *late; /* their guests wait for the next period */
static bool lacking;         /* some console has no pty, nobody to listen */
static uint64_t mend_at;     /* when that is tried again */

uint32_t console_domid(const struct console *con)
{
    return con->domid;
}

uint32_t console_remote_port(const struct console *con)
{
    return con->remote_port;
}

const char *console_tty(const struct console *con)
{
    return con->tty;
}

const struct keep *console_keep(const struct console *con)
{
    return &con->keep;
}

size_t console_typing_room(const struct console *con)
{
    return TYPED_MAX - con->nr_typed;
}

void console_type(struct console *con, const char *buf, size_t len)
{
    memcpy(con->typed + con->nr_typed, buf, len);
    con->nr_typed += len;
}

void console_make_ready(struct console *con)
{
    if (con->is_ready)
        return;
    con->is_ready = true;
    con->next_ready = ready;
    ready = con;
}

static void wait_for_period(struct console *con)
{
    if (con->is_late)
        return;
    con->is_late = true;
    con->next_late = late;
    late = con;
}

static struct console **port_chain(uint32_t port)
{
    return &ports[port & (PORT_BUCKETS - 1)];
}

static int add_reader(struct console *con, int fd)
{
    struct reader *r = reader_new(con, fd);

    if (r == NULL)
        return -ENOMEM;
    r->next = con->readers;
    con->readers = r;
    con->nr_readers++;
    console_make_ready(con);
    return 0;
}

static void lack(void)
{
    if (!lacking)
        mend_at = log_now_ms() + MEND_MS;
    lacking = true;
}

/* Whoever waits would wake us at once, for ever: listen again later. */
static void refuse(struct console *con, int err)
{
    if (!con->refused)
        log_line("domain %u: nobody can attach for now: %s", con->domid,
                 strerror(err));
    con->refused = true;
    loop_want(&con->listener, 0);
    lack();
}

static void accept_event(struct loop_source *src, uint32_t events)
{
    struct console *con = (struct console *)src;
    int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            refuse(con, errno);
        return;
    }
    con->refused = false;
    if (con->nr_readers >= READERS_MAX)
        close(fd);
    else
        (void)add_reader(con, fd);
}

static int map_page(struct console *con, uint64_t ring_mfn)
{
    const uint32_t ref = GNTTAB_RESERVED_CONSOLE;
    int prot = PROT_READ | PROT_WRITE;
    xen_pfn_t frame = ring_mfn;
    void *page = NULL;
    int rc = sys_gntdev_map(hv.gntdev, con->domid, &ref, 1, prot, &page);

    con->by_grant = rc == 0;
    if (rc != 0)
        rc = sys_foreign_map(hv.sys, con->domid, prot, &frame, 1, NULL, &page);
    if (rc == 0)
        consring_start(&con->ring, page);
    return rc;
}

static void unmap_page(struct console *con)
{
    if (con->by_grant)
        sys_gntdev_unmap(hv.gntdev, con->ring.page, 1);
    else
        munmap(con->ring.page, SYS_PAGE_SIZE);
}

static int start_port(struct console *con)
{
    int rc =
        sys_evtchn_bind_interdomain(hv.evtchn, con->domid, con->remote_port);

    if (rc < 0)
        return rc;
    con->port = (uint32_t)rc;
    con->next_port = *port_chain(con->port);
    *port_chain(con->port) = con;
    return 0;
}

static void stop_port(struct console *con)
{
    struct console **p = port_chain(con->port);

    while (*p != con)
        p = &(*p)->next_port;
    *p = con->next_port;
    sys_evtchn_unbind(hv.evtchn, con->port);
}

static int start_socket(struct console *con)
{
    int rc = attach_listen(con->domid);

    con->listener.fd = rc;
    if (rc < 0)
        return rc;
    con->listener.fn = accept_event;
    rc = loop_add(&con->listener, EPOLLIN);
    if (rc == 0)
        return 0;
    close(con->listener.fd);
    attach_unlink(con->domid);
    con->listener.fd = -1;
    return rc;
}

static void stop_socket(struct console *con)
{
    if (con->listener.fd < 0)
        return;
    loop_remove(&con->listener);
    close(con->listener.fd);
    attach_unlink(con->domid);
}

static int start_pty(struct console *con)
{
    int rc = pty_open(&con->slave, con->tty, sizeof(con->tty));

    if (rc >= 0) {
        rc = add_reader(con, rc);
        if (rc == 0)
            return 0;
        close(con->slave);
    }
    con->slave = -1;
    con->tty[0] = '\0';
    return rc;
}

/* One of the two ways to a console: it can do without. */
static void start_way(struct console *con, const char *what,
                      int (*start_it)(struct console *con))
{
    int rc = start_it(con);

    if (rc == 0)
        return;
    log_line("domain %u: no %s for now: %s", con->domid, what, strerror(-rc));
    lack();
}

struct console *console_open(uint32_t domid, uint32_t port, uint64_t ring_mfn,
                             const char *name)
{
    struct console *con = calloc(1, sizeof(*con));
    const char *what = "memory";
    int rc = -ENOMEM;

    if (con == NULL)
        goto failed;
    con->domid = domid;
    con->remote_port = port;
    what = "console page";
    rc = map_page(con, ring_mfn);
    if (rc != 0)
        goto free_con;
    what = "event channel";
    rc = start_port(con);
    if (rc != 0)
        goto unmap;
    /* In this order: the last descriptors are for the log. */
    con->log = logfile_open("console-", name);
    start_way(con, "socket", start_socket);
    start_way(con, "pty", start_pty);
    console_make_ready(con);
    return con;

unmap:
    unmap_page(con);
free_con:
    free(con);
failed:
    log_line("domain %u: no console: %s: %s", domid, what, strerror(-rc));
    return NULL;
}

static void mend_socket(struct console *con)
{
    if (con->listener.fd >= 0)
        loop_want(&con->listener, EPOLLIN);
    else if (start_socket(con) != 0)
        lack();
}

/* True: it has a pty now. */
static bool mend_pty(struct console *con)
{
    if (con->slave >= 0)
        return false;
    if (start_pty(con) == 0)
        return true;
    lack();
    return false;
}

void consoles_mend(void (*got_tty)(const struct console *con))
{
    if (!lacking || log_now_ms() < mend_at)
        return;
    lacking = false;
    for (uint32_t i = 0; i < PORT_BUCKETS; i++) {
        for (struct console *con = ports[i]; con != NULL;
             con = con->next_port) {
            mend_socket(con);
            if (mend_pty(con))
                got_tty(con);
        }
    }
}

static void notify(struct console *con)
{
    /* Fails only when the guest's end is closed. */
    (void)sys_evtchn_notify(hv.evtchn, con->port);
}

static void say_nonsense(struct console *con)
{
    if (!con->nonsense_logged)
        log_line("domain %u: its console's indices make no sense", con->domid);
    con->nonsense_logged = true;
}

/* Up to one ring full from the guest; true if it has printed more since. */
static bool take_output(struct console *con)
{
    char buf[sizeof(con->ring.page->out)];
    bool nonsense;
    size_t n = consring_read(&con->ring, buf, sizeof(buf), &nonsense);

    budget_charge(&con->budget, n);
    if (nonsense)
        say_nonsense(con);
    if (n == 0)
        return false;
    keep_append(&con->keep, buf, n);
    logfile_write(con->log, buf, n);
    notify(con);
    /* For a guest that signals only when it finds the ring empty. */
    return consring_has_output(&con->ring);
}

static void give_input(struct console *con)
{
    size_t n;

    if (con->nr_typed == 0)
        return;
    n = consring_write(&con->ring, con->typed, con->nr_typed);
    if (n == 0)
        return;
    con->nr_typed -= n;
    memmove(con->typed, con->typed + n, con->nr_typed);
    notify(con);
}

static void serve_readers(struct console *con)
{
    struct reader **p = &con->readers;

    while (*p != NULL) {
        struct reader *r = *p;

        reader_send(r);
        if (r->dead) {
            *p = r->next;
            con->nr_readers--;
            reader_free(r);
            continue;
        }
        reader_want(r, console_typing_room(con) > 0);
        p = &r->next;
    }
}

static void unmask(struct console *con)
{
    if (!con->masked)
        return;
    con->masked = false;
    sys_evtchn_unmask(hv.evtchn, con->port);
}

/* True: there is more at once. */
static bool turn(struct console *con)
{
    bool more = false;

    if (budget_left(&con->budget)) {
        /* In this order: what comes after the look fires again. */
        unmask(con);
        more = take_output(con);
    } else {
        wait_for_period(con);
    }
    give_input(con);
    serve_readers(con);
    return more;
}

/* Periods are the same for all: what holds for the first does for the rest. */
static void begin_period(void)
{
    if (late == NULL || !budget_left(&late->budget))
        return;
    while (late != NULL) {
        struct console *con = late;

        late = con->next_late;
        con->is_late = false;
        console_make_ready(con);
    }
}

/* True: some have more at once. */
static bool run_ready(void)
{
    struct console *list = ready;
    bool busy = false;

    ready = NULL;
    while (list != NULL) {
        struct console *con = list;

        list = con->next_ready;
        con->is_ready = false;
        if (turn(con)) {
            console_make_ready(con);
            busy = true;
        }
    }
    return busy;
}

int consoles_run(void)
{
    begin_period();
    if (run_ready())
        return 0;
    if (late != NULL)
        return budget_wait_ms();
    return lacking ? MEND_MS : -1;
}

void consoles_event(uint32_t port)
{
    struct console *con = *port_chain(port);

    while (con != NULL && con->port != port)
        con = con->next_port;
    if (con == NULL)
        return;
    con->masked = true;
    console_make_ready(con);
}

static void unlink_ready(struct console *con)
{
    struct console **p = &ready;

    if (!con->is_ready)
        return;
    while (*p != con)
        p = &(*p)->next_ready;
    *p = con->next_ready;
}

static void unlink_late(struct console *con)
{
    struct console **p = &late;

    if (!con->is_late)
        return;
    while (*p != con)
        p = &(*p)->next_late;
    *p = con->next_late;
}

/*
 * The ring's bytes, and as many again of a guest that waited for room; one that
 * prints for ever does not keep us.
 */
static void take_last_words(struct console *con)
{
    (void)take_output(con);
    (void)take_output(con);
}

void console_close(struct console *con)
{
    take_last_words(con);
    serve_readers(con);
    unlink_ready(con);
    unlink_late(con);
    while (con->readers != NULL) {
        struct reader *r = con->readers;

        con->readers = r->next;
        reader_free(r);
    }
    if (con->slave >= 0)
        close(con->slave);
    stop_socket(con);
    stop_port(con);
    unmap_page(con);
    logfile_close(con->log);
    free(con);
}
