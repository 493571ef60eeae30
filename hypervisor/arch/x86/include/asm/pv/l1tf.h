/* SPDX-License-Identifier: MIT */
/*
 * Entries that are not present, on processors with L1TF: these read ahead by
 * the address in such an entry, of any level, as if it were present, as far as
 * the first-level cache has the line. So the address must be one that no cache
 * can hold. Source: Intel, "L1 Terminal Fault / CVE-2018-3620" (deep dive);
 * AMD has no such hole.
 */
#ifndef ASM_PV_L1TF_H
#define ASM_PV_L1TF_H

#include <hv/lib.h>

#include <asm/page.h>
#include <asm/patch.h>

struct domain;

/* The check itself: e is not present and not 0, in a table of d. Says so in the
 * log if it is refused. */
bool l1tf_refuses_entry(pte_t e, const struct domain *d);

/* True if a table of d must not hold e, which is not present. A NOP on
 * processors without the hole. Any caller, before e is stored. */
static ALWAYS_INLINE bool l1tf_refuses(pte_t e, const struct domain *d)
{
    return patch_is_set(PATCH_L1TF) && unlikely(e) && l1tf_refuses_entry(e, d);
}

#endif
