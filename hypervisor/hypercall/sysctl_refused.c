/* SPDX-License-Identifier: MIT */
/*
 * sysctl: questions about what is not there: nodes of PCI devices, cache
 * allocation, live patches, coverage. The errors are those that tools know from
 * machines or builds without it.
 */
#include "sysctl_ops.h"

#include <hv/guest_access.h>
#include <hv/lib.h>

#include <public/physdev.h>

#define MAX_DEVICES 256 /* each call; the caller asks again for the rest */

/* Devices are dom0's: the hypervisor knows of none, so it knows no node. */
long sysctl_pcitopoinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_pcitopoinfo *t = &op->u.pcitopoinfo;
    uint32_t n = min_t(uint32_t, t->num_devs, MAX_DEVICES);

    if (handle_is_null(t->devs) || handle_is_null(t->nodes))
        return -EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        struct physdev_pci_device dev;
        uint32_t node = XEN_INVALID_DEV;

        if (copy_from_handle_at(&dev, t->devs, i) ||
            copy_to_handle_at(t->nodes, i, &node))
            return -EFAULT;
    }
    t->num_devs = n;
    return 0;
}

static const struct {
    uint32_t cmd;
    int error;
} refused[] = {
    {XEN_SYSCTL_coverage_op, -EOPNOTSUPP},
    {XEN_SYSCTL_psr_cmt_op, -ENODEV},
    {XEN_SYSCTL_psr_alloc, -ENODEV},
    {XEN_SYSCTL_livepatch_op, -ENOSYS},
};

long sysctl_refused(uint32_t cmd)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
        if (refused[i].cmd == cmd)
            return refused[i].error;
    }
    return -ENOSYS;
}
