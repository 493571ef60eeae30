/* SPDX-License-Identifier: MIT */
/*
 * Small hypercalls: vm_assist, set_timer_op, xenpmu_op.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

/* A bound far beyond any real deadline: such a timer is armed for this long
 * and then early, as guests with wrapped arithmetic rely on. */
#define FAR_FUTURE_NS SECONDS(30LL * 24 * 3600)

static const unsigned long assists =
    BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |
    BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |
    BIT(VMASST_TYPE_architectural_iopl) |
    BIT(VMASST_TYPE_runstate_update_flag) | BIT(VMASST_TYPE_m2p_strict);

long do_vm_assist(unsigned long cmd, unsigned long type)
{
    struct domain *d = current->domain;

    type = (uint32_t)type;
    if (type >= 64 || !(assists & BIT(type)))
        return -EINVAL;
    switch ((uint32_t)cmd) {
    case VMASST_CMD_enable:
        bit_set_atomic(&d->vm_assist, type);
        arch_vm_assist_changed(d);
        return 0;
    case VMASST_CMD_disable:
        bit_clear_atomic(&d->vm_assist, type);
        arch_vm_assist_changed(d);
        return 0;
    default:
        return -ENOSYS;
    }
}

long do_set_timer_op(unsigned long deadline_ns)
{
    struct vcpu *v = current;
    s_time_t deadline = (s_time_t)deadline_ns, now;

    if (deadline_ns == 0) {
        timer_stop(&v->singleshot_timer);
        return 0;
    }
    if (deadline < 0 || deadline > FAR_FUTURE_NS) {
        now = now_ns();
        if (deadline < 0 || deadline - now > FAR_FUTURE_NS)
            deadline = now + MILLISECS(100);
    }
    vcpu_timers_migrate(v);
    timer_set(&v->singleshot_timer, deadline);
    return 0;
}

/* The counters of the processors are not given to guests. */
long do_xenpmu_op(unsigned long cmd, unsigned long arg)
{
    (void)cmd;
    (void)arg;
    return permit(__HYPERVISOR_xenpmu_op, 0);
}
