/* SPDX-License-Identifier: MIT */
/*
 * event_channel_op: copy in, check, bind, copy out. ABI facts: docs/abi/.
 * A port that was bound but whose number cannot be copied out stays bound:
 * the guest lost it, and closing it again could race with its use.
 */
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/irq.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include <public/event_channel.h>

#include <asm/irqflags.h>

#include "../core/evtchn_priv.h"

/* Take a free port of the current domain into a state; fill() completes the
 * channel under its lock. Returns the port. */
static int bind_local(struct domain *d, uint8_t state, unsigned int vcpu,
                      uint32_t what)
{
    unsigned long flags;
    struct evtchn *chn;
    int port = domain_is_dying(d) ? -EINVAL : evtchn_get_free_port(d);

    if (port < 0)
        return port;
    chn = evtchn_from_port(d, (uint32_t)port);
    flags = spin_lock_irqsave(&chn->lock);
    evtchn_occupy(d, chn);
    chn->notify_vcpu = (uint16_t)vcpu;
    if (state == ECS_VIRQ)
        chn->u.virq = (uint16_t)what;
    else if (state == ECS_PIRQ)
        chn->u.pirq.pirq = what;
    chn->state = state;
    spin_unlock_irqrestore(&chn->lock, flags);
    return port;
}

static struct domain *target(unsigned int op, domid_t id, long *rc)
{
    return permit_domain(__HYPERVISOR_event_channel_op, op, id, rc);
}

static long op_alloc_unbound(guest_va_t arg)
{
    struct evtchn_alloc_unbound op;
    struct domain *d;
    domid_t remote;
    int port;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    d = target(EVTCHNOP_alloc_unbound, op.dom, &rc);
    if (!d)
        return rc;
    remote = op.remote_dom == DOMID_SELF ? current->domain->id : op.remote_dom;
    port = evtchn_alloc_unbound(d, remote);
    domain_put(d);
    if (port < 0)
        return port;
    op.port = (uint32_t)port;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* Join two channels; all four locks are held. */
static void join(struct domain *ld, struct evtchn *lchn, struct domain *rd,
                 struct evtchn *rchn)
{
    evtchn_occupy(ld, lchn);
    lchn->u.interdomain.remote = rd;
    lchn->u.interdomain.remote_port = rchn->port;
    lchn->state = ECS_INTERDOMAIN;
    rchn->u.interdomain.remote = ld;
    rchn->u.interdomain.remote_port = lchn->port;
    rchn->state = ECS_INTERDOMAIN;
    domain_get(rd);
    domain_get(ld);
    /* An event sent before the binding existed is not lost. */
    evtchn_set_pending(ld, lchn);
}

static int bind_interdomain(struct domain *ld, struct domain *rd,
                            uint32_t rport)
{
    struct evtchn *lchn, *rchn;
    unsigned long flags;
    int rc, lport;

    spin_lock_pair(&ld->evtchn.lock, &rd->evtchn.lock);
    rchn = rport ? evtchn_from_port(rd, rport) : NULL;
    lport = evtchn_get_free_port(ld);
    rc = -EINVAL;
    if (lport < 0)
        rc = lport;
    else if (!domain_is_dying(ld) && !domain_is_dying(rd) && rchn &&
             rchn->state == ECS_UNBOUND &&
             rchn->u.unbound.remote_domid == ld->id) {
        lchn = evtchn_from_port(ld, (uint32_t)lport);
        flags = irq_save();
        spin_lock_pair(&lchn->lock, &rchn->lock);
        join(ld, lchn, rd, rchn);
        spin_unlock_pair(&lchn->lock, &rchn->lock);
        irq_restore(flags);
        rc = lport;
    }
    spin_unlock_pair(&ld->evtchn.lock, &rd->evtchn.lock);
    return rc;
}

static long op_bind_interdomain(guest_va_t arg)
{
    struct evtchn_bind_interdomain op;
    struct domain *rd;
    int port;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    rd = domain_get_any(op.remote_dom);
    if (!rd)
        return -ESRCH;
    port = bind_interdomain(current->domain, rd, op.remote_port);
    domain_put(rd);
    if (port < 0)
        return port;
    op.local_port = (uint32_t)port;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

static long op_bind_virq(guest_va_t arg)
{
    struct evtchn_bind_virq op;
    struct domain *d = current->domain;
    struct vcpu *v;
    int port;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.virq >= NR_VIRQS)
        return -EINVAL;
    if (virq_is_global(op.virq) && op.vcpu != 0)
        return -EINVAL;
    v = domain_vcpu(d, op.vcpu);
    if (!v)
        return -ENOENT;
    op.virq = (uint32_t)index_nospec(op.virq, NR_VIRQS);
    spin_lock(&d->evtchn.lock);
    port = v->virq_port[op.virq] ? -EEXIST
                                 : bind_local(d, ECS_VIRQ, op.vcpu, op.virq);
    if (port >= 0)
        WRITE_ONCE(v->virq_port[op.virq], (uint32_t)port);
    spin_unlock(&d->evtchn.lock);
    if (port < 0)
        return port;
    op.port = (uint32_t)port;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

static long op_bind_ipi(guest_va_t arg)
{
    struct evtchn_bind_ipi op;
    struct domain *d = current->domain;
    int port;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (!domain_vcpu(d, op.vcpu))
        return -ENOENT;
    spin_lock(&d->evtchn.lock);
    port = bind_local(d, ECS_IPI, op.vcpu, 0);
    spin_unlock(&d->evtchn.lock);
    if (port < 0)
        return port;
    op.port = (uint32_t)port;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* The port is nobody else's to close until it has its line, or is free again;
 * caller holds d->evtchn.lock. Returns the port. */
static int bind_pirq_locked(struct domain *d, unsigned int pirq,
                            bool will_share)
{
    int port = bind_local(d, ECS_PIRQ, 0, pirq), rc;
    struct evtchn *chn;
    unsigned long flags;

    if (port < 0)
        return port;
    rc = pirq_bind(d, pirq, (uint32_t)port, will_share);
    if (!rc)
        return port;
    chn = evtchn_from_port(d, (uint32_t)port);
    flags = spin_lock_irqsave(&chn->lock);
    evtchn_release(d, chn);
    spin_unlock_irqrestore(&chn->lock, flags);
    return rc;
}

static long op_bind_pirq(guest_va_t arg)
{
    struct evtchn_bind_pirq op;
    struct domain *d = current->domain;
    int port;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.pirq >= MAX_PIRQS)
        return -EINVAL;
    if (!rangeset_contains(&d->irqs, op.pirq, op.pirq))
        return -EPERM;
    spin_lock(&d->evtchn.lock);
    port = bind_pirq_locked(d, op.pirq, op.flags & BIND_PIRQ__WILL_SHARE);
    spin_unlock(&d->evtchn.lock);
    if (port < 0)
        return port;
    op.port = (uint32_t)port;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

static long op_close(guest_va_t arg)
{
    struct evtchn_close op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return evtchn_close(current->domain, op.port, true);
}

static long op_send(guest_va_t arg)
{
    struct evtchn_send op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return evtchn_send(current->domain, op.port);
}

static void fill_status(const struct evtchn *chn, struct evtchn_status *op)
{
    static const uint8_t status[] = {
        [ECS_FREE] = EVTCHNSTAT_closed,
        [ECS_RESERVED] = EVTCHNSTAT_closed,
        [ECS_UNBOUND] = EVTCHNSTAT_unbound,
        [ECS_INTERDOMAIN] = EVTCHNSTAT_interdomain,
        [ECS_PIRQ] = EVTCHNSTAT_pirq,
        [ECS_VIRQ] = EVTCHNSTAT_virq,
        [ECS_IPI] = EVTCHNSTAT_ipi,
    };

    op->status = status[chn->state];
    op->vcpu = chn->notify_vcpu;
    switch (chn->state) {
    case ECS_UNBOUND:
        op->u.unbound.dom = chn->u.unbound.remote_domid;
        break;
    case ECS_INTERDOMAIN:
        op->u.interdomain.dom = chn->u.interdomain.remote->id;
        op->u.interdomain.port = chn->u.interdomain.remote_port;
        break;
    case ECS_PIRQ:
        op->u.pirq = chn->u.pirq.pirq;
        break;
    case ECS_VIRQ:
        op->u.virq = chn->u.virq;
        break;
    }
}

static long op_status(guest_va_t arg)
{
    struct evtchn_status in, op;
    struct domain *d;
    struct evtchn *chn;
    long rc = 0;

    if (copy_from_guest_va(&in, arg, sizeof(in)))
        return -EFAULT;
    memset(&op, 0, sizeof(op));
    op.dom = in.dom;
    op.port = in.port;
    d = target(EVTCHNOP_status, op.dom, &rc);
    if (!d)
        return rc;
    spin_lock(&d->evtchn.lock);
    chn = evtchn_from_port(d, op.port);
    if (!chn)
        rc = -EINVAL;
    else
        fill_status(chn, &op);
    spin_unlock(&d->evtchn.lock);
    domain_put(d);
    return rc ?: copy_to_guest_va(arg, &op, sizeof(op));
}

static long op_bind_vcpu(guest_va_t arg)
{
    struct evtchn_bind_vcpu op;
    struct domain *d = current->domain;
    struct evtchn *chn;
    unsigned long flags;
    long rc = 0, pirq = -1;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (!domain_vcpu(d, op.vcpu))
        return -ENOENT;
    chn = op.port ? evtchn_from_port(d, op.port) : NULL;
    if (!chn)
        return -EINVAL;
    spin_lock(&d->evtchn.lock);
    flags = spin_lock_irqsave(&chn->lock);
    switch (chn->state) {
    case ECS_VIRQ:
        if (!virq_is_global(chn->u.virq)) {
            rc = -EINVAL;
            break;
        }
        chn->notify_vcpu = (uint16_t)op.vcpu;
        break;
    case ECS_PIRQ:
        pirq = chn->u.pirq.pirq;
        chn->notify_vcpu = (uint16_t)op.vcpu;
        break;
    case ECS_UNBOUND:
    case ECS_INTERDOMAIN:
        chn->notify_vcpu = (uint16_t)op.vcpu;
        break;
    default:
        rc = -EINVAL;
        break;
    }
    spin_unlock_irqrestore(&chn->lock, flags);
    spin_unlock(&d->evtchn.lock);
    if (pirq >= 0)
        pirq_set_affinity(d, (unsigned int)pirq, domain_vcpu(d, op.vcpu));
    return rc;
}

static long op_unmask(guest_va_t arg)
{
    struct evtchn_unmask op;
    struct domain *d = current->domain;
    struct evtchn *chn;
    unsigned long flags;
    bool ok;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    chn = op.port ? evtchn_from_port(d, op.port) : NULL;
    if (!chn)
        return -EINVAL;
    flags = spin_lock_irqsave(&chn->lock);
    ok = chn->state != ECS_FREE && chn->state != ECS_RESERVED;
    if (ok)
        d->evtchn.ops->unmask(d, chn);
    if (chn->state == ECS_PIRQ)
        pirq_guest_unmask(d, chn->u.pirq.pirq);
    spin_unlock_irqrestore(&chn->lock, flags);
    return ok ? 0 : -EINVAL;
}

static long op_reset(guest_va_t arg)
{
    struct evtchn_reset op;
    struct domain *d;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    d = target(EVTCHNOP_reset, op.dom, &rc);
    if (!d)
        return rc;
    rc = evtchn_reset(d);
    domain_put(d);
    if (rc == -ERESTART)
        rc = hypercall_continue(__HYPERVISOR_event_channel_op, 2,
                                (unsigned long)EVTCHNOP_reset, arg);
    return rc;
}

static long op_init_control(guest_va_t arg)
{
    struct evtchn_init_control op;
    struct domain *d = current->domain;
    int rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    spin_lock(&d->evtchn.lock);
    rc = evtchn_fifo_init_control(d, op.control_gfn, op.offset, op.vcpu);
    spin_unlock(&d->evtchn.lock);
    if (rc)
        return rc;
    op.link_bits = EVTCHN_FIFO_LINK_BITS;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

static long op_expand_array(guest_va_t arg)
{
    struct evtchn_expand_array op;
    struct domain *d = current->domain;
    int rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    spin_lock(&d->evtchn.lock);
    rc = evtchn_fifo_expand(d, op.array_gfn);
    spin_unlock(&d->evtchn.lock);
    return rc;
}

static long op_set_priority(guest_va_t arg)
{
    struct evtchn_set_priority op;
    struct domain *d = current->domain;
    struct evtchn *chn;
    unsigned long flags;
    int rc = -EINVAL;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    chn = op.port ? evtchn_from_port(d, op.port) : NULL;
    if (!chn)
        return -EINVAL;
    flags = spin_lock_irqsave(&chn->lock);
    if (chn->state != ECS_FREE && chn->state != ECS_RESERVED)
        rc = d->evtchn.ops->set_priority(d, chn, op.priority);
    spin_unlock_irqrestore(&chn->lock, flags);
    return rc;
}

static long op_unknown(guest_va_t arg)
{
    (void)arg;
    return -ENOSYS;
}

#define NR_OPS 16U /* a power of two: the index is masked */

#pragma GCC diagnostic ignored "-Woverride-init"
static long (*const ops[NR_OPS])(guest_va_t arg) = {
    [0 ... NR_OPS - 1] = op_unknown,
    [EVTCHNOP_bind_interdomain] = op_bind_interdomain,
    [EVTCHNOP_bind_virq] = op_bind_virq,
    [EVTCHNOP_bind_pirq] = op_bind_pirq,
    [EVTCHNOP_close] = op_close,
    [EVTCHNOP_send] = op_send,
    [EVTCHNOP_status] = op_status,
    [EVTCHNOP_alloc_unbound] = op_alloc_unbound,
    [EVTCHNOP_bind_ipi] = op_bind_ipi,
    [EVTCHNOP_bind_vcpu] = op_bind_vcpu,
    [EVTCHNOP_unmask] = op_unmask,
    [EVTCHNOP_reset] = op_reset,
    [EVTCHNOP_init_control] = op_init_control,
    [EVTCHNOP_expand_array] = op_expand_array,
    [EVTCHNOP_set_priority] = op_set_priority,
};

long do_event_channel_op(unsigned long cmd, unsigned long arg)
{
    cmd = (uint32_t)cmd;
    return likely(cmd < NR_OPS) ? ops[index_nospec_pow2(cmd, NR_OPS)](arg)
                                : -ENOSYS;
}

/* The old form: one struct {cmd, union}. */
long do_event_channel_op_compat(unsigned long uop)
{
    uint32_t cmd;

    if (copy_from_guest_va(&cmd, uop, sizeof(cmd)))
        return -EFAULT;
    if (cmd > EVTCHNOP_unmask)
        return -ENOSYS;
    return do_event_channel_op(cmd, uop + offsetof(evtchn_op_t, u));
}
