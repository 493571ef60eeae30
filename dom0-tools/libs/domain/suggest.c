/* SPDX-License-Identifier: MIT */
/*
 * Edit distance: insertions, deletions, replacements and swaps of neighbours.
 */
#include "libs/domain/suggest.h"

#include <string.h>

#define WORD_MAX 48u

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
    unsigned int m = a < b ? a : b;

    return m < c ? m : c;
}

/* Rows of the usual table: two and one steps back, and the one being made. */
static unsigned int distance(const char *a, const char *b)
{
    unsigned int rows[3][WORD_MAX + 1];
    unsigned int *older = rows[0], *old = rows[1], *now = rows[2];
    size_t n = strlen(a), m = strlen(b);

    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= m; j++)
        old[j] = (unsigned int)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned int *spare = older;

        now[0] = (unsigned int)i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = min3(old[j] + 1, now[j - 1] + 1,
                          old[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && older[j - 2] + 1 < now[j])
                now[j] = older[j - 2] + 1;
        }
        older = old;
        old = now;
        now = spare;
    }
    return old[m];
}

const char *suggest(const char *word,
                    const char *(*nth)(const void *arg, size_t i),
                    const void *arg)
{
    size_t len = strlen(word);
    unsigned int best = len < 4 ? 2 : len < 8 ? 3 : 4; /* nearer than this */
    const char *found = NULL, *known;

    for (size_t i = 0; (known = nth(arg, i)) != NULL; i++) {
        unsigned int d = distance(word, known);

        if (d < best) {
            best = d;
            found = known;
        }
    }
    return found;
}
