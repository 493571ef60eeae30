/* SPDX-License-Identifier: MIT */
/* Attaching to a guest's console: see console.h. */
#include "libs/console/console.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 20

static int connect_once(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

int console_connect(uint32_t domid, int timeout_ms)
{
    struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int waited = 0;
    int rc;

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%u.sock", CONSOLE_DIR,
             domid);
    for (;;) {
        rc = connect_once(&addr);
        if ((rc != -ENOENT && rc != -ECONNREFUSED) || waited >= timeout_ms)
            return rc;
        nanosleep(&pause, NULL);
        waited += RETRY_MS;
    }
}

static int write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int send_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Guest to terminal. 1: the domain is gone. */
static int from_guest(int sock, int out)
{
    char buf[4096];
    ssize_t n = read(sock, buf, sizeof(buf));

    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return 1;
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    return write_all(out, buf, (size_t)n);
}

enum typed {
    TYPED_MORE,
    TYPED_EOF,
    TYPED_ESCAPE,
};

/* Terminal to guest, up to an escape character. */
static int to_guest(int sock, int in)
{
    char buf[512];
    ssize_t n = read(in, buf, sizeof(buf));
    const char *escape;
    int rc;

    if (n == 0)
        return TYPED_EOF;
    if (n < 0)
        return errno == EINTR ? TYPED_MORE : -errno;
    escape = memchr(buf, CONSOLE_ESCAPE, (size_t)n);
    rc = send_all(sock, buf, escape ? (size_t)(escape - buf) : (size_t)n);
    /* A guest that just went shows on the reading side. */
    if (rc == -EPIPE)
        rc = 0;
    return rc != 0 ? rc : escape ? TYPED_ESCAPE : TYPED_MORE;
}

static int relay(int sock, int in, int out)
{
    struct pollfd pfd[2] = {
        {.fd = sock, .events = POLLIN},
        {.fd = in, .events = POLLIN},
    };

    for (;;) {
        int rc = poll(pfd, 2, -1);

        if (rc < 0 && errno != EINTR)
            return -errno;
        if (rc < 0)
            continue;
        if (pfd[0].revents != 0) {
            rc = from_guest(sock, out);
            if (rc != 0)
                return rc;
        }
        if (pfd[1].revents != 0) {
            rc = to_guest(sock, in);
            if (rc < 0)
                return rc;
            if (rc == TYPED_ESCAPE)
                return 0;
            if (rc == TYPED_EOF)
                pfd[1].fd = -1;
        }
    }
}

int console_relay(int sock, int in, int out)
{
    struct termios saved;
    bool tty = tcgetattr(in, &saved) == 0;
    int rc;

    if (tty) {
        struct termios raw = saved;

        cfmakeraw(&raw);
        tcsetattr(in, TCSANOW, &raw);
    }
    rc = relay(sock, in, out);
    if (tty)
        tcsetattr(in, TCSADRAIN, &saved);
    return rc;
}
