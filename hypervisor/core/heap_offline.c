/* SPDX-License-Identifier: MIT */
/*
 * Frames taken out of use because their memory fails. PGS_BROKEN says so: on a
 * free frame (its whole state then) that it is in no list, on a domain's that
 * it will be in none once it is free. Frames of the hypervisor stay.
 */
#include "heap.h"

#include <hv/arch.h>
#include <hv/domain.h>

#include <public/sysctl.h>

/* False: the frame is not free. */
static bool offline_free(struct page_info *pg)
{
    uint32_t n = heap_number(pg);
    struct page_info *block;

    (void)heap_caches_empty();
    spin_lock(&heap_lock);
    block = block_of(n);
    if (block) {
        block_isolate(block, n);
        if (pg->flags & HEAP_DIRTY)
            __atomic_fetch_sub(&node_heap[pg->node]->dirty, 1,
                               __ATOMIC_RELAXED);
        pg->state = PGS_BROKEN;
        pg->flags = HEAP_OFFLINE;
        heap_low_check();
    }
    spin_unlock(&heap_lock);
    return block != NULL;
}

/* With a reference, so that it stays what it is: its owner's id, and whether
 * the bit was set before. NULL owner: it is not a domain's. */
static bool change_owned(struct page_info *pg, bool broken, uint32_t *status,
                         bool *was)
{
    struct domain *d = READ_ONCE(pg->owner);
    uint64_t old;

    if (!d || !page_get(pg, d))
        return false;
    *status = PG_OFFLINE_OWNED | (uint32_t)d->id << PG_OFFLINE_OWNER_SHIFT;
    if (READ_ONCE(pg->state) & PGS_HV) {
        page_put(pg);
        return false;
    }
    if (broken)
        old = __atomic_fetch_or(&pg->state, PGS_BROKEN, __ATOMIC_SEQ_CST);
    else
        old = __atomic_fetch_and(&pg->state, ~PGS_BROKEN, __ATOMIC_SEQ_CST);
    *was = old & PGS_BROKEN;
    page_put(pg);
    return true;
}

int heap_offline(mfn_t m, uint32_t *status)
{
    struct page_info *pg;
    bool was;

    if (!mfn_is_ram(m)) {
        *status = PG_OFFLINE_INVALID | PG_OFFLINE_NOT_CONV_RAM;
        return -EINVAL;
    }
    pg = mfn_to_page(m);
    if (READ_ONCE(pg->state) == PGS_BROKEN || offline_free(pg))
        *status = PG_OFFLINE_OFFLINED;
    else if (change_owned(pg, true, status, &was))
        *status |= PG_OFFLINE_PENDING;
    else
        *status = PG_OFFLINE_FAILED | PG_OFFLINE_XENPAGE;
    return 0;
}

/* False: it is not a frame that is offline. */
static bool online_free(struct page_info *pg)
{
    bool was;

    spin_lock(&heap_lock);
    /* The state alone may be that of a frame on its way to heap_free(). */
    was = pg->state == PGS_BROKEN && (pg->flags & HEAP_OFFLINE);
    if (was) {
        pg->state = 0;
        pg->flags = 0;
    }
    spin_unlock(&heap_lock);
    if (was)
        heap_free(pg, 0);
    return was;
}

int heap_online(mfn_t m, uint32_t *status)
{
    struct page_info *pg;
    bool was = false;

    if (!mfn_is_ram(m)) {
        *status = PG_OFFLINE_INVALID | PG_OFFLINE_NOT_CONV_RAM;
        return -EINVAL;
    }
    pg = mfn_to_page(m);
    if (!online_free(pg))
        (void)change_owned(pg, false, status, &was);
    *status = PG_ONLINE_ONLINED;
    return 0;
}

int heap_offline_query(mfn_t m, uint32_t *status)
{
    uint64_t state;

    if (!mfn_is_ram(m)) {
        *status = PG_OFFLINE_INVALID | PG_OFFLINE_NOT_CONV_RAM;
        return -EINVAL;
    }
    state = READ_ONCE(mfn_to_page(m)->state);
    if (state == PGS_BROKEN)
        *status = PG_OFFLINE_STATUS_OFFLINED;
    else if (state & PGS_BROKEN)
        *status = PG_OFFLINE_STATUS_OFFLINE_PENDING;
    else
        *status = PG_OFFLINE_STATUS_ONLINE;
    return 0;
}

/* The good frames of the block become free one by one. */
void heap_free_broken(struct page_info *pg, unsigned int order)
{
    for (uint64_t i = 0; i < 1UL << order; i++) {
        if (!(pg[i].state & PGS_BROKEN)) {
            pg[i].flags = 0;
            heap_free(&pg[i], 0);
            continue;
        }
        spin_lock(&heap_lock);
        pg[i].flags = HEAP_OFFLINE;
        spin_unlock(&heap_lock);
        printk(LOG_INFO "Frame %lx is offline now\n",
               mfn_x(page_to_mfn(&pg[i])));
    }
}
