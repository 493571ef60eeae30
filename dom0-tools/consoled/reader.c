/* SPDX-License-Identifier: MIT */
/* Who reads a console: see reader.h. */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "console.h"

static void type(struct reader *r)
{
    char buf[256];
    size_t room = console_typing_room(r->con);
    ssize_t n;

    if (room == 0)
        return;
    n = read(r->src.fd, buf, room < sizeof(buf) ? room : sizeof(buf));
    if (n > 0)
        console_type(r->con, buf, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        r->dead = true;
}

static void reader_event(struct loop_source *src, uint32_t events)
{
    struct reader *r = (struct reader *)src;

    if ((events & EPOLLOUT) != 0)
        r->blocked = false;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        type(r);
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        r->dead = true;
    console_make_ready(r->con);
}

struct reader *reader_new(struct console *con, int fd)
{
    struct reader *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        close(fd);
        return NULL;
    }
    r->src.fd = fd;
    r->src.fn = reader_event;
    r->con = con;
    if (loop_add(&r->src, EPOLLIN) != 0) {
        close(fd);
        free(r);
        return NULL;
    }
    return r;
}

void reader_free(struct reader *r)
{
    loop_remove(&r->src);
    close(r->src.fd);
    free(r);
}

void reader_send(struct reader *r)
{
    while (!r->blocked && !r->dead) {
        const char *data;
        size_t len = keep_at(console_keep(r->con), &r->pos, &data);
        ssize_t n;

        if (len == 0)
            return;
        n = write(r->src.fd, data, len);
        if (n > 0)
            r->pos += (uint64_t)n;
        else if (n < 0 && (errno == EAGAIN || errno == EINTR))
            r->blocked = true;
        else
            r->dead = true;
    }
}

void reader_want(struct reader *r, bool typing)
{
    loop_want(&r->src, (typing ? EPOLLIN : 0U) | (r->blocked ? EPOLLOUT : 0U));
}
