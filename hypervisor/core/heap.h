/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the frame allocator share: page_alloc.c (free blocks),
 * heap_scrub.c, heap_offline.c, heap_low.c, heap_cache.c.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <hv/lib.h>
#include <hv/numa.h>
#include <hv/page.h>
#include <hv/spinlock.h>

#define NR_ZONES 32 /* frame numbers have 32 bits */
#define NO_BLOCK PAGE_LINK_NONE

/* pg->flags of free frames. HEAP_FREE and HEAP_SCRUB are of a free block's
 * first frame only. */
#define HEAP_FREE    0x01 /* first frame of a free block */
#define HEAP_SCRUB   0x02 /* frames in it await the scrubber */
#define HEAP_KEPT    0x10 /* in a CPU's cache (heap_cache.c) */
#define HEAP_CLEAN   0x20 /* contents are zero */
#define HEAP_DIRTY   0x40 /* contents are a former owner's */
#define HEAP_OFFLINE 0x80 /* bad and in no list (heap_offline.c) */

/* The free blocks of a node. */
struct node_heap {
    uint32_t list[NR_ZONES][MAX_ORDER + 1]; /* first block's frame + 1 */
    uint32_t orders[NR_ZONES];              /* bit per order with a block */
    uint32_t scrub_orders[NR_ZONES]; /* ... with one that awaits scrubbing */
    uint64_t free[NR_ZONES];
    uint64_t total;
    uint64_t dirty; /* frames HEAP_DIRTY in free blocks, not caches'; atomic */
};

/* Guards all of struct node_heap but dirty, the counts, the claims, and of
 * free blocks' first frames all of page_info, of the others flags. */
extern spinlock_t heap_lock;
extern struct node_heap *node_heap[MAX_NODES];
extern uint64_t heap_nr_free, heap_nr_claimed;

/* ---- with heap_lock held ---- */
/* A block's scrub cursor: no frame before it awaits the scrubber. */
uint32_t block_cursor(const struct page_info *pg);
void block_set_cursor(struct page_info *pg, uint32_t cursor);
void block_remove(struct page_info *pg);
void block_insert(struct page_info *pg, unsigned int order, bool scrub,
                  uint32_t cursor, uint32_t stamp);
/* The free block of which frame n is part; NULL: frame n is not free. */
struct page_info *block_of(uint32_t n);
/* Take frame n out of its free block pg; the rest stays free. */
void block_isolate(struct page_info *pg, uint32_t n);
/* free frames went from before to heap_nr_free: tell dom0 if there are few. */
void heap_low_check(void);
/* A frame for which heap_frame_ends() was called becomes a free block's. */
void heap_frame_returns(struct page_info *pg);

/* ---- without ---- */
/* Nobody's any more, but not in a block either. False, and nothing done, for
 * one with PGS_BROKEN. */
bool heap_frame_ends(struct page_info *pg);
/* heap_cache.c. A single frame that this CPU has kept, of its own node, and
 * the serial of the domain that left it, 0 if unknown. Its contents are that
 * one's; others may write it until the CPUs have flushed. */
struct page_info *heap_cache_take(uint64_t *left_by);
/* What this CPU has kept, or all have, goes to the heap. True: there was. */
void heap_cache_empty(void);
bool heap_caches_empty(void);
uint64_t heap_caches_count(void);

static inline struct page_info *heap_frame(uint32_t n)
{
    return mfn_to_page(mfn(n));
}

static inline uint32_t heap_number(const struct page_info *pg)
{
    return (uint32_t)mfn_x(page_to_mfn(pg));
}

#endif
