/* SPDX-License-Identifier: MIT */
/*
 * Processors go and come back while the machine runs. One that goes is parked:
 * it leaves cpu_online_map, has no vcpus, timers or device interrupts, and
 * halts in its idle loop until it is called back. CPU 0 stays: it is where
 * what has no other place goes.
 *
 * Parked, a CPU takes interrupts, so that calls and flushes that began before
 * it left the map end; what changed meanwhile in the hypervisor's own page
 * tables it forgets when it comes back.
 */
#include <hv/arch.h>
#include <hv/evtchn.h>
#include <hv/hotplug.h>
#include <hv/irq.h>
#include <hv/lib.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/timer.h>

#include <public/xen.h>

#include <asm/irqflags.h>

enum park {
    RUNNING,
    PARK, /* by who takes it down; the idle loop sees to it */
    PARKED,
    RETURN /* by who takes it up */
};
static DEFINE_PER_CPU(enum park, park);

/* One CPU at a time goes or comes. */
static bool busy;

static bool begin(void)
{
    return !__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE);
}

static void end(void)
{
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

static void set_park(unsigned int cpu, enum park p)
{
    __atomic_store_n(&per_cpu(park, cpu), p, __ATOMIC_SEQ_CST);
}

static enum park get_park(unsigned int cpu)
{
    return __atomic_load_n(&per_cpu(park, cpu), __ATOMIC_SEQ_CST);
}

/* The other CPU runs nothing but its idle loop: it answers soon. */
static void order(unsigned int cpu, enum park what, enum park until)
{
    set_park(cpu, what);
    smp_send_event_check(cpu);
    while (get_park(cpu) != until)
        cpu_relax();
}

bool cpu_is_to_park(void)
{
    return unlikely(READ_ONCE(this_cpu(park)) == PARK);
}

void cpu_park(void)
{
    unsigned int cpu = smp_processor_id();

    irq_disable();
    if (softirq_is_pending()) {
        irq_enable(); /* the idle loop runs it and comes back */
        return;
    }
    cpumask_clear(&cpu_online_map, cpu);
    arch_timer_program(S_TIME_MAX);
    set_park(cpu, PARKED);
    while (get_park(cpu) != RETURN) {
        arch_idle(); /* leaves interrupts on */
        irq_disable();
    }
    /* In the map first: no change of page tables is missed. */
    cpumask_set(&cpu_online_map, cpu);
    tlb_flush_all_local();
    set_park(cpu, RUNNING);
    irq_enable();
}

static int take_down(unsigned int cpu)
{
    int rc = sched_cpu_remove(cpu);

    if (rc)
        return rc;
    timer_cpu_close(cpu);
    irq_cpu_leave(cpu);
    order(cpu, PARK, PARKED);
    printk(LOG_INFO "CPU %u is offline\n", cpu);
    evtchn_send_global_virq(VIRQ_PCPU_STATE);
    return 0;
}

int cpu_down(unsigned int cpu)
{
    int rc = 0;

    if (cpu >= nr_cpus)
        return -EINVAL;
    if (cpu == 0)
        return -EOPNOTSUPP;
    if (!begin())
        return -EBUSY;
    if (cpumask_test(&cpu_online_map, cpu))
        rc = take_down(cpu);
    end();
    return rc;
}

int cpu_up(unsigned int cpu)
{
    if (cpu >= nr_cpus)
        return -EINVAL;
    if (!begin())
        return -EBUSY;
    if (!cpumask_test(&cpu_online_map, cpu)) {
        order(cpu, RETURN, RUNNING);
        timer_cpu_open(cpu);
        arch_clock_cpu_up(cpu);
        printk(LOG_INFO "CPU %u is online\n", cpu);
    }
    /* One whose leaving was begun and not ended comes back too. */
    sched_cpu_add(cpu);
    end();
    evtchn_send_global_virq(VIRQ_PCPU_STATE);
    return 0;
}
