/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: buddies over the frame table.
 *
 * Free blocks of 2^order frames, aligned to their size, lie in lists by node,
 * zone and order. The zone is the number of the highest bit of the frame
 * number: an aligned block lies in one zone, and an address limit is a highest
 * zone. Allocation starts at the highest zone allowed, so low memory is kept
 * for those who need it; and at the nearest node.
 *
 * A free frame has state 0 and no owner. Only a free block's first frame is
 * marked (HEAP_FREE) and holds the order; tlb_stamp says which CPUs may still
 * have a stale translation to the block. Frames keep what they held until the
 * scrubber (heap_scrub.c) finds them or they are handed out again, whichever
 * comes first: each frame's flags say. A block in which the scrubber has work
 * is at the end of its list, so clean ones go first.
 */
#include "heap.h"

#include <hv/arch.h>
#include <hv/domain.h>

#include <asm/cpu_info.h>

spinlock_t heap_lock = SPINLOCK_INIT(LOCK_RANK_HEAP);
static struct node_heap heap_of_node0;
struct node_heap *node_heap[MAX_NODES] = {&heap_of_node0};
uint64_t heap_nr_free, heap_nr_claimed;
static uint64_t nr_total;

/* ---- lists: circular, so that a head's prev is the tail ---- */

static unsigned int zone_of(uint32_t n)
{
    return n ? 31U - (unsigned int)__builtin_clz(n) : 0;
}

/* Lists store frame + 1, so that zeroed lists are empty. */
static struct page_info *list_head(const struct node_heap *h, unsigned int zone,
                                   unsigned int order)
{
    return heap_frame(h->list[zone][order] - 1);
}

/* Blocks to be scrubbed are at the tail: it says if there are any. */
static ALWAYS_INLINE void note_scrub(struct node_heap *h, unsigned int zone,
                                     unsigned int order)
{
    uint32_t bit = 1U << order;

    if (h->list[zone][order] &&
        heap_frame(list_head(h, zone, order)->prev)->flags & HEAP_SCRUB)
        h->scrub_orders[zone] |= bit;
    else
        h->scrub_orders[zone] &= ~bit;
}

uint32_t block_cursor(const struct page_info *pg)
{
    return pg->order ? pg[1].next : 0;
}

void block_set_cursor(struct page_info *pg, uint32_t cursor)
{
    if (pg->order)
        pg[1].next = cursor;
}

void block_insert(struct page_info *pg, unsigned int order, bool scrub,
                  uint32_t cursor, uint32_t stamp)
{
    uint32_t n = heap_number(pg);
    struct node_heap *h = node_heap[pg->node];
    unsigned int zone = zone_of(n);
    uint32_t *head = &h->list[zone][order];

    pg->flags |= HEAP_FREE | (scrub ? HEAP_SCRUB : 0);
    pg->order = (uint16_t)order;
    pg->tlb_stamp = stamp;
    block_set_cursor(pg, cursor);
    if (!*head) {
        pg->next = pg->prev = n;
        *head = n + 1;
        h->orders[zone] |= 1U << order;
    } else {
        struct page_info *first = heap_frame(*head - 1);

        pg->next = *head - 1;
        pg->prev = first->prev;
        heap_frame(first->prev)->next = n;
        first->prev = n;
        if (!scrub)
            *head = n + 1;
    }
    note_scrub(h, zone, order);
}

void block_remove(struct page_info *pg)
{
    uint32_t n = heap_number(pg);
    struct node_heap *h = node_heap[pg->node];
    unsigned int zone = zone_of(n), order = pg->order;
    uint32_t *head = &h->list[zone][order];

    if (pg->next == n) {
        *head = 0;
        h->orders[zone] &= ~(1U << order);
    } else {
        heap_frame(pg->next)->prev = pg->prev;
        heap_frame(pg->prev)->next = pg->next;
        if (*head == n + 1)
            *head = pg->next + 1;
    }
    note_scrub(h, zone, order);
    pg->flags &= (uint8_t) ~(HEAP_FREE | HEAP_SCRUB);
    pg->order = 0;
}

/* ---- splitting and merging ---- */

/* Cut 2^order frames off the front of a removed block, giving the rest back. */
static void block_split(struct page_info *pg, unsigned int from,
                        unsigned int order, bool scrub, uint32_t cursor)
{
    while (from > order) {
        uint32_t half = 1U << --from;

        block_insert(pg + half, from, scrub, cursor > half ? cursor - half : 0,
                     pg->tlb_stamp);
        scrub &= cursor < half;
    }
}

/* The later of two stamps; they are less than half the clock's range apart,
 * or it does not matter (hv/arch.h: the clock's owner flushes all in time). */
static uint32_t later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0 ? a : b;
}

static bool is_buddy(const struct page_info *pg, const struct page_info *buddy,
                     unsigned int order)
{
    return mfn_is_ram(page_to_mfn(buddy)) && (buddy->flags & HEAP_FREE) &&
           buddy->order == order && buddy->node == pg->node &&
           zone_of(heap_number(buddy)) == zone_of(heap_number(pg));
}

/* Merge with free buddies as far as possible and put on its list. */
static void block_free(struct page_info *pg, unsigned int order, bool scrub,
                       uint32_t stamp)
{
    uint32_t cursor = 0;

    for (; order < MAX_ORDER; order++) {
        uint32_t half = 1U << order;
        struct page_info *buddy = heap_frame(heap_number(pg) ^ half);
        bool buddy_scrub;
        uint32_t buddy_cursor;

        if (!is_buddy(pg, buddy, order))
            break;
        buddy_scrub = buddy->flags & HEAP_SCRUB;
        buddy_cursor = block_cursor(buddy);
        stamp = later(stamp, buddy->tlb_stamp);
        block_remove(buddy);
        if (buddy < pg) {
            cursor = buddy_scrub ? buddy_cursor : half + cursor;
            pg = buddy;
        } else if (!scrub) {
            cursor = half + buddy_cursor;
        }
        scrub |= buddy_scrub;
    }
    block_insert(pg, order, scrub, scrub ? cursor : 0, stamp);
}

struct page_info *block_of(uint32_t n)
{
    for (unsigned int order = 0; order <= MAX_ORDER; order++) {
        uint32_t first = n & ~((1U << order) - 1);
        struct page_info *pg = heap_frame(first);

        if (mfn_is_ram(mfn(first)) && (pg->flags & HEAP_FREE))
            return pg->order >= order ? pg : NULL;
    }
    return NULL;
}

void block_isolate(struct page_info *pg, uint32_t n)
{
    unsigned int order = pg->order;
    bool scrub = pg->flags & HEAP_SCRUB;
    uint32_t stamp = pg->tlb_stamp;

    block_remove(pg);
    while (order-- > 0) {
        struct page_info *upper = pg + (1UL << order);
        bool in_upper = n >= heap_number(upper);

        block_insert(in_upper ? pg : upper, order, scrub, 0, stamp);
        if (in_upper)
            pg = upper;
    }
    node_heap[pg->node]->free[zone_of(n)]--;
    heap_nr_free--;
}

/* ---- taking ---- */

/* What is looked for, and where. */
struct request {
    unsigned int order, max_zone;
    nodemask_t nodes;
    const uint64_t *claim; /* of whom it is for; NULL: claims do not hold */
};

/* The smallest block that holds 2^order frames, from the highest zone. */
static struct page_info *find_on(const struct node_heap *h,
                                 const struct request *r)
{
    for (unsigned int z = r->max_zone + 1; z-- > 0;) {
        uint32_t orders = h->orders[z] & (~0U << r->order);

        if (orders)
            return list_head(h, z, (unsigned int)__builtin_ctz(orders));
    }
    return NULL;
}

static struct page_info *find(const struct request *r, unsigned int near)
{
    const uint8_t *node = numa_by_distance(near);

    for (unsigned int i = 0; i < nr_nodes; i++) {
        struct page_info *pg;

        if (!(r->nodes >> node[i] & 1) || !node_heap[node[i]])
            continue;
        pg = find_on(node_heap[node[i]], r);
        if (pg)
            return pg;
    }
    return NULL;
}

/* Claims of others are left untouched. */
static bool claims_allow(const struct request *r, uint64_t nr)
{
    uint64_t others;

    if (!r->claim)
        return true;
    others = heap_nr_claimed - *r->claim;
    return others == 0 || heap_nr_free >= others + nr;
}

static struct page_info *try_block(const struct request *r, unsigned int near)
{
    uint64_t nr = 1UL << r->order;
    struct page_info *pg = NULL;

    spin_lock(&heap_lock);
    if (likely(claims_allow(r, nr)))
        pg = find(r, near);
    if (pg) {
        unsigned int from = pg->order;
        bool scrub = pg->flags & HEAP_SCRUB;
        uint32_t cursor = block_cursor(pg);

        block_remove(pg);
        block_split(pg, from, r->order, scrub, cursor);
        node_heap[pg->node]->free[zone_of(heap_number(pg))] -= nr;
        heap_nr_free -= nr;
        heap_low_check();
    }
    spin_unlock(&heap_lock);
    return pg;
}

/* What CPUs keep of single frames may be what is missing. */
static struct page_info *take_block(const struct request *r, unsigned int near)
{
    struct page_info *pg = try_block(r, near);

    if (unlikely(!pg) && heap_caches_empty())
        pg = try_block(r, near);
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

#define PACE 32 /* frames cleared between two questions whether to stop */

static bool must_stop(struct heap_pace *pace)
{
    if (!pace || pace->cleared < PACE)
        return false;
    pace->cleared = 0;
    pace->stopped = pace->stop();
    return pace->stopped;
}

/* The frames of a taken block are nobody else's: no lock. How many are ready:
 * fewer than all if pace says so. */
static uint64_t make_ready(struct page_info *pg, unsigned int order, bool scrub,
                           struct heap_pace *pace)
{
    uint64_t dirty = 0, i;

    for (i = 0; i < 1UL << order; i++) {
        if (scrub && !(pg[i].flags & HEAP_CLEAN)) {
            if (unlikely(must_stop(pace)))
                break;
            memset(page_to_virt(&pg[i]), 0, PAGE_SIZE);
            if (pace)
                pace->cleared++;
        }
        dirty += !!(pg[i].flags & HEAP_DIRTY);
        pg[i].flags = 0;
    }
    if (dirty)
        __atomic_fetch_sub(&node_heap[pg->node]->dirty, dirty,
                           __ATOMIC_RELAXED);
    return i;
}

static bool read_flags(unsigned int order, unsigned int flags,
                       struct request *r)
{
    unsigned int bits = ALLOC_LOW_BITS(flags);

    if (order > MAX_ORDER || (bits && bits <= PAGE_SHIFT))
        return false;
    r->order = order;
    r->max_zone = NR_ZONES - 1;
    if (bits && bits < PAGE_SHIFT + NR_ZONES)
        r->max_zone = bits - PAGE_SHIFT - 1;
    return true;
}

/* A taken block to where it was, its first nr_clean frames clean now. All CPUs
 * have flushed since its stamp. */
static void untake(struct page_info *pg, unsigned int order, uint64_t nr_clean)
{
    uint64_t nr = 1UL << order, dirty = 0, broken = 0;

    for (uint64_t i = 0; i < nr; i++) {
        if (i < nr_clean)
            pg[i].flags = HEAP_CLEAN;
        dirty += !!(pg[i].flags & HEAP_DIRTY);
        broken |= pg[i].state & PGS_BROKEN;
    }
    if (unlikely(broken)) {
        __atomic_fetch_sub(&node_heap[pg->node]->dirty, dirty,
                           __ATOMIC_RELAXED);
        heap_free(pg, order);
        return;
    }
    spin_lock(&heap_lock);
    node_heap[pg->node]->free[zone_of(heap_number(pg))] += nr;
    heap_nr_free += nr;
    block_free(pg, order, dirty != 0, pg->tlb_stamp);
    heap_low_check();
    spin_unlock(&heap_lock);
}

void heap_put_back(struct page_info *pg, unsigned int order)
{
    untake(pg, order, 1UL << order);
}

static struct page_info *finish(struct page_info *pg, unsigned int order,
                                unsigned int flags, struct heap_pace *pace)
{
    uint64_t nr;

    if (!pg)
        return NULL;
    flush_stale(pg);
    nr = make_ready(pg, order, !(flags & ALLOC_NO_SCRUB), pace);
    if (likely(nr == 1UL << order))
        return pg;
    untake(pg, order, nr);
    return NULL;
}

struct page_info *heap_alloc(unsigned int order, unsigned int flags)
{
    struct request r = {.nodes = NODEMASK_ALL};

    if (!read_flags(order, flags, &r))
        return NULL;
    return finish(take_block(&r, cpu_node(smp_processor_id())), order, flags,
                  NULL);
}

/* Flags of who takes a frame from anywhere. */
#define ANY_FRAME (ALLOC_NO_SCRUB | ALLOC_OWN_DATA)

/* One of those that this CPU keeps. */
static struct page_info *take_kept(const struct domain *d, unsigned int flags)
{
    uint64_t left_by;
    struct page_info *pg = heap_cache_take(&left_by);

    if (!pg)
        return NULL;
    pg->flags = 0;
    if ((flags & ALLOC_OWN_DATA) && left_by && left_by == d->serial)
        return pg;
    flush_stale(pg);
    if (!(flags & ALLOC_NO_SCRUB))
        memset(page_to_virt(pg), 0, PAGE_SIZE);
    return pg;
}

struct page_info *heap_alloc_paced(const struct domain *d, unsigned int order,
                                   unsigned int flags, struct heap_pace *pace)
{
    unsigned int node = ALLOC_NODE_OF(flags);
    nodemask_t wanted = READ_ONCE(d->node_affinity);
    struct request r = {.claim = &d->outstanding_pages};
    struct page_info *pg;

    if (likely(order == 0 && !(flags & ~ANY_FRAME)) &&
        wanted >> cpu_node(smp_processor_id()) & 1) {
        pg = take_kept(d, flags);
        if (pg)
            return pg;
    }
    if (!read_flags(order, flags, &r))
        return NULL;
    if (node >= nr_nodes) {
        if (node != NODE_NONE && (flags & ALLOC_EXACT_NODE))
            return NULL;
        node = cpu_node(smp_processor_id());
    } else {
        wanted = 1U << node;
    }
    r.nodes = wanted;
    pg = take_block(&r, node);
    if (!pg && ~wanted && !(flags & ALLOC_EXACT_NODE)) {
        r.nodes = NODEMASK_ALL;
        pg = take_block(&r, node);
    }
    return finish(pg, order, flags, pace);
}

struct page_info *heap_alloc_for(const struct domain *d, unsigned int order,
                                 unsigned int flags)
{
    return heap_alloc_paced(d, order, flags, NULL);
}

/* ---- giving ---- */

bool heap_frame_ends(struct page_info *pg)
{
    ASSERT(!(pg->flags & (HEAP_FREE | HEAP_KEPT)));
    if (unlikely(pg->state & PGS_BROKEN))
        return false;
    pg->tlb_stamp = tlb_clock();
    pg->state = 0;
    pg->owner = NULL;
    pg->flags = HEAP_DIRTY;
    return true;
}

void heap_frame_returns(struct page_info *pg)
{
    node_heap[pg->node]->free[zone_of(heap_number(pg))]++;
    __atomic_fetch_add(&node_heap[pg->node]->dirty, 1, __ATOMIC_RELAXED);
    heap_nr_free++;
    block_free(pg, 0, true, pg->tlb_stamp);
    heap_low_check();
}

void heap_free(struct page_info *pg, unsigned int order)
{
    uint32_t stamp = tlb_clock();
    uint64_t nr = 1UL << order;
    uint64_t broken = 0;

    ASSERT(!(heap_number(pg) & (nr - 1)));
    for (uint64_t i = 0; i < nr; i++) {
        ASSERT(!(pg[i].flags & (HEAP_FREE | HEAP_KEPT)));
        broken |= pg[i].state & PGS_BROKEN;
        pg[i].state &= PGS_BROKEN;
        pg[i].owner = NULL;
        pg[i].flags = HEAP_DIRTY;
    }
    if (unlikely(broken)) {
        heap_free_broken(pg, order);
        return;
    }
    __atomic_fetch_add(&node_heap[pg->node]->dirty, nr, __ATOMIC_RELAXED);
    spin_lock(&heap_lock);
    node_heap[pg->node]->free[zone_of(heap_number(pg))] += nr;
    heap_nr_free += nr;
    block_free(pg, order, true, stamp);
    heap_low_check();
    spin_unlock(&heap_lock);
}

/* The largest aligned block at the start of [n, end). */
static unsigned int order_at(uint64_t n, uint64_t end)
{
    unsigned int order = (unsigned int)__builtin_ctzl(n | 1UL << MAX_ORDER);

    while (n + (1UL << order) > end)
        order--;
    return order;
}

/* Frames of one node that nobody has scrubbed and nobody is to. */
static void add_run(uint64_t n, uint64_t end)
{
    while (n < end) {
        unsigned int order = order_at(n, end);
        struct page_info *pg = heap_frame((uint32_t)n);

        node_heap[pg->node]->free[zone_of((uint32_t)n)] += 1UL << order;
        block_free(pg, order, false, 0);
        n += 1UL << order;
    }
}

void heap_add_range(mfn_t start, uint64_t nr)
{
    uint64_t n = mfn_x(start), end = n + nr;

    spin_lock(&heap_lock);
    heap_nr_free += nr;
    nr_total += nr;
    while (n < end) {
        uint64_t run_end;
        unsigned int node = numa_node_of(mfn(n), &run_end);

        run_end = min_t(uint64_t, run_end, end);
        node_heap[node]->total += run_end - n;
        add_run(n, run_end);
        n = run_end;
    }
    spin_unlock(&heap_lock);
}

/* ---- counts ---- */

uint64_t heap_free_pages(void)
{
    return READ_ONCE(heap_nr_free) + heap_caches_count();
}

uint64_t heap_total_pages(void)
{
    return READ_ONCE(nr_total);
}

uint64_t heap_node_total(unsigned int node)
{
    return node_heap[node] ? READ_ONCE(node_heap[node]->total) : 0;
}

/* A frame of zone z lies at an address that needs z + 1 + PAGE_SHIFT bits. */
uint64_t heap_node_free(unsigned int node, unsigned int min_bits,
                        unsigned int max_bits)
{
    const struct node_heap *h = node_heap[node];
    uint64_t nr = 0;

    (void)heap_caches_empty();
    for (unsigned int z = 0; h && z < NR_ZONES; z++) {
        unsigned int bits = z + 1 + PAGE_SHIFT;

        if (bits >= min_bits && (!max_bits || bits <= max_bits))
            nr += READ_ONCE(h->free[z]);
    }
    return nr;
}

/* ---- claims ---- */

bool heap_claim_set(uint64_t *claim, uint64_t want)
{
    uint64_t others;
    bool ok;

    (void)heap_caches_empty();
    spin_lock(&heap_lock);
    others = heap_nr_claimed - *claim;
    ok = want == 0 || (others <= heap_nr_free && want <= heap_nr_free - others);
    if (ok) {
        heap_nr_claimed = others + want;
        *claim = want;
    }
    spin_unlock(&heap_lock);
    return ok;
}

void heap_claim_use(uint64_t *claim, uint64_t nr)
{
    spin_lock(&heap_lock);
    nr = min_t(uint64_t, nr, *claim);
    *claim -= nr;
    heap_nr_claimed -= nr;
    spin_unlock(&heap_lock);
}

uint64_t heap_claimed_pages(void)
{
    return READ_ONCE(heap_nr_claimed);
}

/* ---- nodes become known ---- */

/* All free blocks, unlinked, chained by next. */
static uint32_t __init take_all(struct node_heap *h)
{
    uint32_t chain = NO_BLOCK;

    for (unsigned int z = 0; z < NR_ZONES; z++) {
        while (h->orders[z]) {
            unsigned int order = (unsigned int)__builtin_ctz(h->orders[z]);
            struct page_info *pg = list_head(h, z, order);

            block_remove(pg);
            pg->order = (uint16_t)order;
            pg->next = chain;
            chain = heap_number(pg);
        }
        h->free[z] = 0;
    }
    return chain;
}

/* Every frame of RAM learns its node; the hypervisor's so far are counted. */
static void __init set_frames_node(void)
{
    for (uint64_t n = 0, end; n < max_mfn; n = end) {
        unsigned int node = numa_node_of(mfn(n), &end);

        end = min_t(uint64_t, end, max_mfn);
        for (; n < end; n++) {
            struct page_info *pg = heap_frame((uint32_t)n);

            if (!mfn_is_ram(mfn(n)))
                continue;
            pg->node = (uint8_t)node;
            if (pg->state & PGS_HV)
                node_heap[node]->total++;
        }
    }
}

void __init heap_nodes_known(void)
{
    uint32_t chain;

    for (unsigned int node = 1; node < nr_nodes; node++) {
        node_heap[node] = hv_alloc(sizeof(*node_heap[node]));
        if (!node_heap[node])
            panic("No memory for node %u", node);
    }
    chain = take_all(node_heap[0]);
    node_heap[0]->total = node_heap[0]->dirty = 0;
    heap_nr_free = 0;
    set_frames_node();
    while (chain != NO_BLOCK) {
        struct page_info *pg = heap_frame(chain);
        uint64_t nr = 1UL << pg->order;

        chain = pg->next;
        pg->order = 0;
        for (uint64_t i = 0; i < nr; i++)
            pg[i].flags = 0;
        heap_add_range(page_to_mfn(pg), nr);
    }
    nr_total = 0;
    for (unsigned int node = 0; node < nr_nodes; node++)
        nr_total += node_heap[node]->total;
}
