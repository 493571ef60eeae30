/* SPDX-License-Identifier: MIT */
/*
 * Going to the background. The first process waits for the second one's word,
 * so that whoever started the daemon can use it as soon as the call returned.
 */
#ifndef LIBS_DAEMON_DETACH_H
#define LIBS_DAEMON_DETACH_H

/*
 * Returns 0 in the new process (mappings made before may not survive this: call
 * it first). The old one exits with 0 after detach_ready(), with 1 when the new
 * one ends without it.
 */
int detach_begin(void);
/* Serving now. Does nothing without detach_begin(). */
void detach_ready(void);

/* Write our process id; NULL: nowhere. 0 or -errno. */
int detach_pid_file(const char *path);

#endif
