/* SPDX-License-Identifier: MIT */
/* The last bytes of a console: see keep.h. */
#include "keep.h"

#include <string.h>

void keep_append(struct keep *k, const char *buf, size_t len)
{
    while (len > 0) {
        size_t at = k->end % CONSOLE_KEEP;
        size_t n = CONSOLE_KEEP - at < len ? CONSOLE_KEEP - at : len;

        memcpy(k->data + at, buf, n);
        k->end += n;
        buf += n;
        len -= n;
    }
}

size_t keep_at(const struct keep *k, uint64_t *pos, const char **data)
{
    size_t at;
    uint64_t left;

    if (*pos < keep_start(k))
        *pos = keep_start(k);
    at = *pos % CONSOLE_KEEP;
    left = k->end - *pos;
    *data = k->data + at;
    return left < CONSOLE_KEEP - at ? (size_t)left : CONSOLE_KEEP - at;
}
