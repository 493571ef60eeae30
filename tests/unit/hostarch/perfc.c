/* SPDX-License-Identifier: MIT */
/*
 * Counters that nobody reads.
 */
#include <hv/perfc.h>

DEFINE_PER_CPU(struct perfc_cpu, perfc);
