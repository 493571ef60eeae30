/* SPDX-License-Identifier: MIT */
/*
 * Sets of ranges, in one sorted array of a page.
 */
#include <hv/rangeset.h>

#include <hv/lib.h>
#include <hv/page.h>

_Static_assert(RANGESET_MAX * sizeof(struct range) <= PAGE_SIZE, "one page");

void rangeset_init(struct rangeset *rs)
{
    spin_init(&rs->lock, LOCK_RANK_RANGESET);
    rs->nr = 0;
    rs->ranges = NULL;
}

void rangeset_free(struct rangeset *rs)
{
    hv_free(rs->ranges);
    rs->ranges = NULL;
    rs->nr = 0;
}

/* The first range that ends at x or later; nr if none does. */
static unsigned int find(const struct rangeset *rs, uint64_t x)
{
    unsigned int low = 0, high = rs->nr;

    while (low < high) {
        unsigned int mid = (low + high) / 2;

        if (rs->ranges[mid].last < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Entries [from, to) become the n given ones (n <= 2). */
static int replace(struct rangeset *rs, unsigned int from, unsigned int to,
                   const struct range *with, unsigned int n)
{
    unsigned int nr = rs->nr - (to - from) + n;

    if (nr > RANGESET_MAX)
        return -ENOSPC;
    memmove(&rs->ranges[from + n], &rs->ranges[to],
            (rs->nr - to) * sizeof(*rs->ranges));
    memcpy(&rs->ranges[from], with, n * sizeof(*with));
    WRITE_ONCE(rs->nr, nr);
    return 0;
}

static int add_locked(struct rangeset *rs, uint64_t first, uint64_t last)
{
    struct range r = {first, last};
    unsigned int from, to;

    /* What only touches becomes one with it. */
    from = find(rs, first ? first - 1 : 0);
    for (to = from; to < rs->nr; to++) {
        const struct range *o = &rs->ranges[to];

        if (last != UINT64_MAX && o->first > last + 1)
            break;
        if (o->first < r.first)
            r.first = o->first;
        if (o->last > r.last)
            r.last = o->last;
    }
    return replace(rs, from, to, &r, 1);
}

int rangeset_add(struct rangeset *rs, uint64_t first, uint64_t last)
{
    int rc = -ENOMEM;

    ASSERT(first <= last);
    spin_lock(&rs->lock);
    if (!rs->ranges)
        rs->ranges = hv_alloc(RANGESET_MAX * sizeof(*rs->ranges));
    if (rs->ranges)
        rc = add_locked(rs, first, last);
    spin_unlock(&rs->lock);
    return rc;
}

static int remove_locked(struct rangeset *rs, uint64_t first, uint64_t last)
{
    unsigned int from = find(rs, first), to, n = 0;
    struct range rest[2];

    for (to = from; to < rs->nr && rs->ranges[to].first <= last; to++)
        ;
    if (to == from)
        return 0;
    if (rs->ranges[from].first < first)
        rest[n++] = (struct range){rs->ranges[from].first, first - 1};
    if (rs->ranges[to - 1].last > last)
        rest[n++] = (struct range){last + 1, rs->ranges[to - 1].last};
    return replace(rs, from, to, rest, n);
}

int rangeset_remove(struct rangeset *rs, uint64_t first, uint64_t last)
{
    int rc = 0;

    ASSERT(first <= last);
    spin_lock(&rs->lock);
    if (rs->nr)
        rc = remove_locked(rs, first, last);
    spin_unlock(&rs->lock);
    return rc;
}

bool rangeset_contains(const struct rangeset *rs, uint64_t first, uint64_t last)
{
    spinlock_t *lock = (spinlock_t *)&rs->lock;
    unsigned int i;
    bool in;

    if (rangeset_is_empty(rs))
        return false;
    spin_lock(lock);
    i = find(rs, first);
    in = i < rs->nr && rs->ranges[i].first <= first &&
         last <= rs->ranges[i].last;
    spin_unlock(lock);
    return in;
}
