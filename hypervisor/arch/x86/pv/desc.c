/* SPDX-License-Identifier: MIT */
/*
 * Which segment descriptors a guest may have. Code and data of any base and
 * limit are harmless at DPL 3: what a guest can address is decided by its page
 * tables. Gates and system segments would lead into ring 0, so of those only
 * the unused type is accepted.
 */
#include <asm/pv/desc.h>

#include <hv/lib.h>

int pv_segdesc_validate(uint64_t *descs)
{
    for (unsigned int i = 0; i < DESCS_PER_PAGE; i++) {
        uint64_t d = descs[i];

        if (!pv_desc_ok(&d))
            return -EINVAL;
        if (d != descs[i])
            descs[i] = d;
    }
    return 0;
}
