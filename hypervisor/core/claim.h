/* SPDX-License-Identifier: MIT */
/*
 * Claims: free memory promised to a domain that is being built.
 */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include <hv/types.h>

struct domain;

/* With d's new block already off the heap: is enough left for others' claims?
 */
bool claim_allows(const struct domain *d);
/* d got nr frames: they count against its claim. */
void claim_consume(struct domain *d, uint64_t nr);

#endif
