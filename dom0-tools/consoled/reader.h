/* SPDX-License-Identifier: MIT */
/*
 * Who reads a console and types into it: the pty, or a program on the
 * domain's socket. Each has its own place in the kept stream.
 */
#ifndef CONSOLED_READER_H
#define CONSOLED_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "libs/daemon/loop.h"

struct console;

struct reader {
    struct loop_source src; /* first: the loop hands us this */
    struct reader *next;
    struct console *con;
    uint64_t pos;
    bool blocked; /* it takes no more until the loop says so */
    bool dead;    /* to be freed at the end of the turn */
};

/* Takes over fd (non-blocking); starts at the oldest byte kept. */
struct reader *reader_new(struct console *con, int fd);
void reader_free(struct reader *r);
/* Send what it takes now. */
void reader_send(struct reader *r);
/* What the loop is to wait for: more typing only if there is room for it. */
void reader_want(struct reader *r, bool typing);

#endif
