/* SPDX-License-Identifier: MIT */
/* Programs of dom0, over a unix socket. */
#include "sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conn.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"

/* Every open socket connection, to end them with the daemon. */
struct sock {
    struct loop_source src; /* first: the loop hands us this */
    struct conn *conn;
    struct sock *next;
    struct sock **prev;
};

static struct {
    struct loop_source src;
    struct store *st;
    struct sock *socks;
    struct sockaddr_un addr;
    bool full; /* out of descriptors: not accepting until one closes */
} listener = {.src.fd = -1};

static ssize_t sock_read(struct conn *c, void *buf, size_t len)
{
    struct sock *s = c->io_arg;
    ssize_t n = recv(s->src.fd, buf, len, MSG_DONTWAIT);

    if (n > 0)
        return n;
    if (n == 0)
        return -EPIPE;
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static ssize_t sock_write(struct conn *c, const void *buf, size_t len)
{
    struct sock *s = c->io_arg;
    ssize_t n = send(s->src.fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void sock_want(struct conn *c, bool in, bool out)
{
    struct sock *s = c->io_arg;

    loop_want(&s->src, (in ? EPOLLIN : 0U) | (out ? EPOLLOUT : 0U));
}

static bool sock_broken(struct conn *c, int err)
{
    (void)c;
    (void)err;
    return false;
}

static void sock_close(struct conn *c)
{
    struct sock *s = c->io_arg;

    loop_remove(&s->src);
    close(s->src.fd);
    *s->prev = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    free(s);
    if (listener.full) {
        listener.full = false;
        loop_want(&listener.src, EPOLLIN);
    }
}

static const struct transport sock_transport = {
    .read = sock_read,
    .write = sock_write,
    .want = sock_want,
    .broken = sock_broken,
    .close = sock_close,
};

static void sock_event(struct loop_source *src, uint32_t events)
{
    struct sock *s = (struct sock *)src;

    /* Hung up while we do not read because it does not. */
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        s->conn->dead = true;
    conn_make_ready(s->conn);
}

static int sock_new(int fd)
{
    const struct actor dom0 = {.target = NO_TARGET, .privileged = true};
    struct sock *s = calloc(1, sizeof(*s));
    int rc = -ENOMEM;

    if (s == NULL)
        return rc;
    s->src.fd = fd;
    s->src.fn = sock_event;
    s->conn = conn_new(listener.st, &dom0, &sock_transport, s);
    if (s->conn == NULL)
        goto free_sock;
    rc = loop_add(&s->src, EPOLLIN);
    if (rc != 0)
        goto free_conn;
    s->next = listener.socks;
    s->prev = &listener.socks;
    if (s->next != NULL)
        s->next->prev = &s->next;
    listener.socks = s;
    return 0;

free_conn:
    listener.st->nr_conns--;
    free(s->conn);
free_sock:
    free(s);
    return rc;
}

static void accept_event(struct loop_source *src, uint32_t events)
{
    int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd >= 0) {
        if (sock_new(fd) != 0)
            close(fd);
        return;
    }
    if (errno == EMFILE || errno == ENFILE) {
        log_line("no descriptors left: no new clients for now");
        listener.full = true;
        loop_want(src, 0);
    }
}

/*
 * The socket of a daemon that serves must stay: clients find the store by its
 * name, and would lose sight of the one that has all the guests. One too busy
 * to take us (EAGAIN) is there as well.
 */
static int nobody_serves(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool there;

    if (fd < 0)
        return -errno;
    there = connect(fd, (struct sockaddr *)&listener.addr,
                    sizeof(listener.addr)) == 0 ||
            errno == EAGAIN;
    close(fd);
    if (!there)
        return 0;
    log_line("%s: a store daemon answers there already; stop it first, or "
             "give this one another folder with --socket",
             listener.addr.sun_path);
    return -EADDRINUSE;
}

static int bind_socket(int fd)
{
    int rc = nobody_serves();

    if (rc != 0)
        return rc;
    /* Left behind by a killed one. */
    unlink(listener.addr.sun_path);
    if (bind(fd, (struct sockaddr *)&listener.addr, sizeof(listener.addr)) !=
            0 ||
        chmod(listener.addr.sun_path, 0600) != 0 || listen(fd, 64) != 0)
        return -errno;
    return 0;
}

int sock_listen(struct store *st, const char *path)
{
    int rc;

    if (strlen(path) >= sizeof(listener.addr.sun_path))
        return -ENAMETOOLONG;
    listener.st = st;
    listener.addr.sun_family = AF_UNIX;
    strcpy(listener.addr.sun_path, path);
    listener.src.fn = accept_event;
    listener.src.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener.src.fd < 0)
        return -errno;
    rc = bind_socket(listener.src.fd);
    if (rc == 0)
        rc = loop_add(&listener.src, EPOLLIN);
    if (rc != 0) {
        close(listener.src.fd);
        listener.src.fd = -1;
    }
    return rc;
}

void sock_stop(void)
{
    while (listener.socks != NULL)
        conn_free(listener.socks->conn);
    if (listener.src.fd < 0)
        return;
    close(listener.src.fd);
    unlink(listener.addr.sun_path);
}
