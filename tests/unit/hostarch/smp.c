/* SPDX-License-Identifier: MIT */
/* Calls between CPUs happen at once, the test playing each CPU in turn. */
#include <hostarch.h>
#include <hv/smp.h>

unsigned int host_event_checks[MAX_CPUS];

void smp_send_event_check(unsigned int cpu)
{
    host_event_checks[cpu]++;
}

void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg,
              bool wait)
{
    unsigned int self = smp_processor_id();
    unsigned int cpu;

    (void)wait;
    for_each_cpu (cpu, mask) {
        host_run_on(cpu);
        fn(arg);
    }
    host_run_on(self);
}

void (*host_on_relax)(void);

void host_cpu_relax(void)
{
    if (host_on_relax != NULL)
        host_on_relax();
}
