/* SPDX-License-Identifier: MIT */
/*
 * Where a guest kernel wants to be entered: trap table, callbacks, stack.
 * Addresses are checked to be canonical when they are set, since SYSRET to
 * another one would fault in ring 0.
 */
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <public/callback.h>
#include <public/nmi.h>

#include <asm/page.h>
#include <asm/pv/bounce.h>
#include <asm/pv/desc.h>
#include <asm/x86.h>

long do_set_trap_table(unsigned long traps)
{
    struct pv_trap *table = current->arch.trap_table;

    if (!traps) {
        memset(table, 0, 256 * sizeof(*table));
        return 0;
    }
    for (;; traps += sizeof(struct trap_info)) {
        struct trap_info t;

        if (copy_from_guest_va(&t, traps, sizeof(t)))
            return -EFAULT;
        if (!t.address)
            return 0;
        if (!CANONICAL(t.address))
            return -EINVAL;
        table[t.vector] = (struct pv_trap){
            .address = t.address,
            .cs = pv_fix_sel(t.cs),
            .flags = t.flags,
        };
        /* The guest decides how long its table is. */
        if (hypercall_preempt_check())
            return hypercall_continue(__HYPERVISOR_set_trap_table, 1,
                                      traps + sizeof(t));
    }
}

static long callback_set(struct arch_vcpu *a, unsigned int type, uint64_t addr,
                         bool mask)
{
    if (!CANONICAL(addr))
        return -EINVAL;
    switch (type) {
    case CALLBACKTYPE_event:
        a->event_callback = addr;
        return 0;
    case CALLBACKTYPE_failsafe:
        a->failsafe_callback = addr;
        a->failsafe_masks = mask;
        return 0;
    case CALLBACKTYPE_syscall:
        a->syscall_callback = addr;
        a->syscall_masks = mask;
        return 0;
    case CALLBACKTYPE_syscall32:
        a->syscall32_callback = addr;
        a->syscall32_masks = mask;
        return 0;
    case CALLBACKTYPE_sysenter:
        a->sysenter_callback = addr;
        a->sysenter_masks = mask;
        return 0;
    case CALLBACKTYPE_nmi:
        a->nmi_callback = addr;
        return 0;
    default:
        return -ENOSYS;
    }
}

long do_set_callbacks(unsigned long event, unsigned long failsafe,
                      unsigned long syscall)
{
    struct arch_vcpu *a = &current->arch;

    if (!CANONICAL(event) || !CANONICAL(failsafe) || !CANONICAL(syscall))
        return -EINVAL;
    a->event_callback = event;
    a->failsafe_callback = failsafe;
    a->syscall_callback = syscall;
    return 0;
}

static long callback_register(unsigned long arg)
{
    struct callback_register r;

    if (copy_from_guest_va(&r, arg, sizeof(r)))
        return -EFAULT;
    return callback_set(&current->arch, r.type, r.address,
                        r.flags & CALLBACKF_mask_events);
}

/* The event and failsafe callbacks cannot be taken away. */
static long callback_unregister(unsigned long arg)
{
    struct callback_unregister u;

    if (copy_from_guest_va(&u, arg, sizeof(u)))
        return -EFAULT;
    if (u.type == CALLBACKTYPE_event || u.type == CALLBACKTYPE_failsafe ||
        u.type == CALLBACKTYPE_syscall)
        return -EINVAL;
    return callback_set(&current->arch, u.type, 0, false);
}

long do_callback_op(unsigned long cmd, unsigned long arg)
{
    switch (cmd) {
    case CALLBACKOP_register:
        return callback_register(arg);
    case CALLBACKOP_unregister:
        return callback_unregister(arg);
    default:
        return -ENOSYS;
    }
}

long do_nmi_op(unsigned long cmd, unsigned long arg)
{
    struct xennmi_callback cb;

    switch (cmd) {
    case XENNMI_register_callback:
        if (current->id != 0)
            return -EINVAL;
        if (copy_from_guest_va(&cb, arg, sizeof(cb)))
            return -EFAULT;
        return callback_set(&current->arch, CALLBACKTYPE_nmi,
                            cb.handler_address, false);
    case XENNMI_unregister_callback:
        return callback_set(&current->arch, CALLBACKTYPE_nmi, 0, false);
    default:
        return -ENOSYS;
    }
}

/* A program of the guest used the FPU while it must not: see guest_nm(). */
long do_fpu_taskswitch(unsigned long set)
{
    current->arch.cr0_ts = set != 0;
    if (set)
        stts();
    else
        clts();
    return 0;
}
