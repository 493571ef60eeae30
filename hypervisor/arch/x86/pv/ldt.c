/* SPDX-License-Identifier: MIT */
/*
 * The LDT of a vcpu: pages of its kernel's address space, taken one by one as
 * the processor asks for them, and mapped in the second half of the window.
 * Each holds a reference and a SEGDESC type reference.
 */
#include <asm/pv/desc.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <asm/pv/domain.h>
#include <asm/pv/fault.h>
#include <asm/pv/walk.h>
#include <asm/x86.h>

static void window_set(struct vcpu *v, unsigned int n, pte_t pte)
{
    n += WINDOW_GDT_PAGES;
    WRITE_ONCE(*pv_window_pte(v, n), pte);
    invlpg(v->arch.desc_window + n * PAGE_SIZE);
}

/* Only v itself faults its pages in, and nobody unmaps them while it runs. */
bool pv_ldt_fault(struct vcpu *v, unsigned int nr)
{
    unsigned long va = v->arch.ldt_base + nr * PAGE_SIZE;
    struct page_info *pg;
    uint64_t rights;
    pte_t e;

    if (nr * DESCS_PER_PAGE >= v->arch.ldt_ents ||
        (v->arch.ldt_mapped & 1U << nr))
        return false;
    e = pt_walk(v->arch.kernel_l4, va, &rights);
    if (!e || !mfn_is_ram(pte_mfn(e)))
        return false;
    pg = mfn_to_page(pte_mfn(e));
    if (page_get_and_type(pg, v->domain, PGT_SEGDESC))
        return false;
    window_set(v, nr, pte_make(pte_mfn(e), HV_RW));
    v->arch.ldt_mapped |= 1U << nr;
    return true;
}

/* v is current or does not run. */
void pv_ldt_unmap(struct vcpu *v)
{
    if (!v->arch.ldt_mapped)
        return;
    for (unsigned int i = 0; i < WINDOW_LDT_PAGES; i++) {
        mfn_t m;

        if (!(v->arch.ldt_mapped & 1U << i))
            continue;
        m = pte_mfn(*pv_window_pte(v, i + WINDOW_GDT_PAGES));
        window_set(v, i, 0);
        page_put_and_type(mfn_to_page(m));
    }
    v->arch.ldt_mapped = 0;
}

int pv_set_ldt(struct vcpu *v, unsigned long base, unsigned long ents)
{
    if (ents > LDT_MAX_ENTS || base % PAGE_SIZE ||
        !guest_range_ok(base, ents * 8))
        return -EINVAL;
    if (v->arch.ldt_base == base && v->arch.ldt_ents == ents)
        return 0;
    pv_ldt_unmap(v);
    v->arch.ldt_base = base;
    v->arch.ldt_ents = (unsigned int)ents;
    pv_load_ldt(v);
    return 0;
}
