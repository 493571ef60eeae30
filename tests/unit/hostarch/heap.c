/* SPDX-License-Identifier: MIT */
/*
 * An allocator of frames simple enough to be believed: first fit over one byte
 * per frame.
 */
#include <string.h>

#include <hostarch.h>

#include <hv/domain.h>
#include <hv/numa.h>

static uint8_t used[HOST_MAX_FRAMES];
static uint64_t heap_first, heap_end;

void host_heap_init(mfn_t first, uint64_t nr)
{
    heap_first = mfn_x(first);
    heap_end = heap_first + nr;
    BUG_ON(heap_end > max_mfn);
    memset(used, 0, sizeof(used));
}

static bool block_is_free(uint64_t m, uint64_t n)
{
    return m + n <= heap_end && memchr(used + m, 1, n) == NULL;
}

struct page_info *heap_alloc(unsigned int order, unsigned int flags)
{
    uint64_t n = 1UL << order;
    uint64_t m = ROUND_UP(heap_first, n);

    while (m + n <= heap_end && !block_is_free(m, n))
        m += n;
    if (m + n > heap_end)
        return NULL;
    memset(used + m, 1, n);
    if (!(flags & ALLOC_NO_SCRUB))
        memset(mfn_to_virt(mfn(m)), 0, n << PAGE_SHIFT);
    return mfn_to_page(mfn(m));
}

void heap_free(struct page_info *pg, unsigned int order)
{
    uint64_t m = mfn_x(page_to_mfn(pg));

    for (uint64_t i = m; i < m + (1UL << order); i++) {
        BUG_ON(!used[i]);
        used[i] = 0;
        host_frames[i].state = 0;
        host_frames[i].owner = NULL;
    }
}

void heap_free_one(struct page_info *pg)
{
    heap_free(pg, 0);
}

uint64_t heap_free_pages(void)
{
    uint64_t n = 0;

    for (uint64_t m = heap_first; m < heap_end; m++)
        n += !used[m];
    return n;
}

uint64_t heap_total_pages(void)
{
    return heap_end - heap_first;
}

void heap_add_range(mfn_t start, uint64_t nr)
{
    host_heap_init(start, nr);
}

/* One node; claims count against what is free. */
unsigned int nr_nodes = 1;
static uint64_t claimed;

unsigned int cpu_node(unsigned int cpu)
{
    (void)cpu;
    return 0;
}

struct page_info *heap_alloc_for(const struct domain *d, unsigned int order,
                                 unsigned int flags)
{
    uint64_t others = claimed - d->outstanding_pages;

    if (others != 0 && heap_free_pages() < others + (1UL << order))
        return NULL;
    return heap_alloc(order, flags);
}

/* Asks where the real one does, and keeps nothing of what it "cleared". */
struct page_info *heap_alloc_paced(const struct domain *d, unsigned int order,
                                   unsigned int flags, struct heap_pace *pace)
{
    if (pace && pace->cleared >= 32) {
        pace->cleared = 0;
        pace->stopped = pace->stop();
        if (pace->stopped)
            return NULL;
    }
    if (pace)
        pace->cleared += 1U << order;
    return heap_alloc_for(d, order, flags);
}

void heap_put_back(struct page_info *pg, unsigned int order)
{
    heap_free(pg, order);
}

bool heap_claim_set(uint64_t *claim, uint64_t want)
{
    uint64_t others = claimed - *claim;

    if (want != 0 && want + others > heap_free_pages())
        return false;
    claimed = others + want;
    *claim = want;
    return true;
}

void heap_claim_use(uint64_t *claim, uint64_t nr)
{
    nr = min_t(uint64_t, nr, *claim);
    *claim -= nr;
    claimed -= nr;
}

uint64_t heap_claimed_pages(void)
{
    return claimed;
}
