/* SPDX-License-Identifier: MIT */
/*
 * Arguments that the MMU hypercalls have in common: whose frames, whose CPUs.
 */
#include <asm/pv/mm.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include <asm/pv/ptype.h>

/* The caller's own id must be given as DOMID_SELF here (ABI). */
int pv_get_other_owner(domid_t id, struct domain **out)
{
    const struct domain *d = current->domain;
    long rc;

    switch (id) {
    case DOMID_IO:
        *out = dom_io;
        return 0;
    case DOMID_XEN:
        if (!d->is_privileged)
            return -EPERM;
        *out = dom_hv;
        return 0;
    default:
        break;
    }
    if (id == d->id)
        return -ESRCH;
    *out = permit_domain(__HYPERVISOR_mmu_update, 0, id, &rc);
    return (int)rc;
}

void pv_put_other_owner(struct domain *d)
{
    if (d != dom_io && d != dom_hv)
        domain_put(d);
}

/* Only as many words are read as the domain has vcpus. */
int pv_vcpumask_cpus(uint64_t bitmap_va, cpumask_t *out)
{
    const struct domain *d = current->domain;
    unsigned int nr = d->max_vcpus;
    uint64_t bits[BITMAP_LONGS(MAX_VCPUS)];

    cpumask_zero(out);
    if (copy_from_guest_va(bits, bitmap_va, BITMAP_LONGS(nr) * sizeof(bits[0])))
        return -EFAULT;
    for (unsigned int i = 0; i < nr; i++) {
        const struct vcpu *v = d->vcpu[i];

        if (v && bit_test(bits, i))
            cpumask_or(out, out, &v->dirty_cpumask);
    }
    return 0;
}

int pv_uvm_flush(unsigned long va, unsigned long flags)
{
    unsigned long whom = flags & ~(unsigned long)UVMF_FLUSHTYPE_MASK;
    unsigned long kind = flags & UVMF_FLUSHTYPE_MASK;
    cpumask_t mask;
    int rc;

    if (kind != UVMF_TLB_FLUSH && kind != UVMF_INVLPG)
        return 0;
    if (whom == UVMF_LOCAL) {
        if (kind == UVMF_INVLPG)
            tlb_flush_one_local(va);
        else
            tlb_flush_local();
        return 0;
    }
    if (whom == UVMF_ALL) {
        domain_dirty_mask(current->domain, &mask);
    } else {
        rc = pv_vcpumask_cpus(whom, &mask);
        if (rc)
            return rc;
    }
    if (kind == UVMF_INVLPG)
        tlb_flush_one_mask(&mask, va);
    else
        tlb_flush_mask(&mask);
    return 0;
}
