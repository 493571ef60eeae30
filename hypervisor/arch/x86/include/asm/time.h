/* SPDX-License-Identifier: MIT */
/*
 * Time on x86: the TSC, scaled per CPU to nanoseconds the way guests do it
 * (public/xen.h, vcpu_time_info), and the clocks it is measured against.
 */
#ifndef ASM_TIME_H
#define ASM_TIME_H

#include <hv/time.h>

struct vcpu_time_info;

extern uint32_t tsc_khz;

/* A counter of known frequency that does not depend on the CPU. */
struct ref_clock {
    const char *name;
    uint64_t hz;
    uint64_t mask;
    uint64_t (*read)(void);
};
/* refclock.c: the best there is, HPET, ACPI PM timer, PIT, or the one that
 * the command line names. */
const struct ref_clock *ref_clock_find(void);
/* The command line wants no clock but the TSC once that is measured. */
bool ref_clock_is_tsc(void);
/* The one that was found; reading it is for one CPU at a time. */
extern const struct ref_clock *ref_clock;

/* TSC and reference clock at the same moment, give or take half the window,
 * which is in ticks of the TSC. */
struct clock_sample {
    uint64_t tsc, ref, window;
};
struct clock_sample clock_sample(void);

/* Boot CPU: measure the TSC for a few ms; system time starts. */
void time_init(void);
/* Measure again over all the time since then, without waiting. After all CPUs
 * are up, before the first guest runs. */
void time_refine(void);
/* On a CPU that comes up; then on the boot CPU, which compares the TSCs.
 * Always true: a CPU with another TSC gets a scale of its own. */
void time_init_cpu(void);
bool time_sync_cpu(unsigned int cpu);
void time_sync_answer(void); /* on the other CPU at the same time */

/* The one-shot timer of the local APIC. */
void apic_timer_measure_start(void);
void apic_timer_measure_end(uint64_t ns);
void apic_timer_init_cpu(void);
/* Scaled as the CPU's TSC_DEADLINE register wants it. */
uint64_t ns_to_tsc(s_time_t at);

/* This CPU's system time at a value of its TSC. */
s_time_t tsc_to_ns(uint64_t tsc);
/* It goes on with ns at that value, at hz ticks per second. */
void time_set_course(uint64_t tsc, s_time_t ns, uint64_t hz);

/* platform_clock.c. Boot, after time_refine(): decide whether the TSC is
 * trusted, watched or followed. */
void platform_clock_init(void);
void platform_clock_show(void); /* console key */

/* Fill tsc_timestamp, system_time, scale and flags for this CPU. */
void time_fill_record(struct vcpu_time_info *t);
/* All CPUs' TSCs are one: a guest may compare readings of different vcpus. */
bool tsc_is_stable(void);
/* From now on not; each vcpu is told with its next record. */
void tsc_set_unstable(void);

/* rtc.c: seconds since 1970 from the battery clock. */
uint64_t rtc_read(void);
/* Boot CPU, once time runs. */
void wallclock_init(void);

#endif
