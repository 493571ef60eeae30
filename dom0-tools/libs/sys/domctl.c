/* SPDX-License-Identifier: MIT */
/* A domain as a whole: typed HYPERVISOR_domctl. VCPUs are in vcpu.c. */
#include "libs/sys/domctl.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <public/event_channel.h>

#include "libs/sys/sysctl.h"
#include "private.h"

/* "Any free id": what lies above the last valid one asks for it too. */
#define DOMID_ANY 0xffffU

int sys_domctl(struct sys *sys, struct xen_domctl *op)
{
    struct bounce b;
    int rc;

    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    rc = bounce_in(&b, sys, op, sizeof(*op));
    if (rc != 0)
        return rc;
    rc = (int)sys_hypercall(sys, __HYPERVISOR_domctl, (uintptr_t)b.safe, 0, 0,
                            0, 0);
    /* Also on failure: set_cpu_policy reports what it refused. */
    bounce_out(&b, sizeof(*op));
    bounce_free(&b);
    return rc;
}

static int domctl_plain(struct sys *sys, uint32_t cmd, uint32_t domid)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};

    return sys_domctl(sys, &op);
}

int sys_domain_create(struct sys *sys, const struct xen_domctl_createdomain *c,
                      uint32_t *domid)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_createdomain,
        .domain = (domid_t)(*domid == 0 ? DOMID_ANY : *domid),
        .u.createdomain = *c,
    };
    int rc = sys_domctl(sys, &op);

    if (rc == 0)
        *domid = op.domain;
    return rc;
}

int sys_domain_max_vcpus(struct sys *sys, uint32_t domid, uint32_t max)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_max_vcpus,
        .domain = (domid_t)domid,
        .u.max_vcpus.max = max,
    };

    return sys_domctl(sys, &op);
}

int sys_domain_max_mem(struct sys *sys, uint32_t domid, uint64_t max_kib)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_max_mem,
        .domain = (domid_t)domid,
        .u.max_mem.max_memkb = max_kib,
    };

    return sys_domctl(sys, &op);
}

int sys_domain_set_address_size(struct sys *sys, uint32_t domid, uint32_t bits)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_set_address_size,
        .domain = (domid_t)domid,
        .u.address_size.size = bits,
    };

    return sys_domctl(sys, &op);
}

int sys_domain_get_address_size(struct sys *sys, uint32_t domid)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_get_address_size,
        .domain = (domid_t)domid,
    };
    int rc = sys_domctl(sys, &op);

    return rc != 0 ? rc : (int)op.u.address_size.size;
}

int sys_domain_set_handle(struct sys *sys, uint32_t domid,
                          const uint8_t handle[16])
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_setdomainhandle,
        .domain = (domid_t)domid,
    };

    memcpy(op.u.setdomainhandle.handle, handle,
           sizeof(op.u.setdomainhandle.handle));
    return sys_domctl(sys, &op);
}

int sys_domain_set_tsc(struct sys *sys, uint32_t domid,
                       const struct xen_domctl_tsc_info *tsc)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_settscinfo,
        .domain = (domid_t)domid,
        .u.tsc_info = *tsc,
    };

    return sys_domctl(sys, &op);
}

int sys_domain_get_tsc(struct sys *sys, uint32_t domid,
                       struct xen_domctl_tsc_info *tsc)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_gettscinfo,
        .domain = (domid_t)domid,
    };
    int rc = sys_domctl(sys, &op);

    if (rc == 0)
        *tsc = op.u.tsc_info;
    return rc;
}

int sys_domain_set_time_offset(struct sys *sys, uint32_t domid, int64_t seconds)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_settimeoffset,
        .domain = (domid_t)domid,
        .u.settimeoffset.time_offset_seconds = seconds,
    };

    return sys_domctl(sys, &op);
}

/* The hypervisor answers for the first domain with an id >= domid. */
int sys_domain_info(struct sys *sys, uint32_t domid,
                    struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_getdomaininfo,
        .domain = (domid_t)domid,
    };
    int rc = sys_domctl(sys, &op);

    if (rc != 0)
        return rc;
    if (op.u.getdomaininfo.domain != domid)
        return -ESRCH;
    *info = op.u.getdomaininfo;
    return 0;
}

int sys_domain_list(struct sys *sys, uint32_t first, uint32_t max,
                    struct xen_domctl_getdomaininfo *list)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist};
    struct bounce b;
    int rc = bounce_in(&b, sys, list, max * sizeof(*list));

    if (rc != 0)
        return rc;
    op.u.getdomaininfolist.first_domain = (domid_t)first;
    op.u.getdomaininfolist.max_domains = max;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, b.safe);
    rc = sys_sysctl(sys, &op);
    if (rc == 0) {
        uint32_t nr = op.u.getdomaininfolist.num_domains;

        rc = (int)(nr < max ? nr : max);
        bounce_out(&b, (size_t)rc * sizeof(*list));
    }
    bounce_free(&b);
    return rc;
}

int sys_domain_pause(struct sys *sys, uint32_t domid)
{
    return domctl_plain(sys, XEN_DOMCTL_pausedomain, domid);
}

int sys_domain_unpause(struct sys *sys, uint32_t domid)
{
    return domctl_plain(sys, XEN_DOMCTL_unpausedomain, domid);
}

int sys_domain_destroy(struct sys *sys, uint32_t domid)
{
    int rc;

    /* Somebody else's operation on the domain may have to end first. */
    while ((rc = domctl_plain(sys, XEN_DOMCTL_destroydomain, domid)) == -EAGAIN)
        sched_yield();
    return rc;
}

int sys_domain_resume(struct sys *sys, uint32_t domid)
{
    return domctl_plain(sys, XEN_DOMCTL_resumedomain, domid);
}

int sys_domain_shutdown(struct sys *sys, uint32_t domid, unsigned int reason)
{
    struct sched_remote_shutdown arg = {
        .domain_id = (domid_t)domid,
        .reason = reason,
    };

    return (int)sys_hypercall_arg(sys, __HYPERVISOR_sched_op,
                                  SCHEDOP_remote_shutdown, &arg, sizeof(arg));
}

int sys_domain_trigger(struct sys *sys, uint32_t domid, uint32_t vcpu,
                       uint32_t trigger)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_sendtrigger,
        .domain = (domid_t)domid,
        .u.sendtrigger = {.trigger = trigger, .vcpu = vcpu},
    };

    return sys_domctl(sys, &op);
}

int sys_domain_sched_op(struct sys *sys, uint32_t domid,
                        struct xen_domctl_scheduler_op *arg)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_scheduler_op,
        .domain = (domid_t)domid,
        .u.scheduler_op = *arg,
    };
    int rc = sys_domctl(sys, &op);

    if (rc == 0)
        *arg = op.u.scheduler_op;
    return rc;
}

int sys_evtchn_alloc_unbound(struct sys *sys, uint32_t domid, uint32_t remote)
{
    struct evtchn_alloc_unbound arg = {
        .dom = (domid_t)domid,
        .remote_dom = (domid_t)remote,
    };
    long rc = sys_hypercall_arg(sys, __HYPERVISOR_event_channel_op,
                                EVTCHNOP_alloc_unbound, &arg, sizeof(arg));

    return rc < 0 ? (int)rc : (int)arg.port;
}

int sys_evtchn_reset(struct sys *sys, uint32_t domid)
{
    struct evtchn_reset arg = {.dom = (domid_t)domid};

    return (int)sys_hypercall_arg(sys, __HYPERVISOR_event_channel_op,
                                  EVTCHNOP_reset, &arg, sizeof(arg));
}
