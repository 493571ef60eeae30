/* SPDX-License-Identifier: MIT */
/*
 * General references: who holds one keeps the frame with its owner. The last
 * one gone, the frame is free.
 */
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

/* The count has become 0; nobody can get the frame any more. */
static void page_last_put(struct page_info *pg, uint64_t state)
{
    ASSERT(pgs_trefs(state) == 0);
    ASSERT(!(state & (PGS_ALLOCATED | PGS_PINNED | PGS_LOCKED | PGS_PARTIAL)));
    if (state & PGS_HV) {
        /* As the allocator left it when it was shared. */
        __atomic_store_n(&pg->state, PGS_HV, __ATOMIC_RELEASE);
        hv_free_pages(page_to_virt(pg), 0);
    } else {
        __atomic_store_n(&pg->state, state & (PGS_BROKEN | PGS_FOREIGN),
                         __ATOMIC_RELEASE);
        domain_page_free(pg);
    }
}

bool page_get(struct page_info *pg, const struct domain *d)
{
    uint64_t old = READ_ONCE(pg->state);

    do {
        if (READ_ONCE(pg->owner) != d || !pgs_refs(old) ||
            pgs_refs(old) == PGS_REF_MASK)
            return false;
    } while (!pgs_cmpxchg(pg, &old, old + PGS_REF_ONE));

    /* Held now, the owner is stable: but it may have changed before. */
    if (likely(READ_ONCE(pg->owner) == d))
        return true;
    page_put(pg);
    return false;
}

void page_put(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state);

    do
        ASSERT(pgs_refs(old) > 0);
    while (!pgs_cmpxchg(pg, &old, old - PGS_REF_ONE));
    if (unlikely(pgs_refs(old) == 1))
        page_last_put(pg, old - PGS_REF_ONE);
}

struct page_info *page_get_from_mfn(mfn_t m, const struct domain *d)
{
    struct page_info *pg;

    if (!mfn_is_ram(m))
        return NULL;
    pg = mfn_to_page(m);
    return page_get(pg, d) ? pg : NULL;
}

bool page_put_alloc_once(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state), new;

    /* Frames of the hypervisor are not the guest's to give back: their one
     * reference goes with page_unshare(). */
    do {
        if (!(old & PGS_ALLOCATED) || (old & PGS_HV))
            return false;
        new = (old & ~PGS_ALLOCATED) - PGS_REF_ONE;
    } while (!pgs_cmpxchg(pg, &old, new));
    ASSERT(pgs_refs(new) > 0); /* the caller's */
    /* A frame that its owner gave back stays for others' use of it only. */
    if (unlikely(new &PGS_PINNED) && page_unpin(pg) == -ERESTART)
        pv_drop_later(pg);
    return true;
}

/*
 * The hypervisor's own type reference keeps what the guest may not do from
 * being done: NONE with a count refuses every type, WRITABLE every other.
 */
void page_share_with(struct page_info *pg, struct domain *d, bool writable)
{
    uint64_t type = writable ? PGT_WRITABLE : PGT_NONE;

    ASSERT(!pg->owner);
    pg->owner = d;
    __atomic_store_n(&pg->state,
                     PGS_HV | PGS_ALLOCATED | PGS_VALIDATED | PGS_TREF_ONE |
                         PGS_REF_ONE | type << PGS_TYPE_SHIFT,
                     __ATOMIC_RELEASE);
}

void page_unshare(struct page_info *pg)
{
    /* No new references: a later domain may get the address of this owner. */
    WRITE_ONCE(pg->owner, NULL);
    __atomic_fetch_and(&pg->state, ~PGS_ALLOCATED, __ATOMIC_SEQ_CST);
    page_put_and_type(pg);
}
