/* SPDX-License-Identifier: MIT */
/*
 * Console keys of core/dump.c.
 */
#ifndef CORE_DUMP_H
#define CORE_DUMP_H

void dump_init(void);

#endif
