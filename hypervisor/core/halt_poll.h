/* SPDX-License-Identifier: MIT */
/*
 * Halt polling. A vcpu that is to sleep and is woken at once pays for two
 * context switches and for the interrupt that wakes its CPU. Vcpus that talk to
 * each other across CPUs do so at every message. So one whose last sleeps were
 * short stays on its CPU for a while and looks at its flags; who wakes it then
 * has nothing to do but clear them.
 *
 * Only where it costs nobody anything: nobody else waits for the CPU, and the
 * domain's time is not capped. And only where another CPU can end the sleep: a
 * machine with one never does it.
 *
 * It looks for up to HALT_POLL_NS: twice as long as the last time after a sleep
 * that was shorter than that limit but longer than the look; not at all after a
 * sleep that was longer.
 */
#ifndef CORE_HALT_POLL_H
#define CORE_HALT_POLL_H

#include <hv/domain.h>

#define HALT_POLL_NS     MICROSECS(200)
#define HALT_POLL_MIN_NS MICROSECS(10)

/* The current vcpu has said that it sleeps (VPF_BLOCKED) and found no reason
 * not to. Interrupts on, no lock held. True: it was woken. False: it must go to
 * the scheduler. */
bool halt_poll(struct vcpu *v) MUST_CHECK;

#endif
