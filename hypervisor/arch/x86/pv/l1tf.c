/* SPDX-License-Identifier: MIT */
/*
 * Which entries that are not present are harmless: the bits of the address that
 * the processor compares name no RAM. What lies above RAM is MMIO, which the
 * first-level cache does not hold, or nothing.
 *
 * Guests that know of the hole store such addresses inverted, so that they come
 * to lie at the upper end of what the processor can address.
 */
#include <asm/pv/l1tf.h>

#include <hv/domain.h>
#include <hv/page.h>

#include <asm/cpu.h>
#include <asm/spec_ctrl.h>

bool l1tf_refuses_entry(pte_t e, const struct domain *d)
{
    uint64_t compared = (1UL << cpu_caps.phys_bits) - 1;

    if (!(d->is_privileged ? spec_choice.l1tf_dom0 : spec_choice.l1tf_domu))
        return false;
    /* A cache may compare more bits than CPUID tells of: that only adds to
     * what must be equal. */
    if ((e & PTE_ADDR_MASK & compared) >= max_mfn << PAGE_SHIFT)
        return false;
    printk(LOG_GUEST_WARN
           "d%d: entry %#lx refused: not present, but readable by L1TF\n",
           d->id, e);
    return true;
}
