/* SPDX-License-Identifier: MIT */
/*
 * System time from the vcpu's time record, and the singleshot timer.
 */
#ifndef KIT_TIME_H
#define KIT_TIME_H

#include <kit/types.h>

#define NS_PER_MS 1000000UL
#define NS_PER_S  1000000000UL

/* ns since the hypervisor started. */
uint64_t time_now(void);
void time_delay(uint64_t ns);

long timer_set_oneshot(uint64_t deadline_ns, unsigned int flags);
long timer_stop_oneshot(void);
long timer_set_periodic(uint64_t period_ns);
long timer_stop_periodic(void);

#endif
