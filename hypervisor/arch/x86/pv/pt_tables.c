/* SPDX-License-Identifier: MIT */
/*
 * Contents of page tables: what validating a table takes and devalidating it
 * gives back. Only the claimer of a busy table (asm/pv/ptype.h) comes here, so
 * no entry changes under its hands; a guest cannot write the frame any more.
 * Levels descend strictly, since each function that leads to a child asks for
 * the type below: recursion is at most four deep.
 */
#include <asm/pv/isolation.h>
#include <asm/pv/l1e.h>

#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

/* What L2, L3, L4 entries may have set besides the frame number. No large
 * pages, no global bit, no cache attributes: those are for L1 entries. */
#define TABLE_FLAGS \
    (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D | PTE_AVL | PTE_AVL_HIGH | PTE_NX)

static const enum page_type child_type[] = {
    [PGT_L2] = PGT_L1,
    [PGT_L3] = PGT_L2,
    [PGT_L4] = PGT_L3,
};

int table_entry_get(pte_t *e, const struct domain *d, unsigned int level)
{
    mfn_t m = pte_mfn(*e);
    int rc;

    if (*e & ~(TABLE_FLAGS | PTE_ADDR_MASK) || !mfn_is_ram(m))
        return -EINVAL;
    rc = page_get_and_type(mfn_to_page(m), d, child_type[level]);
    if (rc == -EBUSY)
        rc = -EINVAL; /* of another level (linear tables), or writable */
    /* The guest's kernel runs in ring 3. */
    *e |= PTE_US | (level == PGT_L4 ? PTE_A : 0);
    return rc;
}

#define GROUP 16 /* entries looked at together, in a sparse table */

/* No entry of a group has one of these bits. */
static ALWAYS_INLINE bool group_has_none(const pte_t *e, pte_t bits)
{
    pte_t any = 0;

#pragma GCC unroll 16
    for (unsigned int i = 0; i < GROUP; i++)
        any |= e[i];
    return !(any & bits);
}

/* From i on, the first group with an entry that has one of these bits, or
 * PT_ENTRIES. */
static ALWAYS_INLINE unsigned int skip_groups(const pte_t *pt, unsigned int i,
                                              pte_t bits)
{
    const pte_t *e = pt + i, *end = pt + PT_ENTRIES;

    while (e != end && group_has_none(e, bits))
        e += GROUP;
    return (unsigned int)(e - pt);
}

/* Down from i, the end of the last group with a present entry, or 0. */
static ALWAYS_INLINE unsigned int skip_absent_down(const pte_t *pt,
                                                   unsigned int i)
{
    const pte_t *e = pt + i;

    while (e != pt && group_has_none(e - GROUP, PTE_P))
        e -= GROUP;
    return (unsigned int)(e - pt);
}

/* matters: bits of an entry that is to be looked at: present, or with L1TF any.
 */
static ALWAYS_INLINE int get_entries(struct page_info *pg, pte_t *pt,
                                     pte_t matters)
{
    const struct domain *d = pg->owner;
    bool own = current->domain == d;
    unsigned int i;
    int rc = 0;

    for (i = pg->nr_done; i < PT_ENTRIES; i++) {
        pte_t e;

        if (i % GROUP == 0) {
            i = skip_groups(pt, i, matters);
            if (i == PT_ENTRIES)
                break;
        }
        e = pt[i];
        if (!(e & PTE_P)) {
            if (matters == PTE_P || !l1tf_refuses(e, d))
                continue;
            rc = -EPERM;
            break;
        }
        rc = l1e_get(&e, d, d, own);
        if (unlikely(rc))
            break;
        pt[i] = e;
    }
    pg->nr_done = (uint16_t)i;
    return rc;
}

static NOINLINE int validate_l1(struct page_info *pg, pte_t *pt)
{
    return get_entries(pg, pt, PTE_P);
}

static NOINLINE int validate_l1_l1tf(struct page_info *pg, pte_t *pt)
{
    return get_entries(pg, pt, ~0UL);
}

static bool skip_slot(unsigned int level, unsigned int slot)
{
    return level == PGT_L4 && !l4_slot_is_guests(slot);
}

/* l1tf_refuses() of the entries still to be validated. */
static ALWAYS_INLINE bool l1tf_refuses_table(const struct page_info *pg,
                                             const pte_t *pt,
                                             unsigned int level)
{
    if (!patch_is_set(PATCH_L1TF))
        return false;
    for (unsigned int i = pg->nr_done; i < PT_ENTRIES; i++) {
        if (i % GROUP == 0) {
            i = skip_groups(pt, i, ~0UL);
            if (i == PT_ENTRIES)
                break;
        }
        if (!(pt[i] & PTE_P) && !skip_slot(level, i) &&
            l1tf_refuses(pt[i], pg->owner))
            return true;
    }
    return false;
}

static void l4_made(const struct page_info *pg, pte_t *l4)
{
    l4_install_hv_slots(l4);
    isolation_l4_made(pg->owner, pg);
}

int table_validate(struct page_info *pg, unsigned int level)
{
    pte_t *pt = page_to_virt(pg);
    unsigned int i;
    int rc = 0;

    if (level == PGT_L1)
        return patch_is_set(PATCH_L1TF) ? validate_l1_l1tf(pg, pt)
                                        : validate_l1(pg, pt);
    if (l1tf_refuses_table(pg, pt, level))
        return -EPERM;

    for (i = pg->nr_done; i < PT_ENTRIES; i++) {
        pte_t e = pt[i];

        if (!(e & PTE_P) || skip_slot(level, i))
            continue;
        rc = table_entry_get(&e, pg->owner, level);
        if (rc)
            break;
        pt[i] = e;
        if (hypercall_preempt_check()) {
            i++;
            rc = i < PT_ENTRIES ? -ERESTART : 0;
            break;
        }
    }
    pg->nr_done = (uint16_t)i;
    if (!rc && level == PGT_L4)
        l4_made(pg, pt);
    return rc;
}

static void devalidate_l1(struct page_info *pg, pte_t *pt)
{
    unsigned int i = pg->nr_done;

    while (i > 0) {
        if (i % GROUP == 0) {
            i = skip_absent_down(pt, i);
            if (i == 0)
                break;
        }
        i--;
        if (!(pt[i] & PTE_P))
            continue;
        l1e_put(pt[i]);
        /* The guest finds what it wrote. */
        if (pt[i] & PTE_GUEST_KERNEL)
            pt[i] &= ~(PTE_GUEST_KERNEL | PTE_US);
    }
    pg->nr_done = 0;
}

/*
 * The entry at nr_done of a table that was left PARTIAL may lead to a table
 * that is PARTIAL too and owns itself: it must not be left behind. Nobody has
 * checked that entry yet, it may lead anywhere: to a table of any level too.
 */
static int drop_partial_child(struct page_info *pg, const pte_t *pt,
                              unsigned int level)
{
    unsigned int i = pg->nr_done;
    mfn_t m;

    if (i >= PT_ENTRIES || !(pt[i] & PTE_P))
        return 0;
    m = pte_mfn(pt[i]);
    if (!mfn_is_ram(m) || READ_ONCE(mfn_to_page(m)->owner) != pg->owner)
        return 0;
    return page_type_resume_drop_of(mfn_to_page(m), child_type[level]);
}

int table_devalidate(struct page_info *pg, unsigned int level)
{
    pte_t *pt = page_to_virt(pg);
    int rc = 0;

    if (level == PGT_L1) {
        devalidate_l1(pg, pt);
        return 0;
    }
    if (drop_partial_child(pg, pt, level) == -ERESTART)
        return -ERESTART;
    if (level == PGT_L4)
        memset(&pt[HV_SLOT_FIRST], 0,
               (HV_SLOT_LAST - HV_SLOT_FIRST + 1) * sizeof(*pt));
    while (pg->nr_done > 0 && !rc) {
        pte_t e = pt[--pg->nr_done];

        if (!(e & PTE_P) || skip_slot(level, pg->nr_done))
            continue;
        rc = page_put_and_type_preemptible(mfn_to_page(pte_mfn(e)));
        if (!rc && pg->nr_done > 0 && hypercall_preempt_check())
            rc = -ERESTART;
    }
    return rc;
}
