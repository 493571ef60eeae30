/* SPDX-License-Identifier: MIT */
/*
 * A domain's end. domain_kill() goes through steps that can be preempted;
 * what others still hold of the domain (mapped frames) keeps its struct as a
 * zombie. When the last reference is gone a tasklet frees the rest.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/irq.h>
#include <hv/lib.h>
#include <hv/trace.h>
#include <hv/softirq.h>

#include "claim.h"
#include "domain_init.h"
#include "domain_table.h"

/* Domains without references, waiting for the tasklet; lock-free stack. */
static struct domain *reaped;
static struct tasklet reap_tasklet;

static int kill_start(struct domain *d)
{
    TRACE(TRC_DOM0_DOM_REM, d->id);
    WRITE_ONCE(d->life, DOM_DYING);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    claim_consume(d, UINT64_MAX);
    for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
        timer_kill(&d->watchdog[i].timer);
    evtchn_drop_virq_handlers(d);
    return 0;
}

static int kill_vcpus(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        vcpu_timers_kill(v);
        vcpu_info_unmap(v);
    }
    return 0;
}

static int kill_pirqs(struct domain *d)
{
    pirq_domain_destroy(d);
    return 0;
}

/* Nobody's device model any more: its target may go. */
static int kill_target(struct domain *d)
{
    struct domain *target = d->target;

    WRITE_ONCE(d->target, NULL);
    if (target)
        domain_put(target);
    return 0;
}

static int (*const kill_steps[])(struct domain *d) = {
    kill_start, evtchn_domain_destroy,  grant_release_mappings,  kill_vcpus,
    kill_pirqs, arch_domain_relinquish, domain_relinquish_pages, kill_target,
};

/*
 * The caller holds ctl_lock and a reference; the vcpus have been stopped. The
 * table's reference goes with the last step.
 */
int domain_kill(struct domain *d)
{
    if (d->life == DOM_DEAD)
        return 0;
    while (d->kill_step < ARRAY_SIZE(kill_steps)) {
        int rc = kill_steps[d->kill_step](d);

        if (rc)
            return rc;
        d->kill_step++;
    }
    WRITE_ONCE(d->life, DOM_DEAD);
    evtchn_send_global_virq(VIRQ_DOM_EXC);
    domain_put(d);
    return 0;
}

static void reap(void *arg)
{
    struct domain *d = __atomic_exchange_n(&reaped, NULL, __ATOMIC_SEQ_CST);

    (void)arg;
    while (d) {
        struct domain *next = d->reap_next;

        domain_table_remove(d);
        domain_memory_free(d);
        domain_struct_free(d);
        evtchn_send_global_virq(VIRQ_DOM_EXC);
        d = next;
    }
}

/* The last put may come from under any lock: the work is done later. */
void domain_put(struct domain *d)
{
    struct domain *head;

    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_SEQ_CST) != 0)
        return;
    BUG_ON(d->life != DOM_DEAD || d->tot_pages);
    head = __atomic_load_n(&reaped, __ATOMIC_RELAXED);
    do {
        d->reap_next = head;
    } while (!__atomic_compare_exchange_n(&reaped, &head, d, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    tasklet_schedule(&reap_tasklet);
}

void __init domain_kill_init(void)
{
    tasklet_init(&reap_tasklet, reap, NULL);
}
