/* SPDX-License-Identifier: MIT */
/* The fast lane of ptwr.c. */
#ifndef PV_PTWR_QUICK_H
#define PV_PTWR_QUICK_H

#include <asm/regs.h>
#include <hv/types.h>

struct domain;

/*
 * The store of d, which runs, that faulted at addr, a read-only mapping of its
 * L1 table m, if it is of the most frequent kind: done, rip behind it. False:
 * not done, for whatever reason.
 */
bool pv_ptwr_quick(const struct domain *d, unsigned long addr, mfn_t m,
                   struct cpu_regs *regs) MUST_CHECK;

#endif
