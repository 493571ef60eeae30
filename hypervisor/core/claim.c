/* SPDX-License-Identifier: MIT */
/*
 * Claims on free memory (XENMEM_claim_pages). A claim reserves no frames, only
 * an amount: allocations for other domains must leave that much free. The
 * heap's lock guards the amounts, together with the number of free frames, so
 * that what was promised is there whoever allocates meanwhile.
 */
#include "claim.h"

#include <hv/domain.h>
#include <hv/lib.h>

uint64_t domain_claimed_pages(void)
{
    return heap_claimed_pages();
}

int domain_claim_pages(struct domain *d, uint64_t nr)
{
    uint64_t want;
    int rc = 0;

    /* The number of its frames and the claim belong together: a frame that it
     * gets meanwhile counts as one of either. */
    spin_lock(&d->page_list_lock);
    want = nr > d->tot_pages ? nr - d->tot_pages : 0;
    if (nr && (d->outstanding_pages || nr > d->max_pages))
        rc = -EINVAL;
    else if (!heap_claim_set(&d->outstanding_pages, want))
        rc = -ENOMEM;
    /* Its end takes the claim back, if it sees it: see kill_start(). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!rc && domain_is_dying(d)) {
        heap_claim_use(&d->outstanding_pages, UINT64_MAX);
        rc = -EINVAL;
    }
    spin_unlock(&d->page_list_lock);
    return rc;
}

void claim_consume(struct domain *d, uint64_t nr)
{
    if (READ_ONCE(d->outstanding_pages))
        heap_claim_use(&d->outstanding_pages, nr);
}
