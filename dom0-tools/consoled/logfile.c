/* SPDX-License-Identifier: MIT */
/* Log files with rotation by size: see logfile.h. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/daemon/log.h"

struct logfile_policy logfile_policy = {
    .dir = "/var/log/trellis",
    .max_bytes = 4U * 1024 * 1024,
    .keep = 4,
};

struct logfile {
    char path[PATH_MAX];
    int fd;
    uint64_t bytes;
    bool losing; /* the last write failed; said once */
    struct logfile *next;
    struct logfile **prev;
};

static struct logfile *all;

void logfile_safe_name(const char *name, char *out, size_t room)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = 0;

    for (; *name != '\0' && n + 1 < room; name++)
        out[n++] = strchr(good, *name) != NULL ? *name : '_';
    out[n] = '\0';
    if (out[0] == '.')
        out[0] = '_';
}

static int open_fd(struct logfile *lf)
{
    struct stat st;

    lf->fd = open(lf->path,
                  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (lf->fd < 0)
        return -errno;
    lf->bytes = fstat(lf->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    return 0;
}

static int make_dir(const char *dir)
{
    return mkdir(dir, 0755) != 0 && errno != EEXIST ? -errno : 0;
}

static void lost(struct logfile *lf)
{
    if (!lf->losing)
        log_line("%s: text is lost: %s", lf->path, strerror(errno));
    lf->losing = true;
}

struct logfile *logfile_open(const char *prefix, const char *name)
{
    struct logfile *lf;
    char safe[128];
    int rc;

    if (logfile_policy.dir == NULL)
        return NULL;
    lf = calloc(1, sizeof(*lf));
    if (lf == NULL)
        return NULL;
    logfile_safe_name(name, safe, sizeof(safe));
    snprintf(lf->path, sizeof(lf->path), "%s/%s%s.log", logfile_policy.dir,
             prefix, safe);
    rc = make_dir(logfile_policy.dir);
    if (rc != 0) {
        log_line("%s: no log: %s", lf->path, strerror(-rc));
        free(lf);
        return NULL;
    }
    lf->next = all;
    lf->prev = &all;
    if (all != NULL)
        all->prev = &lf->next;
    all = lf;
    /* Whatever is written later tries again. */
    if (open_fd(lf) != 0)
        lost(lf);
    return lf;
}

void logfile_reopen_all(void)
{
    for (struct logfile *lf = all; lf != NULL; lf = lf->next) {
        if (lf->fd >= 0)
            close(lf->fd);
        if (open_fd(lf) != 0)
            lost(lf);
    }
}

static void old_name(const struct logfile *lf, unsigned int nr, char *out)
{
    int n = nr == 0 ? snprintf(out, PATH_MAX, "%s", lf->path)
                    : snprintf(out, PATH_MAX, "%s.%u", lf->path, nr);

    if (n < 0 || n >= PATH_MAX)
        out[0] = '\0';
}

static void rotate(struct logfile *lf)
{
    char from[PATH_MAX];
    char to[PATH_MAX];

    close(lf->fd);
    for (unsigned int i = logfile_policy.keep; i > 0; i--) {
        old_name(lf, i - 1, from);
        old_name(lf, i, to);
        /* Most often the older ones are not there yet. */
        (void)rename(from, to);
    }
    if (logfile_policy.keep == 0)
        (void)unlink(lf->path);
    if (open_fd(lf) != 0)
        log_line("%s: cannot start over: %s", lf->path, strerror(errno));
}

void logfile_write(struct logfile *lf, const char *buf, size_t len)
{
    if (lf == NULL)
        return;
    if (lf->fd >= 0 && lf->bytes >= logfile_policy.max_bytes)
        rotate(lf);
    if (lf->fd < 0 && open_fd(lf) != 0) {
        lost(lf);
        return;
    }
    while (len > 0) {
        ssize_t n = write(lf->fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            lost(lf);
            return;
        }
        lf->losing = false;
        lf->bytes += (uint64_t)n;
        buf += n;
        len -= (size_t)n;
    }
}

void logfile_close(struct logfile *lf)
{
    if (lf == NULL)
        return;
    if (lf->fd >= 0)
        close(lf->fd);
    *lf->prev = lf->next;
    if (lf->next != NULL)
        lf->next->prev = lf->prev;
    free(lf);
}
