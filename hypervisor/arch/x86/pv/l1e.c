/* SPDX-License-Identifier: MIT */
/*
 * What an L1 entry may map and what it holds:
 *
 *   frame                         holds
 *   RAM of the named owner        a reference; with RW a writable type too
 *   MMIO (no RAM, or DOMID_IO)    nothing; the mapper needs the right to it
 *
 * An entry's own bits tell what it holds, so they must not change without the
 * references changing: P, RW and the frame number (l1e_same_refs).
 */
#include <asm/pv/l1e.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/iomem.h>

/* True if m has a struct page_info that counts its mappings. */
static bool is_counted(mfn_t m)
{
    return mfn_is_ram(m) && READ_ONCE(mfn_to_page(m)->owner) != dom_io;
}

static int get_mmio(pte_t *e, const struct domain *l1_owner)
{
    mfn_t m = pte_mfn(*e);

    if (!mfn_is_addressable(m))
        return -EINVAL;
    if (!arch_iomem_permitted(l1_owner, m))
        return -EPERM;
    if (iomem_is_read_only(m))
        *e &= ~PTE_RW;
    if (!(*e & PTE_CACHE_MASK) && !iomem_is_memory(m))
        *e |= PTE_PCD | PTE_PWT;
    return 0;
}

static int get_ram(pte_t e, const struct domain *l1_owner,
                   const struct domain *pg_owner)
{
    struct page_info *pg = mfn_to_page(pte_mfn(e));
    int rc;

    /* Only who drives devices needs other than write-back memory, and no one
     * for frames that the hypervisor uses itself. */
    if ((e & PTE_CACHE_MASK) &&
        (!domain_drives_devices(l1_owner) || (READ_ONCE(pg->state) & PGS_HV)))
        return -EINVAL;
    if (!(e & PTE_RW))
        return page_get(pg, pg_owner) ? 0 : -EINVAL;
    rc = page_get_and_type(pg, pg_owner, PGT_WRITABLE);
    /* Before the entry is there: CPUs of others will have it. */
    if (!rc && l1_owner != pg_owner)
        page_mark_foreign(pg);
    return rc;
}

int l1e_get_any(pte_t *e, const struct domain *l1_owner,
                const struct domain *pg_owner)
{
    int rc;

    if (is_counted(pte_mfn(*e)))
        rc = get_ram(*e, l1_owner, pg_owner);
    else
        rc = get_mmio(e, l1_owner);
    l1e_adjust(e);
    return rc;
}

void l1e_put_any(pte_t e)
{
    mfn_t m = pte_mfn(e);

    if (!is_counted(m))
        return;
    if (e & PTE_RW)
        page_put_and_type(mfn_to_page(m));
    else
        page_put(mfn_to_page(m));
}
