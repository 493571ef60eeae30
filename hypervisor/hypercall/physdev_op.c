/* SPDX-License-Identifier: MIT */
/*
 * physdev_op: interrupts and PCI devices for the control domain; for others
 * the interrupts that they were given, and the I/O privilege of a vcpu
 * (without ports it gives nothing).
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include <public/physdev.h>

#include <asm/irq.h>

typedef long (*physdev_fn)(guest_va_t arg);

static long op_eoi(guest_va_t arg)
{
    struct physdev_eoi op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (!irq_is_mapped(current->domain, op.irq))
        return -EINVAL;
    return irq_eoi(current->domain, op.irq);
}

static long set_eoi_page(guest_va_t arg, bool auto_unmask)
{
    struct physdev_pirq_eoi_gmfn op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return irq_set_eoi_page(current->domain, op.gmfn, auto_unmask);
}

static long op_eoi_page_v1(guest_va_t arg)
{
    return set_eoi_page(arg, true);
}

static long op_eoi_page_v2(guest_va_t arg)
{
    return set_eoi_page(arg, false);
}

static long op_irq_status_query(guest_va_t arg)
{
    struct physdev_irq_status_query op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.irq >= MAX_PIRQS ||
        !rangeset_contains(&current->domain->irqs, op.irq, op.irq))
        return -EINVAL;
    op.flags = irq_needs_eoi(op.irq) ? XENIRQSTAT_needs_eoi : 0;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

static long op_set_iopl(guest_va_t arg)
{
    struct physdev_set_iopl op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.iopl > 3)
        return -EINVAL;
    arch_set_iopl(current, op.iopl);
    return 0;
}

static long op_set_iobitmap(guest_va_t arg)
{
    struct physdev_set_iobitmap op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.nr_ports > 65536 ||
        !guest_range_ok(handle_va(op.bitmap), DIV_ROUND_UP(op.nr_ports, 8)))
        return -EINVAL;
    current->arch.iobitmap = handle_va(op.bitmap);
    current->arch.iobitmap_ports = op.nr_ports;
    return 0;
}

static long op_apic_read(guest_va_t arg)
{
    struct physdev_apic op;
    int rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = ioapic_read_at(op.apic_physbase, op.reg, &op.value);
    return rc ?: copy_to_guest_va(arg, &op, sizeof(op));
}

/* Lines are routed by bind_pirq; what a guest writes here is not needed. */
static long op_apic_write(guest_va_t arg)
{
    struct physdev_apic op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return 0;
}

/* An old step of setting a line up: vectors are the hypervisor's business. */
static long op_alloc_irq_vector(guest_va_t arg)
{
    struct physdev_irq op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.irq >= nr_gsis)
        return -EINVAL;
    op.vector = op.irq;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* Only _MSI names no segment. */
static uint32_t sbdf_of(const struct physdev_map_pirq *op)
{
    uint32_t segment = (uint32_t)op->bus & 0xffff0000U;

    return (op->type == MAP_PIRQ_TYPE_MSI ? 0 : segment) |
           (uint32_t)(op->bus & 0xff) << 8 | (uint32_t)(op->devfn & 0xff);
}

static int map_msi(struct domain *d, struct physdev_map_pirq *op)
{
    struct msi_request req = {
        .sbdf = sbdf_of(op),
        .count = 1,
        .msix = op->table_base != 0,
        .entry = (unsigned int)op->entry_nr,
        .table_base = op->table_base,
    };

    op->pirq = irq_map_msi(d, &req);
    return min_t(int, op->pirq, 0);
}

/* A block of messages: of MSI, not of MSI-X, which has its entries one by one.
 * The device enables a power of two, so that many are taken; if it has fewer,
 * the count says so. */
static int map_multi_msi(struct domain *d, struct physdev_map_pirq *op)
{
    struct msi_request req = {.sbdf = sbdf_of(op), .count = 1};
    int rc;

    if (op->table_base)
        return -EINVAL;
    if (op->entry_nr <= 0 || op->entry_nr > MSI_MAX_MESSAGES)
        return -EDOM;
    while (req.count < (unsigned int)op->entry_nr)
        req.count *= 2;
    rc = irq_map_msi(d, &req);
    op->entry_nr = (int)req.count;
    if (rc < 0)
        return rc;
    op->pirq = rc;
    return 0;
}

/* The domain that gets or loses an interrupt, with a reference. The caller must
 * have the right to the interrupt itself to give it to another. */
static struct domain *pirq_domain(unsigned int op, domid_t id, long *rc)
{
    return permit_domain(__HYPERVISOR_physdev_op, op, id, rc);
}

static int map_gsi(struct domain *d, struct physdev_map_pirq *op)
{
    int rc;

    if (op->index < 0 || (op->pirq >= 0 && op->pirq != op->index))
        return -EINVAL;
    if (!rangeset_contains(&current->domain->irqs, (unsigned int)op->index,
                           (unsigned int)op->index))
        return -EPERM;
    rc = irq_map_gsi(d, (unsigned int)op->index);
    op->pirq = op->index;
    return rc;
}

static int map_for(struct domain *d, struct physdev_map_pirq *op)
{
    switch (op->type) {
    case MAP_PIRQ_TYPE_GSI:
        return map_gsi(d, op);
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
    case MAP_PIRQ_TYPE_MULTI_MSI:
        /* Any device's messages: who may program devices has all numbers. */
        if (!rangeset_contains(&current->domain->irqs, 0, MAX_PIRQS - 1))
            return -EPERM;
        return op->type == MAP_PIRQ_TYPE_MULTI_MSI ? map_multi_msi(d, op)
                                                   : map_msi(d, op);
    default:
        return -EINVAL;
    }
}

/* d->ctl_lock is held. */
static long unmap_for(struct domain *d, unsigned int pirq)
{
    int count = irq_unmap(d, pirq);

    if (count < 0)
        return count;
    return d == current->domain
               ? 0
               : rangeset_remove(&d->irqs, pirq,
                                 pirq + (unsigned int)count - 1);
}

/*
 * Map, let d have what was mapped, tell the caller; or nothing of all that. A
 * line that d had before it keeps. d->ctl_lock is held.
 */
static long map_and_give(struct domain *d, struct physdev_map_pirq *op,
                         guest_va_t arg)
{
    unsigned int first, count = 1;
    bool had = op->type == MAP_PIRQ_TYPE_GSI && op->index >= 0 &&
               irq_is_mapped(d, (unsigned int)op->index);
    long rc = map_for(d, op);

    if (rc == -ENFILE)
        return copy_to_guest_va(arg, op, sizeof(*op)) ?: rc;
    if (rc)
        return rc;
    first = (unsigned int)op->pirq;
    if (op->type == MAP_PIRQ_TYPE_MULTI_MSI)
        count = (unsigned int)op->entry_nr;
    if (d != current->domain)
        rc = rangeset_add(&d->irqs, first, first + count - 1);
    rc = rc ?: copy_to_guest_va(arg, op, sizeof(*op));
    if (rc && !had)
        (void)unmap_for(d, first);
    return rc;
}

static long op_map_pirq(guest_va_t arg)
{
    struct physdev_map_pirq op;
    struct domain *d;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    d = pirq_domain(PHYSDEVOP_map_pirq, op.domid, &rc);
    if (!d)
        return rc;
    spin_lock(&d->ctl_lock);
    rc = map_and_give(d, &op, arg);
    spin_unlock(&d->ctl_lock);
    domain_put(d);
    return rc;
}

static long op_unmap_pirq(guest_va_t arg)
{
    struct physdev_unmap_pirq op;
    struct domain *d;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    d = pirq_domain(PHYSDEVOP_unmap_pirq, op.domid, &rc);
    if (!d)
        return rc;
    spin_lock(&d->ctl_lock);
    rc = op.pirq < 0 ? -EINVAL : unmap_for(d, (unsigned int)op.pirq);
    spin_unlock(&d->ctl_lock);
    domain_put(d);
    return rc;
}

static long op_setup_gsi(guest_va_t arg)
{
    struct physdev_setup_gsi op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.gsi < 0)
        return -EINVAL;
    return irq_setup_gsi((unsigned int)op.gsi, op.triggering, op.polarity);
}

static long op_get_free_pirq(guest_va_t arg)
{
    struct physdev_get_free_pirq op;
    int rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = irq_free_pirq();
    if (rc < 0)
        return rc;
    op.pirq = (uint32_t)rc;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* The control domain owns all devices: it says which there are, and nothing
 * has to be done about it. The arguments are still checked. */
static long op_device_known(guest_va_t arg)
{
    struct physdev_pci_device op;

    return copy_from_guest_va(&op, arg, sizeof(op)) ? -EFAULT : 0;
}

/* The old forms of it have no segment. */
static long op_bus_known(guest_va_t arg)
{
    struct physdev_manage_pci op;

    return copy_from_guest_va(&op, arg, sizeof(op)) ? -EFAULT : 0;
}

/* A device that has no messages has nothing to restore. */
static long op_restore_msi(guest_va_t arg)
{
    struct physdev_restore_msi op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    irq_restore_msi((uint32_t)op.bus << 8 | op.devfn);
    return 0;
}

static long op_restore_msi_ext(guest_va_t arg)
{
    struct physdev_pci_device op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    irq_restore_msi((uint32_t)op.seg << 16 | (uint32_t)op.bus << 8 | op.devfn);
    return 0;
}

static long op_extended_known(guest_va_t arg)
{
    struct physdev_manage_pci_ext op;

    return copy_from_guest_va(&op, arg, sizeof(op)) ? -EFAULT : 0;
}

static long op_mmcfg_reserved(guest_va_t arg)
{
    struct physdev_pci_mmcfg_reserved op;

    return copy_from_guest_va(&op, arg, sizeof(op)) ? -EFAULT : 0;
}

/* The hypervisor's console is never on a USB debug port: a reset of the
 * controller disturbs nobody. */
static long op_dbgp(guest_va_t arg)
{
    struct physdev_dbgp_op op;

    return copy_from_guest_va(&op, arg, sizeof(op)) ? -EFAULT : 0;
}

static const physdev_fn ops[] = {
    [PHYSDEVOP_irq_status_query] = op_irq_status_query,
    [PHYSDEVOP_set_iopl] = op_set_iopl,
    [PHYSDEVOP_set_iobitmap] = op_set_iobitmap,
    [PHYSDEVOP_apic_read] = op_apic_read,
    [PHYSDEVOP_apic_write] = op_apic_write,
    [PHYSDEVOP_alloc_irq_vector] = op_alloc_irq_vector,
    [PHYSDEVOP_eoi] = op_eoi,
    [PHYSDEVOP_map_pirq] = op_map_pirq,
    [PHYSDEVOP_unmap_pirq] = op_unmap_pirq,
    [PHYSDEVOP_manage_pci_add] = op_bus_known,
    [PHYSDEVOP_manage_pci_remove] = op_bus_known,
    [PHYSDEVOP_pirq_eoi_gmfn_v1] = op_eoi_page_v1,
    [PHYSDEVOP_restore_msi] = op_restore_msi,
    [PHYSDEVOP_manage_pci_add_ext] = op_extended_known,
    [PHYSDEVOP_setup_gsi] = op_setup_gsi,
    [PHYSDEVOP_get_free_pirq] = op_get_free_pirq,
    [PHYSDEVOP_pci_mmcfg_reserved] = op_mmcfg_reserved,
    [PHYSDEVOP_pci_device_add] = op_device_known,
    [PHYSDEVOP_pci_device_remove] = op_device_known,
    [PHYSDEVOP_restore_msi_ext] = op_restore_msi_ext,
    [PHYSDEVOP_pirq_eoi_gmfn_v2] = op_eoi_page_v2,
    [PHYSDEVOP_dbgp_op] = op_dbgp,
    [PHYSDEVOP_prepare_msix] = op_device_known,
    [PHYSDEVOP_release_msix] = op_device_known,
};

long do_physdev_op(unsigned long cmd, unsigned long arg)
{
    int rc;

    cmd = (uint32_t)cmd;
    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    cmd = index_nospec(cmd, ARRAY_SIZE(ops));
    if (!ops[cmd])
        return -ENOSYS;
    rc = permit(__HYPERVISOR_physdev_op, (unsigned int)cmd);
    return rc ?: ops[cmd](arg);
}

/* The old form: one struct {cmd, union}. */
long do_physdev_op_compat(unsigned long uop)
{
    uint32_t cmd;

    if (copy_from_guest_va(&cmd, uop, sizeof(cmd)))
        return -EFAULT;
    if (cmd == PHYSDEVOP_IRQ_UNMASK_NOTIFY)
        return 0;
    if (cmd > PHYSDEVOP_alloc_irq_vector)
        return -EINVAL;
    return do_physdev_op(cmd, uop + offsetof(physdev_op_t, u));
}
