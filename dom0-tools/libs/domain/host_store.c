/* SPDX-License-Identifier: MIT */
/*
 * Plain store access for front ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libs/domain/host.h"
#include "libs/domain/private.h"

static int result(struct dom *dom, int rc, const char *what, const char *path)
{
    return rc < 0 ? err_set(&dom->err, rc, "cannot %s %s: %s", what, path,
                            strerror(-rc))
                  : rc;
}

int dom_store_read(struct dom *dom, const char *path, char **value)
{
    return result(dom, xs_read(dom->xs, XS_NO_TX, path, value, NULL), "read",
                  path);
}

int dom_store_list(struct dom *dom, const char *path, char ***names)
{
    return result(dom, xs_directory(dom->xs, XS_NO_TX, path, names), "list",
                  path);
}

int dom_store_write(struct dom *dom, const char *path, const char *value)
{
    return result(dom, xs_write_str(dom->xs, XS_NO_TX, path, value), "write",
                  path);
}

int dom_store_rm(struct dom *dom, const char *path)
{
    return result(dom, xs_rm(dom->xs, XS_NO_TX, path), "remove", path);
}

int dom_store_watch(struct dom *dom, const char *path,
                    int (*fn)(void *arg, const char *changed), void *arg)
{
    struct xs_event ev;
    int rc = xs_watch(dom->xs, path, "front");

    while (!rc) {
        rc = xs_wait_event(dom->xs, &ev, -1);
        if (rc <= 0)
            continue;
        rc = fn(arg, ev.path);
        free(ev.path);
        if (rc)
            break;
    }
    xs_unwatch(dom->xs, path, "front");
    return result(dom, rc, "watch", path);
}
