/* SPDX-License-Identifier: MIT */
/* The daemon's log file, begun anew when asked or grown: see logkeep.h. */
#include "logkeep.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/daemon/log.h"

#define CHECK_EVERY_MS 1000U

int64_t logkeep_max_bytes = 4 * 1024 * 1024;

/* Absolute, as the daemon leaves the folder it was started in; "": none. */
static char file[PATH_MAX];
static uint64_t checked_ms;

int logkeep_open(const char *path)
{
    char full[PATH_MAX];
    int rc = log_open(path);

    if (rc != 0)
        return rc;
    /* No name of its own: a pipe behind /dev/stderr. */
    if (realpath(path, full) == NULL)
        snprintf(full, sizeof(full), "%s", path);
    strcpy(file, full);
    return 0;
}

void logkeep_default(void)
{
    if (file[0] != '\0')
        return;
    log_open_default();
    strcpy(file, LOG_DIR "/xenstored.log");
}

void logkeep_reopen(void)
{
    int rc = file[0] != '\0' ? log_open(file) : 0;

    if (rc != 0)
        log_line("%s: cannot open the log anew, going on with the old file: %s",
                 file, strerror(-rc));
}

static void begin_anew(void)
{
    char old[PATH_MAX + 2];
    int err;

    snprintf(old, sizeof(old), "%s.1", file);
    if (rename(file, old) == 0) {
        logkeep_reopen();
        return;
    }
    err = errno;
    /* What cannot be set aside is given up: the disk matters more. */
    if (truncate(file, 0) == 0)
        log_line("%s: lost what was here, as it cannot be renamed to %s: %s",
                 file, old, strerror(err));
}

void logkeep_check(uint64_t now_ms)
{
    struct stat st;

    if (file[0] == '\0' ||
        (checked_ms != 0 && now_ms - checked_ms < CHECK_EVERY_MS))
        return;
    checked_ms = now_ms;
    if (stat(file, &st) != 0)
        /* Removed or moved away: what nobody sees must not grow either. */
        (void)log_open(file);
    else if (S_ISREG(st.st_mode) && st.st_size > logkeep_max_bytes)
        begin_anew();
}
