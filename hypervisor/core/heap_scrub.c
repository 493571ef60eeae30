/* SPDX-License-Identifier: MIT */
/*
 * The scrubber: idle CPUs clear what former owners left in free frames, so
 * that an allocation finds them clean. A frame counts as clean only when no
 * CPU can write it any more by a stale translation.
 *
 * Memory that had no owner since power-on is left alone (an emulated or
 * overcommitted machine need not have it) and cleared when it is handed out;
 * bootscrub=idle treats it like the rest, bootscrub=yes clears it at boot.
 */
#include "heap.h"

#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/softirq.h>

/* Frames per call, and looked at per hold of the lock. */
#define MAX_FRAMES 32
#define MAX_LOOKS  256

static enum {
    BOOT_LAZY,
    BOOT_IDLE,
    BOOT_NOW
} boot_scrub __ro_after_init;

static int __init parse_bootscrub(const char *s)
{
    if (!strcmp(s, "idle"))
        boot_scrub = BOOT_IDLE;
    else if (!strcmp(s, "") || !strcmp(s, "yes") || !strcmp(s, "on") ||
             !strcmp(s, "1") || !strcmp(s, "true"))
        boot_scrub = BOOT_NOW;
    else if (!strcmp(s, "lazy") || !strcmp(s, "no") || !strcmp(s, "off") ||
             !strcmp(s, "0") || !strcmp(s, "false"))
        boot_scrub = BOOT_LAZY;
    else
        return -EINVAL;
    return 0;
}
PARAM_FUNC("bootscrub", parse_bootscrub);

/* One CPU at a time: the others had better sleep. */
static bool busy;

uint64_t heap_dirty_pages(void)
{
    uint64_t nr = 0;

    for (unsigned int node = 0; node < nr_nodes; node++)
        if (node_heap[node])
            nr += __atomic_load_n(&node_heap[node]->dirty, __ATOMIC_RELAXED);
    return nr;
}

/* Some block of the node that awaits scrubbing; heap_lock is held. */
static struct page_info *find_block(const struct node_heap *h)
{
    for (unsigned int z = NR_ZONES; z-- > 0;) {
        unsigned int order;

        if (!h->scrub_orders[z])
            continue;
        order = (unsigned int)__builtin_ctz(h->scrub_orders[z]);
        return heap_frame(heap_frame(h->list[z][order] - 1)->prev);
    }
    return NULL;
}

/* The block has no more to do: to the front of its list. */
static void block_done(struct page_info *pg)
{
    unsigned int order = pg->order;
    uint32_t stamp = pg->tlb_stamp;

    block_remove(pg);
    block_insert(pg, order, false, 0, stamp);
}

/* One frame, or a look at MAX_LOOKS of them. */
static void scrub_step(struct page_info *pg)
{
    uint32_t nr = 1U << pg->order, i = block_cursor(pg);
    uint32_t stop = min_t(uint32_t, nr, i + MAX_LOOKS);

    while (i < stop && !(pg[i].flags & HEAP_DIRTY))
        i++;
    if (i < stop) {
        memset(page_to_virt(&pg[i]), 0, PAGE_SIZE);
        pg[i].flags = (uint8_t)((pg[i].flags & ~HEAP_DIRTY) | HEAP_CLEAN);
        __atomic_fetch_sub(&node_heap[pg->node]->dirty, 1, __ATOMIC_RELAXED);
        i++;
    }
    if (i == nr)
        block_done(pg);
    else
        block_set_cursor(pg, i);
}

/* False: nothing to do on this node. */
static bool scrub_node(const struct node_heap *h)
{
    cpumask_t stale = cpu_online_map;
    struct page_info *pg;

    spin_lock(&heap_lock);
    pg = find_block(h);
    if (pg) {
        tlb_filter_mask(&stale, pg->tlb_stamp);
        if (cpumask_empty(&stale))
            scrub_step(pg);
    }
    spin_unlock(&heap_lock);
    if (!pg)
        return false;
    if (!cpumask_empty(&stale))
        tlb_flush_mask(&stale);
    return true;
}

static bool scrub_one(void)
{
    for (unsigned int node = 0; node < nr_nodes; node++)
        if (node_heap[node] && scrub_node(node_heap[node]))
            return true;
    return false;
}

bool heap_scrub(void)
{
    bool more = true;

    heap_cache_empty();
    if (!heap_dirty_pages() ||
        __atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return false;
    for (unsigned int n = 0; more && n < MAX_FRAMES; n++) {
        if (softirq_is_pending())
            break;
        more = scrub_one();
    }
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    return more;
}

/* ---- boot ---- */

/* What nobody had: as if someone had given it back. */
static void __init mark_all_dirty(struct node_heap *h)
{
    for (unsigned int z = 0; z < NR_ZONES; z++) {
        for (unsigned int order = 0; order <= MAX_ORDER; order++) {
            struct page_info *pg;

            while (h->list[z][order] &&
                   !((pg = heap_frame(h->list[z][order] - 1))->flags &
                     HEAP_SCRUB)) {
                for (uint64_t i = 0; i < 1UL << order; i++)
                    pg[i].flags |= HEAP_DIRTY;
                h->dirty += 1UL << order;
                block_remove(pg);
                block_insert(pg, order, true, 0, 0);
            }
        }
    }
}

void __init heap_boot_scrub(void)
{
    if (boot_scrub == BOOT_LAZY)
        return;
    for (unsigned int node = 0; node < nr_nodes; node++)
        if (node_heap[node])
            mark_all_dirty(node_heap[node]);
    if (boot_scrub == BOOT_IDLE)
        return;
    printk("Scrubbing %lu MiB\n", heap_dirty_pages() >> (20 - PAGE_SHIFT));
    while (heap_dirty_pages())
        (void)heap_scrub(); /* false: another CPU is at it */
}
