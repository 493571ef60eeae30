/* SPDX-License-Identifier: MIT */
/*
 * domctl setvnumainfo and memory_op get_vnumainfo: virtual NUMA nodes.
 */
#include <hv/vnuma.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include "domctl.h"
#include "memory.h"

/* An array of the caller's; *out stays NULL if there is none to read. */
static int read_array(void *out, guest_va_t from, size_t len)
{
    void *array;

    if (!len)
        return 0;
    array = hv_alloc(len);
    if (!array)
        return -ENOMEM;
    if (copy_from_guest_va(array, from, len)) {
        hv_free(array);
        return -EFAULT;
    }
    memcpy(out, &array, sizeof(array));
    return 0;
}

static int read_all(const struct xen_domctl_vnuma *v, struct vnuma *vn)
{
    int rc;

    vn->nr_nodes = v->nr_vnodes;
    vn->nr_vcpus = v->nr_vcpus;
    vn->nr_ranges = v->nr_vmemranges;
    rc = read_array(&vn->distance, handle_va(v->vdistance),
                    (size_t)vn->nr_nodes * vn->nr_nodes * sizeof(uint32_t));
    rc = rc
             ?: read_array(&vn->vcpu_to_vnode, handle_va(v->vcpu_to_vnode),
                           vn->nr_vcpus * sizeof(uint32_t));
    rc = rc
             ?: read_array(&vn->vnode_to_pnode, handle_va(v->vnode_to_pnode),
                           vn->nr_nodes * sizeof(uint32_t));
    return rc
               ?: read_array(&vn->range, handle_va(v->vmemrange),
                             vn->nr_ranges * sizeof(*vn->range));
}

/* Every node that is named is there. */
static bool makes_sense(const struct vnuma *vn)
{
    for (unsigned int i = 0; i < vn->nr_vcpus; i++)
        if (vn->vcpu_to_vnode[i] >= vn->nr_nodes)
            return false;
    for (unsigned int i = 0; i < vn->nr_ranges; i++)
        if (vn->range[i].nid >= vn->nr_nodes ||
            vn->range[i].start >= vn->range[i].end || vn->range[i].flags)
            return false;
    return true;
}

long domctl_setvnumainfo(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_vnuma *v = &op->u.vnuma;
    struct vnuma *vn, *old;
    int rc;

    if (v->pad || !v->nr_vnodes || v->nr_vnodes > VNUMA_MAX_NODES ||
        v->nr_vcpus != d->max_vcpus || v->nr_vmemranges > VNUMA_MAX_RANGES)
        return -EINVAL;
    vn = hv_alloc(sizeof(*vn));
    if (!vn)
        return -ENOMEM;
    rc = read_all(v, vn);
    if (!rc && !makes_sense(vn))
        rc = -EINVAL;
    old = vn;
    if (!rc) {
        spin_lock(&d->ctl_lock);
        old = d->vnuma;
        d->vnuma = vn;
        spin_unlock(&d->ctl_lock);
    }
    vnuma_free(old);
    return rc;
}

/* How many there are, always; the tables if there is room. ctl_lock is held. */
static long put_info(const struct vnuma *vn, guest_va_t arg,
                     struct xen_vnuma_topology_info *t)
{
    bool room = t->nr_vnodes >= vn->nr_nodes && t->nr_vcpus >= vn->nr_vcpus &&
                t->nr_vmemranges >= vn->nr_ranges;

    t->nr_vnodes = vn->nr_nodes;
    t->nr_vcpus = vn->nr_vcpus;
    t->nr_vmemranges = vn->nr_ranges;
    if (copy_to_guest_va(arg, t, sizeof(*t)))
        return -EFAULT;
    if (!room)
        return -ENOBUFS;
    if (copy_to_guest_va(handle_va(t->vdistance.h), vn->distance,
                         (size_t)vn->nr_nodes * vn->nr_nodes *
                             sizeof(*vn->distance)) ||
        copy_to_guest_va(handle_va(t->vcpu_to_vnode.h), vn->vcpu_to_vnode,
                         vn->nr_vcpus * sizeof(*vn->vcpu_to_vnode)) ||
        (vn->nr_ranges && copy_to_guest_va(handle_va(t->vmemrange.h), vn->range,
                                           vn->nr_ranges * sizeof(*vn->range))))
        return -EFAULT;
    return 0;
}

long memop_get_vnumainfo(guest_va_t arg, unsigned long start)
{
    struct xen_vnuma_topology_info t;
    struct domain *d;
    long rc;

    (void)start;
    if (copy_from_guest_va(&t, arg, sizeof(t)))
        return -EFAULT;
    if (t.pad)
        return -EINVAL;
    d = memop_target(XENMEM_get_vnumainfo, t.domid, &rc);
    if (!d)
        return rc;
    spin_lock(&d->ctl_lock);
    rc = d->vnuma ? put_info(d->vnuma, arg, &t) : -EOPNOTSUPP;
    spin_unlock(&d->ctl_lock);
    domain_put(d);
    return rc;
}
