/* SPDX-License-Identifier: MIT */
/*
 * The Linux/x86 boot protocol's envelope: finds the packed kernel in a bzImage.
 */
#ifndef TOOLS_IMAGE_BZIMAGE_H
#define TOOLS_IMAGE_BZIMAGE_H

#include "libs/image/unpack.h"

bool bzimage_magic(struct bytes file);

/*
 * Payload, its packing, and the size it unpacks to.
 * Returns 0; -EINVAL if the file is damaged, cut short, or too old a protocol.
 */
int bzimage_payload(struct bytes file, struct bytes *payload,
                    enum packing *packing, uint32_t *unpacked_len,
                    struct errmsg *err);

#endif
