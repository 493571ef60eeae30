/* SPDX-License-Identifier: MIT */
/*
 * Attaching to a guest's console: through consoled's socket, which replays what
 * was said before; where another console daemon runs, through its pty.
 */
#include "libs/console/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "libs/domain/private.h"

#define SOCKET_MS 300
#define TTY_MS    5000

struct tty_wait {
    uint32_t domid;
    char *tty;
};

static int tty_ready(struct dom *dom, void *arg)
{
    struct tty_wait *w = arg;
    char path[STORE_PATH_MAX];

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", w->domid);
    if (xs_read(dom->xs, XS_NO_TX, path, &w->tty, NULL))
        return -ENOENT;
    if (*w->tty)
        return 1;
    free(w->tty);
    return 0;
}

static int pty_open(struct dom *dom, uint32_t domid)
{
    struct tty_wait w = {.domid = domid};
    struct termios raw;
    char path[STORE_PATH_MAX];
    int fd, rc;

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", domid);
    rc = store_wait(dom, path, TTY_MS, tty_ready, &w);
    if (rc < 0)
        return rc;
    fd = open(w.tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
    rc = fd < 0 ? -errno : 0;
    free(w.tty);
    if (rc)
        return rc;
    if (tcgetattr(fd, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw);
    }
    return fd;
}

/* One chunk from one end to the other; false when either is gone. */
static bool pump_once(int from, int to)
{
    char buf[4096];
    ssize_t got = read(from, buf, sizeof(buf));

    for (ssize_t done = 0; got > 0 && done < got;) {
        ssize_t n = write(to, buf + done, (size_t)(got - done));

        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? n : 0;
    }
    return got > 0 || (got < 0 && errno == EINTR);
}

static void pump(int a, int b)
{
    struct pollfd fds[] = {{.fd = a, .events = POLLIN},
                           {.fd = b, .events = POLLIN}};

    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents && !pump_once(a, b))
            return;
        if (fds[1].revents && !pump_once(b, a))
            return;
    }
}

/* The relay speaks to a socket: a child carries the pty's bytes to one. */
static int pty_as_socket(int pty, pid_t *child)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return -errno;
    *child = fork();
    if (*child < 0) {
        int rc = -errno;

        close(ends[0]);
        close(ends[1]);
        return rc;
    }
    if (*child == 0) {
        close(ends[0]);
        pump(pty, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static int attach(struct dom *dom, uint32_t domid, pid_t *child)
{
    int sock = console_connect(domid, SOCKET_MS);
    int pty;

    *child = -1;
    if (sock != -ENOENT && sock != -ECONNREFUSED)
        return sock;
    pty = pty_open(dom, domid);
    if (pty < 0)
        return pty;
    sock = pty_as_socket(pty, child);
    close(pty);
    return sock;
}

int dom_console(struct dom *dom, uint32_t domid, int (*opened)(void *arg),
                void *arg)
{
    pid_t child;
    int rc, sock = attach(dom, domid, &child);

    if (sock < 0) {
        err_set(&dom->err, sock,
                "cannot attach to the console of domain %u: "
                "%s",
                domid, strerror(-sock));
        err_hint(&dom->err, "is consoled running?");
        return sock;
    }
    rc = opened ? opened(arg) : 0;
    if (!rc) {
        rc = console_relay(sock, STDIN_FILENO, STDOUT_FILENO);
        if (rc < 0)
            err_set(&dom->err, rc, "console of domain %u: %s", domid,
                    strerror(-rc));
    }
    close(sock);
    if (child > 0)
        waitpid(child, NULL, 0);
    return rc;
}
