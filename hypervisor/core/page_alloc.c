/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: buddies over the frame table.
 *
 * Free blocks of 2^order frames, aligned to their size, lie in lists by zone
 * and order. The zone is the number of the highest bit of the frame number:
 * an aligned block lies in one zone, and an address limit is a highest zone.
 * Allocation starts at the highest zone allowed, so low memory is kept for
 * those who need it.
 *
 * A free frame has state 0 and no owner. Only a free block's first frame is
 * marked (PGF_FREE) and holds the order. Frames keep what they held until
 * they are handed out again: PGF_DIRTY says that a block must be scrubbed
 * then, and tlb_stamp which CPUs may still have a stale translation to it.
 */
#include <hv/arch.h>
#include <hv/lib.h>
#include <hv/page.h>

#define NR_ZONES 32 /* frame numbers have 32 bits */
#define NO_BLOCK PAGE_LINK_NONE

#define PGF_FREE  0x01 /* first frame of a free block */
#define PGF_DIRTY 0x02 /* with it: contents are someone's */

/* Guards the lists, the counts, and next, prev, order, flags, tlb_stamp of
 * free blocks' first frames. */
static spinlock_t heap_lock = SPINLOCK_INIT(LOCK_RANK_HEAP);
static uint32_t free_list[NR_ZONES][MAX_ORDER + 1];
static uint32_t zone_orders[NR_ZONES]; /* bit per order with a block */
static uint64_t free_pages, total_pages;

/* Lists store frame + 1, so that zeroed lists are empty. */
static uint32_t list_head(unsigned int zone, unsigned int order)
{
    return free_list[zone][order] - 1;
}

static struct page_info *frame(uint32_t n)
{
    return mfn_to_page(mfn(n));
}

static uint32_t number(const struct page_info *pg)
{
    return (uint32_t)mfn_x(page_to_mfn(pg));
}

static unsigned int zone_of(uint32_t n)
{
    return n ? 31U - (unsigned int)__builtin_clz(n) : 0;
}

static void block_insert(struct page_info *pg, unsigned int order,
                         uint8_t dirty, uint32_t stamp)
{
    uint32_t n = number(pg);
    unsigned int zone = zone_of(n);
    uint32_t head = list_head(zone, order);

    pg->flags = PGF_FREE | dirty;
    pg->order = (uint16_t)order;
    pg->tlb_stamp = stamp;
    pg->prev = NO_BLOCK;
    pg->next = head;
    if (head != NO_BLOCK)
        frame(head)->prev = n;
    free_list[zone][order] = n + 1;
    zone_orders[zone] |= 1U << order;
}

static void block_remove(struct page_info *pg)
{
    unsigned int zone = zone_of(number(pg)), order = pg->order;

    if (pg->next != NO_BLOCK)
        frame(pg->next)->prev = pg->prev;
    if (pg->prev != NO_BLOCK)
        frame(pg->prev)->next = pg->next;
    else
        free_list[zone][order] = pg->next + 1;
    if (!free_list[zone][order])
        zone_orders[zone] &= ~(1U << order);
    pg->flags = 0;
    pg->order = 0;
}

/* The smallest block that holds 2^order frames, from the highest zone. */
static struct page_info *block_find(unsigned int order, unsigned int max_zone)
{
    for (unsigned int z = max_zone + 1; z-- > 0;) {
        uint32_t orders = zone_orders[z] & (~0U << order);

        if (orders)
            return frame(list_head(z, (unsigned int)__builtin_ctz(orders)));
    }
    return NULL;
}

/* The later of two stamps; they are less than half the clock's range apart,
 * or it does not matter (hv/arch.h: the clock's owner flushes all in time). */
static uint32_t later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0 ? a : b;
}

/* Cut 2^order frames off the front, giving the rest back. */
static void block_split(struct page_info *pg, unsigned int from,
                        unsigned int order, uint8_t dirty)
{
    while (from > order) {
        from--;
        block_insert(pg + (1UL << from), from, dirty, pg->tlb_stamp);
    }
}

static struct page_info *take_block(unsigned int order, unsigned int max_zone,
                                    uint8_t *dirty)
{
    struct page_info *pg;

    spin_lock(&heap_lock);
    pg = block_find(order, max_zone);
    if (pg) {
        unsigned int from = pg->order;

        *dirty = pg->flags & PGF_DIRTY;
        block_remove(pg);
        block_split(pg, from, order, *dirty);
        free_pages -= 1UL << order;
    }
    spin_unlock(&heap_lock);
    return pg;
}

/* No CPU may still write a frame by what it remembers of its last owner. */
static void flush_stale(const struct page_info *pg)
{
    cpumask_t mask = cpu_online_map;

    tlb_filter_mask(&mask, pg->tlb_stamp);
    if (!cpumask_empty(&mask))
        tlb_flush_mask(&mask);
}

struct page_info *heap_alloc(unsigned int order, unsigned int flags)
{
    unsigned int bits = ALLOC_LOW_BITS(flags), max_zone = NR_ZONES - 1;
    struct page_info *pg;
    uint8_t dirty;

    if (order > MAX_ORDER || (bits && bits <= PAGE_SHIFT))
        return NULL;
    if (bits && bits < PAGE_SHIFT + NR_ZONES)
        max_zone = bits - PAGE_SHIFT - 1;
    pg = take_block(order, max_zone, &dirty);
    if (!pg)
        return NULL;

    flush_stale(pg);
    if (dirty && !(flags & ALLOC_NO_SCRUB))
        memset(page_to_virt(pg), 0, PAGE_SIZE << order);
    return pg;
}

/* Merge with free buddies as far as possible and put on its list. */
static void block_free(struct page_info *pg, unsigned int order, uint8_t dirty,
                       uint32_t stamp)
{
    while (order < MAX_ORDER) {
        uint32_t n = number(pg) ^ (1U << order);
        struct page_info *buddy = frame(n);

        if (!mfn_is_ram(mfn(n)) || !(buddy->flags & PGF_FREE) ||
            buddy->order != order || zone_of(n) != zone_of(number(pg)))
            break;
        dirty |= buddy->flags & PGF_DIRTY;
        stamp = later(stamp, buddy->tlb_stamp);
        block_remove(buddy);
        if (buddy < pg)
            pg = buddy;
        order++;
    }
    block_insert(pg, order, dirty, stamp);
}

void heap_free(struct page_info *pg, unsigned int order)
{
    uint32_t stamp = tlb_clock();

    ASSERT(!(number(pg) & ((1U << order) - 1)));
    for (unsigned long i = 0; i < 1UL << order; i++) {
        ASSERT(!(pg[i].flags & PGF_FREE));
        pg[i].state = 0;
        pg[i].owner = NULL;
    }
    spin_lock(&heap_lock);
    free_pages += 1UL << order;
    block_free(pg, order, PGF_DIRTY, stamp);
    spin_unlock(&heap_lock);
}

uint64_t heap_free_pages(void)
{
    return READ_ONCE(free_pages);
}

uint64_t heap_total_pages(void)
{
    return READ_ONCE(total_pages);
}

/* The largest aligned block at the start of [n, end). */
static unsigned int order_at(uint64_t n, uint64_t end)
{
    unsigned int order = (unsigned int)__builtin_ctzl(n | 1UL << MAX_ORDER);

    while (n + (1UL << order) > end)
        order--;
    return order;
}

void heap_add_range(mfn_t start, uint64_t nr)
{
    uint64_t n = mfn_x(start), end = n + nr;

    spin_lock(&heap_lock);
    while (n < end) {
        unsigned int order = order_at(n, end);

        block_free(frame((uint32_t)n), order, PGF_DIRTY, 0);
        n += 1UL << order;
    }
    free_pages += nr;
    total_pages += nr;
    spin_unlock(&heap_lock);
}
