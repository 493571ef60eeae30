/* SPDX-License-Identifier: MIT */
/*
 * The last CONSOLE_KEEP bytes of a console, addressed by their position in the
 * whole stream since the domain began. A reader is just such a position: a new
 * one starts at the oldest byte kept, one that is too slow loses its place.
 */
#ifndef CONSOLED_KEEP_H
#define CONSOLED_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "libs/console/console.h"

struct keep {
    uint64_t end; /* position after the last byte */
    char data[CONSOLE_KEEP];
};

static inline uint64_t keep_start(const struct keep *k)
{
    return k->end > CONSOLE_KEEP ? k->end - CONSOLE_KEEP : 0;
}

void keep_append(struct keep *k, const char *buf, size_t len);
/*
 * The contiguous bytes at *pos; *pos first moves to what is still there.
 * Returns how many, 0 at the end.
 */
size_t keep_at(const struct keep *k, uint64_t *pos, const char **data);

#endif
