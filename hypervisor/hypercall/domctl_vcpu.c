/* SPDX-License-Identifier: MIT */
/*
 * domctl: operations on the vcpus of a domain.
 */
#include "domctl.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

int bitmap_from_guest(unsigned long *map, unsigned int nr_bits,
                      const struct xenctl_bitmap *src)
{
    unsigned int bits = min_t(unsigned int, nr_bits, src->nr_bits);

    memset(map, 0, BITMAP_LONGS(nr_bits) * sizeof(*map));
    if (copy_from_guest_va(map, handle_va(src->bitmap), DIV_ROUND_UP(bits, 8)))
        return -EFAULT;
    if (bits % 64)
        map[bits / 64] &= BIT(bits % 64) - 1;
    return 0;
}

/* What the caller has room for beyond ours is zeroed. */
int bitmap_to_guest(const struct xenctl_bitmap *dst, const unsigned long *map,
                    unsigned int nr_bits)
{
    unsigned int have = DIV_ROUND_UP(nr_bits, 8);
    unsigned int room = DIV_ROUND_UP(dst->nr_bits, 8);
    unsigned int n = min_t(unsigned int, have, room);

    if (copy_to_guest_va(handle_va(dst->bitmap), map, n))
        return -EFAULT;
    if (room > n && clear_guest_va(handle_va(dst->bitmap) + n, room - n))
        return -EFAULT;
    return 0;
}

/* Takes effect at once or not at all. The vcpu alone is stopped for it: others
 * may come into being meanwhile, and would be unpaused once too often. */
static long set_context(struct domain *d, struct vcpu *v,
                        const struct vcpu_guest_context *c)
{
    long rc;

    vcpu_pause(v);
    spin_lock(&d->ctl_lock);
    if (domain_is_dying(d)) {
        rc = -EINVAL;
    } else if (c) {
        rc = arch_vcpu_set_context(v, c);
        if (!rc && (c->flags & VGCF_online))
            __atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST);
    } else {
        arch_vcpu_reset(v);
        __atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST);
        rc = 0;
    }
    spin_unlock(&d->ctl_lock);
    vcpu_unpause(v);
    return rc;
}

long domctl_setvcpucontext(struct xen_domctl *op, struct domain *d)
{
    struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
    guest_va_t from = handle_va(op->u.vcpucontext.ctxt);
    struct vcpu_guest_context *c;
    long rc;

    if (!v || d == current->domain)
        return -EINVAL;
    if (!from)
        return set_context(d, v, NULL);
    c = hv_alloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    rc = copy_from_guest_va(c, from, sizeof(*c));
    rc = rc ?: set_context(d, v, c);
    hv_free(c);
    return rc;
}

long domctl_getvcpucontext(struct xen_domctl *op, struct domain *d)
{
    struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
    struct vcpu_guest_context *c;
    long rc;

    if (!v || d == current->domain)
        return -EINVAL;
    if (!v->is_initialised)
        return -ENODATA;
    c = hv_alloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    vcpu_pause(v);
    arch_vcpu_get_context(v, c);
    vcpu_unpause(v);
    rc = copy_to_guest_va(handle_va(op->u.vcpucontext.ctxt), c, sizeof(*c));
    hv_free(c);
    return rc;
}

long domctl_getvcpuinfo(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_getvcpuinfo *i = &op->u.getvcpuinfo;
    struct vcpu *v = domain_vcpu(d, i->vcpu);
    struct vcpu_runstate_info r;
    unsigned long pf;

    if (i->vcpu >= d->max_vcpus)
        return -EINVAL;
    if (!v)
        return -ESRCH;
    pf = READ_ONCE(v->pause_flags);
    memset(i, 0, sizeof(*i));
    i->vcpu = v->id;
    i->online = !(pf & VPF_DOWN);
    i->blocked = (pf & VPF_BLOCKED) != 0;
    i->running = READ_ONCE(v->is_running);
    sched_runstate(v, &r);
    i->cpu_time = r.time[RUNSTATE_running];
    i->cpu = v->processor;
    return 0;
}

/* All vcpus that the domain may have come into being; the number was fixed at
 * its creation. Preempted, it goes on with those that are not there yet. */
long domctl_max_vcpus(struct xen_domctl *op, struct domain *d)
{
    unsigned int max = op->u.max_vcpus.max;
    long rc = 0;

    if (d == current->domain || max != d->max_vcpus)
        return -EINVAL;
    spin_lock(&d->ctl_lock);
    if (domain_is_dying(d))
        rc = -EINVAL;
    for (unsigned int i = 0; i < max && !rc; i++) {
        if (d->vcpu[i])
            continue;
        rc = vcpu_create(d, i);
        /* Like the domain's other vcpus would be: held by its creator. */
        if (!rc && d->controller_pauses)
            vcpu_pause_nosync(d->vcpu[i]);
        if (!rc && i + 1 < max && hypercall_preempt_check())
            rc = -ERESTART;
    }
    spin_unlock(&d->ctl_lock);
    return rc;
}

long domctl_sendtrigger(struct xen_domctl *op, struct domain *d)
{
    struct vcpu *v = domain_vcpu(d, op->u.sendtrigger.vcpu);

    if (!v)
        return -ESRCH;
    switch (op->u.sendtrigger.trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        break;
    case XEN_DOMCTL_SENDTRIGGER_POWER: /* buttons of a machine with ACPI */
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        return -EINVAL;
    default:
        return -ENOSYS;
    }
    if (!__atomic_exchange_n(&v->arch.nmi_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
    return 0;
}
