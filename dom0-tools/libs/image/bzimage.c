/* SPDX-License-Identifier: MIT */
/*
 * bzImage reader. Offsets are those of the Linux/x86 boot protocol (setup
 * header); the payload fields exist from protocol 2.08 on.
 */
#include "libs/image/bzimage.h"

#include <errno.h>

#define SETUP_SECTS     0x1f1
#define SETUP_MAGIC     0x202
#define SETUP_VERSION   0x206
#define PAYLOAD_OFFSET  0x248
#define PAYLOAD_LENGTH  0x24c
#define PROTOCOL_2_08   0x208
#define SECTOR          512u
#define DEFAULT_SECTORS 4u
#define TRAILER         4u /* the last word of the payload: unpacked size */

bool bzimage_magic(struct bytes file)
{
    return bytes_has(file, SETUP_MAGIC, 4) &&
           memcmp(file.p + SETUP_MAGIC, "HdrS", 4) == 0;
}

int bzimage_payload(struct bytes file, struct bytes *payload,
                    enum packing *packing, uint32_t *unpacked_len,
                    struct errmsg *err)
{
    uint8_t sectors;
    uint16_t version;
    uint32_t offset, length;
    uint64_t start;

    if (!bytes_get(file, SETUP_SECTS, &sectors, 1) ||
        !bytes_get(file, SETUP_VERSION, &version, 2) ||
        !bytes_get(file, PAYLOAD_OFFSET, &offset, 4) ||
        !bytes_get(file, PAYLOAD_LENGTH, &length, 4))
        return err_set(err, -EINVAL, "bzImage is cut short in its header");
    if (version < PROTOCOL_2_08)
        return err_set(err, -EINVAL,
                       "bzImage has boot protocol %u.%02u; 2.08 is needed",
                       version >> 8, version & 0xffu);
    start = ((sectors ? sectors : DEFAULT_SECTORS) + 1ull) * SECTOR + offset;
    if (length <= TRAILER || !bytes_has(file, start, length))
        return err_set(err, -EINVAL,
                       "bzImage is cut short: payload of %u "
                       "bytes at %llu, file of %zu bytes",
                       length, (unsigned long long)start, file.len);
    *payload = bytes_sub(file, start, length);
    bytes_get(*payload, length - TRAILER, unpacked_len, 4);
    *packing = packing_of(*payload);
    /* A gzip stream ends in that very word; for the others it comes after. */
    if (*packing != PACKING_GZIP)
        payload->len -= TRAILER;
    return 0;
}
