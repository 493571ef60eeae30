/* SPDX-License-Identifier: MIT */
/*
 * The log ring that `tl dmesg` reads. Positions count bytes since boot and
 * wrap at 32 bits; the ring's size is a power of two.
 */
#include "console_ring.h"

#include <hv/lib.h>

#define BOOT_SIZE 16384U

static char boot_ring[BOOT_SIZE];
static char *ring = boot_ring;
static uint32_t ring_size = BOOT_SIZE;
static uint32_t first, end; /* positions of the oldest byte and the next */

void ring_put(const char *buf, size_t len)
{
    while (len--)
        ring[end++ & (ring_size - 1)] = *buf++;
    if (end - first > ring_size)
        first = end - ring_size;
}

uint32_t ring_get(uint32_t *pos, char *buf, uint32_t len)
{
    uint32_t n = 0;

    if (*pos - first > end - first) /* overtaken, or never valid */
        *pos = first;
    while (n < len && *pos != end)
        buf[n++] = ring[(*pos)++ & (ring_size - 1)];
    return n;
}

uint32_t ring_first(void)
{
    return first;
}

void ring_clear(void)
{
    first = end;
}

void ring_move(char *memory, uint32_t size)
{
    for (uint32_t p = first; p != end; p++)
        memory[p & (size - 1)] = ring[p & (ring_size - 1)];
    ring = memory;
    ring_size = size;
}
