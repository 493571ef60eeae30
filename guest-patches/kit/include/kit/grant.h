/* SPDX-License-Identifier: MIT */
/*
 * The domain's own grant table, version 1.
 */
#ifndef KIT_GRANT_H
#define KIT_GRANT_H

#include <kit/types.h>
#include <public/grant_table.h>

/* References below are reserved for console and xenstore. */
#define GRANT_FIRST 8

extern volatile struct grant_entry_v1 *grant_table;

/* Set up and map the first `nr_frames` frames; a negative error if refused. */
long grant_init(unsigned int nr_frames);

void grant_access(unsigned int ref, unsigned int domid, uint64_t mfn,
                  bool readonly);

/* Withdraw; false while the grant is in use. */
bool grant_end(unsigned int ref);

#endif
