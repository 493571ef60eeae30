/* SPDX-License-Identifier: MIT */
/*
 * Page-table walk in software, and the one question of traps.c it answers:
 * was a fault only a stale TLB entry?
 */
#include <asm/pv/walk.h>

#include <hv/domain.h>
#include <hv/page.h>

#include <asm/pv/fault.h>
#include <asm/x86.h>

pte_t pt_walk(mfn_t l4, unsigned long va, uint64_t *rights)
{
    uint64_t all = PTE_P | PTE_RW | PTE_US, nx = 0;
    mfn_t m = l4;

    for (unsigned int level = 4;; level--) {
        const pte_t *table = mfn_to_virt(m);
        pte_t e = READ_ONCE(table[PT_INDEX(va, level)]);
        uint64_t span;

        if (!(e & PTE_P))
            return 0;
        all &= e;
        nx |= e & PTE_NX;
        m = pte_mfn(e);
        if (level > 1 && !(e & PTE_PSE))
            continue;
        *rights = all | nx;
        if (level == 1)
            return e;
        span = (1UL << (9 * (level - 1))) - 1; /* frames - 1 of the leaf */
        m = mfn((mfn_x(m) & ~span) | (va >> PAGE_SHIFT & span));
        return (e & ~PTE_ADDR_MASK & ~PTE_PSE) | mfn_to_maddr(m);
    }
}

/* Only a present entry is cached, so only a fault by rights can be stale; the
 * fault itself has dropped the cached entry. */
bool pv_spurious_fault(struct vcpu *v, unsigned long addr, uint32_t pfec)
{
    uint64_t rights = 0;

    (void)v;
    if (!(pfec & PFEC_P) || (pfec & (PFEC_RSVD | PFEC_ID)))
        return false;
    if (!pt_walk(maddr_to_mfn(read_cr3()), addr, &rights))
        return false;
    if ((pfec & PFEC_W) && !(rights & PTE_RW))
        return false;
    return !(pfec & PFEC_U) || (rights & PTE_US);
}
