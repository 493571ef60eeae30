/* SPDX-License-Identifier: MIT */
/*
 * Claims: free memory promised to a domain that is being built.
 */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include <hv/types.h>

struct domain;

/* d got nr frames: they count against its claim. With its page_list_lock, or
 * at its end. */
void claim_consume(struct domain *d, uint64_t nr);

#endif
