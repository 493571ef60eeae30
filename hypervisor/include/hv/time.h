/* SPDX-License-Identifier: MIT */
/*
 * System time: nanoseconds since the hypervisor booted, monotonic and common
 * to all CPUs and domains.
 */
#ifndef HV_TIME_H
#define HV_TIME_H

#include <hv/types.h>

typedef int64_t s_time_t;

#define NSEC_PER_SEC  1000000000LL
#define SECONDS(s)    ((s_time_t)(s)*NSEC_PER_SEC)
#define MILLISECS(ms) ((s_time_t)(ms)*1000000LL)
#define MICROSECS(us) ((s_time_t)(us)*1000LL)
#define S_TIME_MAX    INT64_MAX

s_time_t now_ns(void); /* arch/x86/time.c */

/* UTC of system time 0, in ns since 1970 (arch reads the RTC once at boot;
 * platform_op settime changes it). */
uint64_t wallclock_base_ns(void);
void wallclock_set(uint64_t secs, uint32_t nsecs, s_time_t at_system_time);

#endif
