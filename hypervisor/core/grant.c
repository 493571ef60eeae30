/* SPDX-License-Identifier: MIT */
/*
 * Grant tables, version 1: the shared entries, their pins, growth.
 *
 * A shared entry is {flags, domid, frame} in a page its owner can write at any
 * time. flags and domid are one 32-bit word: it is read once, checked, and the
 * use bits are set by compare-exchange of exactly that word, so that a grant
 * cannot be withdrawn between check and use (ABI: the owner withdraws by
 * compare-exchange to 0 and sees the use bits). frame is read after that; an
 * owner that changes it while granted hurts itself only.
 */
#include <hv/grant.h>

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include "grant_priv.h"

union entry_head {
    struct {
        uint16_t flags;
        uint16_t domid;
    };
    uint32_t raw;
};

static bool ref_exists(const struct domain *d, uint32_t ref)
{
    return ref / GRANTS_PER_FRAME <
           __atomic_load_n(&d->grant.nr_frames, __ATOMIC_ACQUIRE);
}

static struct grant_entry_v1 *shared_entry(struct domain *d, uint32_t ref)
{
    size_t frame = index_nospec(ref / GRANTS_PER_FRAME, d->grant.nr_frames);

    return &d->grant.shared[frame][ref % GRANTS_PER_FRAME];
}

static struct grant_active *active_entry(struct domain *d, uint32_t ref)
{
    size_t frame = index_nospec(ref / GRANTS_PER_FRAME, d->grant.nr_frames);

    return &d->grant.active[frame][ref % GRANTS_PER_FRAME];
}

/* Check the entry for user and set its use bits. */
static int entry_claim(struct grant_entry_v1 *e, uint16_t user, bool readonly)
{
    uint32_t *word = (uint32_t *)e;
    union entry_head old = {.raw = __atomic_load_n(word, __ATOMIC_RELAXED)};
    union entry_head new;

    do {
        if ((old.flags & GTF_type_mask) != GTF_permit_access ||
            old.domid != user || (old.flags & GTF_sub_page))
            return GNTST_bad_gntref;
        if (!readonly && (old.flags & GTF_readonly))
            return GNTST_permission_denied;
        new = old;
        new.flags |= GTF_reading;
        if (!readonly)
            new.flags |= GTF_writing;
    } while (!__atomic_compare_exchange_n(word, &old.raw, new.raw, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return GNTST_okay;
}

int grant_pin(struct domain *rd, uint32_t ref, uint16_t user, bool readonly,
              mfn_t *out)
{
    struct grant_entry_v1 *e;
    struct grant_active *a;
    int rc = GNTST_okay;

    if (!ref_exists(rd, ref))
        return GNTST_bad_gntref;
    e = shared_entry(rd, ref);
    a = active_entry(rd, ref);
    spin_lock(&a->lock);
    if (a->nr_read + a->nr_write == 0) {
        rc = entry_claim(e, user, readonly);
        if (rc == GNTST_okay) {
            a->domid = user;
            a->frame = mfn(READ_ONCE(e->frame));
        }
    } else if (a->domid != user) {
        rc = GNTST_bad_gntref;
    } else if (a->nr_read + a->nr_write >= UINT32_MAX / 2) {
        rc = GNTST_no_space;
    } else if (!readonly && a->nr_write == 0) {
        rc = entry_claim(e, user, false);
    }
    if (rc == GNTST_okay) {
        if (readonly)
            a->nr_read++;
        else
            a->nr_write++;
        *out = a->frame;
    }
    spin_unlock(&a->lock);
    return rc;
}

void grant_unpin(struct domain *rd, uint32_t ref, bool readonly)
{
    struct grant_entry_v1 *e = shared_entry(rd, ref);
    struct grant_active *a = active_entry(rd, ref);
    uint16_t drop = 0;

    spin_lock(&a->lock);
    ASSERT(readonly ? a->nr_read : a->nr_write);
    if (readonly)
        a->nr_read--;
    else if (--a->nr_write == 0)
        drop = GTF_writing;
    if (a->nr_read + a->nr_write == 0)
        drop |= GTF_reading;
    if (drop)
        __atomic_fetch_and(&e->flags, (uint16_t)~drop, __ATOMIC_SEQ_CST);
    spin_unlock(&a->lock);
}

mfn_t grant_frame_of(struct domain *rd, uint32_t ref)
{
    return active_entry(rd, ref)->frame;
}

/* Two entries of one table: locks by reference, lower first. */
int grant_swap(struct domain *d, uint32_t a, uint32_t b)
{
    struct grant_active *aa, *ab;
    int rc = GNTST_eagain;

    if (!ref_exists(d, a) || !ref_exists(d, b))
        return GNTST_bad_gntref;
    if (a == b)
        return GNTST_okay;
    aa = active_entry(d, a);
    ab = active_entry(d, b);
    spin_lock_pair(&aa->lock, &ab->lock);
    if (aa->nr_read + aa->nr_write + ab->nr_read + ab->nr_write == 0) {
        struct grant_entry_v1 *ea = shared_entry(d, a);
        struct grant_entry_v1 *eb = shared_entry(d, b), tmp = *ea;

        *ea = *eb;
        *eb = tmp;
        rc = GNTST_okay;
    }
    spin_unlock_pair(&aa->lock, &ab->lock);
    return rc;
}

/* One more frame of entries; grant.lock is held. */
static int grow_one(struct domain *d)
{
    struct grant_table *t = &d->grant;
    uint32_t n = t->nr_frames;
    struct grant_active *a = hv_vmalloc(GRANTS_PER_FRAME * sizeof(*a));
    struct grant_entry_v1 *s = hv_alloc_pages(0);

    if (!a || !s) {
        if (a)
            hv_vfree(a, GRANTS_PER_FRAME * sizeof(*a));
        if (s)
            hv_free_pages(s, 0);
        return -ENOMEM;
    }
    for (unsigned int i = 0; i < GRANTS_PER_FRAME; i++)
        spin_init(&a[i].lock, LOCK_RANK_GRANT_ENTRY);
    page_share_with(virt_to_page(s), d, true);
    t->active[n] = a;
    t->shared[n] = s;
    __atomic_store_n(&t->nr_frames, n + 1, __ATOMIC_RELEASE);
    return 0;
}

int grant_grow(struct domain *d, uint32_t nr)
{
    struct grant_table *t = &d->grant;
    int rc = 0;

    if (nr > t->max_frames)
        return -ENOSPC;
    spin_lock(&t->lock);
    if (domain_is_dying(d))
        rc = -EINVAL;
    while (!rc && t->nr_frames < nr)
        rc = grow_one(d);
    spin_unlock(&t->lock);
    return rc;
}

int grant_get_frame(struct domain *d, bool status, unsigned int n, mfn_t *out)
{
    int rc;

    if (status || n >= d->grant.max_frames)
        return -EINVAL;
    rc = grant_grow(d, n + 1);
    if (!rc)
        *out = virt_to_mfn(d->grant.shared[n]);
    return rc;
}

unsigned int grant_max_frames(struct domain *d, bool status)
{
    return status ? 0 : d->grant.max_frames;
}

static void free_frames(struct domain *d)
{
    struct grant_table *t = &d->grant;

    for (uint32_t i = 0; i < t->nr_frames; i++) {
        page_unshare(virt_to_page(t->shared[i]));
        hv_vfree(t->active[i], GRANTS_PER_FRAME * sizeof(*t->active[i]));
    }
    t->nr_frames = 0;
}

int grant_domain_init(struct domain *d, unsigned int max_frames,
                      unsigned int max_maptrack, unsigned int max_version)
{
    struct grant_table *t = &d->grant;

    (void)max_version; /* entries are version 1 whatever is allowed */
    spin_init(&t->lock, LOCK_RANK_GRANT);
    t->max_frames = max_frames;
    t->max_maptrack_frames = max_maptrack;
    t->maptrack_free = MAPTRACK_END;
    t->shared = hv_alloc((max_frames + 1) * sizeof(t->shared[0]));
    t->active = hv_alloc((max_frames + 1) * sizeof(t->active[0]));
    t->maptrack = hv_alloc((max_maptrack + 1) * sizeof(t->maptrack[0]));
    if (t->shared && t->active && t->maptrack && max_frames && grow_one(d) == 0)
        return 0;
    if (t->shared && t->active && t->maptrack && !max_frames)
        return 0;
    hv_free(t->shared);
    hv_free(t->active);
    hv_free(t->maptrack);
    return -ENOMEM;
}

/* No reference to d is left, so nobody pins its entries. */
void grant_domain_free(struct domain *d)
{
    struct grant_table *t = &d->grant;

    free_frames(d);
    for (uint32_t i = 0; i < t->nr_maptrack / MAPS_PER_FRAME; i++)
        hv_free_pages(t->maptrack[i], 0);
    hv_free(t->shared);
    hv_free(t->active);
    hv_free(t->maptrack);
}

/*
 * A dying domain gives up what it has mapped. A host mapping's references
 * belong to its page-table entry and go with the page tables; a device
 * mapping's are ours.
 */
static void release_one(struct domain *d, uint32_t handle)
{
    struct grant_map *m = maptrack_from_handle(d, handle);
    uint16_t flags = m ? READ_ONCE(m->flags) : 0;
    bool ro = flags & GNTMAP_readonly;
    struct domain *rd;

    if (!(flags & (GNTMAP_host_map | GNTMAP_device_map)))
        return;
    rd = domain_get_by_id(m->domid);
    BUG_ON(!rd);
    if (flags & GNTMAP_device_map) {
        struct page_info *pg = mfn_to_page(grant_frame_of(rd, m->ref));

        if (ro)
            page_put(pg);
        else
            page_put_and_type(pg);
        grant_unpin(rd, m->ref, ro);
    }
    if (flags & GNTMAP_host_map)
        grant_unpin(rd, m->ref, ro);
    maptrack_release(d, handle);
    domain_put(rd); /* the handle's */
    domain_put(rd);
}

int grant_release_mappings(struct domain *d)
{
    struct grant_table *t = &d->grant;

    while (t->release_at < t->nr_maptrack) {
        release_one(d, t->release_at);
        if (++t->release_at % 256 == 0 && hypercall_preempt_check())
            return -ERESTART;
    }
    return 0;
}

void grant_dump(struct domain *d)
{
    printk(LOG_INFO "d%u: %u of %u grant frames, %u handles\n", d->id,
           d->grant.nr_frames, d->grant.max_frames, d->grant.nr_maptrack);
    for (uint32_t ref = 0; ref < d->grant.nr_frames * GRANTS_PER_FRAME; ref++) {
        const struct grant_active *a = active_entry(d, ref);

        if (a->nr_read + a->nr_write)
            printk(LOG_INFO " ref %u frame %lx for d%u: %u read, %u write\n",
                   ref, mfn_x(a->frame), a->domid, a->nr_read, a->nr_write);
    }
}

void grant_each_device_map(struct domain *d,
                           void (*fn)(struct page_info *pg, bool ro, void *arg),
                           void *arg)
{
    for (uint32_t handle = 0; handle < d->grant.nr_maptrack; handle++) {
        struct grant_map *m = maptrack_from_handle(d, handle);
        uint16_t flags = m ? READ_ONCE(m->flags) : 0;
        struct domain *rd;

        if (!(flags & GNTMAP_device_map))
            continue;
        rd = domain_get_by_id(m->domid);
        if (!rd)
            continue;
        fn(mfn_to_page(grant_frame_of(rd, m->ref)), flags & GNTMAP_readonly,
           arg);
        domain_put(rd);
    }
}
