/* SPDX-License-Identifier: MIT */
/*
 * The slot of a guest's L4 by which ring 3 reads the machine-to-physical table,
 * all domains' frames in it. The guest's kernel wants it, its programs must not
 * have it; the processor cannot tell the two apart, but they have roots.
 *
 *   made         the slot is empty (l4_install_hv_slots())
 *   kernel root  it is filled
 *   user root    it is emptied if the guest has asked for that by the assist
 *                m2p_strict; else it stays as it is, since one L4 may be both
 *
 * So it is always empty or hv_l4's, and with the assist a table that was never
 * a kernel's root never shows the table to programs: to give such a root to a
 * vcpu, as at every change of process, takes a look and no store.
 *
 * Who takes a root holds a reference, so the frame is an L4 here. Two vcpus may
 * take one L4 in different roles: each store is a whole word, and the later one
 * counts. That is the guest's own contradiction; it hurts neither us, who never
 * use the slot, nor others, who have L4 tables of their own.
 *
 * Isolated vcpus run on copies, which are of one mode each: those for user mode
 * never have it (isolation_install()).
 */
#ifndef ASM_PV_M2P_SLOT_H
#define ASM_PV_M2P_SLOT_H

#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <asm/page.h>

#define M2P_SLOT PT_INDEX(RO_M2P_START, 4)

/* root was a kernel's: empty its slot, and forget it on all CPUs. */
void m2p_slot_empty(const struct domain *d, mfn_t root);

/* root is about to be the root of a kernel. What is new needs no flush. */
static ALWAYS_INLINE void m2p_slot_kernel(mfn_t root)
{
    pte_t *l4 = mfn_to_virt(root);

    if (unlikely(!READ_ONCE(l4[M2P_SLOT])))
        WRITE_ONCE(l4[M2P_SLOT], hv_l4[M2P_SLOT]);
}

/* root is about to be the root of programs of d. */
static ALWAYS_INLINE void m2p_slot_user(const struct domain *d, mfn_t root)
{
    const pte_t *l4 = mfn_to_virt(root);

    if (unlikely(READ_ONCE(l4[M2P_SLOT])) &&
        (READ_ONCE(d->vm_assist) & BIT(VMASST_TYPE_m2p_strict)))
        m2p_slot_empty(d, root);
}

#endif
