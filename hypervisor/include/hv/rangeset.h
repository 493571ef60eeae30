/* SPDX-License-Identifier: MIT */
/*
 * A set of numbers, kept as ranges: which frames, ports and interrupts a
 * domain may use. Bounded: a set of more than RANGESET_MAX ranges is refused.
 * All calls lock; rank LOCK_RANK_RANGESET.
 */
#ifndef HV_RANGESET_H
#define HV_RANGESET_H

#include <hv/spinlock.h>
#include <hv/types.h>

#define RANGESET_MAX 256

struct range {
    uint64_t first, last; /* both in it */
};

struct rangeset {
    spinlock_t lock;
    unsigned int nr;
    struct range *ranges; /* sorted, none touches the next; NULL: none yet */
};

void rangeset_init(struct rangeset *rs);
void rangeset_free(struct rangeset *rs);

/* first <= last. -ENOMEM; -ENOSPC: it would be too many ranges. Nothing is
 * changed then. */
int rangeset_add(struct rangeset *rs, uint64_t first, uint64_t last) MUST_CHECK;
int rangeset_remove(struct rangeset *rs, uint64_t first,
                    uint64_t last) MUST_CHECK;

bool rangeset_contains(const struct rangeset *rs, uint64_t first,
                       uint64_t last);

static inline bool rangeset_is_empty(const struct rangeset *rs)
{
    return READ_ONCE(rs->nr) == 0;
}

#endif
