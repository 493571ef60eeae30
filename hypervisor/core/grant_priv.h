/* SPDX-License-Identifier: MIT */
/*
 * Inside the grant code: pins of entries and handles of mappings. The
 * operations of the ABI are hypercall/grant_*.c; docs/grants.md has the
 * drawings.
 */
#ifndef CORE_GRANT_PRIV_H
#define CORE_GRANT_PRIV_H

#include <hv/domain.h>
#include <hv/grant.h>
#include <hv/lib.h>

#include <public/grant_table.h>

#define V1_PER_FRAME     (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define V2_PER_FRAME     (PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_PER_FRAME (PAGE_SIZE / sizeof(grant_status_t))
#define MAPS_PER_FRAME   (PAGE_SIZE / sizeof(struct grant_map))

enum grant_kind {
    GRANT_PAGE,      /* bytes [off, off + len) of frame; only a copy may ask */
    GRANT_TRANSITIVE /* entry trans_ref of domain trans_domid */
};

/*
 * What is in use of one entry. While pins are held, domid and what follows
 * stand for the entry, whatever its owner writes into it.
 */
struct grant_active {
    spinlock_t lock; /* rank LOCK_RANK_GRANT_ENTRY: all fields */
    uint32_t nr_read, nr_write;
    domid_t domid;
    uint8_t kind;
    uint16_t off, len; /* GRANT_PAGE: 0, PAGE_SIZE unless it is a sub-page */
    union {
        mfn_t frame;
        struct {
            uint32_t trans_ref;
            domid_t trans_domid;
        };
    };
};

/*
 * A mapping, known to its maker by its index, the handle. In use, it holds a
 * reference on the domain of the entry, unless that is the maker itself: the
 * maker's page-table entry alone would not, for it may be overwritten without
 * an unmap.
 */
struct grant_map {
    struct domain *rd; /* whose entry */
    uint32_t ref;      /* free: next free handle + 1, 0 = end */
    uint16_t flags;    /* GNTMAP_* in use; 0 = free. Changed atomically. */
};

/* In grant_map.flags, beside the ABI's bits: an unmap is under way. */
#define MAP_BUSY  0x8000
#define MAP_KINDS (GNTMAP_host_map | GNTMAP_device_map)

static inline uint32_t grant_nr_frames(const struct grant_table *t)
{
    return __atomic_load_n(&t->nr_frames, __ATOMIC_ACQUIRE);
}

/* ---- entries (core/grant_entry.c) ---- */
#define PIN_READONLY 1U
#define PIN_COPY     2U /* part of a page, or another's grant, will do */
/*
 * Pin entry ref of rd for use by user: the entry must grant it (to write,
 * unless readonly). First pin: the entry's GTF_reading / GTF_writing is set.
 * Returns GNTST_*. In *out what was pinned; its fields stay while it is.
 * Callers use grant_pin() and grant_unpin() of grant_fast.h.
 */
int grant_pin_any(struct domain *rd, uint32_t ref, domid_t user,
                  unsigned int how, struct grant_active **out);
void grant_unpin_any(struct domain *rd, uint32_t ref, bool readonly);
/* What an entry that is pinned stands for. */
static ALWAYS_INLINE struct grant_active *grant_pinned(const struct domain *rd,
                                                       uint32_t ref)
{
    const struct grant_table *t = &rd->grant;

    return &t->active[index_nospec(ref / V1_PER_FRAME, grant_nr_frames(t))]
                     [ref % V1_PER_FRAME];
}
/* Exchange two entries neither of which is in use. GNTST_*. */
int grant_swap(struct domain *d, uint32_t a, uint32_t b);
/*
 * Put a frame that belongs to nobody (domain_take_page()) where rd waits for
 * one of from: it is rd's then. GNTST_*; on error it is still nobody's.
 */
int grant_accept_transfer(struct domain *rd, uint32_t ref, domid_t from,
                          struct page_info *pg);

/* ---- tables (core/grant.c, core/grant_version.c) ---- */
/* Grow to nr frames (at most max_frames), with their status frames. -ENOSPC,
 * -ENOMEM, -EINVAL if d is dying. */
int grant_grow(struct domain *d, uint32_t nr);
/* Status frames for nr frames of entries; grant.lock is held. -ENOMEM. */
int grant_grow_status(struct domain *d, uint32_t nr);
/*
 * Make the entries those of another version: all but the reserved ones are
 * cleared. -EBUSY: one of them is in use; -ENOMEM; -ERANGE: a reserved one
 * does not fit.
 */
int grant_set_version(struct domain *d, unsigned int version);
/* The version in effect; not for who works on entries. */
unsigned int grant_version(struct grant_table *t);

static inline uint32_t grant_status_frames(uint32_t nr_frames)
{
    return (uint32_t)DIV_ROUND_UP(nr_frames * V2_PER_FRAME, STATUS_PER_FRAME);
}

/* Entry ref of the given version; the frame exists. */
static inline void *grant_shared_entry(const struct grant_table *t,
                                       uint32_t ref, unsigned int version)
{
    uint32_t nr = grant_nr_frames(t);

    if (likely(version == 1)) {
        struct grant_entry_v1 *page =
            t->shared[index_nospec(ref / V1_PER_FRAME, nr)];

        return &page[ref % V1_PER_FRAME];
    } else {
        union grant_entry_v2 *page =
            t->shared[index_nospec(ref / V2_PER_FRAME, nr)];

        return &page[ref % V2_PER_FRAME];
    }
}

static inline grant_status_t *grant_status_word(const struct grant_table *t,
                                                uint32_t ref)
{
    size_t frame = index_nospec(ref / STATUS_PER_FRAME, t->nr_status);

    return &t->status[frame][ref % STATUS_PER_FRAME];
}

/* ---- handles (core/grant_maptrack.c; the rest in grant_fast.h) ---- */
/* The stack of v, the current vcpu, is empty: fill it. Its top; 0: there are
 * no more handles. */
uint32_t maptrack_refill(struct vcpu *v);

#endif
