/* SPDX-License-Identifier: MIT */
/*
 * The entries of grant tables: checking them and keeping their use bits, while
 * their owner may write any of their words at any moment.
 *
 * flags and domid are one 32-bit word, the head. Version 1 keeps the use bits
 * in it: the head is read once, checked, and the bits are set by compare-
 * exchange of exactly that word, so the owner's compare-exchange to 0 either
 * comes first, or fails and sees them. Version 2 keeps them in a word of their
 * own: the bits are set, and only then the head is read for good; the owner
 * clears the head and then looks at the bits. One of the two sees the other.
 *
 * What else the entry says is read after that, each word once. An owner who
 * changes it while it is granted hurts itself only.
 */
#include "grant_priv.h"

#include "grant_fast.h"

/* An owner that flips the head all the time does not keep us here. */
#define MAX_TRIES 8

union entry_head {
    struct {
        uint16_t flags;
        domid_t domid;
    };
    uint32_t raw;
};

static inline struct grant_active *active_entry(const struct grant_table *t,
                                                uint32_t ref, uint32_t nr)
{
    size_t frame = index_nospec(ref / V1_PER_FRAME, nr);

    return &t->active[frame][ref % V1_PER_FRAME];
}

/* The version is 2, or being changed: entry ref is locked. */
static __attribute__((cold, noinline)) struct grant_active *recheck_version(
    struct grant_table *t, struct grant_active *a, uint32_t ref,
    unsigned int *version)
{
    while (*version == 0) {
        /* The change is over when the table's lock is free. */
        spin_unlock(&a->lock);
        spin_lock(&t->lock);
        spin_unlock(&t->lock);
        spin_lock(&a->lock);
        *version = READ_ONCE(t->version);
    }
    if (*version == 1 || ref / V2_PER_FRAME < grant_nr_frames(t))
        return a;
    spin_unlock(&a->lock);
    return NULL;
}

/*
 * Lock entry ref, unless there is none (NULL). While it is locked the version
 * stays: who changes it waits for each entry's lock (grant_version.c).
 */
static inline struct grant_active *entry_lock(struct grant_table *t,
                                              uint32_t ref,
                                              unsigned int *version)
{
    uint32_t nr = grant_nr_frames(t);
    struct grant_active *a;

    if (unlikely(ref / V1_PER_FRAME >= nr))
        return NULL;
    a = active_entry(t, ref, nr);
    spin_lock(&a->lock);
    *version = READ_ONCE(t->version);
    return likely(*version == 1) ? a : recheck_version(t, a, ref, version);
}

/* Does the entry grant this? GNTST_*. */
static inline int check_head(union entry_head h, domid_t user, unsigned int how,
                             unsigned int version)
{
    unsigned int type = h.flags & GTF_type_mask;

    if (h.domid != user)
        return GNTST_bad_gntref;
    if (unlikely(type != GTF_permit_access || (h.flags & GTF_sub_page))) {
        if (version == 1 || !(how & PIN_COPY) ||
            (type != GTF_permit_access && type != GTF_transitive))
            return GNTST_bad_gntref;
    }
    if (!(how & PIN_READONLY) && (h.flags & GTF_readonly))
        return GNTST_permission_denied;
    return GNTST_okay;
}

static inline uint16_t use_bits(unsigned int how)
{
    return (how & PIN_READONLY) ? GTF_reading : GTF_reading | GTF_writing;
}

static int claim_v1(struct grant_entry_v1 *e, domid_t user, unsigned int how)
{
    uint32_t *word = (uint32_t *)e;
    union entry_head old = {.raw = shared_read32(word)}, new;

    for (unsigned int i = 0; i < MAX_TRIES; i++) {
        int rc = check_head(old, user, how, 1);

        if (rc != GNTST_okay)
            return rc;
        new = old;
        new.flags |= use_bits(how);
        if (likely(shared_cmpxchg32(word, &old.raw, new.raw)))
            return GNTST_okay;
    }
    return GNTST_general_error;
}

/* before: what the status word is without this claim. */
static int claim_v2(union grant_entry_v2 *e, grant_status_t *status,
                    uint16_t before, domid_t user, unsigned int how,
                    union entry_head *head)
{
    const uint32_t *word = &e->__spacer[0];
    int rc;

    head->raw = shared_read32(word);
    rc = check_head(*head, user, how, 2);
    if (rc != GNTST_okay)
        return rc;
    shared_write16(status, use_bits(how));
    shared_fence();
    head->raw = shared_read32(word);
    rc = check_head(*head, user, how, 2);
    if (unlikely(rc != GNTST_okay))
        shared_write16(status, before);
    return rc;
}

/* What a version 2 entry that is claimed stands for. */
static void read_v2(const union grant_entry_v2 *e, union entry_head head,
                    struct grant_active *a)
{
    uint32_t second = shared_read32(&e->__spacer[1]);

    a->kind = GRANT_PAGE;
    a->off = 0;
    a->len = PAGE_SIZE;
    if ((head.flags & GTF_type_mask) == GTF_transitive) {
        a->kind = GRANT_TRANSITIVE;
        a->trans_domid = (domid_t)second;
        a->trans_ref = shared_read32(&e->transitive.gref);
        return;
    }
    if (head.flags & GTF_sub_page) {
        a->off = (uint16_t)second;
        a->len = (uint16_t)(second >> 16);
    }
    a->frame = mfn(shared_read64(&e->full_page.frame));
}

static int first_pin_v1(struct grant_entry_v1 *e, struct grant_active *a,
                        domid_t user, unsigned int how)
{
    int rc = claim_v1(e, user, how);

    if (rc != GNTST_okay)
        return rc;
    a->domid = user;
    a->kind = GRANT_PAGE;
    a->off = 0;
    a->len = PAGE_SIZE;
    a->frame = mfn(shared_read32(&e->frame));
    return GNTST_okay;
}

static int first_pin_v2(struct grant_table *t, struct grant_active *a,
                        uint32_t ref, domid_t user, unsigned int how)
{
    union grant_entry_v2 *e = grant_shared_entry(t, ref, 2);
    union entry_head head;
    int rc = claim_v2(e, grant_status_word(t, ref), 0, user, how, &head);

    if (rc != GNTST_okay)
        return rc;
    read_v2(e, head, a);
    a->domid = user;
    return GNTST_okay;
}

/* One more pin of an entry that is pinned for reading or writing. */
static int next_pin(struct grant_table *t, struct grant_active *a, uint32_t ref,
                    unsigned int version, domid_t user, unsigned int how)
{
    union entry_head head;

    if (a->domid != user)
        return GNTST_bad_gntref;
    if (!(how & PIN_COPY) && (a->kind != GRANT_PAGE || a->len != PAGE_SIZE))
        return GNTST_bad_gntref;
    if (a->nr_read + a->nr_write >= GRANT_MAX_PINS)
        return GNTST_no_space;
    if ((how & PIN_READONLY) || a->nr_write)
        return GNTST_okay;
    if (version == 1)
        return claim_v1(grant_shared_entry(t, ref, 1), user, how);
    return claim_v2(grant_shared_entry(t, ref, 2), grant_status_word(t, ref),
                    GTF_reading, user, how, &head);
}

int grant_pin_any(struct domain *rd, uint32_t ref, domid_t user,
                  unsigned int how, struct grant_active **out)
{
    struct grant_table *t = &rd->grant;
    unsigned int version;
    struct grant_active *a = entry_lock(t, ref, &version);
    int rc;

    if (unlikely(!a))
        return GNTST_bad_gntref;
    if (unlikely(a->nr_read | a->nr_write))
        rc = next_pin(t, a, ref, version, user, how);
    else if (likely(version == 1))
        rc = first_pin_v1(grant_shared_entry(t, ref, 1), a, user, how);
    else
        rc = first_pin_v2(t, a, ref, user, how);
    if (likely(rc == GNTST_okay)) {
        if (how & PIN_READONLY)
            a->nr_read++;
        else
            a->nr_write++;
        *out = a;
    }
    spin_unlock(&a->lock);
    return rc;
}

/* bits: what is no longer in use; left: what still is. */
static void clear_use(struct grant_table *t, uint32_t ref, unsigned int version,
                      uint16_t bits, uint16_t left)
{
    if (likely(version == 1)) {
        struct grant_entry_v1 *e = grant_shared_entry(t, ref, 1);

        shared_clear_bits16(&e->flags, bits);
    } else {
        shared_write16(grant_status_word(t, ref), left);
    }
}

void grant_unpin_any(struct domain *rd, uint32_t ref, bool readonly)
{
    struct grant_table *t = &rd->grant;
    unsigned int version;
    struct grant_active *a = entry_lock(t, ref, &version);
    uint16_t drop = 0;

    BUG_ON(!a || !(readonly ? a->nr_read : a->nr_write));
    if (readonly)
        a->nr_read--;
    else if (--a->nr_write == 0)
        drop = GTF_writing;
    if (!(a->nr_read | a->nr_write))
        drop |= GTF_reading;
    if (drop)
        clear_use(t, ref, version, drop, drop & GTF_reading ? 0 : GTF_reading);
    spin_unlock(&a->lock);
}

/* ---- swap ---- */

static void swap_words(struct grant_table *t, uint32_t ref_a, uint32_t ref_b,
                       unsigned int version)
{
    uint64_t *a = grant_shared_entry(t, ref_a, version);
    uint64_t *b = grant_shared_entry(t, ref_b, version);

    for (unsigned int i = 0; i < version; i++) {
        uint64_t word = READ_ONCE(a[i]);

        WRITE_ONCE(a[i], READ_ONCE(b[i]));
        WRITE_ONCE(b[i], word);
    }
}

static bool in_use(struct grant_active *a)
{
    return a->nr_read | a->nr_write;
}

/* Two entries of one table: locks by address, lower first. */
int grant_swap(struct domain *d, uint32_t ref_a, uint32_t ref_b)
{
    struct grant_table *t = &d->grant;
    uint32_t nr = grant_nr_frames(t);
    struct grant_active *a, *b;
    unsigned int version;
    int rc = GNTST_eagain;

    if (ref_a / V1_PER_FRAME >= nr || ref_b / V1_PER_FRAME >= nr)
        return GNTST_bad_gntref;
    a = active_entry(t, ref_a, nr);
    b = active_entry(t, ref_b, nr);
    spin_lock_pair(&a->lock, &b->lock);
    version = READ_ONCE(t->version);
    if (version == 2 &&
        (ref_a / V2_PER_FRAME >= nr || ref_b / V2_PER_FRAME >= nr)) {
        rc = GNTST_bad_gntref;
    } else if (version && !in_use(a) && !in_use(b)) {
        if (a != b)
            swap_words(t, ref_a, ref_b, version);
        rc = GNTST_okay;
    }
    spin_unlock_pair(&a->lock, &b->lock);
    return rc;
}

/* ---- transfer ---- */

static int commit_transfer(uint32_t *word, domid_t from)
{
    union entry_head old = {.raw = shared_read32(word)}, new;

    for (unsigned int i = 0; i < MAX_TRIES; i++) {
        if (old.flags != GTF_accept_transfer || old.domid != from)
            return GNTST_bad_gntref;
        new = old;
        new.flags |= GTF_transfer_committed;
        if (shared_cmpxchg32(word, &old.raw, new.raw))
            return GNTST_okay;
    }
    return GNTST_general_error;
}

int grant_accept_transfer(struct domain *rd, uint32_t ref, domid_t from,
                          struct page_info *pg)
{
    unsigned int version;
    struct grant_active *a = entry_lock(&rd->grant, ref, &version);
    uint64_t frame = mfn_x(page_to_mfn(pg));
    struct grant_entry_v1 *v1;
    union grant_entry_v2 *v2;
    int rc;

    if (!a)
        return GNTST_bad_gntref;
    v1 = grant_shared_entry(&rd->grant, ref, version);
    v2 = (void *)v1;
    rc = commit_transfer((uint32_t *)v1, from);
    if (rc == GNTST_okay) {
        if (domain_assign_pages(rd, pg, 0)) {
            /* It may withdraw the entry again. */
            shared_clear_bits16(&v1->flags, GTF_transfer_committed);
            rc = GNTST_general_error;
        } else {
            if (version == 1)
                WRITE_ONCE(v1->frame, (uint32_t)frame);
            else
                WRITE_ONCE(v2->full_page.frame, frame);
            shared_set_bits16(&v1->flags, GTF_transfer_completed);
        }
    }
    spin_unlock(&a->lock);
    return rc;
}
