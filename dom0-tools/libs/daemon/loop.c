/* SPDX-License-Identifier: MIT */
/* The one loop of a daemon, on epoll: only what is active costs anything. */
#include "libs/daemon/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

#define BATCH 64

static int epfd = -1;

int loop_init(void)
{
    epfd = epoll_create1(EPOLL_CLOEXEC);
    return epfd < 0 ? -errno : 0;
}

int loop_add(struct loop_source *src, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = src};

    src->events = events;
    return epoll_ctl(epfd, EPOLL_CTL_ADD, src->fd, &ev) != 0 ? -errno : 0;
}

void loop_want(struct loop_source *src, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = src};

    if (events == src->events)
        return;
    src->events = events;
    /* Cannot fail for a descriptor that was added. */
    epoll_ctl(epfd, EPOLL_CTL_MOD, src->fd, &ev);
}

void loop_remove(struct loop_source *src)
{
    epoll_ctl(epfd, EPOLL_CTL_DEL, src->fd, NULL);
}

int loop_round(int timeout_ms)
{
    struct epoll_event ev[BATCH];
    int n = epoll_wait(epfd, ev, BATCH, timeout_ms);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        struct loop_source *src = ev[i].data.ptr;

        src->fn(src, ev[i].events);
    }
    return 0;
}
