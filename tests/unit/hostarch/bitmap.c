/* SPDX-License-Identifier: MIT */
/* bitmap_* of hv/bitmap.h, bit by bit, for tests that do not bring lib's. */
#include <hv/bitmap.h>

unsigned long bitmap_find_next(const unsigned long *map, unsigned long size,
                               unsigned long start)
{
    while (start < size && !bit_test(map, start))
        start++;
    return start < size ? start : size;
}

unsigned long bitmap_find_next_zero(const unsigned long *map,
                                    unsigned long size, unsigned long start)
{
    while (start < size && bit_test(map, start))
        start++;
    return start < size ? start : size;
}

unsigned long bitmap_weight(const unsigned long *map, unsigned long size)
{
    unsigned long n = 0;

    for (unsigned long i = 0; i < size; i++)
        n += bit_test(map, i);
    return n;
}
