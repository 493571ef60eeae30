/* SPDX-License-Identifier: MIT */
/*
 * Changing the version of a table's entries. Nobody may be at work on an entry
 * meanwhile: the version becomes 0, every operation that then locks an entry
 * sees that and waits, and those that had locked theirs before are waited for
 * (grant_entry.c, entry_lock()).
 */
#include "grant_priv.h"

#include "grant_shared.h"

/* What the reserved entries are while the pages are written anew. */
struct saved_entry {
    uint16_t flags; /* 0: nothing that the other version could say */
    domid_t domid;
    uint64_t frame;
};

/* An operation that has the lock since before the version became 0 ends. */
static bool entry_idle(struct grant_active *a)
{
    if (spin_is_locked(&a->lock)) {
        spin_lock(&a->lock);
        spin_unlock(&a->lock);
    }
    return !(a->nr_read | a->nr_write);
}

/*
 * By far the most entries are neither locked nor pinned, and there are many:
 * all of a frame at once, with few instructions for each. Locks first; one that
 * was free was free after the version became 0 (owner is read before next, and
 * never passes it), so pins stay as they are seen then.
 */
static bool frame_is_quiet(struct grant_active *a)
{
    uint16_t locks = 0;
    uint32_t pins = 0;

#pragma GCC unroll 16
    for (unsigned int n = 0; n < V1_PER_FRAME; n++)
        locks |= a[n].lock.owner ^ a[n].lock.next;
    barrier();
#pragma GCC unroll 16
    for (unsigned int n = 0; n < V1_PER_FRAME; n++)
        pins |= a[n].nr_read | a[n].nr_write;
    return !(locks | pins);
}

/*
 * Operations with a lock that they took before the version became 0 end; one
 * that takes a lock after our look at it sees the 0. Then the pins are stable.
 */
static bool entries_idle(struct grant_table *t)
{
    shared_fence();
    for (uint32_t i = 0; i < t->nr_frames; i++) {
        struct grant_active *a = t->active[i];

        if (likely(frame_is_quiet(a)))
            continue;
        for (uint32_t n = 0; n < V1_PER_FRAME; n++)
            if (!entry_idle(&a[n]) && (i || n >= GNTTAB_NR_RESERVED_ENTRIES))
                return false;
    }
    return true;
}

static void save_entry(const struct grant_table *t, uint32_t ref,
                       struct saved_entry *s)
{
    const union grant_entry_v2 *v2 = grant_shared_entry(t, ref, 2);
    const struct grant_entry_v1 *v1 = grant_shared_entry(t, ref, 1);
    uint32_t head =
        READ_ONCE(*(const uint32_t *)(t->version == 2 ? (const void *)v2 : v1));

    *s = (struct saved_entry){.flags = (uint16_t)head,
                              .domid = (domid_t)(head >> 16)};
    if ((s->flags & GTF_type_mask) != GTF_permit_access ||
        (s->flags & GTF_sub_page)) {
        s->flags = 0;
        return;
    }
    s->flags &= (uint16_t) ~(GTF_reading | GTF_writing);
    s->frame =
        t->version == 2 ? READ_ONCE(v2->full_page.frame) : READ_ONCE(v1->frame);
}

static uint16_t use_of(struct grant_active *a)
{
    return (uint16_t)((a->nr_read | a->nr_write ? GTF_reading : 0) |
                      (a->nr_write ? GTF_writing : 0));
}

static void write_entry(struct grant_table *t, uint32_t ref,
                        const struct saved_entry *s, unsigned int version)
{
    uint16_t use = use_of(&t->active[0][ref]);

    if (version == 2) {
        union grant_entry_v2 *e = grant_shared_entry(t, ref, 2);

        *grant_status_word(t, ref) = use;
        e->full_page.frame = s->frame;
        e->hdr.domid = s->domid;
        shared_write16(&e->hdr.flags, s->flags);
    } else {
        struct grant_entry_v1 *e = grant_shared_entry(t, ref, 1);

        e->frame = (uint32_t)s->frame;
        e->domid = s->domid;
        shared_write16(&e->flags, s->flags | use);
    }
}

static void rewrite(struct grant_table *t, const struct saved_entry *saved,
                    unsigned int version)
{
    for (uint32_t i = 0; i < t->nr_frames; i++)
        memset(t->shared[i], 0, PAGE_SIZE);
    for (uint32_t i = 0; i < t->nr_status; i++)
        memset(t->status[i], 0, PAGE_SIZE);
    for (uint32_t ref = 0; t->nr_frames && ref < GNTTAB_NR_RESERVED_ENTRIES;
         ref++)
        write_entry(t, ref, &saved[ref], version);
}

/* grant.lock is held, the version is the old one. */
static int change(struct domain *d, unsigned int version)
{
    struct grant_table *t = &d->grant;
    struct saved_entry saved[GNTTAB_NR_RESERVED_ENTRIES];
    unsigned int old = t->version;
    int rc = version == 2 ? grant_grow_status(d, t->nr_frames) : 0;

    if (rc)
        return rc;
    for (uint32_t ref = 0; t->nr_frames && ref < ARRAY_SIZE(saved); ref++) {
        save_entry(t, ref, &saved[ref]);
        if (version == 1 && saved[ref].frame > UINT32_MAX)
            return -ERANGE;
    }
    WRITE_ONCE(t->version, 0);
    if (!entries_idle(t)) {
        rc = -EBUSY;
        version = old;
    } else {
        rewrite(t, saved, version);
    }
    __atomic_store_n(&t->version, (uint8_t)version, __ATOMIC_RELEASE);
    return rc;
}

int grant_set_version(struct domain *d, unsigned int version)
{
    struct grant_table *t = &d->grant;
    int rc = 0;

    spin_lock(&t->lock);
    if (domain_is_dying(d))
        rc = -EINVAL;
    else if (t->version != version)
        rc = change(d, version);
    spin_unlock(&t->lock);
    return rc;
}

unsigned int grant_version(struct grant_table *t)
{
    unsigned int version;

    spin_lock(&t->lock);
    version = t->version;
    spin_unlock(&t->lock);
    return version;
}
