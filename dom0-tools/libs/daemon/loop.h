/* SPDX-License-Identifier: MIT */
/* The one loop of a daemon: file descriptors and what to call for each. */
#ifndef LIBS_DAEMON_LOOP_H
#define LIBS_DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Embedded by its user, who keeps it until the callbacks of the present round
 * are over (free between rounds only).
 */
struct loop_source {
    int fd;
    uint32_t events; /* EPOLLx waited for now */
    void (*fn)(struct loop_source *src, uint32_t events);
};

int loop_init(void);
int loop_add(struct loop_source *src, uint32_t events);
void loop_want(struct loop_source *src, uint32_t events);
void loop_remove(struct loop_source *src);
/*
 * Wait up to timeout_ms (-1: for ever, 0: only look) and call back. 0 or
 * -errno.
 */
int loop_round(int timeout_ms);

#endif
