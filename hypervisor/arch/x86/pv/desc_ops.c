/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls on descriptors: set_gdt, update_descriptor.
 */
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>

#include <asm/pv/desc.h>

long do_set_gdt(unsigned long frames, unsigned long entries)
{
    unsigned long nr = DIV_ROUND_UP(entries, DESCS_PER_PAGE);
    uint64_t mfns[GDT_GUEST_PAGES];

    if (entries > GDT_GUEST_ENTS)
        return -EINVAL;
    if (copy_from_guest_va(mfns, frames, nr * sizeof(*mfns)))
        return -EFAULT;
    return pv_set_gdt(current, mfns, (unsigned int)entries);
}

/* The frame may be in use as GDT or LDT, or be plain memory so far. */
static int get_desc_page(struct page_info *pg, const struct domain *d)
{
    int rc = page_get_and_type(pg, d, PGT_SEGDESC);

    return rc ? page_get_and_type(pg, d, PGT_WRITABLE) : 0;
}

static void store_desc(struct page_info *pg, unsigned long maddr, uint64_t desc)
{
    uint64_t *p = (uint64_t *)((char *)page_to_virt(pg) + maddr % PAGE_SIZE);

    WRITE_ONCE(*p, desc);
}

static NOINLINE long update_any(struct page_info *pg, unsigned long maddr,
                                uint64_t desc)
{
    if (get_desc_page(pg, current->domain))
        return -EINVAL;
    store_desc(pg, maddr, desc);
    page_put_and_type(pg);
    return 0;
}

long do_update_descriptor(unsigned long maddr, unsigned long desc)
{
    mfn_t m = maddr_to_mfn(maddr);
    struct page_info *pg;

    if (maddr % sizeof(desc) || !mfn_is_ram(m) || !pv_desc_ok(&desc))
        return -EINVAL;
    pg = mfn_to_page(m);
    /* At each switch of tasks. This vcpu's GDT holds its frames, and only this
     * vcpu, or who has paused it, changes what that is. */
    if (unlikely(pg != current->arch.gdt_pages[0]))
        return update_any(pg, maddr, desc);
    store_desc(pg, maddr, desc);
    return 0;
}
