/* SPDX-License-Identifier: MIT */
/*
 * The log ring that `tl dmesg` reads. Positions count bytes since boot and
 * wrap at 32 bits; the ring's size is a power of two.
 *
 * In its final place the ring is described by two headers in front of it, of
 * which the newer valid one counts: they are written in turns, so a reset in
 * the middle of one leaves the other. The next boot finds the ring by them, if
 * memory kept what it had.
 */
#include "console_ring.h"

#include <hv/lib.h>

#define BOOT_SIZE 16384U
#define MAGIC     0x676f6c6c65727431UL

struct ring_header {
    uint64_t magic;
    uint32_t size, first, end;
    uint32_t turn;
    uint64_t sum;
};
struct kept {
    struct ring_header header[2];
    char data[];
};
_Static_assert(sizeof(struct kept) == RING_OVERHEAD, "console_ring.h");

static char boot_ring[BOOT_SIZE];
static char *ring = boot_ring;
static uint32_t ring_size = BOOT_SIZE;
static uint32_t first, end; /* positions of the oldest byte and the next */
static struct kept *kept;   /* NULL: not in its final place */
static uint32_t turn;

static uint64_t sum_of(const struct ring_header *h)
{
    uint64_t sum = h->magic;

    sum = (sum ^ h->size) * 0x100000001b3UL;
    sum = (sum ^ h->first) * 0x100000001b3UL;
    sum = (sum ^ h->end) * 0x100000001b3UL;
    return (sum ^ h->turn) * 0x100000001b3UL;
}

static void write_header(void)
{
    struct ring_header h = {MAGIC, ring_size, first, end, ++turn, 0};

    if (!kept)
        return;
    h.sum = sum_of(&h);
    kept->header[turn % 2] = h;
}

void ring_put(const char *buf, size_t len)
{
    while (len--)
        ring[end++ & (ring_size - 1)] = *buf++;
    if (end - first > ring_size)
        first = end - ring_size;
    write_header();
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

uint32_t ring_end(void)
{
    return end;
}

void ring_forget(uint32_t upto)
{
    if (upto - first > end - first) /* gone already, or never valid */
        return;
    first = upto;
    write_header();
}

void ring_move(void *memory, uint32_t size)
{
    struct kept *to = memory;

    memset(to->header, 0, sizeof(to->header));
    for (uint32_t p = first; p != end; p++)
        to->data[p & (size - 1)] = ring[p & (ring_size - 1)];
    ring = to->data;
    ring_size = size;
    kept = to;
    write_header();
}

static bool is_valid(const struct ring_header *h, uint32_t max_size)
{
    return h->magic == MAGIC && h->sum == sum_of(h) && h->size &&
           !(h->size & (h->size - 1)) && h->size <= max_size &&
           h->end - h->first <= h->size;
}

uint32_t ring_recover(const void *memory, uint32_t max_size, char *buf,
                      uint32_t len)
{
    const struct kept *old = memory;
    const struct ring_header *h = NULL;
    uint32_t n;

    for (unsigned int i = 0; i < 2; i++)
        if (is_valid(&old->header[i], max_size) &&
            (!h || (int32_t)(old->header[i].turn - h->turn) > 0))
            h = &old->header[i];
    if (!h)
        return 0;
    n = min_t(uint32_t, len, h->end - h->first);
    for (uint32_t i = 0; i < n; i++)
        buf[i] = old->data[(h->end - n + i) & (h->size - 1)];
    return n;
}
