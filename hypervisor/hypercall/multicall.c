/* SPDX-License-Identifier: MIT */
/*
 * multicall: a list of hypercalls, executed in order; each has its result in
 * its entry, a failure does not stop the list. An entry is read whole before
 * it is executed: it may itself change what is mapped.
 */
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/multicall.h>

#include <public/xen.h>

DEFINE_PER_CPU(struct multicall_state, multicall);

static long call_entry(const struct multicall_entry *e)
{
    if (e->op >= NR_HYPERCALLS)
        return -ENOSYS;
    if (e->op == __HYPERVISOR_iret || e->op == __HYPERVISOR_multicall)
        return -EINVAL;
    return hypercall_table[index_nospec(e->op, NR_HYPERCALLS)](
        e->args[0], e->args[1], e->args[2], e->args[3], e->args[4], e->args[5]);
}

/* Write the result, or the arguments to go on with. */
static int finish_entry(guest_va_t entry, const struct multicall_state *mc,
                        long result)
{
    if (mc->continued)
        return copy_to_guest_va(entry + offsetof(struct multicall_entry, args),
                                mc->args, sizeof(mc->args));
    return copy_to_guest_va(entry + offsetof(struct multicall_entry, result),
                            &result, sizeof(result));
}

long do_multicall(unsigned long calls, unsigned long count)
{
    struct multicall_state *mc = &this_cpu(multicall);

    count = (uint32_t)count;
    if (!guest_range_ok(calls, count * sizeof(struct multicall_entry)))
        return -EFAULT;
    for (; count; count--, calls += sizeof(struct multicall_entry)) {
        struct multicall_entry e;
        long result;

        if (copy_from_guest_va(&e, calls, sizeof(e)))
            return -EFAULT;
        *mc = (struct multicall_state){.active = true};
        result = call_entry(&e);
        mc->active = false;
        if (finish_entry(calls, mc, result))
            return -EFAULT;
        if (mc->continued)
            return hypercall_continue(__HYPERVISOR_multicall, 2, calls, count);
        if (count > 1 && hypercall_preempt_check())
            return hypercall_continue(__HYPERVISOR_multicall, 2,
                                      calls + sizeof(e), count - 1);
    }
    return 0;
}
