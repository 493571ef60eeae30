/* SPDX-License-Identifier: MIT */
/*
 * Which file the log goes to, opened anew on request and kept small: guests
 * cause lines, so neither they nor time may fill dom0's disk. A log of more
 * than logkeep_max_bytes is renamed to NAME.1, in place of the one there.
 */
#ifndef XENSTORED_LOGKEEP_H
#define XENSTORED_LOGKEEP_H

#include <stdint.h>

extern int64_t logkeep_max_bytes;

/* Log to this file from now on. 0 or -errno, and as before. */
int logkeep_open(const char *path);
/* If no file was named: the default one, or syslog. */
void logkeep_default(void);
/* Somebody moved the file away: begin it anew. */
void logkeep_reopen(void);
/* Look at the size, at most once a second. */
void logkeep_check(uint64_t now_ms);

#endif
