/* SPDX-License-Identifier: MIT */
/*
 * Deferred work: a bit per kind in struct cpu_info, and a queue of tasklets per
 * CPU.
 */
#include <hv/lib.h>
#include <hv/perfc.h>
#include <hv/smp.h>
#include <hv/softirq.h>

#include <asm/irqflags.h>

static softirq_fn handler[NR_SOFTIRQS] __ro_after_init;

/* This CPU's tasklets in order; only touched with interrupts off. */
struct tasklet_queue {
    struct tasklet *first, *last;
};
static DEFINE_PER_CPU(struct tasklet_queue, tasklets);

void softirq_register(enum softirq nr, softirq_fn fn)
{
    ASSERT(nr < NR_SOFTIRQS && !handler[nr]);
    handler[nr] = fn;
}

void softirq_raise(enum softirq nr)
{
    bit_set_atomic(&get_cpu_info()->softirqs, nr);
}

void softirq_raise_on(unsigned int cpu, enum softirq nr)
{
    /* Whoever sets a bit that was clear sends the interrupt. */
    if (!bit_test_and_set_atomic(&cpu_info_of(cpu)->softirqs, nr) &&
        cpu != smp_processor_id())
        smp_send_event_check(cpu);
}

void softirq_run(void)
{
    unsigned long pending;

    while ((pending = READ_ONCE(get_cpu_info()->softirqs))) {
        unsigned int nr = (unsigned int)__builtin_ctzl(pending);

        bit_clear_atomic(&get_cpu_info()->softirqs, nr);
        perfc_inc_softirq(nr);
        if (handler[nr])
            handler[nr]();
    }
}

void tasklet_init(struct tasklet *t, void (*fn)(void *arg), void *arg)
{
    *t = (struct tasklet){.fn = fn, .arg = arg};
}

void tasklet_schedule(struct tasklet *t)
{
    struct tasklet_queue *q;
    unsigned long flags;

    if (__atomic_exchange_n(&t->queued, true, __ATOMIC_ACQ_REL))
        return;
    flags = irq_save();
    q = &this_cpu(tasklets);
    t->next = NULL;
    if (q->first)
        q->last->next = t;
    else
        q->first = t;
    q->last = t;
    softirq_raise(SOFTIRQ_TASKLET);
    irq_restore(flags);
}

/* One per call: other softirqs come first again in between. */
static void tasklet_run(void)
{
    unsigned long flags = irq_save();
    struct tasklet_queue *q = &this_cpu(tasklets);
    struct tasklet *t = q->first;

    if (t) {
        q->first = t->next;
        if (q->first)
            softirq_raise(SOFTIRQ_TASKLET);
    }
    irq_restore(flags);
    if (!t)
        return;
    /* From here on it may be scheduled again, by its own function too. */
    __atomic_store_n(&t->queued, false, __ATOMIC_RELEASE);
    t->fn(t->arg);
}

void softirq_init(void)
{
    softirq_register(SOFTIRQ_TASKLET, tasklet_run);
}
