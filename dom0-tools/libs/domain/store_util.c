/* SPDX-License-Identifier: MIT */
/*
 * Small store helpers: names as node names, permissions, bounded waits.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libs/domain/private.h"

/*
 * Names may hold characters that paths may not: those, and '@' itself, become
 * @ and two hexadecimal digits. 64 characters give at most 192.
 */
void store_name_path(const char *name, char out[STORE_PATH_MAX])
{
    size_t used = (size_t)snprintf(out, STORE_PATH_MAX, "/tool/trellis/name/");

    for (; *name && used < STORE_PATH_MAX - 4; name++) {
        if (isalnum((unsigned char)*name) || *name == '_' || *name == '-')
            used += (size_t)snprintf(out + used, STORE_PATH_MAX - used, "%c",
                                     *name);
        else
            used += (size_t)snprintf(out + used, STORE_PATH_MAX - used, "@%02x",
                                     (unsigned char)*name);
    }
}

int store_mkdir_perms(struct xs *xs, uint32_t tx, const char *path,
                      uint32_t owner, uint32_t reader)
{
    const struct xs_perm perms[2] = {{owner, 'n'}, {reader, 'r'}};
    int rc = xs_mkdir(xs, tx, path);

    return rc ? rc : xs_set_perms(xs, tx, path, perms, owner == reader ? 1 : 2);
}

int store_read_u64(struct xs *xs, const char *path, uint64_t *value)
{
    return xs_read_u64(xs, XS_NO_TX, path, value);
}

static int wait_events(struct dom *dom, int timeout_ms,
                       int (*ready)(struct dom *dom, void *arg), void *arg)
{
    uint64_t end = now_ms() + (uint64_t)timeout_ms;

    for (;;) {
        struct xs_event ev;
        uint64_t now = now_ms();
        int rc = ready(dom, arg);

        if (rc)
            return rc;
        if (timeout_ms >= 0 && now >= end)
            return -ETIMEDOUT;
        rc =
            xs_wait_event(dom->xs, &ev, timeout_ms < 0 ? -1 : (int)(end - now));
        if (rc < 0 && rc != -ETIMEDOUT && rc != -EINTR)
            return rc;
        if (rc > 0)
            free(ev.path);
    }
}

int store_wait(struct dom *dom, const char *path, int timeout_ms,
               int (*ready)(struct dom *dom, void *arg), void *arg)
{
    struct xs_event ev;
    int rc = xs_watch(dom->xs, path, "wait");

    if (rc)
        return rc;
    rc = wait_events(dom, timeout_ms, ready, arg);
    xs_unwatch(dom->xs, path, "wait");
    while (xs_next_event(dom->xs, &ev) > 0)
        free(ev.path);
    return rc;
}
