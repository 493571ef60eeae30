/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer's bytes as a stream: zeroes follow its end, so that every input
 * means something and a shorter one is a prefix of a longer one.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *p;
    size_t left;
};

static inline bool input_ended(const struct input *in)
{
    return in->left == 0;
}

static inline uint8_t in8(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->p++;
}

static inline uint16_t in16(struct input *in)
{
    uint16_t lo = in8(in);

    return (uint16_t)(lo | in8(in) << 8);
}

static inline uint32_t in32(struct input *in)
{
    uint32_t lo = in16(in);

    return lo | (uint32_t)in16(in) << 16;
}

static inline uint64_t in64(struct input *in)
{
    uint64_t lo = in32(in);

    return lo | (uint64_t)in32(in) << 32;
}

#endif
