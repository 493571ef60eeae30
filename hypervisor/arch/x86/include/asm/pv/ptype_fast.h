/* SPDX-License-Identifier: MIT */
/*
 * The common cases of references and types, inline: one compare-exchange, no
 * loop. Each says whether it did the whole step; if not, nothing happened and
 * the caller takes the function of hv/page.h or asm/pv/ptype.h, which knows
 * all cases. The rules are the same: docs/paging.md.
 *
 * Every type reference comes with a reference, so of the two counts the
 * references are the first to be full, and a type count above one says that
 * neither is the last.
 */
#ifndef ASM_PV_PTYPE_FAST_H
#define ASM_PV_PTYPE_FAST_H

#include <asm/cpu_info.h>
#include <asm/pv/ptype.h>
#include <hv/domain.h>
#include <hv/lib.h>

/* In use, and room for one reference more. */
static ALWAYS_INLINE bool pgs_may_get(uint64_t state)
{
    return pgs_refs(state) - 1 < PGS_REF_MASK - 1;
}

/* page_get() */
static ALWAYS_INLINE bool page_try_get(struct page_info *pg,
                                       const struct domain *d)
{
    uint64_t old = READ_ONCE(pg->state);

    if (READ_ONCE(pg->owner) != d || !pgs_may_get(old) ||
        !pgs_cmpxchg(pg, &old, old + PGS_REF_ONE))
        return false;
    /* Held now, the owner is stable: but it may have changed before. */
    if (likely(READ_ONCE(pg->owner) == d))
        return true;
    page_put(pg);
    return false;
}

/* page_put(), not of the last reference */
static ALWAYS_INLINE bool page_try_put(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state);

    return pgs_refs(old) > 1 && pgs_cmpxchg(pg, &old, old - PGS_REF_ONE);
}

/* The state with one writable reference more; 0: not possible at once. */
static ALWAYS_INLINE uint64_t pgs_add_writable(uint64_t old)
{
    const uint64_t one = PGS_REF_ONE + PGS_TREF_ONE;
    const uint64_t writable = PGS_VALIDATED | (uint64_t)PGT_WRITABLE
                                                  << PGS_TYPE_SHIFT;

    /* One more: it has references. Without VALIDATED the last one is just
     * being let go. */
    if (likely((old & (PGS_TYPE_MASK | PGS_VALIDATED)) == writable))
        return ~old & PGS_REF_MASK ? old + one : 0;
    if (!(old & PGS_TREF_MASK) && pgs_may_get(old))
        return (old | writable) + one;
    return 0;
}

/* page_get_and_type(WRITABLE); d is the current domain */
static ALWAYS_INLINE bool page_try_get_writable(struct page_info *pg,
                                                const struct domain *d)
{
    uint64_t old = READ_ONCE(pg->state), new = pgs_add_writable(old);

    ASSERT(current->domain == d);
    if (READ_ONCE(pg->owner) != d || !new || !pgs_cmpxchg(pg, &old, new))
        return false;
    if (likely(READ_ONCE(pg->owner) == d))
        return true;
    page_put_and_type(pg);
    return false;
}

/* page_get_and_type() of a table whose contents are checked already */
static ALWAYS_INLINE bool page_try_get_table(struct page_info *pg,
                                             const struct domain *d,
                                             enum page_type type)
{
    const uint64_t checked = PGS_VALIDATED | (uint64_t)type << PGS_TYPE_SHIFT;
    uint64_t old = READ_ONCE(pg->state);

    if (READ_ONCE(pg->owner) != d ||
        (old & (PGS_TYPE_MASK | PGS_VALIDATED)) != checked ||
        !(~old & PGS_REF_MASK) ||
        !pgs_cmpxchg(pg, &old, old + PGS_REF_ONE + PGS_TREF_ONE))
        return false;
    if (likely(READ_ONCE(pg->owner) == d))
        return true;
    page_put_and_type(pg);
    return false;
}

/* page_put_and_type(), not of the last type reference */
static ALWAYS_INLINE bool page_try_put_type(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state);

    return (old & PGS_TREF_MASK) > PGS_TREF_ONE &&
           pgs_cmpxchg(pg, &old, old - PGS_REF_ONE - PGS_TREF_ONE);
}

/*
 * Lock a validated L1 table of d. The lock alone keeps it: the last type
 * reference waits for it, and a type reference comes with a reference.
 */
static ALWAYS_INLINE bool pt_try_lock_l1(struct page_info *pg,
                                         const struct domain *d)
{
    const uint64_t l1 = (uint64_t)PGT_L1 << PGS_TYPE_SHIFT | PGS_VALIDATED;
    uint64_t old = READ_ONCE(pg->state);

    if (READ_ONCE(pg->owner) != d ||
        (old & (PGS_TYPE_MASK | PGS_VALIDATED | PGS_LOCKED)) != l1 ||
        !pgs_cmpxchg(pg, &old, old | PGS_LOCKED))
        return false;
    if (likely(READ_ONCE(pg->owner) == d))
        return true;
    pt_unlock(pg);
    return false;
}

#endif
