/* SPDX-License-Identifier: MIT */
/*
 * Work as a table of steps: each does one thing and knows how to undo it.
 */
#ifndef TOOLS_DOMAIN_STEPS_H
#define TOOLS_DOMAIN_STEPS_H

#include <stdbool.h>

#include "libs/image/errmsg.h"

struct step {
    const char *name; /* "doing what", for the error line */
    int (*run)(void *arg, struct errmsg *err);
    void (*undo)(void *arg); /* NULL: nothing to undo */
};

/*
 * Run all steps in order. When one fails, undo those that succeeded, last
 * first; the failed one has cleaned up after itself. stop, if not NULL, is
 * asked before each step and at the end: true ends it all like a failure.
 * Returns 0; the failed step's -errno, err then saying what failed with the
 * step's name in front; -EINTR if stopped.
 */
int steps_run(const struct step *steps, unsigned int nr, void *arg,
              bool (*stop)(void), struct errmsg *err);

/* Undo the first nr steps, last first. */
void steps_undo(const struct step *steps, unsigned int nr, void *arg);

#endif
