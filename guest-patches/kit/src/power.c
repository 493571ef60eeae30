/* SPDX-License-Identifier: MIT */
/*
 * Shutdown of the domain; of the machine, for the control domain.
 */
#include <kit/power.h>

#include <kit/hypercall.h>

void power_off(unsigned int reason)
{
    struct sched_shutdown op = {.reason = reason};

    for (;;)
        hc_sched_op(SCHEDOP_shutdown, &op);
}
