/* SPDX-License-Identifier: MIT */
/*
 * The packings of kernel payloads, told apart by their first bytes, and
 * unpacking to a size known beforehand.
 */
#ifndef TOOLS_IMAGE_UNPACK_H
#define TOOLS_IMAGE_UNPACK_H

#include "libs/image/bytes.h"
#include "libs/image/errmsg.h"

enum packing {
    PACKING_NONE,
    PACKING_GZIP,
    PACKING_XZ,
    PACKING_ZSTD,
    PACKING_LZ4,
    PACKING_OTHER, /* known by its magic, but no decoder here */
};

enum packing packing_of(struct bytes in);
const char *packing_name(enum packing packing);

/*
 * Unpack the whole of in to exactly out_len bytes at out.
 * Returns 0; -EINVAL if the stream is damaged, cut short, or of another size;
 * -ENOMEM; -EOPNOTSUPP for a packing without decoder.
 */
int unpack(enum packing packing, struct bytes in, uint8_t *out, size_t out_len,
           struct errmsg *err);

#endif
