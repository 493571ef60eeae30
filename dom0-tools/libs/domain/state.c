/* SPDX-License-Identifier: MIT */
/*
 * What is kept of a guest outside the store: its configuration, and the lock
 * under which it is destroyed or restarted. All under /run: a reboot of the
 * control domain forgets it together with the guests.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/domain/private.h"

#define DOM_DIR RUN_DIR "/dom"

static void state_path(uint32_t domid, const char *suffix, char *out,
                       size_t room)
{
    snprintf(out, room, DOM_DIR "/%u.%s", domid, suffix);
}

static int make_dir(const char *path, mode_t mode, struct errmsg *err)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return 0;
    return err_set(err, -errno, "cannot make %s: %s", path, strerror(errno));
}

int state_mkdirs(struct errmsg *err)
{
    int rc = make_dir("/run", 0755, err);

    if (!rc)
        rc = make_dir(RUN_DIR, 0755, err);
    if (!rc)
        rc = make_dir(DOM_DIR, 0700, err);
    if (!rc)
        rc = make_dir("/var", 0755, err);
    if (!rc)
        rc = make_dir("/var/log", 0755, err);
    return rc ? rc : make_dir(LOG_DIR, 0755, err);
}

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    ssize_t got;
    int rc = 0;

    if (fd < 0)
        return -errno;
    got = write(fd, text, len);
    if (got < 0)
        rc = -errno;
    else if ((size_t)got != len)
        rc = -ENOSPC;
    if (close(fd) && !rc)
        rc = -errno;
    return rc;
}

/* The whole file or the one that was there before. */
static int write_config(const char *path, const struct guest_config *g,
                        struct errmsg *err)
{
    char tmp[STORE_PATH_MAX + 4];
    char *text;
    int rc = state_mkdirs(err);

    if (rc)
        return rc;
    rc = guest_config_to_json(g, &text);
    if (rc)
        return err_set(err, rc, "no memory");
    snprintf(tmp, sizeof(tmp), "%s.new", path);
    rc = write_text(tmp, text);
    free(text);
    if (!rc && rename(tmp, path))
        rc = -errno;
    if (!rc)
        return 0;
    unlink(tmp);
    return err_set(err, rc, "cannot write %s: %s", path, strerror(-rc));
}

int state_save(uint32_t domid, const struct guest_config *g, struct errmsg *err)
{
    char path[64];

    state_path(domid, "json", path, sizeof(path));
    return write_config(path, g, err);
}

int state_keep(const struct guest_config *g, char path[STORE_PATH_MAX],
               struct errmsg *err)
{
    snprintf(path, STORE_PATH_MAX, LOG_DIR "/tl-%s.json", g->name);
    return write_config(path, g, err);
}

int state_load_text(uint32_t domid, char **text)
{
    char path[64];
    struct stat st;
    ssize_t got = -1;
    int fd;

    state_path(domid, "json", path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *text = fstat(fd, &st) == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (*text)
        got = read(fd, *text, (size_t)st.st_size);
    close(fd);
    if (got < 0) {
        free(*text);
        return -EIO;
    }
    (*text)[got] = '\0';
    return 0;
}

int state_load(uint32_t domid, struct guest_config *g, struct errmsg *err)
{
    char *text;
    int rc = state_load_text(domid, &text);

    if (rc)
        return err_set(err, rc,
                       "domain %u has no kept configuration (it was "
                       "not made by tl)",
                       domid);
    rc = guest_config_from_json(g, text, err);
    free(text);
    return rc;
}

void state_remove(uint32_t domid)
{
    char path[64];

    state_path(domid, "json", path, sizeof(path));
    unlink(path);
}

/* A lock file may be unlinked by its last holder while we wait for it. */
int state_lock(uint32_t domid, struct errmsg *err)
{
    char path[64];
    struct stat st;
    int fd, rc = state_mkdirs(err);

    if (rc)
        return rc;
    state_path(domid, "lock", path, sizeof(path));
    for (;;) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            break;
        errno = 0;
        if (flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0 && st.st_nlink)
            return fd;
        rc = errno;
        close(fd);
        if (rc && rc != EINTR)
            return err_set(err, -rc, "cannot lock %s: %s", path, strerror(rc));
    }
    rc = -errno;
    return err_set(err, rc, "cannot open %s: %s", path, strerror(-rc));
}

/* A monitor holds its file locked as long as it lives. */
int state_monitor_claim(uint32_t domid, struct errmsg *err)
{
    char path[64];
    int fd, rc = state_mkdirs(err);

    if (rc)
        return rc;
    state_path(domid, "monitor", path, sizeof(path));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, -errno, "cannot open %s: %s", path,
                       strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    return err_set(err, -EBUSY, "domain %u has a monitor already", domid);
}

bool state_has_monitor(uint32_t domid)
{
    char path[64];
    int fd;
    bool held;

    state_path(domid, "monitor", path, sizeof(path));
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return held;
}

void state_monitor_drop(uint32_t domid, int fd)
{
    char path[64];

    state_path(domid, "monitor", path, sizeof(path));
    unlink(path);
    close(fd);
}

void state_unlock(uint32_t domid, int fd)
{
    char path[64];

    state_path(domid, "lock", path, sizeof(path));
    unlink(path);
    close(fd);
}
