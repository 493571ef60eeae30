/* SPDX-License-Identifier: MIT */
/* Page-table operations on another domain: typed HYPERVISOR_mmuext_op. */
#include "libs/sys/mmu.h"

#include <errno.h>
#include <stdlib.h>

#include "private.h"

int sys_mmuext_op(struct sys *sys, const struct mmuext_op *ops, unsigned int nr,
                  uint32_t domid)
{
    struct bounce b;
    int rc = bounce_in(&b, sys, ops, nr * sizeof(*ops));

    if (rc != 0)
        return rc;
    rc = (int)sys_hypercall(sys, __HYPERVISOR_mmuext_op, (uintptr_t)b.safe, nr,
                            0, domid, 0);
    bounce_free(&b);
    return rc;
}

static int mmuext_one(struct sys *sys, unsigned int cmd, uint32_t domid,
                      xen_pfn_t mfn, xen_pfn_t src_mfn)
{
    struct mmuext_op op = {.cmd = cmd};

    op.arg1.mfn = mfn;
    if (cmd == MMUEXT_COPY_PAGE)
        op.arg2.src_mfn = src_mfn;
    return sys_mmuext_op(sys, &op, 1, domid);
}

int sys_pin_l4(struct sys *sys, uint32_t domid, xen_pfn_t mfn)
{
    return mmuext_one(sys, MMUEXT_PIN_L4_TABLE, domid, mfn, 0);
}

int sys_unpin_table(struct sys *sys, uint32_t domid, xen_pfn_t mfn)
{
    return mmuext_one(sys, MMUEXT_UNPIN_TABLE, domid, mfn, 0);
}

int sys_clear_page(struct sys *sys, uint32_t domid, xen_pfn_t mfn)
{
    return mmuext_one(sys, MMUEXT_CLEAR_PAGE, domid, mfn, 0);
}

int sys_copy_page(struct sys *sys, uint32_t domid, xen_pfn_t dst_mfn,
                  xen_pfn_t src_mfn)
{
    return mmuext_one(sys, MMUEXT_COPY_PAGE, domid, dst_mfn, src_mfn);
}

int sys_m2p_update(struct sys *sys, uint32_t domid, const xen_pfn_t *mfns,
                   const xen_pfn_t *pfns, unsigned int nr)
{
    size_t len = nr * sizeof(struct mmu_update);
    struct mmu_update *req;
    int rc;

    if (nr == 0)
        return 0;
    req = sys_buf_alloc(sys, len);
    if (req == NULL)
        return -ENOMEM;
    for (unsigned int i = 0; i < nr; i++) {
        req[i].ptr = (mfns[i] << SYS_PAGE_SHIFT) | MMU_MACHPHYS_UPDATE;
        req[i].val = pfns[i];
    }
    rc = (int)sys_hypercall(sys, __HYPERVISOR_mmu_update, (uintptr_t)req, nr, 0,
                            domid, 0);
    sys_buf_free(sys, req, len);
    return rc;
}
