/* SPDX-License-Identifier: MIT */
/* A clock that stands still until the test moves it. */
#include <hostarch.h>

s_time_t host_now;
s_time_t host_timer_deadline[MAX_CPUS];

s_time_t now_ns(void)
{
    return host_now;
}

void arch_timer_program(s_time_t deadline)
{
    host_timer_deadline[smp_processor_id()] = deadline;
}
