/* SPDX-License-Identifier: MIT */
/*
 * kexec_op: what the control domain's kexec tool asks for. One operation at a
 * time: a second caller's is repeated until the first one's is done.
 */
#include "kexec.h"

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>
#include <hv/smp.h>

static bool type_is_valid(unsigned int type)
{
    return type == KEXEC_TYPE_DEFAULT || type == KEXEC_TYPE_CRASH;
}

static int cpu_note(struct xen_kexec_range *r)
{
    paddr_t start;

    if (r->nr < 0 || r->nr >= (int)nr_cpus)
        return -ERANGE;
    arch_crash_note((unsigned int)index_nospec((size_t)r->nr, nr_cpus), &start,
                    &r->size);
    r->start = start;
    return 0;
}

static long op_get_range(guest_va_t arg, uint32_t unused)
{
    struct xen_kexec_range r;
    int rc = 0;

    (void)unused;
    if (copy_from_guest_va(&r, arg, sizeof(r)))
        return -EFAULT;
    r.start = r.size = 0;
    switch (r.range) {
    case KEXEC_RANGE_MA_CRASH:
        r.start = crash_area.start;
        r.size = crash_area.size;
        break;
    case KEXEC_RANGE_MA_XEN:
        arch_image_range(&r.start, &r.size);
        break;
    case KEXEC_RANGE_MA_CPU:
        rc = cpu_note(&r);
        break;
    case KEXEC_RANGE_MA_XENHEAP: /* not apart from other memory */
    case KEXEC_RANGE_MA_BOOT_PARAM:
    case KEXEC_RANGE_MA_EFI_MEMMAP: /* of another architecture */
        break;
    case KEXEC_RANGE_MA_VMCOREINFO:
        arch_vmcoreinfo(&r.start, &r.size);
        break;
    default:
        rc = -EINVAL;
        break;
    }
    if (!rc && copy_to_guest_va(arg, &r, sizeof(r)))
        rc = -EFAULT;
    return rc;
}

static long op_exec(guest_va_t arg, uint32_t unused)
{
    struct xen_kexec_exec op;

    (void)unused;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.type == KEXEC_TYPE_DEFAULT)
        return kexec_reboot();
    if (op.type != KEXEC_TYPE_CRASH)
        return -EINVAL;
    if (!kexec_is_loaded(KEXEC_TYPE_CRASH))
        return -ENOENT;
    panic("the control domain asked for the crash kernel");
}

static long unload(unsigned int type)
{
    if (!type_is_valid(type))
        return -EINVAL;
    kexec_load_cancel(type);
    kexec_image_free(kexec_set_image((uint8_t)type, NULL));
    return 0;
}

static long op_unload(guest_va_t arg, uint32_t unused)
{
    struct xen_kexec_unload op;

    (void)unused;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return unload(op.type);
}

static long op_unload_v1(guest_va_t arg, uint32_t unused)
{
    struct xen_kexec_load_v1 op;

    (void)unused;
    if (copy_from_guest_va(&op.type, arg, sizeof(op.type)))
        return -EFAULT;
    return op.type < 0 ? -EINVAL : unload((unsigned int)op.type);
}

static long op_status(guest_va_t arg, uint32_t unused)
{
    struct xen_kexec_status op;

    (void)unused;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return type_is_valid(op.type) ? kexec_is_loaded(op.type) : -EINVAL;
}

static long (*const ops[])(guest_va_t arg, uint32_t token) = {
    [KEXEC_CMD_kexec] = op_exec,
    [KEXEC_CMD_kexec_unload_v1] = op_unload_v1,
    [KEXEC_CMD_kexec_get_range] = op_get_range,
    [KEXEC_CMD_kexec_load] = kexec_load,
    [KEXEC_CMD_kexec_unload] = op_unload,
    [KEXEC_CMD_kexec_status] = op_status,
};

long do_kexec_op(unsigned long cmd, unsigned long arg)
{
    static bool busy;
    uint32_t op = (uint32_t)cmd;
    long rc = permit(__HYPERVISOR_kexec_op, op);

    if (rc)
        return rc;
    op = (uint32_t)index_nospec(op, ARRAY_SIZE(ops));
    if ((uint32_t)cmd >= ARRAY_SIZE(ops) || !ops[op])
        return -ENOSYS;
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE)) {
        return hypercall_continue(__HYPERVISOR_kexec_op, 2, cmd, arg);
    }
    rc = ops[op](arg, (uint32_t)(cmd >> 32));
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    return rc;
}
