/* SPDX-License-Identifier: MIT */
/*
 * How a long operation inside a multicall asks to be continued: instead of
 * rewinding the guest, hypercall_continue() leaves the new arguments here and
 * do_multicall() stores them into the entry, then continues itself there.
 */
#ifndef HV_MULTICALL_H
#define HV_MULTICALL_H

#include <hv/percpu.h>

struct multicall_state {
    bool active;    /* a multicall's entry is being executed on this CPU */
    bool continued; /* that entry asked to be continued, with args */
    unsigned int nr_args; /* of args; what is behind them is an older call's */
    unsigned long args[6];
};
DECLARE_PER_CPU(struct multicall_state, multicall);

#endif
