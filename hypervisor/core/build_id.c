/* SPDX-License-Identifier: MIT */
/*
 * The number that tells one build from another: the linker's note, a hash over
 * the image.
 */
#include <hv/lib.h>
#include <hv/version.h>

/* ELF, "Note Section": then the name, padded to words, then the value. */
struct note {
    uint32_t name_len, value_len, type;
    char name[4];
    uint8_t value[];
};

extern const struct note build_id_start[];
extern const char build_id_end[];

const void *build_id(size_t *len_bytes)
{
    const struct note *n = build_id_start;

    *len_bytes = 0;
    if ((const char *)n >= build_id_end || n->name_len != sizeof(n->name) ||
        memcmp(n->name, "GNU", 4))
        return NULL;
    *len_bytes = n->value_len;
    return n->value;
}
