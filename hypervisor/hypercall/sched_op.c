/* SPDX-License-Identifier: MIT */
/*
 * sched_op: a vcpu gives up its CPU, waits for events, ends its domain.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>
#include <hv/softirq.h>

#include <public/sched.h>

#define MAX_POLL_PORTS 128

static long op_yield(guest_va_t arg)
{
    (void)arg;
    sched_yield();
    return 0;
}

static long op_block(guest_va_t arg)
{
    (void)arg;
    vcpu_block();
    return 0;
}

static long op_shutdown(guest_va_t arg)
{
    struct sched_shutdown op;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return domain_shutdown(current->domain, (uint8_t)op.reason);
}

static long op_shutdown_code(guest_va_t arg)
{
    struct sched_shutdown op;
    struct domain *d = current->domain;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (!d->is_shutting_down)
        d->shutdown_code = (uint8_t)op.reason;
    return 0;
}

/* Any of the ports is pending. -EINVAL for one that does not exist. */
static int any_pending(struct domain *d, guest_va_t ports, unsigned int nr,
                       uint32_t *only)
{
    for (unsigned int i = 0; i < nr; i++) {
        uint32_t port;

        if (copy_from_guest_va(&port, ports + i * sizeof(port), sizeof(port)))
            return -EFAULT;
        if (!evtchn_port_is_valid(d, port))
            return -EINVAL;
        *only = port;
        if (evtchn_port_is_pending(d, port))
            return 1;
    }
    return 0;
}

/* Sleep until one of the ports is pending, masked or not. The guest looks again
 * after waking: a return for nothing is allowed. */
static long op_poll(guest_va_t arg)
{
    struct vcpu *v = current;
    struct domain *d = v->domain;
    struct sched_poll op;
    uint32_t only = 0;
    int rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.nr_ports > MAX_POLL_PORTS)
        return -EINVAL;
    vcpu_poll_begin();
    rc = any_pending(d, handle_va(op.ports), op.nr_ports, &only);
    if (rc != 0 || vcpu_events_pending(v) ||
        (op.timeout && (s_time_t)op.timeout <= now_ns())) {
        vcpu_poll_cancel();
        return rc < 0 ? rc : 0;
    }
    if (op.timeout && (s_time_t)op.timeout > 0)
        timer_set(&v->poll_timer, (s_time_t)op.timeout);
    else
        timer_stop(&v->poll_timer);
    vcpu_poll_sleep(op.nr_ports == 1 ? only : POLL_ANY_PORT);
    return 0;
}

static long op_remote_shutdown(guest_va_t arg)
{
    struct sched_remote_shutdown op;
    struct domain *d;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.domain_id == DOMID_SELF)
        return -ESRCH; /* its own end has another name */
    d = permit_domain(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown,
                      (domid_t)op.domain_id, &rc);
    if (!d)
        return rc;
    domain_shutdown(d, (uint8_t)op.reason);
    domain_put(d);
    return 0;
}

/* id 0: a new one; else restart (timeout > 0) or stop it. Returns the id. */
static long op_watchdog(guest_va_t arg)
{
    struct domain *d = current->domain;
    struct sched_watchdog op;
    long rc = -EINVAL;
    unsigned int i;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.id > ARRAY_SIZE(d->watchdog))
        return -EINVAL;
    if (op.id == 0 && op.timeout == 0)
        return -EINVAL;
    spin_lock(&d->ctl_lock);
    if (op.id == 0) {
        for (i = 0; i < ARRAY_SIZE(d->watchdog) && d->watchdog[i].inuse; i++)
            ;
        rc = i == ARRAY_SIZE(d->watchdog) ? -ENOSPC : (long)i + 1;
    } else {
        i = (unsigned int)index_nospec(op.id - 1, ARRAY_SIZE(d->watchdog));
        rc = d->watchdog[i].inuse ? 0 : -EINVAL;
    }
    if (rc >= 0) {
        d->watchdog[i].inuse = op.timeout != 0;
        if (op.timeout)
            timer_set(&d->watchdog[i].timer, now_ns() + SECONDS(op.timeout));
        else
            timer_stop(&d->watchdog[i].timer);
    }
    spin_unlock(&d->ctl_lock);
    return rc;
}

/* Linux's dcdbas driver alone asks for this. */
static long op_pin_override(guest_va_t arg)
{
    struct sched_pin_override op;
    int rc = permit(__HYPERVISOR_sched_op, SCHEDOP_pin_override);

    if (rc)
        return rc;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    return sched_pin_override(op.pcpu);
}

static long (*const ops[])(guest_va_t arg) = {
    [SCHEDOP_yield] = op_yield,
    [SCHEDOP_block] = op_block,
    [SCHEDOP_shutdown] = op_shutdown,
    [SCHEDOP_poll] = op_poll,
    [SCHEDOP_remote_shutdown] = op_remote_shutdown,
    [SCHEDOP_shutdown_code] = op_shutdown_code,
    [SCHEDOP_watchdog] = op_watchdog,
    [SCHEDOP_pin_override] = op_pin_override,
};

long do_sched_op(unsigned long cmd, unsigned long arg)
{
    cmd = (uint32_t)cmd;
    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    return ops[index_nospec(cmd, ARRAY_SIZE(ops))](arg);
}

/* The old form: the shutdown reason is the argument itself. */
long do_sched_op_compat(unsigned long cmd, unsigned long arg)
{
    switch ((uint32_t)cmd) {
    case SCHEDOP_yield:
        return op_yield(0);
    case SCHEDOP_block:
        return op_block(0);
    case SCHEDOP_shutdown:
        return domain_shutdown(current->domain, (uint8_t)arg);
    default:
        return -ENOSYS;
    }
}
