/* SPDX-License-Identifier: MIT */
/*
 * multicall: a list of hypercalls, executed in order; each has its result in
 * its entry, a failure does not stop the list. An entry is read whole before
 * it is executed: it may itself change what is mapped.
 */
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/multicall.h>
#include <hv/softirq.h>

#include <public/xen.h>

DEFINE_PER_CPU(struct multicall_state, multicall);

#define ENTRY_SIZE sizeof(struct multicall_entry)
#define FIELD(f)   offsetof(struct multicall_entry, f)

/* hypercall_preempt_check(), in line: this is asked after every entry. */
static inline bool must_give_way(void)
{
    return unlikely(softirq_is_pending()) ||
           unlikely(vcpu_events_pending(current));
}

/* What is left of the list. */
struct rest {
    guest_va_t calls;
    unsigned long count;
};

/* An entry asked to be continued: its new arguments; others stay as they are.
 * Not in line, or their addresses would be kept at hand for it all the time. */
static NOINLINE int store_args(guest_va_t e, const struct multicall_state *mc)
{
    return copy_to_guest_va(e + FIELD(args), mc->args,
                            mc->nr_args * sizeof(mc->args[0]));
}

/* -ERESTART: to be continued at *rest. The range was checked; words are read
 * and written one by one, straight from and to registers. */
static ALWAYS_INLINE long run(const struct multicall_state *mc,
                              struct rest *rest, bool watched)
{
    unsigned long count = rest->count;
    guest_va_t e = rest->calls;

    for (;;) {
        unsigned long op, a1, a2, a3, a4, a5, a6;
        long result = -ENOSYS;

        guest_load(op, e + FIELD(op), fault);
        guest_load(a1, e + FIELD(args[0]), fault);
        guest_load(a2, e + FIELD(args[1]), fault);
        guest_load(a3, e + FIELD(args[2]), fault);
        guest_load(a4, e + FIELD(args[3]), fault);
        guest_load(a5, e + FIELD(args[4]), fault);
        guest_load(a6, e + FIELD(args[5]), fault);
        if (watched && op < NR_HYPERCALLS) {
            const unsigned long args[6] = {a6, a5, a4, a3, a2, a1};

            watch_subcall((unsigned int)op, args);
        }
        if (likely(op < NR_HYPERCALLS))
            result = multicall_table[index_nospec_pow2(op, NR_HYPERCALLS)](
                a1, a2, a3, a4, a5, a6);
        if (unlikely(mc->continued)) {
            if (store_args(e, mc))
                return -EFAULT;
            break;
        }
        guest_store(e + FIELD(result), result, fault);
        e += ENTRY_SIZE;
        if (--count == 0)
            return 0;
        if (must_give_way())
            break;
    }
    *rest = (struct rest){e, count};
    return -ERESTART;
fault:
    return -EFAULT;
}

/* Somebody wants to know of every hypercall. */
static NOINLINE long run_watched(const struct multicall_state *mc,
                                 struct rest *rest)
{
    return run(mc, rest, true);
}

long do_multicall(unsigned long calls, unsigned long count)
{
    struct multicall_state *mc = &this_cpu(multicall);
    struct rest rest = {calls, (uint32_t)count};
    long rc;

    count = rest.count;
    if (!guest_range_ok(calls, count * ENTRY_SIZE))
        return -EFAULT;
    if (!count)
        return 0;
    rest.calls = outside_hv_slots(calls);
    mc->active = true;
    mc->continued = false;
    if (unlikely(READ_ONCE(hypercall_dispatch) != hypercall_table))
        rc = run_watched(mc, &rest);
    else
        rc = run(mc, &rest, false);
    mc->active = false;
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_multicall, 2, rest.calls,
                                  rest.count);
    return rc;
}
