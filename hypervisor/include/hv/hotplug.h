/* SPDX-License-Identifier: MIT */
/*
 * Processors that go offline and come back (core/cpu_hotplug.c).
 */
#ifndef HV_HOTPLUG_H
#define HV_HOTPLUG_H

#include <hv/types.h>

/*
 * From a hypercall, no lock held, interrupts on. Nothing to do is no error.
 * -EINVAL: there is no such CPU. -EOPNOTSUPP: CPU 0 stays. -EBUSY: another one
 * is on its way, or it is the last of a pool with domains. -EADDRINUSE: a vcpu
 * is bound to it. -ERESTART: to be called again; until then it may be either.
 */
int cpu_down(unsigned int cpu) MUST_CHECK;
int cpu_up(unsigned int cpu) MUST_CHECK;

/* For the idle loop, interrupts on: is this CPU to go? Then cpu_park(), which
 * returns when it is back, or at once if there is something else to do. */
bool cpu_is_to_park(void);
void cpu_park(void);

#endif
