/* SPDX-License-Identifier: MIT */
/*
 * domctl: what a paravirtualized guest has no use for, or this hypervisor has
 * nothing of. Each is refused with the error that the ABI's own hypervisor has
 * for such a guest (docs/abi).
 */
#include "domctl.h"

#include <hv/lib.h>

static const struct {
    uint16_t cmd;
    int16_t error;
} refused[] = {
    /* Guests that the processor virtualizes. */
    {XEN_DOMCTL_gethvmcontext, -EINVAL},
    {XEN_DOMCTL_sethvmcontext, -EINVAL},
    {XEN_DOMCTL_gethvmcontext_partial, -EINVAL},
    {XEN_DOMCTL_ioport_mapping, -EOPNOTSUPP},
    {XEN_DOMCTL_bind_pt_irq, -EINVAL},
    {XEN_DOMCTL_unbind_pt_irq, -EINVAL},
    {XEN_DOMCTL_set_broken_page_p2m, -EINVAL},
    {XEN_DOMCTL_vmtrace_op, -EINVAL},
    {XEN_DOMCTL_debug_op, -EINVAL}, /* single steps: gdbsx does it itself */
    {XEN_DOMCTL_soft_reset, -EINVAL},
    {XEN_DOMCTL_get_paging_mempool_size, -EOPNOTSUPP},
    {XEN_DOMCTL_set_paging_mempool_size, -EOPNOTSUPP},
    /* Devices behind an IOMMU. */
    {XEN_DOMCTL_assign_device, -EOPNOTSUPP},
    {XEN_DOMCTL_deassign_device, -EOPNOTSUPP},
    {XEN_DOMCTL_test_assign_device, -EOPNOTSUPP},
    {XEN_DOMCTL_get_device_group, -EOPNOTSUPP},
    /* Introspection and sharing of memory. */
    {XEN_DOMCTL_vm_event_op, -ENOSYS},
    {XEN_DOMCTL_mem_sharing_op, -ENOSYS},
    {XEN_DOMCTL_set_access_required, -EOPNOTSUPP},
    {XEN_DOMCTL_audit_p2m, -ENOSYS},
    {XEN_DOMCTL_monitor_op, -EOPNOTSUPP},
    /* Monitoring and allocation of caches. */
    {XEN_DOMCTL_psr_cmt_op, -ENODEV},
    {XEN_DOMCTL_psr_alloc, -ENODEV},
    /* Other architectures. */
    {XEN_DOMCTL_real_mode_area, -ENOSYS},
    {XEN_DOMCTL_set_opt_feature, -ENOSYS},
    {XEN_DOMCTL_cacheflush, -ENOSYS},
    {XEN_DOMCTL_vuart_op, -ENOSYS},
};

long domctl_refused(uint32_t cmd)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
        if (refused[i].cmd == cmd)
            return refused[i].error;
    }
    return -ENOSYS;
}

/*
 * Writes to a guest's memory are not logged. Tools try to begin it, and then
 * migrate with the guest suspended; at the end they switch off what was never
 * on.
 */
long domctl_shadow_op(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_shadow_op *s = &op->u.shadow_op;

    if (d == current->domain)
        return -EINVAL;
    switch (s->op) {
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return -EOPNOTSUPP;
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
        return s->mode == XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY ? -EOPNOTSUPP
                                                             : -EINVAL;
    default:
        return -EINVAL;
    }
}
