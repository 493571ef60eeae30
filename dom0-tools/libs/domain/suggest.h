/* SPDX-License-Identifier: MIT */
/* The nearest known word to one that is not known. */
#ifndef TOOLS_DOMAIN_SUGGEST_H
#define TOOLS_DOMAIN_SUGGEST_H

#include <stddef.h>

/*
 * nth(arg, i) gives the i-th known word, NULL after the last. Returns the one
 * that takes the fewest edits to reach from word, NULL if none is near enough
 * to be meant.
 */
const char *suggest(const char *word,
                    const char *(*nth)(const void *arg, size_t i),
                    const void *arg);

#endif
