/* SPDX-License-Identifier: MIT */
/*
 * Calls between CPUs.
 */
#include <hv/smp.h>

#include <hv/lib.h>
#include <hv/spinlock.h>

#include <asm/apic.h>
#include <asm/smp.h>
#include <asm/x86.h>

cpumask_t cpu_online_map;
unsigned int nr_cpus = 1;

/* One call at a time; the lock guards the call. cpus holds those that have not
 * yet done (wait) or not yet read (no wait) it. */
static spinlock_t call_lock = SPINLOCK_INIT(LOCK_RANK_CALL);
static struct {
    void (*fn)(void *arg);
    void *arg;
    bool wait;
    cpumask_t cpus;
} call;

/* Only to make the CPU pass through its way out. */
static void event_check_interrupt(struct cpu_regs *regs)
{
    (void)regs;
}

void smp_send_event_check(unsigned int cpu)
{
    apic_send_ipi(cpu, VECTOR_EVENT_CHECK);
}

static void call_interrupt(struct cpu_regs *regs)
{
    unsigned int cpu = smp_processor_id();
    void (*fn)(void *) = call.fn;
    void *arg = call.arg;
    bool wait = call.wait;

    (void)regs;
    if (!cpumask_test(&call.cpus, cpu))
        return;
    if (!wait)
        cpumask_clear(&call.cpus, cpu);
    fn(arg);
    if (wait)
        cpumask_clear(&call.cpus, cpu);
}

static void call_others(const cpumask_t *others, void (*fn)(void *), void *arg,
                        bool wait)
{
    spin_lock(&call_lock);
    call.fn = fn;
    call.arg = arg;
    call.wait = wait;
    barrier();
    call.cpus = *others;
    smp_mb();
    apic_send_ipi_mask(others, VECTOR_CALL);
    for (unsigned int i = 0; i < ARRAY_SIZE(call.cpus.bits); i++)
        while (READ_ONCE(call.cpus.bits[i]))
            cpu_relax();
    spin_unlock(&call_lock);
}

void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg,
              bool wait)
{
    unsigned int cpu = smp_processor_id();
    cpumask_t others;

    cpumask_and(&others, mask, &cpu_online_map);
    bit_clear(others.bits, cpu);
    if (!cpumask_empty(&others)) {
        ASSERT(irq_is_enabled());
        call_others(&others, fn, arg, wait);
    }
    if (cpumask_test(mask, cpu)) {
        unsigned long flags = irq_save();

        fn(arg);
        irq_restore(flags);
    }
}

void __init smp_init(void)
{
    irq_vector_set_handler(VECTOR_EVENT_CHECK, event_check_interrupt);
    irq_vector_set_handler(VECTOR_CALL, call_interrupt);
    cpumask_set(&cpu_online_map, 0);
}
