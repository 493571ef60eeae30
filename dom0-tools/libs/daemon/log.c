/* SPDX-License-Identifier: MIT */
/* A daemon's log: see log.h. */
#include "libs/daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

static FILE *file;
static bool to_syslog;
static const char *name = "daemon";

void log_name(const char *who)
{
    name = who;
}

int log_open(const char *path)
{
    FILE *f = fopen(path, "ae");

    if (f == NULL)
        return -errno;
    setvbuf(f, NULL, _IOLBF, 0);
    if (file != NULL)
        fclose(file);
    file = f;
    return 0;
}

void log_open_default(void)
{
    char path[128];

    if (file != NULL)
        return;
    /* Most often it is there already. */
    (void)mkdir(LOG_DIR, 0755);
    snprintf(path, sizeof(path), "%s/%s.log", LOG_DIR, name);
    to_syslog = log_open(path) != 0;
}

void log_line(const char *fmt, ...)
{
    FILE *f = file != NULL ? file : stderr;
    char when[32];
    struct tm tm;
    time_t now;
    va_list ap;

    va_start(ap, fmt);
    if (file == NULL && to_syslog) {
        vsyslog(LOG_DAEMON | LOG_NOTICE, fmt, ap);
    } else {
        now = time(NULL);
        gmtime_r(&now, &tm);
        strftime(when, sizeof(when), "%FT%TZ", &tm);
        fprintf(f, "%s %s: ", when, name);
        vfprintf(f, fmt, ap);
        fputc('\n', f);
    }
    va_end(ap);
}

uint64_t log_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000U + (uint64_t)ts.tv_nsec / 1000000U + 1;
}
