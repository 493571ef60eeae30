/* SPDX-License-Identifier: MIT */
/*
 * domctl: rights that a domain is given, one by one. A driver domain gets the
 * ports, the memory and the interrupts of its devices, a domain builder or a
 * device model one domain to work on, the store's domain the event that tells
 * of others' ends. Nobody gives what he has not got himself.
 *
 * Taking a right back ends what can be begun with it; a mapping of device
 * memory that is there stays until the domain removes it (ABI).
 */
#include "domctl.h"

#include <hv/arch.h>
#include <hv/irq.h>
#include <hv/lib.h>

#define NR_PORTS 65536U

static long change(struct rangeset *rs, bool allow, uint64_t first,
                   uint64_t last)
{
    return allow ? rangeset_add(rs, first, last)
                 : rangeset_remove(rs, first, last);
}

static bool frames_ok(uint64_t first, uint64_t nr)
{
    return nr && first + nr - 1 >= first &&
           mfn_x(mfn(first + nr - 1)) <= UINT64_MAX >> PAGE_SHIFT;
}

long domctl_irq_permission(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_irq_permission *p = &op->u.irq_permission;

    if (p->pirq >= MAX_PIRQS)
        return -EINVAL;
    if (!rangeset_contains(&current->domain->irqs, p->pirq, p->pirq))
        return -EPERM;
    return change(&d->irqs, p->allow_access, p->pirq, p->pirq);
}

long domctl_iomem_permission(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;
    uint64_t last = p->first_mfn + p->nr_mfns - 1;

    if (!frames_ok(p->first_mfn, p->nr_mfns))
        return -EINVAL;
    if (!rangeset_contains(&current->domain->iomem, p->first_mfn, last))
        return -EPERM;
    return change(&d->iomem, p->allow_access, p->first_mfn, last);
}

long domctl_ioport_permission(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;
    uint32_t last = p->first_port + p->nr_ports - 1;
    long rc;

    if (p->first_port >= NR_PORTS || p->nr_ports == 0 ||
        p->nr_ports > NR_PORTS - p->first_port)
        return -EINVAL;
    if (!rangeset_contains(&current->domain->ioports, p->first_port, last))
        return -EPERM;
    spin_lock(&d->ctl_lock);
    rc = arch_ioports_change(d, p->allow_access, (uint16_t)p->first_port,
                             (uint16_t)last);
    spin_unlock(&d->ctl_lock);
    return rc;
}

/* A paravirtualized guest maps what it may map by itself: nothing is done. */
long domctl_memory_mapping(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_memory_mapping *m = &op->u.memory_mapping;

    (void)d;
    return frames_ok(m->first_mfn, m->nr_mfns) &&
                   frames_ok(m->first_gfn, m->nr_mfns)
               ? 0
               : -EINVAL;
}

/* d becomes the device model of the target: once, and not of itself. */
long domctl_set_target(struct xen_domctl *op, struct domain *d)
{
    struct domain *target = domain_get_by_id(op->u.set_target.target);
    long rc = 0;

    if (!target)
        return -ESRCH;
    spin_lock(&d->ctl_lock);
    if (d == target || d->target || domain_is_dying(d))
        rc = -EINVAL;
    else if (target->is_privileged)
        rc = -EPERM; /* that would be the control of everything */
    else
        WRITE_ONCE(d->target, target);
    spin_unlock(&d->ctl_lock);
    if (rc)
        domain_put(target);
    return rc;
}

/* The domain that takes a virq which is the machine's: dom0 until then. */
long domctl_set_virq_handler(struct xen_domctl *op, struct domain *d)
{
    uint32_t virq = op->u.set_virq_handler.virq;

    if (virq >= NR_VIRQS)
        return -EINVAL;
    return evtchn_set_virq_handler(d,
                                   (unsigned int)index_nospec(virq, NR_VIRQS));
}
