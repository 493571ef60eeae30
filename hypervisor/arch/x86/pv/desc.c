/* SPDX-License-Identifier: MIT */
/*
 * Which segment descriptors a guest may have. Code and data of any base and
 * limit are harmless at DPL 3: what a guest can address is decided by its page
 * tables. Gates and system segments would lead into ring 0, so of those only
 * the unused type is accepted.
 */
#include <asm/pv/desc.h>

#include <hv/lib.h>

/* Intel SDM vol. 3, "Segment Descriptors". */
#define DESC_TYPE_SHIFT 40
#define DESC_TYPE       (0xfUL << DESC_TYPE_SHIFT)
#define DESC_S          (1UL << 44) /* code or data */
#define DESC_DPL        (3UL << 45)
#define DESC_P          (1UL << 47)

bool pv_desc_ok(uint64_t *desc)
{
    uint64_t d = *desc;

    if (!(d & DESC_P))
        return true;
    if (d & DESC_S) {
        *desc = d | DESC_DPL;
        return true;
    }
    return !(d & DESC_TYPE);
}

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
