/* SPDX-License-Identifier: MIT */
/*
 * Ports of a domain: allocation, the bindings' end, and what is common to all
 * kinds. Making bindings is hypercall/event_channel.c; sending is
 * evtchn_send.c.
 *
 * Locks: d->evtchn.lock serialises allocation, binding and closing in d. A
 * channel's own lock guards what sending reads. A port that is ECS_FREE
 * changes state only under both; sending takes only the channel's lock, which
 * is why a bucket, once published, lives as long as the domain.
 */
#include <hv/evtchn.h>

#include <hv/hypercall.h>
#include <hv/irq.h>
#include <hv/lib.h>

#include <asm/irqflags.h>

#include "evtchn_priv.h"

bool evtchn_port_is_valid(struct domain *d, uint32_t port)
{
    const struct evtchn *chn = evtchn_from_port(d, port);

    return chn && chn->state != ECS_FREE;
}

/* Under the channel's lock, as all that looks at the delivery ABI's data:
 * that may go away, but not while a port is open (evtchn_reset). Port 0 is not
 * open, and never pending. */
static bool is_open(const struct evtchn *chn)
{
    return chn->state != ECS_FREE && chn->state != ECS_RESERVED;
}

bool evtchn_port_is_pending(struct domain *d, uint32_t port)
{
    struct evtchn *chn = evtchn_from_port(d, port);
    unsigned long flags;
    bool pending;

    if (!chn)
        return false;
    flags = spin_lock_irqsave(&chn->lock);
    pending = is_open(chn) && d->evtchn.ops->is_pending(d, port);
    spin_unlock_irqrestore(&chn->lock, flags);
    return pending;
}

/* One more bucket of ports, published when complete. */
static int add_bucket(struct domain *d)
{
    struct evtchn_domain *e = &d->evtchn;
    struct evtchn *b = hv_alloc(EVTCHN_PER_BUCKET * sizeof(*b));

    if (!b)
        return -ENOMEM;
    for (uint32_t i = 0; i < EVTCHN_PER_BUCKET; i++) {
        spin_init(&b[i].lock, LOCK_RANK_EVTCHN);
        b[i].port = e->nr_ports + i;
    }
    e->bucket[e->nr_ports / EVTCHN_PER_BUCKET] = b;
    __atomic_store_n(&e->nr_ports, e->nr_ports + EVTCHN_PER_BUCKET,
                     __ATOMIC_RELEASE);
    return 0;
}

static uint32_t port_limit(const struct domain *d)
{
    return min_t(uint32_t, d->evtchn.max_port, d->evtchn.ops->max_ports);
}

/* The lowest. Buckets that are full are passed over: a domain may have 2048. */
int evtchn_get_free_port(struct domain *d)
{
    struct evtchn_domain *e = &d->evtchn;
    uint32_t limit = port_limit(d);

    for (uint32_t port = e->next_free; port < limit; port++) {
        const struct evtchn *chn;

        if (e->nr_used[port / EVTCHN_PER_BUCKET] == EVTCHN_PER_BUCKET) {
            port |= EVTCHN_PER_BUCKET - 1;
            continue;
        }
        if (port >= e->nr_ports) {
            int rc = add_bucket(d);

            if (rc)
                return rc;
        }
        chn = evtchn_from_port(d, port);
        if (chn->state == ECS_FREE) {
            e->next_free = port;
            return (int)port;
        }
    }
    e->next_free = limit;
    return -ENOSPC;
}

void evtchn_occupy(struct domain *d, struct evtchn *chn)
{
    chn->notify_vcpu = 0;
    chn->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    d->evtchn.ops->init(d, chn);
    d->evtchn.nr_active++;
    d->evtchn.nr_used[chn->port / EVTCHN_PER_BUCKET]++;
    if (d->evtchn.next_free == chn->port)
        d->evtchn.next_free++;
}

void evtchn_release(struct domain *d, struct evtchn *chn)
{
    d->evtchn.ops->clear_pending(d, chn);
    chn->state = ECS_FREE;
    memset(&chn->u, 0, sizeof(chn->u));
    d->evtchn.nr_active--;
    d->evtchn.nr_used[chn->port / EVTCHN_PER_BUCKET]--;
    d->evtchn.next_free = min_t(uint32_t, d->evtchn.next_free, chn->port);
}

int evtchn_alloc_unbound(struct domain *d, uint16_t remote)
{
    unsigned long flags;
    struct evtchn *chn;
    int port;

    spin_lock(&d->evtchn.lock);
    port = domain_is_dying(d) ? -EINVAL : evtchn_get_free_port(d);
    if (port >= 0) {
        chn = evtchn_from_port(d, (uint32_t)port);
        flags = spin_lock_irqsave(&chn->lock);
        evtchn_occupy(d, chn);
        chn->u.unbound.remote_domid = remote;
        chn->state = ECS_UNBOUND;
        spin_unlock_irqrestore(&chn->lock, flags);
    }
    spin_unlock(&d->evtchn.lock);
    return port;
}

/* A virq's port is forgotten wherever it is noted. */
static void unbind_virq(struct domain *d, const struct evtchn *chn)
{
    unsigned int virq = chn->u.virq;
    struct vcpu *v;

    for_each_vcpu (d, v) {
        if (v->virq_port[virq] == chn->port)
            WRITE_ONCE(v->virq_port[virq], 0);
    }
}

/*
 * Close a channel of any kind but interdomain. Caller holds d->evtchn.lock.
 * A pirq is unbound outside the channel's lock: its own lock ranks higher
 * than that of the irq, which calls us.
 */
static void close_local(struct domain *d, struct evtchn *chn)
{
    unsigned long flags;

    if (chn->state == ECS_PIRQ)
        pirq_unbind(d, chn->u.pirq.pirq, chn->port);
    flags = spin_lock_irqsave(&chn->lock);
    if (chn->state == ECS_VIRQ)
        unbind_virq(d, chn);
    evtchn_release(d, chn);
    spin_unlock_irqrestore(&chn->lock, flags);
}

/*
 * Close ld's end; the other end becomes unbound, reserved for ld again. Both
 * domains' and both channels' locks are taken in order. Returns false if the
 * channel changed before the locks were held: look again.
 */
static bool close_interdomain(struct domain *ld, struct evtchn *lchn)
{
    struct domain *rd = lchn->u.interdomain.remote;
    struct evtchn *rchn;
    unsigned long flags;
    bool done = false;

    /* The binding holds a reference on rd until it is undone. */
    domain_get(rd);
    spin_unlock(&ld->evtchn.lock);
    spin_lock_pair(&ld->evtchn.lock, &rd->evtchn.lock);
    if (lchn->state != ECS_INTERDOMAIN || lchn->u.interdomain.remote != rd)
        goto unlock;
    rchn = evtchn_from_port(rd, lchn->u.interdomain.remote_port);
    BUG_ON(!rchn || rchn->state != ECS_INTERDOMAIN);
    flags = irq_save();
    spin_lock_pair(&lchn->lock, &rchn->lock);
    if (rchn != lchn) {
        rchn->u.interdomain.remote = NULL;
        rchn->u.unbound.remote_domid = ld->id;
        rchn->state = ECS_UNBOUND;
    }
    evtchn_release(ld, lchn);
    spin_unlock_pair(&lchn->lock, &rchn->lock);
    irq_restore(flags);
    done = true;
unlock:
    spin_unlock_pair(&ld->evtchn.lock, &rd->evtchn.lock);
    if (done) {
        domain_put(rd); /* lchn's */
        if (rchn != lchn)
            domain_put(ld); /* rchn's */
    }
    domain_put(rd);
    spin_lock(&ld->evtchn.lock);
    return done;
}

int evtchn_close(struct domain *d, uint32_t port, bool guest)
{
    struct evtchn *chn;
    bool done = false;
    int rc = 0;

    spin_lock(&d->evtchn.lock);
    chn = evtchn_from_port(d, port);
    if (!chn || port == 0 || chn->state == ECS_FREE ||
        (guest && chn->state == ECS_RESERVED)) {
        rc = -EINVAL;
    } else {
        /* It drops the lock: when it is done the port may be somebody's
         * again. Before that it may have become unbound, by its peer. */
        while (chn->state == ECS_INTERDOMAIN && !done)
            done = close_interdomain(d, chn);
        if (!done && chn->state != ECS_FREE)
            close_local(d, chn);
    }
    spin_unlock(&d->evtchn.lock);
    return rc;
}

/*
 * Close every port, from where an earlier call was preempted. Others may open
 * ports behind it: it is done when there was a moment with none. It gives way
 * every 64 ports, however often it begins anew.
 */
static int close_all(struct domain *d)
{
    struct evtchn_domain *e = &d->evtchn;
    unsigned int nr_done = 0;

    while (READ_ONCE(e->nr_active)) {
        uint32_t port = READ_ONCE(e->kill_port) ?: 1;

        for (; port < READ_ONCE(e->nr_ports); port++) {
            (void)evtchn_close(d, port, false);
            if (++nr_done % 64 == 0 && hypercall_preempt_check()) {
                WRITE_ONCE(e->kill_port, port + 1);
                return -ERESTART;
            }
        }
        WRITE_ONCE(e->kill_port, 0);
    }
    return 0;
}

/*
 * Every port is closed and the domain is back at 2-level delivery. Its vcpus
 * may be running: as long as one port is open its delivery data is in use.
 */
int evtchn_reset(struct domain *d)
{
    int rc = close_all(d);

    if (rc)
        return rc;
    spin_lock(&d->evtchn.lock);
    if (d->evtchn.nr_active) {
        rc = -ERESTART;
    } else {
        d->evtchn.ops = &evtchn_2l_ops;
        evtchn_fifo_destroy(d);
        d->evtchn.next_free = 1;
    }
    spin_unlock(&d->evtchn.lock);
    return rc;
}

/* The pointers and, behind them, the counts. */
#define ARRAYS_BYTES (EVTCHN_BUCKETS * (sizeof(struct evtchn *) + 1))

int evtchn_domain_init(struct domain *d, unsigned int max_port)
{
    struct evtchn_domain *e = &d->evtchn;
    int rc;

    spin_init(&e->lock, LOCK_RANK_EVTCHN_DOM);
    e->ops = &evtchn_2l_ops;
    e->max_port = min_t(uint32_t, max_port, EVTCHN_FIFO_PORTS - 1) + 1;
    e->bucket = hv_vmalloc(ARRAYS_BYTES);
    if (!e->bucket)
        return -ENOMEM;
    e->nr_used = (uint8_t *)(e->bucket + EVTCHN_BUCKETS);
    rc = add_bucket(d);
    if (rc) {
        hv_vfree(e->bucket, ARRAYS_BYTES);
        return rc;
    }
    /* Port 0 is never handed out. */
    e->bucket[0][0].state = ECS_RESERVED;
    e->nr_used[0] = 1;
    e->next_free = 1;
    return 0;
}

/* The domain is dying: nothing binds any more, what there is gets closed. */
int evtchn_domain_destroy(struct domain *d)
{
    return evtchn_reset(d);
}

/* No reference is left: nobody sends any more. */
void evtchn_domain_free(struct domain *d)
{
    struct evtchn_domain *e = &d->evtchn;

    for (uint32_t i = 0; i < e->nr_ports / EVTCHN_PER_BUCKET; i++)
        hv_free(e->bucket[i]);
    hv_vfree(e->bucket, ARRAYS_BYTES);
    e->bucket = NULL;
}

void evtchn_vcpu_destroy(struct vcpu *v)
{
    ASSERT(!v->evtchn_fifo);
    (void)v;
}

static const char *const state_name[] = {
    "free", "reserved", "unbound", "interdomain", "pirq", "virq", "ipi",
};

void evtchn_dump(struct domain *d)
{
    spin_lock(&d->evtchn.lock);
    printk(LOG_INFO "d%u: %u ports in use, %s\n", d->id, d->evtchn.nr_active,
           d->evtchn.fifo ? "FIFO" : "2-level");
    for (uint32_t port = 1; port < d->evtchn.nr_ports; port++) {
        const struct evtchn *chn = evtchn_from_port(d, port);

        if (!is_open(chn))
            continue;
        printk(LOG_INFO " %4u v%u %s%s%s", port, chn->notify_vcpu,
               state_name[chn->state],
               d->evtchn.ops->is_pending(d, port) ? " pending" : "",
               d->evtchn.ops->is_masked(d, port) ? " masked" : "");
        if (chn->state == ECS_INTERDOMAIN)
            printk(LOG_INFO " d%u port %u", chn->u.interdomain.remote->id,
                   chn->u.interdomain.remote_port);
        else if (chn->state == ECS_VIRQ)
            printk(LOG_INFO " %u", chn->u.virq);
        else if (chn->state == ECS_PIRQ)
            printk(LOG_INFO " %u", chn->u.pirq.pirq);
        printk(LOG_INFO "\n");
    }
    spin_unlock(&d->evtchn.lock);
}
