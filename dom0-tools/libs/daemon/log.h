/* SPDX-License-Identifier: MIT */
/* A daemon's log: time-stamped lines to a file, standard error, or syslog. */
#ifndef LIBS_DAEMON_LOG_H
#define LIBS_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Who speaks; a string that stays. */
void log_name(const char *name);
/* Append to this file from now on. 0 or -errno (and as before). */
int log_open(const char *path);
/*
 * For a daemon in the background whose user named no file: LOG_DIR/name.log,
 * or syslog if that cannot be written.
 */
#define LOG_DIR "/var/log/trellis"
void log_open_default(void);

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Milliseconds of a clock that only goes forward; never 0. */
uint64_t log_now_ms(void);

#endif
