/* SPDX-License-Identifier: MIT */
/* How many file descriptors a daemon may have. */
#ifndef LIBS_DAEMON_FILES_H
#define LIBS_DAEMON_FILES_H

/*
 * As many as allowed, for a daemon that needs some for every guest: the usual
 * limit of 1024 is gone after some hundreds. Call it before anything is opened;
 * what is lacking still then shows where a descriptor is made (EMFILE).
 */
void files_raise_limit(void);

#endif
