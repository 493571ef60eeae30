/* SPDX-License-Identifier: MIT */
/*
 * The end of a kit kernel.
 */
#ifndef KIT_POWER_H
#define KIT_POWER_H

#include <kit/types.h>
#include <public/sched.h>

/* SHUTDOWN_* of public/sched.h. */
void power_off(unsigned int reason) NORETURN;

#endif
