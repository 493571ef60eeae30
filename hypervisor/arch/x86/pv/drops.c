/* SPDX-License-Identifier: MIT */
/*
 * Trees of page tables that a vcpu has still to drop. A tree may span all of a
 * guest's memory; dropping it stops wherever something else is to be done, and
 * what is left is a PARTIAL table, which owns itself. One that no vcpu keeps
 * stays as it is until somebody validates it or its owner ends
 * (arch_page_relinquish()).
 */
#include <asm/pv/mm.h>

#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/ptype.h>

void pv_drop_later(struct page_info *pg)
{
    mfn_t *pending = current->arch.drop_pending;

    for (unsigned int i = 0; i < ARRAY_SIZE(current->arch.drop_pending); i++)
        if (mfn_eq(pending[i], INVALID_MFN)) {
            pending[i] = page_to_mfn(pg);
            break;
        }
}

void pv_put_or_defer(struct page_info *pg)
{
    if (page_put_and_type_preemptible(pg) == -ERESTART)
        pv_drop_later(pg);
}

void pv_drop_refused(struct page_info *pg)
{
    if (READ_ONCE(pg->state) & PGS_PARTIAL)
        pv_drop_later(pg);
}

int pv_get_root(const struct domain *d, mfn_t m)
{
    int rc = page_get_and_type(mfn_to_page(m), d, PGT_L4);

    if (rc && rc != -ERESTART)
        pv_drop_refused(mfn_to_page(m));
    return rc;
}

/* Somebody may have finished it, even freed it since. */
static bool may_drop(const struct page_info *pg)
{
    const struct domain *d = current->domain, *owner = READ_ONCE(pg->owner);

    return owner == d || d->is_privileged ||
           (owner && owner == READ_ONCE(d->target));
}

int pv_finish_drops(void)
{
    mfn_t *pending = current->arch.drop_pending;

    while (pv_drop_is_pending()) {
        struct page_info *pg = mfn_to_page(pending[0]);

        if (may_drop(pg) && page_type_resume_drop(pg) == -ERESTART)
            return -ERESTART;
        pending[0] = pending[1];
        pending[1] = INVALID_MFN;
    }
    return 0;
}
