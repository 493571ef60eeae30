/* SPDX-License-Identifier: MIT */
/*
 * The common cases of pinning and unpinning, inline: an entry of version 1
 * that nobody else uses. Each either does the whole step or nothing, and then
 * the function in grant_entry.c, which knows all cases, does it.
 */
#ifndef CORE_GRANT_FAST_H
#define CORE_GRANT_FAST_H

#include "grant_priv.h"
#include "grant_shared.h"

/* The entry's own lock is taken; NULL (not taken): there is none. */
static ALWAYS_INLINE struct grant_active *active_lock(struct grant_table *t,
                                                      uint32_t ref,
                                                      size_t *frame)
{
    uint32_t nr = grant_nr_frames(t);
    struct grant_active *a;

    if (unlikely(ref / V1_PER_FRAME >= nr))
        return NULL;
    *frame = index_nospec(ref / V1_PER_FRAME, nr);
    a = &t->active[*frame][ref % V1_PER_FRAME];
    spin_lock(&a->lock);
    return a;
}

static ALWAYS_INLINE uint32_t *v1_head(struct grant_table *t, size_t frame,
                                       uint32_t ref)
{
    struct grant_entry_v1 *page = t->shared[frame];

    return (uint32_t *)&page[ref % V1_PER_FRAME];
}

/* flags and domid are one word; the entry grants this to user, with nothing
 * special about it, and nobody writes it just now. */
static ALWAYS_INLINE bool try_claim_v1(uint32_t *head, domid_t user,
                                       unsigned int how)
{
    const uint32_t domid_and_kind = 0xffff0000 | GTF_type_mask | GTF_sub_page;
    uint32_t old = shared_read32(head), set = GTF_reading;

    if (!(how & PIN_READONLY)) {
        set = GTF_reading | GTF_writing;
        if (unlikely(old & GTF_readonly))
            return false;
    }
    return (old & domid_and_kind) ==
               ((uint32_t)user << 16 | GTF_permit_access) &&
           shared_cmpxchg32(head, &old, old | set);
}

/* grant_pin_any(); the pin stands for a whole page if this does it. */
static ALWAYS_INLINE int grant_pin(struct domain *rd, uint32_t ref,
                                   domid_t user, unsigned int how,
                                   struct grant_active **out)
{
    struct grant_table *t = &rd->grant;
    size_t frame;
    struct grant_active *a = active_lock(t, ref, &frame);
    uint32_t *head;

    if (unlikely(!a))
        return GNTST_bad_gntref;
    head = v1_head(t, frame, ref);
    if (unlikely((a->nr_read | a->nr_write) || READ_ONCE(t->version) != 1 ||
                 !try_claim_v1(head, user, how))) {
        spin_unlock(&a->lock);
        return grant_pin_any(rd, ref, user, how, out);
    }
    a->domid = user;
    a->kind = GRANT_PAGE;
    a->off = 0;
    a->len = PAGE_SIZE;
    a->frame = mfn(shared_read32(head + 1));
    if (how & PIN_READONLY)
        a->nr_read = 1;
    else
        a->nr_write = 1;
    spin_unlock(&a->lock);
    *out = a;
    return GNTST_okay;
}

/* grant_unpin_any(); a is grant_pinned(). */
static ALWAYS_INLINE void grant_unpin(struct domain *rd, uint32_t ref,
                                      struct grant_active *a, bool readonly)
{
    struct grant_table *t = &rd->grant;

    spin_lock(&a->lock);
    if (unlikely(a->nr_read != readonly || a->nr_write != !readonly ||
                 READ_ONCE(t->version) != 1)) {
        spin_unlock(&a->lock);
        grant_unpin_any(rd, ref, readonly);
        return;
    }
    a->nr_read = a->nr_write = 0;
    shared_clear_bits16((uint16_t *)v1_head(t, ref / V1_PER_FRAME, ref),
                        GTF_reading | GTF_writing);
    spin_unlock(&a->lock);
}

/* ---- handles ---- */

static ALWAYS_INLINE struct grant_map *maptrack_from_handle(
    const struct domain *d, uint32_t handle)
{
    const struct grant_table *t = &d->grant;
    uint32_t nr = __atomic_load_n(&t->nr_maptrack, __ATOMIC_ACQUIRE);
    uint32_t i = (uint32_t)index_nospec(handle, nr);

    if (unlikely(handle >= nr))
        return NULL;
    return &t->maptrack[i / MAPS_PER_FRAME][i % MAPS_PER_FRAME];
}

/* A handle for a mapping of the current vcpu's domain; NULL if there is no
 * more. grant_maptrack.c has the rules of the stack. */
static ALWAYS_INLINE struct grant_map *maptrack_alloc(uint32_t *handle)
{
    struct vcpu *v = current;
    uint32_t top = __atomic_load_n(&v->grant_free, __ATOMIC_ACQUIRE);
    struct grant_map *m;

    do {
        if (unlikely(!top)) {
            top = maptrack_refill(v);
            if (!top)
                return NULL;
        }
        m = &v->domain->grant.maptrack[(top - 1) / MAPS_PER_FRAME]
                                      [(top - 1) % MAPS_PER_FRAME];
    } while (unlikely(!__atomic_compare_exchange_n(
        &v->grant_free, &top, READ_ONCE(m->ref), false, __ATOMIC_ACQ_REL,
        __ATOMIC_ACQUIRE)));
    *handle = top - 1;
    return m;
}

/* The caller has it to itself: fresh, or MAP_BUSY. */
static ALWAYS_INLINE void maptrack_release(struct grant_map *m, uint32_t handle)
{
    struct vcpu *v = current;
    uint32_t top = __atomic_load_n(&v->grant_free, __ATOMIC_ACQUIRE);

    WRITE_ONCE(m->flags, 0);
    do
        WRITE_ONCE(m->ref, top);
    while (unlikely(
        !__atomic_compare_exchange_n(&v->grant_free, &top, handle + 1, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)));
}

#endif
