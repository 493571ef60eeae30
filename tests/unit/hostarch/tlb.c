/* SPDX-License-Identifier: MIT */
/* TLB flushes are counted; the clock excuses none, unless the test says so. */
#include <hostarch.h>

unsigned int host_tlb_flushes;
bool host_tlb_excuses;

void tlb_flush_mask(const cpumask_t *mask)
{
    if (!cpumask_empty(mask))
        host_tlb_flushes++;
}

void tlb_flush_one_mask(const cpumask_t *mask, unsigned long va)
{
    (void)va;
    tlb_flush_mask(mask);
}

void tlb_flush_local(void)
{
    host_tlb_flushes++;
}

void tlb_flush_one_local(unsigned long va)
{
    (void)va;
    host_tlb_flushes++;
}

uint32_t tlb_clock(void)
{
    return host_tlb_flushes + 1;
}

void tlb_filter_mask(cpumask_t *mask, uint32_t stamp)
{
    if (host_tlb_excuses && (int32_t)(host_tlb_flushes + 1 - stamp) > 0)
        cpumask_zero(mask);
}
