/* SPDX-License-Identifier: MIT */
/*
 * How a vcpu goes to sleep in the hypervisor and what wakes it. No lock is
 * taken; tests/model/sleep.c tries all orders of the steps.
 *
 * The rule: who sleeps says so first and looks for a reason to be awake then;
 * who has such a reason sets it first and looks for sleepers then. All of
 * these are full barriers.
 *
 * A vcpu in SCHEDOP_poll has a bit in the domain's poll_mask, by which senders
 * to masked ports find it. Whoever wakes it takes that bit before the flags:
 * as soon as the flags are gone the vcpu may poll again, and a bit taken after
 * them could be the new poll's, whose wake-up would be lost. A bit that is the
 * new poll's already when it is taken does no harm: its flags are taken next.
 * So a poll may end for nothing, and a bit may be left over; senders that find
 * one look at the flags.
 */
#include <hv/domain.h>

#include <hv/lib.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/trace.h>

#include "halt_poll.h"

void vcpu_wake(struct vcpu *v)
{
    if (READ_ONCE(v->pause_flags) == 0 && READ_ONCE(v->pause_count) == 0) {
        TRACE(TRC_SCHED_WAKE, v->domain->id, v->id);
        sched_wake(v);
    }
}

/* Says if it was asleep and is not now. */
static NOINLINE bool unblock(struct vcpu *v)
{
    unsigned long old = READ_ONCE(v->pause_flags);

    if (!(old & VPF_BLOCKED))
        return false;
    if (old & VPF_POLLING)
        bit_clear_atomic(v->domain->evtchn.poll_mask, v->id);
    old = __atomic_fetch_and(&v->pause_flags, ~(VPF_BLOCKED | VPF_POLLING),
                             __ATOMIC_SEQ_CST);
    if (!(old & VPF_BLOCKED))
        return false;
    vcpu_wake(v);
    return true;
}

void vcpu_unblock(struct vcpu *v)
{
    (void)unblock(v);
}

/*
 * Pairs with the exit path: it reads the event bits with interrupts off, so an
 * IPI sent after they were set cannot be missed. None is sent to one that slept
 * until now: if it had not left its CPU yet, it must see that its flag is gone
 * before it takes the exit path, and so it sees the event bits there.
 */
void vcpu_kick(struct vcpu *v)
{
    if (unlikely(READ_ONCE(v->pause_flags) & VPF_BLOCKED) && unblock(v))
        return;
    if (v != current && READ_ONCE(v->is_running))
        smp_send_event_check(READ_ONCE(v->processor));
}

static void sleep_here(struct vcpu *v)
{
    if (!halt_poll(v))
        softirq_raise(SOFTIRQ_SCHEDULE);
}

void vcpu_block(void)
{
    struct vcpu *v = current;

    WRITE_ONCE(v->vcpu_info->evtchn_upcall_mask, 0);
    __atomic_fetch_or(&v->pause_flags, VPF_BLOCKED, __ATOMIC_SEQ_CST);
    if (READ_ONCE(v->vcpu_info->evtchn_upcall_pending) || v->arch.nmi_pending) {
        __atomic_fetch_and(&v->pause_flags, ~VPF_BLOCKED, __ATOMIC_SEQ_CST);
    } else {
        TRACE(TRC_SCHED_BLOCK, v->domain->id, v->id);
        sleep_here(v);
    }
}

void vcpu_poll_begin(void)
{
    struct vcpu *v = current;

    WRITE_ONCE(v->poll_port, POLL_ANY_PORT);
    __atomic_fetch_or(&v->pause_flags, VPF_BLOCKED | VPF_POLLING,
                      __ATOMIC_SEQ_CST);
    bit_set_atomic(v->domain->evtchn.poll_mask, v->id);
}

void vcpu_poll_cancel(void)
{
    struct vcpu *v = current;

    bit_clear_atomic(v->domain->evtchn.poll_mask, v->id);
    __atomic_fetch_and(&v->pause_flags, ~(VPF_BLOCKED | VPF_POLLING),
                       __ATOMIC_SEQ_CST);
}

void vcpu_poll_sleep(uint32_t port)
{
    struct vcpu *v = current;

    WRITE_ONCE(v->poll_port, port);
    sleep_here(v);
}

/* A poller may wait for a port that is masked. */
void vcpu_wake_pollers_of(struct domain *d, uint32_t port)
{
    for (unsigned int w = 0; w < ARRAY_SIZE(d->evtchn.poll_mask); w++) {
        uint64_t m = __atomic_load_n(&d->evtchn.poll_mask[w], __ATOMIC_SEQ_CST);

        for (; m; m &= m - 1) {
            struct vcpu *v = d->vcpu[w * 64 + (unsigned int)__builtin_ctzl(m)];
            uint32_t wanted = READ_ONCE(v->poll_port);

            if (wanted == port || wanted == POLL_ANY_PORT)
                vcpu_unblock(v);
        }
    }
}
