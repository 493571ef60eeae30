/* SPDX-License-Identifier: MIT */
/*
 * Sending: from a port to its peer, from the hypervisor to a virq or pirq; and
 * the 2-level delivery ABI (shared_info bitmaps and a selector per vcpu).
 */
#include <hv/evtchn.h>

#include <hv/lib.h>

#include "evtchn_priv.h"

void evtchn_vcpu_mark_pending(struct vcpu *v)
{
    /* Before the kick looks at what the vcpu does: vcpu_sleep.c. */
    if (!__atomic_exchange_n(&v->vcpu_info->evtchn_upcall_pending, 1,
                             __ATOMIC_SEQ_CST))
        vcpu_kick(v);
}

void evtchn_set_pending(struct domain *d, struct evtchn *chn)
{
    unsigned int id = chn->notify_vcpu; /* checked when it was set */
    struct vcpu *v = likely(id < d->max_vcpus) ? d->vcpu[id] : NULL;

    if (likely(v))
        d->evtchn.ops->set_pending(v, chn);
}

int evtchn_send(struct domain *ld, uint32_t port)
{
    struct evtchn *chn = evtchn_from_port(ld, port);
    unsigned long flags;
    int rc = 0;

    if (!chn || port == 0)
        return -EINVAL;
    flags = spin_lock_irqsave(&chn->lock);
    switch (chn->state) {
    case ECS_INTERDOMAIN: {
        /* Our lock keeps the binding, hence the peer and its channel. */
        struct domain *rd = chn->u.interdomain.remote;

        evtchn_set_pending(
            rd, evtchn_from_port(rd, chn->u.interdomain.remote_port));
        break;
    }
    case ECS_IPI:
        evtchn_set_pending(ld, chn);
        break;
    case ECS_UNBOUND:
        break; /* lost, as for a peer that has gone */
    default:
        rc = -EINVAL;
        break;
    }
    spin_unlock_irqrestore(&chn->lock, flags);
    return rc;
}

static void send_if(struct domain *d, uint32_t port, uint8_t state,
                    uint32_t what)
{
    struct evtchn *chn = port ? evtchn_from_port(d, port) : NULL;
    unsigned long flags;

    if (!chn)
        return;
    flags = spin_lock_irqsave(&chn->lock);
    if (chn->state == state &&
        (state == ECS_PIRQ ? chn->u.pirq.pirq : chn->u.virq) == what)
        evtchn_set_pending(d, chn);
    spin_unlock_irqrestore(&chn->lock, flags);
}

void evtchn_send_virq(struct vcpu *v, unsigned int virq)
{
    send_if(v->domain, READ_ONCE(v->virq_port[virq]), ECS_VIRQ, virq);
}

/* Per-vcpu virqs are bound on any vcpu, global ones on vcpu 0. */
bool virq_is_global(unsigned int virq)
{
    switch (virq) {
    case VIRQ_TIMER:
    case VIRQ_DEBUG:
    case VIRQ_XENOPROF:
    case VIRQ_XENPMU:
        return false;
    default:
        return true;
    }
}

/* Who takes a global virq, on its first vcpu; NULL: dom0. A handler is alive
 * while it is here: it takes itself out at its end. */
static struct domain *virq_handler[NR_VIRQS];
static spinlock_t virq_handler_lock = SPINLOCK_INIT(LOCK_RANK_VIRQ_HANDLER);

void evtchn_send_global_virq(unsigned int virq)
{
    unsigned long flags = spin_lock_irqsave(&virq_handler_lock);
    struct domain *d = virq_handler[virq] ? virq_handler[virq] : dom0;
    struct vcpu *v = d ? domain_vcpu(d, 0) : NULL;

    if (v)
        evtchn_send_virq(v, virq);
    spin_unlock_irqrestore(&virq_handler_lock, flags);
}

int evtchn_set_virq_handler(struct domain *d, unsigned int virq)
{
    unsigned long flags;
    int rc = 0;

    if (!virq_is_global(virq))
        return -EINVAL;
    flags = spin_lock_irqsave(&virq_handler_lock);
    if (domain_is_dying(d))
        rc = -EINVAL;
    else
        virq_handler[virq] = d == dom0 ? NULL : d;
    spin_unlock_irqrestore(&virq_handler_lock, flags);
    return rc;
}

/* d is dying and will not be made one again. */
void evtchn_drop_virq_handlers(struct domain *d)
{
    unsigned long flags = spin_lock_irqsave(&virq_handler_lock);

    for (unsigned int i = 0; i < NR_VIRQS; i++)
        if (virq_handler[i] == d)
            virq_handler[i] = NULL;
    spin_unlock_irqrestore(&virq_handler_lock, flags);
}

void evtchn_send_pirq_port(struct domain *d, uint32_t port, unsigned int pirq)
{
    send_if(d, port, ECS_PIRQ, pirq);
}

/* ---- 2-level: ABI xen.h, "event channels" in shared_info ---- */

static void l2_init(struct domain *d, struct evtchn *chn)
{
    bit_clear_atomic(d->shared_info->evtchn_pending, chn->port);
}

/* Pending bit, then selector bit, then upcall: the guest looks the other way
 * round, so it never misses one. */
static void l2_raise(struct domain *d, struct vcpu *v, uint32_t port)
{
    if (!bit_test(d->shared_info->evtchn_mask, port) &&
        !bit_test_and_set_atomic(&v->vcpu_info->evtchn_pending_sel, port / 64))
        evtchn_vcpu_mark_pending(v);
}

static void l2_set_pending(struct vcpu *v, struct evtchn *chn)
{
    struct domain *d = v->domain;

    if (bit_test_and_set_atomic(d->shared_info->evtchn_pending, chn->port))
        return;
    l2_raise(d, v, chn->port);
    evtchn_wake_pollers(d, chn->port);
}

static void l2_clear_pending(struct domain *d, struct evtchn *chn)
{
    if (d->shared_info)
        bit_clear_atomic(d->shared_info->evtchn_pending, chn->port);
}

static void l2_unmask(struct domain *d, struct evtchn *chn)
{
    struct vcpu *v = domain_vcpu(d, chn->notify_vcpu);

    if (bit_test_and_clear_atomic(d->shared_info->evtchn_mask, chn->port) &&
        bit_test(d->shared_info->evtchn_pending, chn->port) && v &&
        !bit_test_and_set_atomic(&v->vcpu_info->evtchn_pending_sel,
                                 chn->port / 64))
        evtchn_vcpu_mark_pending(v);
}

static bool l2_is_pending(const struct domain *d, uint32_t port)
{
    return port < EVTCHN_2L_PORTS &&
           bit_test(d->shared_info->evtchn_pending, port);
}

static bool l2_is_masked(const struct domain *d, uint32_t port)
{
    return port >= EVTCHN_2L_PORTS ||
           bit_test(d->shared_info->evtchn_mask, port);
}

static int l2_set_priority(struct domain *d, struct evtchn *chn, unsigned int p)
{
    (void)d;
    (void)chn;
    (void)p;
    return -ENOSYS;
}

const struct evtchn_ops evtchn_2l_ops = {
    .max_ports = EVTCHN_2L_PORTS,
    .init = l2_init,
    .set_pending = l2_set_pending,
    .clear_pending = l2_clear_pending,
    .unmask = l2_unmask,
    .is_pending = l2_is_pending,
    .is_masked = l2_is_masked,
    .set_priority = l2_set_priority,
};
