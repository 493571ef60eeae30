/* SPDX-License-Identifier: MIT */
/* One vcpu of a domain: information, context, affinity. */
#include "libs/sys/domctl.h"

#include <errno.h>

#include "private.h"

int sys_vcpu_info(struct sys *sys, uint32_t domid, uint32_t vcpu,
                  struct xen_domctl_getvcpuinfo *info)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_getvcpuinfo,
        .domain = (domid_t)domid,
        .u.getvcpuinfo.vcpu = vcpu,
    };
    int rc = sys_domctl(sys, &op);

    if (rc == 0)
        *info = op.u.getvcpuinfo;
    return rc;
}

static int vcpu_context(struct sys *sys, uint32_t cmd, uint32_t domid,
                        uint32_t vcpu, struct bounce *b)
{
    struct xen_domctl op = {
        .cmd = cmd,
        .domain = (domid_t)domid,
        .u.vcpucontext.vcpu = vcpu,
    };

    set_xen_guest_handle(op.u.vcpucontext.ctxt, b->safe);
    return sys_domctl(sys, &op);
}

int sys_vcpu_get_context(struct sys *sys, uint32_t domid, uint32_t vcpu,
                         struct vcpu_guest_context *ctxt)
{
    struct bounce b;
    int rc = bounce_in(&b, sys, ctxt, sizeof(*ctxt));

    if (rc != 0)
        return rc;
    rc = vcpu_context(sys, XEN_DOMCTL_getvcpucontext, domid, vcpu, &b);
    if (rc == 0)
        bounce_out(&b, sizeof(*ctxt));
    bounce_free(&b);
    return rc;
}

int sys_vcpu_set_context(struct sys *sys, uint32_t domid, uint32_t vcpu,
                         const struct vcpu_guest_context *ctxt)
{
    struct bounce b;
    int rc = bounce_in(&b, sys, ctxt, sizeof(*ctxt));

    if (rc != 0)
        return rc;
    rc = vcpu_context(sys, XEN_DOMCTL_setvcpucontext, domid, vcpu, &b);
    bounce_free(&b);
    return rc;
}

/* One map serves whichever of the two kinds flags name. */
static int vcpu_affinity(struct sys *sys, uint32_t cmd, uint32_t domid,
                         uint32_t vcpu, uint32_t flags, uint8_t *map,
                         uint32_t nr_bits)
{
    struct xen_domctl op = {
        .cmd = cmd,
        .domain = (domid_t)domid,
        .u.vcpuaffinity = {.vcpu = vcpu, .flags = flags},
    };
    size_t len = (nr_bits + 7U) / 8U;
    struct bounce hard;
    struct bounce soft;
    int rc = bounce_in(&hard, sys, map, len);

    if (rc != 0)
        return rc;
    rc = bounce_in(&soft, sys, map, len);
    if (rc != 0) {
        bounce_free(&hard);
        return rc;
    }
    op.u.vcpuaffinity.cpumap_hard.nr_bits = nr_bits;
    op.u.vcpuaffinity.cpumap_soft.nr_bits = nr_bits;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, hard.safe);
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, soft.safe);
    rc = sys_domctl(sys, &op);
    if (rc == 0)
        bounce_out((flags & XEN_VCPUAFFINITY_HARD) ? &hard : &soft, len);
    bounce_free(&soft);
    bounce_free(&hard);
    return rc;
}

int sys_vcpu_set_affinity(struct sys *sys, uint32_t domid, uint32_t vcpu,
                          uint32_t flags, uint8_t *map, uint32_t nr_bits)
{
    return vcpu_affinity(sys, XEN_DOMCTL_setvcpuaffinity, domid, vcpu, flags,
                         map, nr_bits);
}

int sys_vcpu_get_affinity(struct sys *sys, uint32_t domid, uint32_t vcpu,
                          uint32_t flags, uint8_t *map, uint32_t nr_bits)
{
    return vcpu_affinity(sys, XEN_DOMCTL_getvcpuaffinity, domid, vcpu, flags,
                         map, nr_bits);
}
