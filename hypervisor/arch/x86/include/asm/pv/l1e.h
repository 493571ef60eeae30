/* SPDX-License-Identifier: MIT */
/*
 * Entries of L1 tables: what they hold, and changing one. Inline as far as
 * the common case goes, RAM of the domain itself, since every change of a
 * guest's mappings comes by here; the rest is in pv/l1e.c, with the table of
 * what an entry may map. The caller has the table locked.
 */
#ifndef ASM_PV_L1E_H
#define ASM_PV_L1E_H

#include <asm/pv/l1tf.h>
#include <asm/pv/ptype_fast.h>

/*
 * Flags only: *e as it is to be stored if its frame is already held for the
 * same use. Guests' kernels run in ring 3: every entry is user-accessible, and
 * a bit remembers that the guest wrote it otherwise. No entry is global: a
 * load of CR3 is a complete flush of what guests mapped.
 */
static ALWAYS_INLINE void l1e_adjust(pte_t *e)
{
    if (!(*e & PTE_US))
        *e |= PTE_US | PTE_GUEST_KERNEL;
    *e &= ~PTE_G;
}

/* True if changing from old to new needs no reference. */
static ALWAYS_INLINE bool l1e_same_refs(pte_t old, pte_t new)
{
    return !((old ^ new) & (PTE_P | PTE_RW | PTE_ADDR_MASK | PTE_CACHE_MASK)) &&
           (old & PTE_P);
}

/* l1e_get() and l1e_put() for every kind of entry. */
int l1e_get_any(pte_t *e, const struct domain *l1_owner,
                const struct domain *pg_owner) MUST_CHECK;
void l1e_put_any(pte_t e);

/* l1e_get() of an adjusted entry, if that is simple; own: pg_owner and the
 * table's owner are the current domain (who does not know says no). */
static ALWAYS_INLINE bool l1e_try_get(pte_t e, const struct domain *pg_owner,
                                      bool own)
{
    struct page_info *pg = mfn_to_page(pte_mfn(e));

    if (unlikely(!mfn_is_ram(pte_mfn(e))) || unlikely(e & PTE_CACHE_MASK))
        return false;
    if (likely(e & PTE_RW))
        return likely(own) && likely(page_try_get_writable(pg, pg_owner));
    return likely(page_try_get(pg, pg_owner));
}

/*
 * Take what a present L1 entry of l1_owner's table needs: a reference (and
 * writable type) of a frame of pg_owner, or the right to an MMIO frame.
 * Changes *e to what is to be stored. 0, -EINVAL, -EPERM, -EBUSY.
 */
static ALWAYS_INLINE MUST_CHECK int l1e_get(pte_t *e,
                                            const struct domain *l1_owner,
                                            const struct domain *pg_owner,
                                            bool own)
{
    pte_t any;
    int rc;

    ASSERT(*e & PTE_P);
    l1e_adjust(e);
    if (l1e_try_get(*e, pg_owner, own))
        return 0;
    any = *e; /* whose address is taken, which keeps *e in a register */
    rc = l1e_get_any(&any, l1_owner, pg_owner);
    *e = any;
    return rc;
}

/* Give back what a present entry holds. */
static ALWAYS_INLINE void l1e_put(pte_t e)
{
    mfn_t m = pte_mfn(e);

    /* Frames that hold no counts refuse both. */
    if (likely(mfn_is_ram(m)) &&
        likely(e & PTE_RW ? page_try_put_type(mfn_to_page(m))
                          : page_try_put(mfn_to_page(m))))
        return;
    l1e_put_any(e);
}

/* How to change an entry. */
#define PTU_PRESERVE_AD 2U /* keep the accessed and dirty bits */
#define PTU_OWN         4U /* both owners are the current domain: the fast way */

/* Store; the processor may set A and D of the old entry meanwhile. */
static ALWAYS_INLINE void pte_store(pte_t *slot, pte_t new, unsigned int how)
{
    pte_t old;

    if (likely(!(how & PTU_PRESERVE_AD))) {
        WRITE_ONCE(*slot, new);
        return;
    }
    old = READ_ONCE(*slot);
    while (!__atomic_compare_exchange_n(slot, &old,
                                        new | (old & (PTE_A | PTE_D)), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
}

/*
 * Change an L1 entry: *slot in a locked table of table_owner := new, which
 * maps a frame of pg_owner if it is present. 0 or -Exxx (nothing changed).
 */
static ALWAYS_INLINE MUST_CHECK int pt_set_l1(pte_t *slot, pte_t new,
                                              const struct domain *table_owner,
                                              const struct domain *pg_owner,
                                              unsigned int how)
{
    pte_t old = READ_ONCE(*slot);

    if (new &PTE_P) {
        int rc;

        l1e_adjust(&new);
        if (l1e_same_refs(old, new)) {
            pte_store(slot, new, how);
            return 0;
        }
        rc = l1e_get(&new, table_owner, pg_owner, how & PTU_OWN);
        if (unlikely(rc))
            return rc;
    } else if (l1tf_refuses(new, table_owner)) {
        return -EPERM;
    }
    pte_store(slot, new, how);
    if (old & PTE_P)
        l1e_put(old);
    return 0;
}

/* The same only if *slot is still expected: -EAGAIN otherwise. d is the
 * current domain. */
static ALWAYS_INLINE MUST_CHECK int pt_cmpxchg_l1(pte_t *slot, pte_t expected,
                                                  pte_t new,
                                                  const struct domain *d)
{
    bool same_refs = false;

    if (new &PTE_P) {
        int rc;

        l1e_adjust(&new);
        same_refs = l1e_same_refs(expected, new);
        rc = same_refs ? 0 : l1e_get(&new, d, d, true);
        if (unlikely(rc))
            return rc;
    } else if (l1tf_refuses(new, d)) {
        return -EPERM;
    }
    if (!__atomic_compare_exchange_n(slot, &expected, new, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        if (!same_refs && (new &PTE_P))
            l1e_put(new);
        return -EAGAIN;
    }
    if (!same_refs && (expected & PTE_P))
        l1e_put(expected);
    return 0;
}

#endif
