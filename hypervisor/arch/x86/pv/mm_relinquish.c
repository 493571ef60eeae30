/* SPDX-License-Identifier: MIT */
/*
 * The end of a domain's page tables. Its vcpus have let go of their roots;
 * what is left typed is what the guest pinned and what was left half-way.
 * Tables form no cycles, so with the pins gone every type count is zero.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/domain.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>

int arch_page_relinquish(struct domain *d, struct page_info *pg)
{
    uint64_t state = READ_ONCE(pg->state);
    int rc = 0;

    (void)d;
    if (state & PGS_PINNED)
        rc = page_unpin(pg);
    if (!rc && (READ_ONCE(pg->state) & PGS_PARTIAL))
        rc = page_type_resume_drop(pg);
    return rc == -EINVAL ? 0 : rc;
}
