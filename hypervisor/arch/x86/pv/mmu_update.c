/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_mmu_update: a list of changes of page-table entries and of the
 * machine-to-physical table. ABI: struct mmu_update in public/xen.h.
 *
 * Lists are runs of updates to one L1 table, so that table stays locked as
 * long as a run lasts, and an update in a run is a few checks and a store.
 */
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <asm/guest_word.h>
#include <asm/pv/l1e.h>
#include <asm/pv/mm.h>

/* In count: *done holds what earlier parts of this call did (continuation). */
#define COUNT_CONTINUED (1UL << 31)
#define CHUNK           16 /* requests between two looks at waiting work */
#define CMD_MASK        3UL

_Static_assert(MMU_PT_UPDATE_PRESERVE_AD == PTU_PRESERVE_AD, "the same bit");

struct batch {
    struct domain *pt_owner; /* of the tables */
    struct domain *pg_owner; /* of the frames mapped */
    unsigned int own;        /* PTU_OWN if that is the current domain */
    /* The L1 table of the run, locked: entry i is at base + 8 * i for the
     * guest. span is PAGE_SIZE, or 0: no run. */
    uint64_t base, span;
    pte_t *entries;
    struct page_info *table;
};

static void run_end(struct batch *b)
{
    pt_unlock(b->table);
    b->span = 0;
}

/* pg is a locked L1 table. */
static void run_begin(struct batch *b, struct page_info *pg)
{
    b->table = pg;
    b->base = mfn_to_maddr(page_to_mfn(pg));
    b->span = PAGE_SIZE;
    b->entries = page_to_virt(pg);
}

/* ptr is an aligned address of the run's table. */
static ALWAYS_INLINE int run_update(const struct batch *b, uint64_t ptr,
                                    uint64_t val, unsigned int how)
{
    pte_t *slot = b->entries + (ptr - b->base) / sizeof(pte_t);

    return pt_set_l1(slot, val, b->pt_owner, b->pg_owner, how | b->own);
}

/* Not a table: what the guest could store itself, if it may write it. */
static int store_plain(const struct batch *b, struct page_info *pg,
                       unsigned int n, uint64_t val)
{
    int rc = page_get_and_type(pg, b->pt_owner, PGT_WRITABLE);

    if (rc)
        return rc;
    WRITE_ONCE(((uint64_t *)page_to_virt(pg))[n], val);
    page_put_and_type(pg);
    return 0;
}

/* pg is referenced. */
static int update_referenced(struct batch *b, struct page_info *pg,
                             uint64_t ptr, uint64_t val, unsigned int how)
{
    unsigned int n = (ptr & ~PAGE_MASK) / sizeof(pte_t);
    enum page_type type = pt_lock(pg);

    if (type == PGT_L1) {
        run_begin(b, pg);
        return run_update(b, ptr, val, how);
    }
    if (type == PGT_NONE)
        return store_plain(b, pg, n, val);
    pt_unlock(pg);
    /* Tables of others' tables are never linked. */
    if (b->pg_owner != b->pt_owner)
        return -EPERM;
    return pt_set_table(pg, n, val, type, how);
}

/* No run could be begun at ptr. */
static int update_entry(struct batch *b, uint64_t ptr, uint64_t val,
                        unsigned int how)
{
    struct page_info *pg;
    int rc;

    if (ptr % sizeof(pte_t))
        return -EINVAL;
    pg = page_get_from_mfn(maddr_to_mfn(ptr), b->pt_owner);
    if (!pg)
        return -EINVAL;
    rc = update_referenced(b, pg, ptr, val, how);
    page_put(pg);
    return rc;
}

static int update_m2p(struct batch *b, uint64_t ptr, uint64_t pfn)
{
    struct page_info *pg;

    pg = page_get_from_mfn(maddr_to_mfn(ptr), b->pg_owner);
    if (!pg)
        return -EINVAL;
    m2p_set(page_to_mfn(pg), pfn);
    page_put(pg);
    return 0;
}

static NOINLINE int do_one(struct batch *b, uint64_t req, uint64_t val)
{
    uint64_t ptr = req & ~CMD_MASK;

    switch (req & CMD_MASK) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return update_entry(b, ptr, val, 0);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return update_entry(b, ptr, val, PTU_PRESERVE_AD);
    case MMU_MACHPHYS_UPDATE:
        return update_m2p(b, ptr, val);
    default:
        return -ENOSYS;
    }
}

/* NORMAL and PRESERVE_AD updates of entries in the run: by far the most. */
static ALWAYS_INLINE bool in_run(const struct batch *b, uint64_t req)
{
    return likely(req - b->base < b->span) &&
           likely(!(req & (sizeof(pte_t) - 1) & ~PTU_PRESERVE_AD));
}

/* Leave the run; true: a new one that req is in could be begun at once. */
static ALWAYS_INLINE bool run_change(struct batch *b, uint64_t req)
{
    mfn_t m = maddr_to_mfn(req);

    if (b->span)
        run_end(b);
    if ((req & (sizeof(pte_t) - 1) & ~PTU_PRESERVE_AD) || !mfn_is_ram(m) ||
        !pt_try_lock_l1(mfn_to_page(m), b->pt_owner))
        return false;
    run_begin(b, mfn_to_page(m));
    return true;
}

/*
 * Requests up to end, until one fails or leaves something to drop: 0,
 * -ERESTART or the error. *nr counts those done.
 */
static ALWAYS_INLINE int do_chunk(struct batch *b, uint64_t reqs,
                                  unsigned long end, unsigned long *nr)
{
    unsigned long i = *nr;
    int rc = 0;

    while (i < end) {
        uint64_t req, val;

        rc = -EFAULT;
        if (unlikely(!guest_read_pair(reqs + i * 16, &req, &val)))
            break;
        if (in_run(b, req) || run_change(b, req))
            rc = run_update(b, req, val, req & PTU_PRESERVE_AD);
        else
            rc = do_one(b, req, val);
        if (unlikely(rc))
            break;
        i++;
        /* Only tables leave something or take long (all the entries of one
         * linked or let go), and they are in no run. */
        if (unlikely(!b->span) &&
            (pv_drop_is_pending() || (i < end && hypercall_preempt_check()))) {
            rc = -ERESTART;
            break;
        }
    }
    *nr = i;
    return rc;
}

/* All requests; the same, and -ERESTART if there is reason to stop. */
static ALWAYS_INLINE int do_batch(struct batch *b, uint64_t reqs,
                                  unsigned long count, unsigned long *nr)
{
    int rc = 0;

    _Static_assert(sizeof(struct mmu_update) == 16, "a pair of words");
    if (unlikely(!guest_words_ok(reqs, count * sizeof(struct mmu_update))))
        return -EFAULT;
    reqs = outside_hv_slots(reqs);
    b->base = b->span = 0;
    b->own = b->pg_owner == current->domain && b->pt_owner == b->pg_owner
                 ? PTU_OWN
                 : 0;
    while (*nr < count) {
        rc = do_chunk(b, reqs, min_t(unsigned long, count, *nr + CHUNK), nr);
        if (rc || likely(*nr == count))
            break;
        /* Who waits for the table looks at nothing else meanwhile. */
        if (b->span)
            run_end(b);
        if (hypercall_preempt_check()) {
            rc = -ERESTART;
            break;
        }
    }
    if (likely(b->span))
        run_end(b);
    return rc;
}

static int get_owners(struct batch *b, unsigned long foreigndom)
{
    uint16_t pt_dom = (uint16_t)(foreigndom >> 16);
    int rc = pv_get_pg_owner((domid_t)foreigndom, &b->pg_owner);

    if (rc)
        return rc;
    b->pt_owner = current->domain;
    if (!pt_dom || pt_dom - 1 == current->domain->id)
        return 0;
    rc = pv_get_pg_owner((domid_t)(pt_dom - 1), &b->pt_owner);
    if (rc)
        pv_put_pg_owner(b->pg_owner);
    return rc;
}

static long go_on_later(unsigned long reqs, unsigned long count,
                        unsigned long done, unsigned long foreigndom)
{
    return hypercall_continue(__HYPERVISOR_mmu_update, 4, reqs, count, done,
                              foreigndom);
}

/* nr of them are done. */
static NOINLINE long stopped(unsigned long reqs, unsigned long count,
                             unsigned long nr, unsigned long done,
                             unsigned long foreigndom)
{
    return go_on_later(reqs + nr * sizeof(struct mmu_update),
                       (count - nr) | COUNT_CONTINUED, done, foreigndom);
}

/* With all that a caller may ask for. */
static NOINLINE long full_mmu_update(unsigned long reqs, unsigned long count,
                                     unsigned long done,
                                     unsigned long foreigndom)
{
    struct batch b;
    uint32_t before = 0, after;
    unsigned long nr = 0;
    int rc;

    if (unlikely(pv_drop_is_pending()) && pv_finish_drops() == -ERESTART)
        return go_on_later(reqs, count, done, foreigndom);
    if ((count & COUNT_CONTINUED) && done &&
        copy_from_guest_va(&before, done, sizeof(before)))
        return -EFAULT;
    count &= ~COUNT_CONTINUED;

    rc = get_owners(&b, foreigndom);
    if (rc)
        return rc;
    rc = do_batch(&b, reqs, count, &nr);
    pv_put_pg_owner(b.pt_owner);
    pv_put_pg_owner(b.pg_owner);

    after = before + (uint32_t)nr;
    if (done && copy_to_guest_va(done, &after, sizeof(after)))
        return -EFAULT;
    return rc == -ERESTART ? stopped(reqs, count, nr, done, foreigndom) : rc;
}

/* The common case: one's own tables and frames, and no wish to know how many.
 */
long do_mmu_update(unsigned long reqs, unsigned long count, unsigned long done,
                   unsigned long foreigndom)
{
    struct batch b;
    unsigned long nr = 0;
    int rc;

    count &= 0xffffffffUL;
    if (unlikely(done) || unlikely((uint32_t)foreigndom != DOMID_SELF) ||
        unlikely(count >= COUNT_CONTINUED) || unlikely(pv_drop_is_pending()))
        return full_mmu_update(reqs, count, done, foreigndom);
    b.pt_owner = b.pg_owner = current->domain;
    rc = do_batch(&b, reqs, count, &nr);
    if (unlikely(rc == -ERESTART))
        return stopped(reqs, count, nr, 0, DOMID_SELF);
    return rc;
}
