/* SPDX-License-Identifier: MIT */
/*
 * How long a vcpu has spent in each run state (ABI: vcpu_runstate_info).
 */
#ifndef CORE_RUNSTATE_H
#define CORE_RUNSTATE_H

#include <hv/time.h>

struct vcpu;

/* Enter a state now; the caller holds the run queue lock of v. */
void runstate_change(struct vcpu *v, int state, s_time_t now);

#endif
