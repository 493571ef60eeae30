/* SPDX-License-Identifier: MIT */
/*
 * Walks of guests' page tables, and finding an L1 entry to change it.
 */
#include <asm/pv/mm.h>

#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/ptype_fast.h>

mfn_t vcpu_live_root(const struct vcpu *v)
{
    return v->arch.kernel_mode ? v->arch.kernel_l4 : v->arch.user_l4;
}

bool pt_walk(mfn_t root, unsigned long va, struct pt_walk *w)
{
    if (mfn_eq(root, INVALID_MFN) || !va_is_guests(va))
        return false;
    w->rights = PTE_RW | PTE_US;
    w->table = root;
    for (w->level = 4;; w->level--) {
        const pte_t *pt = mfn_to_virt(w->table);

        w->entry = READ_ONCE(pt[PT_INDEX(va, w->level)]);
        if (!(w->entry & PTE_P))
            return true;
        w->rights &= w->entry | ~(PTE_RW | PTE_US);
        w->rights |= w->entry & PTE_NX;
        if (w->level == 1)
            return true;
        w->table = pte_mfn(w->entry);
        if (!mfn_is_ram(w->table)) /* changed under our eyes */
            return false;
    }
}

bool pt_lock_l1_wait(struct page_info *pg, const struct domain *d)
{
    enum page_type type;

    if (!page_get(pg, d))
        return false;
    type = pt_lock(pg);
    if (type != PGT_L1 && type != PGT_NONE)
        pt_unlock(pg);
    page_put(pg);
    return type == PGT_L1;
}

pte_t *pt_entry_lock_maddr(paddr_t pa, const struct domain *d,
                           struct page_info **table)
{
    mfn_t m = maddr_to_mfn(pa);

    if (pa % sizeof(pte_t) || !mfn_is_ram(m))
        return NULL;
    return pt_entry_lock(m, (pa & ~PAGE_MASK) / sizeof(pte_t), d, table);
}
