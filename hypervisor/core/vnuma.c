/* SPDX-License-Identifier: MIT */
/*
 * Virtual NUMA nodes of a domain: the table's end. It is made and read in
 * hypercall/vnuma.c.
 */
#include <hv/vnuma.h>

#include <hv/page.h>

void vnuma_free(struct vnuma *vn)
{
    if (!vn)
        return;
    hv_free(vn->distance);
    hv_free(vn->vcpu_to_vnode);
    hv_free(vn->vnode_to_pnode);
    hv_free(vn->range);
    hv_free(vn);
}
