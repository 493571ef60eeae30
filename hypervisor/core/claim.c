/* SPDX-License-Identifier: MIT */
/*
 * Claims on free memory (XENMEM_claim_pages). A claim reserves no frames, only
 * an amount: allocations for other domains must leave that much free.
 */
#include "claim.h"

#include <hv/domain.h>
#include <hv/lib.h>

static spinlock_t claim_lock = SPINLOCK_INIT(LOCK_RANK_PAGE_LIST);
static uint64_t claimed; /* claim_lock; sum of all outstanding_pages */

uint64_t domain_claimed_pages(void)
{
    return READ_ONCE(claimed);
}

int domain_claim_pages(struct domain *d, uint64_t nr)
{
    uint64_t want = nr > d->tot_pages ? nr - d->tot_pages : 0;
    uint64_t nr_free = heap_free_pages();
    int rc = 0;

    spin_lock(&claim_lock);
    if (nr && (d->outstanding_pages || nr > d->max_pages))
        rc = -EINVAL;
    else if (want > nr_free - min_t(uint64_t, claimed, nr_free))
        rc = -ENOMEM;
    if (!rc) {
        claimed = claimed - d->outstanding_pages + want;
        d->outstanding_pages = want;
        /* Its end takes the claim back, if it sees it: see kill_start(). */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (domain_is_dying(d)) {
            claimed -= want;
            d->outstanding_pages = 0;
            rc = -EINVAL;
        }
    }
    spin_unlock(&claim_lock);
    return rc;
}

bool claim_allows(const struct domain *d)
{
    uint64_t others = READ_ONCE(claimed) - READ_ONCE(d->outstanding_pages);

    return others == 0 || heap_free_pages() >= others;
}

void claim_consume(struct domain *d, uint64_t nr)
{
    if (!READ_ONCE(d->outstanding_pages))
        return;
    spin_lock(&claim_lock);
    nr = min_t(uint64_t, nr, d->outstanding_pages);
    d->outstanding_pages -= nr;
    claimed -= nr;
    spin_unlock(&claim_lock);
}
