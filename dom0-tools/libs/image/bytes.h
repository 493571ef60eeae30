/* SPDX-License-Identifier: MIT */
/*
 * A view of bytes that somebody else owns, and reads that cannot leave it.
 * Every image reader in this directory goes through these.
 */
#ifndef TOOLS_IMAGE_BYTES_H
#define TOOLS_IMAGE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *p;
    size_t len;
};

/* True if [off, off + len) lies inside b; no sum in here can wrap. */
static inline bool bytes_has(struct bytes b, uint64_t off, uint64_t len)
{
    return off <= b.len && len <= b.len - off;
}

/* Copy len bytes at off to out; false, and nothing copied, if outside. */
static inline bool bytes_get(struct bytes b, uint64_t off, void *out,
                             size_t len)
{
    if (!bytes_has(b, off, len))
        return false;
    memcpy(out, b.p + off, len);
    return true;
}

/* The part [off, off + len); the caller has checked it with bytes_has. */
static inline struct bytes bytes_sub(struct bytes b, uint64_t off, uint64_t len)
{
    return (struct bytes){b.p + off, (size_t)len};
}

#endif
