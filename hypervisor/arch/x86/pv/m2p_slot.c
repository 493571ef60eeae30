/* SPDX-License-Identifier: MIT */
/*
 * A root that changes from the guest's kernel to its programs; once in the life
 * of few tables (asm/pv/m2p_slot.h).
 */
#include <asm/pv/m2p_slot.h>

#include <hv/arch.h>

/*
 * This CPU loads CR3 before the programs run. Another that is in this root now
 * would go on with what it has read of the slot.
 */
void m2p_slot_empty(const struct domain *d, mfn_t root)
{
    pte_t *l4 = mfn_to_virt(root);
    cpumask_t mask;

    WRITE_ONCE(l4[M2P_SLOT], 0);
    domain_dirty_mask(d, &mask);
    tlb_flush_mask(&mask);
}
