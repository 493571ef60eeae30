/* SPDX-License-Identifier: MIT */
/*
 * Reading the time record follows its version protocol: an odd or changed
 * version means that the fields were being written.
 */
#include <kit/time.h>

#include <kit/cpu.h>
#include <kit/hypercall.h>

static uint64_t scale(uint64_t delta, uint32_t mul, int shift)
{
    if (shift < 0)
        delta >>= -shift;
    else
        delta <<= shift;
    return (uint64_t)(((unsigned __int128)delta * mul) >> 32);
}

uint64_t time_now(void)
{
    volatile struct vcpu_time_info *t = &this_cpu()->info->time;
    uint32_t version;
    uint64_t now;

    do {
        version = t->version;
        barrier();
        now = t->system_time + scale(rdtsc() - t->tsc_timestamp,
                                     t->tsc_to_system_mul, t->tsc_shift);
        barrier();
    } while ((version & 1) || version != t->version);
    return now;
}

void time_delay(uint64_t ns)
{
    uint64_t end = time_now() + ns;

    while (time_now() < end)
        cpu_relax();
}

long timer_set_oneshot(uint64_t deadline_ns, unsigned int flags)
{
    struct vcpu_set_singleshot_timer op = {.timeout_abs_ns = deadline_ns,
                                           .flags = flags};

    return hc_vcpu_op(VCPUOP_set_singleshot_timer, this_cpu()->id, &op);
}

long timer_stop_oneshot(void)
{
    return hc_vcpu_op(VCPUOP_stop_singleshot_timer, this_cpu()->id, NULL);
}

long timer_set_periodic(uint64_t period_ns)
{
    struct vcpu_set_periodic_timer op = {.period_ns = period_ns};

    return hc_vcpu_op(VCPUOP_set_periodic_timer, this_cpu()->id, &op);
}

long timer_stop_periodic(void)
{
    return hc_vcpu_op(VCPUOP_stop_periodic_timer, this_cpu()->id, NULL);
}
