/* SPDX-License-Identifier: MIT */
/*
 * A log file that starts over when it grows too big: console-x.log, then
 * console-x.log.1 (newest of the old ones), .2 and so on.
 */
#ifndef CONSOLED_LOGFILE_H
#define CONSOLED_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Set once from the command line. */
struct logfile_policy {
    const char *dir; /* NULL: no logs of guests */
    uint64_t max_bytes;
    unsigned int keep; /* old files kept */
};
extern struct logfile_policy logfile_policy;

struct logfile;

/*
 * prefix + name + ".log" in the policy's directory; name comes from a guest's
 * owner and is made harmless. NULL: no log (said why in the daemon's log). A
 * file that cannot be opened now is tried again with each write.
 */
struct logfile *logfile_open(const char *prefix, const char *name);
/* Never blocks for long, never fails: a full disk loses text, and says so. */
void logfile_write(struct logfile *lf, const char *buf, size_t len);
void logfile_close(struct logfile *lf);
/* Whoever moved the files away gets new ones in their place. */
void logfile_reopen_all(void);

/* name with only letters, digits, '.', '_', '-', and no leading dot. */
void logfile_safe_name(const char *name, char *out, size_t room);

#endif
