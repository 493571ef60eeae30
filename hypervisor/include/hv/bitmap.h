/* SPDX-License-Identifier: MIT */
/*
 * Bits in arrays of unsigned long. The plain forms are not atomic; those named
 * _atomic are, against other CPUs and guests, and are full barriers.
 */
#ifndef HV_BITMAP_H
#define HV_BITMAP_H

#include <hv/types.h>

#define BITS_PER_LONG   64
#define BITMAP_LONGS(n) DIV_ROUND_UP(n, BITS_PER_LONG)
#define BIT(n)          (1UL << (n))

static inline bool bit_test(const void *map, unsigned long n)
{
    const uint64_t *m = map;

    return (READ_ONCE(m[n / 64]) >> (n % 64)) & 1;
}

static inline void bit_set(void *map, unsigned long n)
{
    ((uint64_t *)map)[n / 64] |= 1UL << (n % 64);
}

static inline void bit_clear(void *map, unsigned long n)
{
    ((uint64_t *)map)[n / 64] &= ~(1UL << (n % 64));
}

static inline bool bit_test_and_set_atomic(void *map, unsigned long n)
{
    uint64_t m = 1UL << (n % 64);

    return __atomic_fetch_or((uint64_t *)map + n / 64, m, __ATOMIC_SEQ_CST) & m;
}

static inline bool bit_test_and_clear_atomic(void *map, unsigned long n)
{
    uint64_t m = 1UL << (n % 64);

    return __atomic_fetch_and((uint64_t *)map + n / 64, ~m, __ATOMIC_SEQ_CST) &
           m;
}

static inline void bit_set_atomic(void *map, unsigned long n)
{
    (void)bit_test_and_set_atomic(map, n);
}

static inline void bit_clear_atomic(void *map, unsigned long n)
{
    (void)bit_test_and_clear_atomic(map, n);
}

/* First set / clear bit at or after start, or size if there is none. */
unsigned long bitmap_find_next(const unsigned long *map, unsigned long size,
                               unsigned long start);
unsigned long bitmap_find_next_zero(const unsigned long *map,
                                    unsigned long size, unsigned long start);
unsigned long bitmap_weight(const unsigned long *map, unsigned long size);

#endif
