/* SPDX-License-Identifier: MIT */
/*
 * What a guest can do, each from a few bytes of input: hypercalls with
 * arguments that look valid more often than not, and stores to its memory.
 */
#ifndef FUZZ_HV_OPS_H
#define FUZZ_HV_OPS_H

#include "hv_world.h"
#include "input.h"

/* One action of the vcpu that CPU smp_processor_id() runs. */
void op_run(struct input *in);
/* No preemption, failed allocation or changed argument is due any more. */
void hazards_end(void);

/* Hypercalls of each number: made, and with a result that is no error. */
extern unsigned long calls_made[NR_HYPERCALLS], calls_ok[NR_HYPERCALLS];

#endif
