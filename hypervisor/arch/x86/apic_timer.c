/* SPDX-License-Identifier: MIT */
/*
 * The one-shot timer of each CPU: the local APIC's, by TSC deadline where
 * there is one, else by counting down.
 */
#include <hv/arch.h>
#include <hv/lib.h>
#include <hv/timer.h>

#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/msr.h>
#include <asm/time.h>
#include <asm/x86.h>

#define MAX_COUNT 0xffffffffU

static uint64_t counts_per_ns __ro_after_init; /* times 2^32 */

static bool use_deadline(void)
{
    return cpu_caps.tsc_deadline;
}

void __init apic_timer_measure_start(void)
{
    apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
    apic_write(APIC_TIMER_INIT, MAX_COUNT);
}

void __init apic_timer_measure_end(uint64_t ns)
{
    uint64_t counted = MAX_COUNT - apic_read(APIC_TIMER_COUNT);

    apic_write(APIC_TIMER_INIT, 0);
    if (!counted)
        panic("The local APIC's timer does not count");
    /* Rounded up: a timer that comes early only has to be set again. */
    counts_per_ns = mul_div(counted, 1UL << 32, ns) + 1;
}

static void timer_vector(struct cpu_regs *regs)
{
    (void)regs;
    timer_interrupt();
}

void apic_timer_init_cpu(void)
{
    irq_vector_set_handler(VECTOR_TIMER, timer_vector);
    apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
    if (use_deadline()) {
        apic_write(APIC_LVT_TIMER, LVT_TIMER_DEADLINE | VECTOR_TIMER);
        /* In xAPIC mode a store to the LVT may be seen after the WRMSR that
         * follows. Intel SDM vol. 3, "TSC-Deadline Mode". */
        __asm__ volatile("mfence" ::: "memory");
    } else {
        apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
    }
}

/* a * b >> 32, of 128 bits; the compiler's type of that size would align the
 * stack. */
static uint64_t mul_shift32(uint64_t a, uint64_t b)
{
    uint64_t high;

    __asm__("mulq %2; shrdq $32, %1, %0"
            : "+a"(a), "=&d"(high)
            : "r"(b)
            : "cc");
    return a;
}

void arch_timer_program(s_time_t deadline)
{
    s_time_t now, left;
    uint64_t count;

    if (deadline == S_TIME_MAX) {
        if (use_deadline())
            wrmsr(MSR_TSC_DEADLINE, 0);
        else
            apic_write(APIC_TIMER_INIT, 0);
        return;
    }
    now = now_ns();
    left = deadline - now;
    if (unlikely(left <= 0)) {
        timer_interrupt();
        return;
    }
    /* A long wait ends early; the softirq then finds nothing due and programs
     * the rest. */
    left = min_t(s_time_t, left, SECONDS(4));
    if (use_deadline()) {
        wrmsr(MSR_TSC_DEADLINE, ns_to_tsc(now + left) + 1);
        return;
    }
    count = mul_shift32((uint64_t)left, counts_per_ns) + 1;
    apic_write(APIC_TIMER_INIT, (uint32_t)min_t(uint64_t, count, MAX_COUNT));
}
