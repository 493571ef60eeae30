/* SPDX-License-Identifier: MIT */
/*
 * No page tables are walked on the host: nobody has copies of an L4.
 */
#include <hostarch.h>

#include <asm/pv/isolation.h>

void isolation_l4_made(const struct domain *d, const struct page_info *table)
{
    (void)d;
    (void)table;
}

void isolation_l4_changed(const struct domain *d, struct page_info *table,
                          unsigned int slot)
{
    (void)d;
    (void)table;
    (void)slot;
}
