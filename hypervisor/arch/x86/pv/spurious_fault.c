/* SPDX-License-Identifier: MIT */
/*
 * Page faults without a cause: another vcpu has widened the rights of a page
 * and this CPU still had the narrower translation. Repeating the instruction
 * succeeds. Intel SDM vol. 3, "Recommended Invalidation".
 */
#include <asm/pv/fault.h>

#include <hv/domain.h>

#include <asm/pv/mm.h>

bool pv_spurious_fault(struct vcpu *v, unsigned long addr, uint32_t pfec)
{
    struct pt_walk w;

    /* A missing entry is never cached; a reserved bit never goes away. */
    if (!(pfec & PFEC_P) || (pfec & PFEC_RSVD) || !(pfec & (PFEC_W | PFEC_ID)))
        return false;
    if (!pt_walk(vcpu_live_root(v), addr, &w) || w.level != 1 ||
        !(w.entry & PTE_P))
        return false;
    if ((pfec & PFEC_W) && !(w.rights & PTE_RW))
        return false;
    if ((pfec & PFEC_ID) && (w.rights & PTE_NX))
        return false;
    return true;
}
