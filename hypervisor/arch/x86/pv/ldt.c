/* SPDX-License-Identifier: MIT */
/*
 * LDT pages of a vcpu: each is checked, typed as descriptors and mapped in the
 * vcpu's descriptor window when the processor first wants it.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/desc.h>
#include <asm/pv/domain.h>
#include <asm/pv/fault.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>
#include <asm/x86.h>

static unsigned long window_va(const struct vcpu *v, unsigned int n)
{
    return v->arch.desc_window + (WINDOW_GDT_PAGES + n) * PAGE_SIZE;
}

void pv_ldt_unmap(struct vcpu *v)
{
    struct page_info *pages[WINDOW_LDT_PAGES];
    unsigned int nr = 0;

    if (!READ_ONCE(v->arch.ldt_mapped))
        return;
    spin_lock(&v->arch.ldt_lock);
    for (unsigned int n = 0; n < WINDOW_LDT_PAGES; n++) {
        pte_t *slot = pv_window_pte(v, WINDOW_GDT_PAGES + n);
        pte_t e = READ_ONCE(*slot);

        if (!(e & PTE_P))
            continue;
        WRITE_ONCE(*slot, 0);
        if (v == current)
            invlpg(window_va(v, n));
        pages[nr++] = mfn_to_page(pte_mfn(e));
    }
    v->arch.ldt_mapped = 0;
    spin_unlock(&v->arch.ldt_lock);
    /* The window is used where v runs, and flushed when v is loaded. */
    while (nr--)
        page_put_and_type(pages[nr]);
}

/* The guest's page nr of its LDT, as descriptors, referenced. */
static struct page_info *get_ldt_page(const struct vcpu *v, unsigned int nr)
{
    struct page_info *pg;
    struct pt_walk w;

    if (!pt_walk(v->arch.kernel_l4, v->arch.ldt_base + nr * PAGE_SIZE, &w) ||
        w.level != 1 || !(w.entry & PTE_P) || !mfn_is_ram(pte_mfn(w.entry)))
        return NULL;
    pg = mfn_to_page(pte_mfn(w.entry));
    return page_get_and_type(pg, v->domain, PGT_SEGDESC) ? NULL : pg;
}

bool pv_ldt_fault(struct vcpu *v, unsigned int nr)
{
    struct page_info *pg;
    pte_t *slot;

    if (nr >= DIV_ROUND_UP(v->arch.ldt_ents, DESCS_PER_PAGE))
        return false;
    pg = get_ldt_page(v, nr);
    if (!pg)
        return false;
    spin_lock(&v->arch.ldt_lock);
    slot = pv_window_pte(v, WINDOW_GDT_PAGES + nr);
    if (READ_ONCE(*slot) & PTE_P) { /* a stale translation */
        page_put_and_type(pg);
    } else {
        WRITE_ONCE(*slot, pte_make(page_to_mfn(pg), HV_RW));
        v->arch.ldt_mapped++;
    }
    spin_unlock(&v->arch.ldt_lock);
    invlpg(window_va(v, nr));
    return true;
}
