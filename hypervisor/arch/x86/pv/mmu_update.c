/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_mmu_update: a list of changes of page-table entries and of the
 * machine-to-physical table. ABI: struct mmu_update in public/xen.h.
 *
 * Lists are runs of updates to one table, so the table stays referenced, and
 * if it is an L1 table locked, as long as a run lasts.
 */
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>

/* In count: *done holds what earlier parts of this call did (continuation). */
#define COUNT_CONTINUED (1UL << 31)
#define CHUNK           16 /* requests copied in at once */
#define CMD_MASK        3UL

struct batch {
    struct domain *pt_owner; /* of the tables */
    struct domain *pg_owner; /* of the frames mapped */
    /* The table of the run, NULL: none. locked: an L1 table, by pt_lock(). */
    struct page_info *table;
    bool locked;
};

static void run_end(struct batch *b)
{
    if (!b->table)
        return;
    if (b->locked)
        pt_unlock(b->table);
    page_put(b->table);
    b->table = NULL;
    b->locked = false;
}

static int run_begin(struct batch *b, mfn_t m)
{
    if (b->table && mfn_eq(page_to_mfn(b->table), m))
        return 0;
    run_end(b);
    b->table = page_get_from_mfn(m, b->pt_owner);
    return b->table ? 0 : -EINVAL;
}

/* Not a table: what the guest could store itself, if it may write it. */
static int store_plain(struct batch *b, uint64_t *slot, uint64_t val)
{
    int rc = page_get_and_type(b->table, b->pt_owner, PGT_WRITABLE);

    if (rc)
        return rc;
    WRITE_ONCE(*slot, val);
    page_put_and_type(b->table);
    return 0;
}

static int update_entry(struct batch *b, uint64_t ptr, uint64_t val,
                        unsigned int how)
{
    unsigned int n = (ptr & ~PAGE_MASK) / sizeof(pte_t);
    enum page_type type;
    pte_t *slot;
    int rc;

    if (ptr % sizeof(pte_t))
        return -EINVAL;
    rc = run_begin(b, maddr_to_mfn(ptr));
    if (rc)
        return rc;
    slot = (pte_t *)page_to_virt(b->table) + n;
    if (b->locked)
        return pt_set_l1(slot, val, b->pt_owner, b->pg_owner, how);

    type = pt_lock(b->table);
    if (type == PGT_L1) {
        b->locked = true;
        return pt_set_l1(slot, val, b->pt_owner, b->pg_owner, how);
    }
    if (type == PGT_NONE)
        return store_plain(b, slot, val);
    pt_unlock(b->table);
    /* Tables of others' tables are never linked. */
    if (b->pg_owner != b->pt_owner)
        return -EPERM;
    return pt_set_table(b->table, n, val, type, how);
}

static int update_m2p(struct batch *b, uint64_t ptr, uint64_t pfn)
{
    struct page_info *pg;

    run_end(b);
    pg = page_get_from_mfn(maddr_to_mfn(ptr), b->pg_owner);
    if (!pg)
        return -EINVAL;
    m2p_set(page_to_mfn(pg), pfn);
    page_put(pg);
    return 0;
}

static int do_one(struct batch *b, const struct mmu_update *u)
{
    uint64_t ptr = u->ptr & ~CMD_MASK;

    switch (u->ptr & CMD_MASK) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return update_entry(b, ptr, u->val, 0);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return update_entry(b, ptr, u->val, PTU_PRESERVE_AD);
    case MMU_MACHPHYS_UPDATE:
        return update_m2p(b, ptr, u->val);
    default:
        return -ENOSYS;
    }
}

/*
 * All requests until one fails or there is reason to stop: 0, -ERESTART or
 * the error. *nr counts those done.
 */
static int do_batch(struct batch *b, uint64_t reqs, unsigned long count,
                    unsigned long *nr)
{
    struct mmu_update u[CHUNK];
    int rc = 0;

    while (*nr < count && !rc) {
        unsigned int n = (unsigned int)min_t(unsigned long, count - *nr, CHUNK);

        if (copy_from_guest_va(u, reqs + *nr * sizeof(u[0]), n * sizeof(u[0])))
            return -EFAULT;
        for (unsigned int i = 0; i < n; i++) {
            rc = do_one(b, &u[i]);
            if (rc)
                break;
            ++*nr;
            if (unlikely(pv_drop_is_pending()))
                return -ERESTART;
        }
        if (!rc && *nr < count && hypercall_preempt_check())
            rc = -ERESTART;
    }
    return rc;
}

static int get_owners(struct batch *b, unsigned long foreigndom)
{
    uint16_t pt_dom = (uint16_t)(foreigndom >> 16);
    int rc = pv_get_pg_owner((domid_t)foreigndom, &b->pg_owner);

    if (rc)
        return rc;
    b->pt_owner = current->domain;
    if (!pt_dom || pt_dom - 1 == current->domain->id) {
        domain_get(b->pt_owner);
        return 0;
    }
    rc = pv_get_pg_owner((domid_t)(pt_dom - 1), &b->pt_owner);
    if (rc)
        pv_put_pg_owner(b->pg_owner);
    return rc;
}

long do_mmu_update(unsigned long reqs, unsigned long count, unsigned long done,
                   unsigned long foreigndom)
{
    struct batch b = {.table = NULL};
    uint32_t before = 0, after;
    unsigned long nr = 0;
    int rc;

    count &= 0xffffffffUL;
    if (pv_finish_drops() == -ERESTART)
        return hypercall_continue(__HYPERVISOR_mmu_update, 4, reqs, count, done,
                                  foreigndom);
    if ((count & COUNT_CONTINUED) && done &&
        copy_from_guest_va(&before, done, sizeof(before)))
        return -EFAULT;
    count &= ~COUNT_CONTINUED;

    rc = get_owners(&b, foreigndom);
    if (rc)
        return rc;
    rc = do_batch(&b, reqs, count, &nr);
    run_end(&b);
    pv_put_pg_owner(b.pt_owner);
    pv_put_pg_owner(b.pg_owner);

    after = before + (uint32_t)nr;
    if (done && copy_to_guest_va(done, &after, sizeof(after)))
        return -EFAULT;
    if (rc == -ERESTART)
        return hypercall_continue(
            __HYPERVISOR_mmu_update, 4, reqs + nr * sizeof(struct mmu_update),
            (count - nr) | COUNT_CONTINUED, done, foreigndom);
    return rc;
}
