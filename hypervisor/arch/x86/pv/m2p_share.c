/* SPDX-License-Identifier: MIT */
/*
 * The frames of the machine-to-physical table as the toolstack may map them:
 * read-only, as frames of DOMID_XEN.
 */
#include <hv/domain.h>

#include <asm/page.h>
#include <asm/pv/ptype.h>

#define M2P_CHUNK (0x200000 / sizeof(uint64_t)) /* entries in 2 MiB */

void __init pv_share_m2p(void)
{
    for (unsigned int i = 0; i < DIV_ROUND_UP(max_mfn, M2P_CHUNK); i++) {
        mfn_t m = m2p_frame(i);

        if (mfn_eq(m, INVALID_MFN))
            continue;
        for (unsigned int n = 0; n < 512; n++)
            page_share_with(mfn_to_page(mfn_add(m, n)), dom_hv, false);
    }
}
