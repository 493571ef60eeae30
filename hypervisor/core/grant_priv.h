/* SPDX-License-Identifier: MIT */
/*
 * Inside the grant code: pins of entries and handles of mappings. The
 * operations of the ABI are hypercall/grant_*.c.
 */
#ifndef CORE_GRANT_PRIV_H
#define CORE_GRANT_PRIV_H

#include <hv/domain.h>
#include <hv/grant.h>

#include <public/grant_table.h>

#define GRANTS_PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define MAPS_PER_FRAME   (PAGE_SIZE / sizeof(struct grant_map))

/*
 * What is in use of one entry. While pins are held, domid and frame stand for
 * the entry whatever its owner writes into it.
 */
struct grant_active {
    spinlock_t lock; /* rank LOCK_RANK_GRANT_ENTRY: all fields */
    uint32_t nr_read, nr_write;
    uint16_t domid;
    mfn_t frame;
};

/*
 * A mapping, known to its maker by its index, the handle. In use, it holds a
 * reference on the domain of the entry: the maker's page-table entry alone
 * would not, for it may be overwritten without an unmap.
 */
struct grant_map {
    uint32_t ref;   /* free: next free handle */
    uint16_t domid; /* whose entry */
    uint16_t flags; /* GNTMAP_* in use; 0 = free. Changed atomically. */
};

/* ---- entries (core/grant.c) ---- */
/*
 * Pin entry ref of rd for use by user: the entry must grant it (write unless
 * readonly). First pin: the entry's GTF_reading / GTF_writing is set.
 * Returns GNTST_*; the frame in *out.
 */
int grant_pin(struct domain *rd, uint32_t ref, uint16_t user, bool readonly,
              mfn_t *out);
void grant_unpin(struct domain *rd, uint32_t ref, bool readonly);
/* The frame of an entry that is pinned. */
mfn_t grant_frame_of(struct domain *rd, uint32_t ref);
/* Grow to nr frames (at most max_frames). -ENOSPC, -ENOMEM. */
int grant_grow(struct domain *d, uint32_t nr);
/* Exchange two entries neither of which is in use. GNTST_*. */
int grant_swap(struct domain *d, uint32_t a, uint32_t b);

/* ---- handles (core/grant_maptrack.c) ---- */
#define MAPTRACK_END UINT32_MAX
/* A handle for a mapping, or MAPTRACK_END. */
uint32_t maptrack_alloc(struct domain *d);
void maptrack_release(struct domain *d, uint32_t handle);
struct grant_map *maptrack_from_handle(struct domain *d, uint32_t handle);

#endif
