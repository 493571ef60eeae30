/* SPDX-License-Identifier: MIT */
/* Which guests have consoles: followed through the store. */
#ifndef CONSOLED_GUESTS_H
#define CONSOLED_GUESTS_H

/* Connect to the store and open the consoles of all guests. 0 or -errno. */
int guests_start(void);
/*
 * Handle what the store announced; after each round of the loop, because
 * answers to our own requests may have brought announcements along. -errno
 * when the store is gone.
 */
int guests_run(void);
void guests_stop(void);

#endif
