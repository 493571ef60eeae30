/* SPDX-License-Identifier: MIT */
/*
 * vcpu_op: bringing vcpus up and down, their timers, their shared areas.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>
#include <hv/softirq.h>

#include <public/vcpu.h>

/* The context is 5 KiB: too large for the stack. */
static long op_initialise(struct vcpu *v, guest_va_t arg)
{
    struct vcpu_guest_context *c;
    long rc;

    if (v->no_upcall_dummy)
        return -EINVAL; /* a vcpu above 31 without its vcpu_info */
    c = hv_alloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    if (copy_from_guest_va(c, arg, sizeof(*c))) {
        rc = -EFAULT;
    } else {
        spin_lock(&v->domain->ctl_lock);
        rc = v->is_initialised ? -EEXIST : arch_vcpu_set_context(v, c);
        spin_unlock(&v->domain->ctl_lock);
    }
    hv_free(c);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_vcpu_op, 3,
                                  (unsigned long)VCPUOP_initialise,
                                  (unsigned long)v->id, arg);
    return rc;
}

static long op_up(struct vcpu *v, guest_va_t arg)
{
    (void)arg;
    if (!v->is_initialised)
        return -EINVAL;
    if (__atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST) &
        VPF_DOWN)
        vcpu_wake(v);
    return 0;
}

static long op_down(struct vcpu *v, guest_va_t arg)
{
    struct domain *d = v->domain;
    struct vcpu *o;
    bool last = true;

    (void)arg;
    spin_lock(&d->ctl_lock);
    __atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST);
    for_each_vcpu (d, o) {
        if (!(READ_ONCE(o->pause_flags) & VPF_DOWN))
            last = false;
    }
    spin_unlock(&d->ctl_lock);
    if (last)
        domain_shutdown(d, SHUTDOWN_poweroff);
    sched_sleep_nosync(v);
    return 0;
}

static long op_is_up(struct vcpu *v, guest_va_t arg)
{
    (void)arg;
    return !(READ_ONCE(v->pause_flags) & VPF_DOWN);
}

static long op_get_runstate_info(struct vcpu *v, guest_va_t arg)
{
    struct vcpu_runstate_info r;

    if (v == current) { /* it changes in schedule() only: no lock is needed */
        r = v->runstate;
        r.time[RUNSTATE_running] +=
            (uint64_t)(now_ns() - (s_time_t)r.state_entry_time);
    } else {
        sched_runstate(v, &r);
    }
    return copy_to_guest_va(arg, &r, sizeof(r));
}

static long op_register_runstate(struct vcpu *v, guest_va_t arg)
{
    struct vcpu_register_runstate_memory_area area;

    if (copy_from_guest_va(&area, arg, sizeof(area)))
        return -EFAULT;
    if (area.addr.p &&
        !guest_range_ok(area.addr.p, sizeof(struct vcpu_runstate_info)))
        return -EFAULT;
    v->runstate_guest = area.addr.p;
    if (v == current) {
        vcpu_runstate_update_guest(v);
    } else if (area.addr.p) {
        struct vcpu_runstate_info r = v->runstate;

        if (copy_to_guest_va(area.addr.p, &r, sizeof(r)))
            return -EFAULT;
    }
    return 0;
}

static long op_register_time(struct vcpu *v, guest_va_t arg)
{
    struct vcpu_register_time_memory_area area;

    if (copy_from_guest_va(&area, arg, sizeof(area)))
        return -EFAULT;
    if (area.addr.p &&
        !guest_range_ok(area.addr.p, sizeof(struct vcpu_time_info)))
        return -EFAULT;
    v->arch.time_area = area.addr.p;
    v->arch.time_pending = area.addr.p != 0;
    if (v == current)
        arch_vcpu_time_update(v, true);
    return 0;
}

static long op_set_periodic(struct vcpu *v, guest_va_t arg)
{
    struct vcpu_set_periodic_timer op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.period_ns < MILLISECS(1) || op.period_ns > (uint64_t)SECONDS(3600))
        return -EINVAL;
    v->periodic_ns = (s_time_t)op.period_ns;
    v->periodic_last = now_ns();
    timer_set(&v->periodic_timer, v->periodic_last + v->periodic_ns);
    return 0;
}

static long op_stop_periodic(struct vcpu *v, guest_va_t arg)
{
    (void)arg;
    v->periodic_ns = 0;
    timer_stop(&v->periodic_timer);
    return 0;
}

static long op_set_singleshot(struct vcpu *v, guest_va_t arg)
{
    struct vcpu_set_singleshot_timer op;

    if (v != current)
        return -EINVAL;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if ((op.flags & VCPU_SSHOTTMR_future) &&
        (s_time_t)op.timeout_abs_ns < now_ns())
        return -ETIME;
    vcpu_timers_migrate(v);
    timer_set(&v->singleshot_timer, op.timeout_abs_ns > (uint64_t)S_TIME_MAX
                                        ? S_TIME_MAX
                                        : (s_time_t)op.timeout_abs_ns);
    return 0;
}

static long op_stop_singleshot(struct vcpu *v, guest_va_t arg)
{
    (void)arg;
    if (v != current)
        return -EINVAL;
    timer_stop(&v->singleshot_timer);
    return 0;
}

static long op_register_vcpu_info(struct vcpu *v, guest_va_t arg)
{
    struct domain *d = v->domain;
    struct vcpu_register_vcpu_info op;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    spin_lock(&d->ctl_lock);
    rc = vcpu_info_register(v, mfn(op.mfn), op.offset);
    spin_unlock(&d->ctl_lock);
    return rc;
}

static long op_send_nmi(struct vcpu *v, guest_va_t arg)
{
    (void)arg;
    if (!__atomic_exchange_n(&v->arch.nmi_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
    return 0;
}

/* Only where the vcpu cannot move: APIC id low, ACPI id high. */
static long op_get_physid(struct vcpu *v, guest_va_t arg)
{
    struct vcpu_get_physid op;
    cpumask_t where;
    unsigned int cpu;
    int rc = permit(__HYPERVISOR_vcpu_op, VCPUOP_get_physid);

    if (rc)
        return rc;
    cpumask_and(&where, &v->sched.hard_affinity, &cpu_online_map);
    cpu = cpumask_next(&where, 0);
    if (cpu >= MAX_CPUS || cpumask_next(&where, cpu + 1) < MAX_CPUS)
        return -EINVAL;
    memset(&op, 0, sizeof(op));
    op.phys_id = arch_cpu_physid(cpu);
    return copy_to_guest_va(arg, &op, sizeof(op));
}

static long op_unknown(struct vcpu *v, guest_va_t arg)
{
    (void)v;
    (void)arg;
    return -ENOSYS;
}

#define NR_OPS 16U /* a power of two: the index is masked */

#pragma GCC diagnostic ignored "-Woverride-init"
static long (*const ops[NR_OPS])(struct vcpu *v, guest_va_t arg) = {
    [0 ... NR_OPS - 1] = op_unknown,
    [VCPUOP_initialise] = op_initialise,
    [VCPUOP_up] = op_up,
    [VCPUOP_down] = op_down,
    [VCPUOP_is_up] = op_is_up,
    [VCPUOP_get_runstate_info] = op_get_runstate_info,
    [VCPUOP_register_runstate_memory_area] = op_register_runstate,
    [VCPUOP_set_periodic_timer] = op_set_periodic,
    [VCPUOP_stop_periodic_timer] = op_stop_periodic,
    [VCPUOP_set_singleshot_timer] = op_set_singleshot,
    [VCPUOP_stop_singleshot_timer] = op_stop_singleshot,
    [VCPUOP_register_vcpu_info] = op_register_vcpu_info,
    [VCPUOP_send_nmi] = op_send_nmi,
    [VCPUOP_get_physid] = op_get_physid,
    [VCPUOP_register_vcpu_time_memory_area] = op_register_time,
};

static NOINLINE long op_on_other(unsigned int cmd, unsigned int vcpuid,
                                 guest_va_t arg)
{
    struct vcpu *v = domain_vcpu(current->domain, vcpuid);

    return v ? ops[index_nospec_pow2(cmd, NR_OPS)](v, arg) : -ENOENT;
}

long do_vcpu_op(unsigned long cmd, unsigned long vcpuid, unsigned long arg)
{
    struct vcpu *v = current;

    cmd = (uint32_t)cmd;
    if (unlikely(cmd >= NR_OPS))
        return -ENOSYS;
    if (unlikely((uint32_t)vcpuid != v->id))
        return op_on_other((uint32_t)cmd, (uint32_t)vcpuid, arg);
    return ops[index_nospec_pow2(cmd, NR_OPS)](v, arg);
}
