/* SPDX-License-Identifier: MIT */
/*
 * mca: machine checks for the control domain. The processors can be listed. A
 * machine check stops the machine and is printed; none is kept, so a fetch
 * finds no data. None can be injected.
 */
#include <hv/arch.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>
#include <hv/smp.h>

#include <public/arch-x86/xen-mca.h>

/* Of each CPU that is up; no buffer: only how many. */
static long op_physcpuinfo(struct xen_mc *op)
{
    struct xen_mc_physcpuinfo *p = &op->u.mc_physcpuinfo;
    uint32_t n = 0;
    unsigned int cpu;

    if (handle_is_null(p->info)) {
        p->ncpus = (uint32_t)bitmap_weight(cpu_online_map.bits, MAX_CPUS);
        return 0;
    }
    for_each_cpu (cpu, &cpu_online_map) {
        struct mcinfo_logical_cpu info;

        if (n == p->ncpus)
            break;
        memset(&info, 0, sizeof(info));
        arch_fill_mc_cpu(cpu, &info);
        if (copy_to_handle_at(p->info, n, &info))
            return -EFAULT;
        n++;
    }
    p->ncpus = n;
    return 0;
}

static long op_fetch(struct xen_mc *op)
{
    struct xen_mc_fetch *f = &op->u.mc_fetch;
    uint32_t what = f->flags & (XEN_MC_NONURGENT | XEN_MC_URGENT);

    if (f->flags & ~(uint32_t)(XEN_MC_NONURGENT | XEN_MC_URGENT | XEN_MC_ACK))
        return -EINVAL;
    if (what != XEN_MC_NONURGENT && what != XEN_MC_URGENT)
        return -EINVAL;
    f->flags = f->flags & XEN_MC_ACK ? XEN_MC_OK : XEN_MC_NODATA;
    f->fetch_id = 0;
    return 0;
}

long do_mca(unsigned long arg)
{
    struct xen_mc op;
    long rc = permit(__HYPERVISOR_mca, 0);

    if (rc)
        return rc;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_MCA_INTERFACE_VERSION)
        return -EACCES;
    switch (op.cmd) {
    case XEN_MC_fetch:
        rc = op_fetch(&op);
        break;
    case XEN_MC_physcpuinfo:
        rc = op_physcpuinfo(&op);
        break;
    case XEN_MC_msrinject:
    case XEN_MC_mceinject:
        return -EPERM; /* faults are the hardware's to make */
    default:
        return -EINVAL;
    }
    if (!rc && copy_to_guest_va(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
