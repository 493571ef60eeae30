/* SPDX-License-Identifier: MIT */
/*
 * The frames of a domain: a doubly linked list through the frame table (links
 * are frame numbers), its length, its limit. As long as a domain has frames it
 * holds a reference on itself, so that frames that others still map keep it.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include "claim.h"

static uint32_t link_of(const struct page_info *pg)
{
    return (uint32_t)mfn_x(page_to_mfn(pg));
}

/* A frame is in one of two lists: the domain's own, or (flag PGF_HELD) those
 * it has given up at its end that others still use. */
static uint32_t *list_of(struct domain *d, const struct page_info *pg)
{
    return pg->flags & PGF_HELD ? &d->held_list : &d->page_list;
}

static void list_push(struct domain *d, struct page_info *pg)
{
    uint32_t *head = list_of(d, pg);

    pg->prev = PAGE_LINK_NONE;
    pg->next = *head;
    if (*head != PAGE_LINK_NONE)
        frame_table[*head].prev = link_of(pg);
    *head = link_of(pg);
}

static ALWAYS_INLINE void list_unlink(struct domain *d, struct page_info *pg)
{
    if (pg->prev != PAGE_LINK_NONE)
        frame_table[pg->prev].next = pg->next;
    else
        *list_of(d, pg) = pg->next;
    if (pg->next != PAGE_LINK_NONE)
        frame_table[pg->next].prev = pg->prev;
    pg->next = pg->prev = PAGE_LINK_NONE;
}

/* page_list_lock is held. Listed before it can be referenced: state is written
 * last. */
static void block_joins(struct domain *d, struct page_info *pg, uint64_t nr)
{
    for (uint64_t i = nr; i-- > 0;) {
        pg[i].owner = d;
        list_push(d, &pg[i]);
    }
    for (uint64_t i = 0; i < nr; i++)
        __atomic_store_n(&pg[i].state, PGS_ALLOCATED | 1, __ATOMIC_RELEASE);
}

int domain_assign_pages(struct domain *d, struct page_info *pg,
                        unsigned int order)
{
    uint64_t nr = 1UL << order;
    int rc = 0;

    spin_lock(&d->page_list_lock);
    if (domain_is_dying(d)) {
        rc = -EINVAL;
    } else if (d->tot_pages + nr > d->max_pages) {
        rc = -E2BIG;
    } else {
        if (d->tot_pages == 0)
            domain_get(d);
        d->tot_pages += nr;
        block_joins(d, pg, nr);
    }
    if (!rc)
        claim_consume(d, nr);
    spin_unlock(&d->page_list_lock);
    return rc;
}

/* Count is zero: nobody can take a reference any more. */
void domain_page_free(struct page_info *pg)
{
    struct domain *d = pg->owner;
    bool last;

    ASSERT((pg->state & PGS_REF_MASK) == 0);
    spin_lock(&d->page_list_lock);
    list_unlink(d, pg);
    last = --d->tot_pages == 0;
    spin_unlock(&d->page_list_lock);
    m2p_set(page_to_mfn(pg), INVALID_M2P);
    pg->flags = 0;
    heap_free_one(pg);
    if (last)
        domain_put(d);
}

/* ---- taking frames from their owner ---- */

/*
 * From "the allocation and nr_held references of the caller" to no reference,
 * in one step; a frame of the hypervisor, or with a type, is refused.
 */
static bool freeze(struct page_info *pg, uint64_t nr_held)
{
    uint64_t old = READ_ONCE(pg->state);

    do {
        if ((old & (PGS_REF_MASK | PGS_TREF_MASK | PGS_ALLOCATED | PGS_HV)) !=
            (PGS_ALLOCATED | (nr_held + 1)))
            return false;
    } while (!__atomic_compare_exchange_n(
        &pg->state, &old, old & (PGS_BROKEN | PGS_FOREIGN), false,
        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return true;
}

bool domain_freeze_page(struct page_info *pg)
{
    return freeze(pg, 1);
}

/*
 * The owner's end may have passed the frame over meanwhile, leaving it to us
 * (first_page()): then it is let go.
 */
void domain_thaw_page(struct page_info *pg)
{
    struct domain *d = pg->owner;
    bool passed_over;

    spin_lock(&d->page_list_lock);
    passed_over = pg->flags & PGF_HELD;
    __atomic_fetch_or(&pg->state, PGS_ALLOCATED | 2, __ATOMIC_SEQ_CST);
    spin_unlock(&d->page_list_lock);
    if (passed_over)
        (void)page_put_alloc_once(pg);
    page_put(pg);
}

bool domain_release_page(struct domain *d, struct page_info *pg)
{
    bool ok;

    if (READ_ONCE(pg->owner) == d && freeze(pg, 0)) {
        /* Ours now; but it may have changed hands before that. */
        if (likely(READ_ONCE(pg->owner) == d)) {
            domain_page_free(pg);
            return true;
        }
        domain_thaw_page(pg);
        return false;
    }
    if (!page_get(pg, d))
        return false;
    ok = page_put_alloc_once(pg);
    if (ok)
        m2p_set(page_to_mfn(pg), INVALID_M2P);
    page_put(pg);
    return ok;
}

/* Off its list; page_list_lock is held. */
static void frame_leaves(struct domain *d, struct page_info *pg)
{
    list_unlink(d, pg);
    pg->flags = 0;
    pg->owner = NULL;
}

bool domain_take_page(struct page_info *pg)
{
    struct domain *d = pg->owner;
    bool last;

    if ((READ_ONCE(pg->state) & PGS_BROKEN) || !freeze(pg, 1))
        return false;
    spin_lock(&d->page_list_lock);
    frame_leaves(d, pg);
    last = --d->tot_pages == 0;
    spin_unlock(&d->page_list_lock);
    m2p_set(page_to_mfn(pg), INVALID_M2P);
    tlb_flush_mask(&cpu_online_map);
    if (last)
        domain_put(d);
    return true;
}

int domain_exchange_pages(struct domain *d, struct page_info **old,
                          unsigned long nr_old, struct page_info **new,
                          unsigned long nr_new, unsigned int order)
{
    ASSERT(nr_old == nr_new << order);
    spin_lock(&d->page_list_lock);
    if (domain_is_dying(d)) {
        spin_unlock(&d->page_list_lock);
        return -EINVAL;
    }
    for (unsigned long i = 0; i < nr_old; i++)
        frame_leaves(d, old[i]);
    for (unsigned long i = 0; i < nr_new; i++)
        block_joins(d, new[i], 1UL << order);
    spin_unlock(&d->page_list_lock);
    for (unsigned long i = 0; i < nr_old; i++) {
        m2p_set(page_to_mfn(old[i]), INVALID_M2P);
        heap_free_one(old[i]);
    }
    return 0;
}

/*
 * The first frame of the list, with a reference. One that cannot be
 * referenced is on its way out by other hands: it is passed over by moving it
 * to the held ones, where domain_page_free() finds it too.
 */
static struct page_info *first_page(struct domain *d)
{
    struct page_info *pg = NULL;

    spin_lock(&d->page_list_lock);
    while (!pg && d->page_list != PAGE_LINK_NONE) {
        struct page_info *p = &frame_table[d->page_list];

        if (page_get(p, d)) {
            pg = p;
        } else {
            list_unlink(d, p);
            p->flags |= PGF_HELD;
            list_push(d, p);
        }
    }
    spin_unlock(&d->page_list_lock);
    return pg;
}

static void move_to_held(struct domain *d, struct page_info *pg)
{
    spin_lock(&d->page_list_lock);
    list_unlink(d, pg);
    pg->flags |= PGF_HELD;
    list_push(d, pg);
    spin_unlock(&d->page_list_lock);
}

/*
 * Drop the allocation of every frame, each looked at once. Frames that others
 * use (page tables of the domain not yet taken apart, foreign maps) stay in
 * the held list until they let go.
 */
int domain_relinquish_pages(struct domain *d)
{
    struct page_info *pg;
    unsigned int n = 0;

    while ((pg = first_page(d)) != NULL) {
        int rc = arch_page_relinquish(d, pg);

        if (rc) {
            page_put(pg);
            return rc;
        }
        move_to_held(d, pg);
        (void)page_put_alloc_once(pg);
        page_put(pg);
        if (++n % 64 == 0 && hypercall_preempt_check())
            return -ERESTART;
    }
    return 0;
}
