/* SPDX-License-Identifier: MIT */
/*
 * platform_op: the control domain's dealings with the machine's firmware:
 * time of day, sleep states, processors.
 */
#include "platform_op.h"

#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include <asm/cpu.h>

#include "cpu_ctl.h"

static long set_time(uint64_t secs, uint32_t nsecs, uint64_t system_time)
{
    if (nsecs >= NSEC_PER_SEC || secs > INT64_MAX / NSEC_PER_SEC)
        return -EINVAL;
    wallclock_set(secs, nsecs, (s_time_t)system_time);
    domain_wallclock_update_all();
    return 0;
}

static long op_settime32(struct xen_platform_op *op)
{
    return set_time(op->u.settime32.secs, op->u.settime32.nsecs,
                    op->u.settime32.system_time);
}

static long op_settime64(struct xen_platform_op *op)
{
    if (op->u.settime64.mbz)
        return -EINVAL;
    return set_time(op->u.settime64.secs, op->u.settime64.nsecs,
                    op->u.settime64.system_time);
}

/* SLP_TYP is in bits 12:10 of the control values (ACPI, "PM1 Control"). */
#define SLP_TYP(val) (uint8_t)(((val) >> 10) & 7)

static long op_enter_acpi_sleep(struct xen_platform_op *op)
{
    const struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;

    if (s->sleep_state != 5 || s->flags & XENPF_ACPI_SLEEP_EXTENDED)
        return -EOPNOTSUPP;
    printk(LOG_INFO "dom0 enters ACPI S5\n");
    acpi_enter_sleep(SLP_TYP(s->val_a), SLP_TYP(s->val_b));
    return -EIO; /* still here */
}

static long op_getidletime(struct xen_platform_op *op)
{
    struct xenpf_getidletime *g = &op->u.getidletime;
    unsigned int n = min_t(unsigned int, g->cpumap_nr_cpus, MAX_CPUS);
    cpumask_t map = {{0}};
    unsigned int cpu;

    if (copy_from_guest_va(map.bits, handle_va(g->cpumap_bitmap),
                           DIV_ROUND_UP(n, 8)))
        return -EFAULT;
    g->now = (uint64_t)now_ns();
    for_each_cpu (cpu, &map) {
        uint64_t ns;

        if (cpu >= n)
            break;
        if (!cpumask_test(&cpu_online_map, cpu)) {
            cpumask_clear(&map, cpu);
            continue;
        }
        ns = sched_cpu_idle_ns(cpu);
        if (copy_to_handle_at(g->idletime, cpu, &ns))
            return -EFAULT;
    }
    return copy_to_guest_va(handle_va(g->cpumap_bitmap), map.bits,
                            DIV_ROUND_UP(n, 8));
}

/* Frequency and idle states are left to the firmware: what dom0 learned about
 * them is accepted and not used. */
static long op_set_pminfo(struct xen_platform_op *op)
{
    (void)op;
    return 0;
}

static long op_get_cpuinfo(struct xen_platform_op *op)
{
    struct xenpf_pcpuinfo *p = &op->u.pcpu_info;
    unsigned int cpu = p->xen_cpuid;

    p->max_present = nr_cpus - 1;
    if (cpu >= nr_cpus) {
        p->flags = XEN_PCPU_FLAGS_INVALID;
        return 0;
    }
    p->flags = cpumask_test(&cpu_online_map, cpu) ? XEN_PCPU_FLAGS_ONLINE : 0;
    p->apic_id = (uint32_t)arch_cpu_physid(cpu);
    p->acpi_id = (uint32_t)(arch_cpu_physid(cpu) >> 32);
    return 0;
}

static long op_get_cpu_version(struct xen_platform_op *op)
{
    struct xenpf_pcpu_version *p = &op->u.pcpu_version;
    static const char *const vendor[] = {"", "GenuineIntel", "AuthenticAMD"};

    p->max_present = nr_cpus - 1;
    if (p->xen_cpuid >= nr_cpus || !cpumask_test(&cpu_online_map, p->xen_cpuid))
        return -ENODEV;
    memset(p->vendor_id, 0, sizeof(p->vendor_id));
    memcpy(p->vendor_id, vendor[cpu_caps.vendor],
           strlen(vendor[cpu_caps.vendor]));
    p->family = cpu_caps.family;
    p->model = cpu_caps.model;
    p->stepping = cpu_caps.stepping;
    return 0;
}

static const struct {
    uint32_t cmd;
    long (*fn)(struct xen_platform_op *op);
} ops[] = {
    {XENPF_settime32, op_settime32},
    {XENPF_settime64, op_settime64},
    {XENPF_firmware_info, platform_firmware_info},
    {XENPF_platform_quirk, platform_quirk},
    {XENPF_read_memtype, platform_read_memtype},
    {XENPF_add_memtype, platform_change_memtype},
    {XENPF_del_memtype, platform_change_memtype},
    {XENPF_microcode_update, platform_microcode},
    {XENPF_core_parking, platform_core_parking},
    {XENPF_resource_op, platform_resource_op},
    {XENPF_get_symbol, platform_get_symbol},
    {XENPF_enter_acpi_sleep, op_enter_acpi_sleep},
    {XENPF_getidletime, op_getidletime},
    {XENPF_set_processor_pminfo, op_set_pminfo},
    {XENPF_get_cpuinfo, op_get_cpuinfo},
    {XENPF_get_cpu_version, op_get_cpu_version},
    {XENPF_cpu_online, platform_cpu_online},
    {XENPF_cpu_offline, platform_cpu_offline},
    {XENPF_cpu_hotadd, platform_hotadd},
    {XENPF_mem_hotadd, platform_hotadd},
};

long do_platform_op(unsigned long arg)
{
    struct xen_platform_op op;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    rc = permit(__HYPERVISOR_platform_op, op.cmd);
    if (rc)
        return rc;
    rc = -ENOSYS;
    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
        if (ops[i].cmd == op.cmd) {
            rc = ops[i].fn(&op);
            break;
        }
    }
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_platform_op, 1, arg);
    if (rc >= 0 && copy_to_guest_va(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
