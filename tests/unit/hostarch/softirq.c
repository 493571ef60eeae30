/* SPDX-License-Identifier: MIT */
/* Softirqs are noted; the test runs them when it wants to. */
#include <hostarch.h>
#include <hv/softirq.h>

unsigned long host_softirqs[MAX_CPUS];
static softirq_fn handlers[NR_SOFTIRQS];

void softirq_register(enum softirq nr, softirq_fn fn)
{
    handlers[nr] = fn;
}

void softirq_raise_on(unsigned int cpu, enum softirq nr)
{
    bit_set_atomic(&host_softirqs[cpu], nr);
}

void softirq_raise(enum softirq nr)
{
    softirq_raise_on(smp_processor_id(), nr);
}

void softirq_run(void)
{
    unsigned long *pending = &host_softirqs[smp_processor_id()];

    for (unsigned int nr = 0; nr < NR_SOFTIRQS; nr++)
        if (bit_test_and_clear_atomic(pending, nr) && handlers[nr] != NULL)
            handlers[nr]();
}
