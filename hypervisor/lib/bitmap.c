/* SPDX-License-Identifier: MIT */
/*
 * Searching and counting in bitmaps.
 */
#include <hv/bitmap.h>

/* First bit at or after start that is set in map ^ invert. */
static unsigned long find_next(const unsigned long *map, unsigned long size,
                               unsigned long start, unsigned long invert)
{
    unsigned long i = start / BITS_PER_LONG, word;

    if (start >= size)
        return size;
    word = (map[i] ^ invert) & (~0UL << (start % BITS_PER_LONG));
    while (!word) {
        if (++i * BITS_PER_LONG >= size)
            return size;
        word = map[i] ^ invert;
    }
    i = i * BITS_PER_LONG + (unsigned long)__builtin_ctzl(word);
    return i < size ? i : size;
}

unsigned long bitmap_find_next(const unsigned long *map, unsigned long size,
                               unsigned long start)
{
    return find_next(map, size, start, 0);
}

unsigned long bitmap_find_next_zero(const unsigned long *map,
                                    unsigned long size, unsigned long start)
{
    return find_next(map, size, start, ~0UL);
}

/* Without POPCNT, which the oldest supported processors lack. */
static unsigned long weight(unsigned long w)
{
    w -= (w >> 1) & 0x5555555555555555UL;
    w = (w & 0x3333333333333333UL) + ((w >> 2) & 0x3333333333333333UL);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fUL;
    return (w * 0x0101010101010101UL) >> 56;
}

unsigned long bitmap_weight(const unsigned long *map, unsigned long size)
{
    unsigned long i, n = 0;

    for (i = 0; i < size / BITS_PER_LONG; i++)
        n += weight(map[i]);
    if (size % BITS_PER_LONG)
        n += weight(map[i] & ~(~0UL << (size % BITS_PER_LONG)));
    return n;
}
