/* SPDX-License-Identifier: MIT */
/*
 * Split devices in the store: the two ends' nodes, waiting for the back end's
 * driver, and taking a device away so that nothing of it stays.
 *
 * State of a back end as its driver reports it (XenbusState): 1 made by us,
 * 2 driver waits for the front end, 4 connected, 5 closing, 6 closed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <public/xen.h>

#include <public/io/xenbus.h>

#include "libs/domain/private.h"

#define BACKEND_START_MS 10000
#define BACKEND_CLOSE_MS 10000

static const char *const types[] = {"vbd", "vif"};

void device_backend_path(const struct device *d, char out[STORE_PATH_MAX])
{
    snprintf(out, STORE_PATH_MAX, "/local/domain/0/backend/%s/%u/%u", d->type,
             d->domid, d->devid);
}

static void frontend_path(const struct device *d, char out[STORE_PATH_MAX])
{
    snprintf(out, STORE_PATH_MAX, "/local/domain/%u/device/%s/%u", d->domid,
             d->type, d->devid);
}

void device_key_add(struct device_keys *k, const char *name, const char *fmt,
                    ...)
{
    struct device_key *key = &k->keys[k->nr++];
    va_list ap;

    key->name = name;
    va_start(ap, fmt);
    vsnprintf(key->value, sizeof(key->value), fmt, ap);
    va_end(ap);
}

struct publish {
    const struct device *d;
    const struct device_keys *back, *front;
    char back_path[STORE_PATH_MAX], front_path[STORE_PATH_MAX];
};

static int put(struct xs *xs, uint32_t tx, const char *dir, const char *leaf,
               const char *value)
{
    char path[STORE_PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", dir, leaf);
    return xs_write_str(xs, tx, path, value);
}

static int put_end(struct xs *xs, uint32_t tx, const char *dir,
                   const char *peer_key, const char *peer,
                   const char *peer_id_key, uint32_t peer_id,
                   const struct device_keys *keys)
{
    char number[16];
    int rc = put(xs, tx, dir, peer_key, peer);

    snprintf(number, sizeof(number), "%u", peer_id);
    if (!rc)
        rc = put(xs, tx, dir, peer_id_key, number);
    for (unsigned int i = 0; i < keys->nr && !rc; i++)
        rc = put(xs, tx, dir, keys->keys[i].name, keys->keys[i].value);
    snprintf(number, sizeof(number), "%d", XenbusStateInitialising);
    return rc ? rc : put(xs, tx, dir, "state", number);
}

static int publish_tx(struct xs *xs, uint32_t tx, void *arg)
{
    struct publish *p = arg;
    int rc = store_mkdir_perms(xs, tx, p->front_path, p->d->domid, 0);

    if (!rc)
        rc = store_mkdir_perms(xs, tx, p->back_path, 0, p->d->domid);
    if (!rc)
        rc = put_end(xs, tx, p->front_path, "backend", p->back_path,
                     "backend-id", 0, p->front);
    if (!rc)
        rc = put(xs, tx, p->back_path, "online", "1");
    return rc ? rc
              : put_end(xs, tx, p->back_path, "frontend", p->front_path,
                        "frontend-id", p->d->domid, p->back);
}

int device_publish(struct dom *dom, const struct device *d,
                   const struct device_keys *back,
                   const struct device_keys *front, struct errmsg *err)
{
    struct publish p = {.d = d, .back = back, .front = front};
    int rc;

    device_backend_path(d, p.back_path);
    frontend_path(d, p.front_path);
    rc = xs_transaction(dom->xs, publish_tx, &p);
    return rc ? err_set(err, rc, "cannot write %s to the store: %s",
                        p.back_path, strerror(-rc))
              : 0;
}

/* What the driver complained about, if it did. */
static bool backend_error(struct dom *dom, const struct device *d,
                          struct errmsg *err)
{
    char path[STORE_PATH_MAX];
    char *text;

    snprintf(path, sizeof(path), "/local/domain/0/error/backend/%s/%u/%u/error",
             d->type, d->domid, d->devid);
    if (xs_read(dom->xs, XS_NO_TX, path, &text, NULL))
        return false;
    err_set(err, -EIO, "%s's back end refuses it: %s", d->type, text);
    free(text);
    return true;
}

static uint64_t backend_state(struct dom *dom, const struct device *d)
{
    char path[STORE_PATH_MAX];
    uint64_t state;

    device_backend_path(d, path);
    strcat(path, "/state");
    if (store_read_u64(dom->xs, path, &state))
        return XenbusStateUnknown;
    return state;
}

static int backend_ready(struct dom *dom, void *arg)
{
    const struct device *d = arg;
    uint64_t state = backend_state(dom, d);

    if (state == XenbusStateClosing || state == XenbusStateClosed)
        return -EIO;
    return state >= XenbusStateInitWait;
}

int device_wait_backend(struct dom *dom, const struct device *d,
                        struct errmsg *err)
{
    struct device dev = *d;
    char path[STORE_PATH_MAX];
    int rc;

    device_backend_path(d, path);
    strcat(path, "/state");
    rc = store_wait(dom, path, BACKEND_START_MS, backend_ready, &dev);
    if (rc > 0)
        return 0;
    if (backend_error(dom, d, err))
        return -EIO;
    if (rc != -ETIMEDOUT)
        return err_set(err, rc, "%s's back end did not start: %s", d->type,
                       strerror(-rc));
    err_set(err, rc, "%s's back end did not start within %d s", d->type,
            BACKEND_START_MS / 1000);
    err_hint(err, "is the module %s loaded?",
             strcmp(d->type, "vbd") ? "xen-netback" : "xen-blkback");
    return rc;
}

bool device_has_driver(const struct device *d)
{
    char path[128];

    snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/%s-%u-%u",
             d->type, d->domid, d->devid);
    return access(path, F_OK) == 0;
}

static void wait_driver_gone(const struct device *d, int timeout_ms)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    uint64_t end = now_ms() + (uint64_t)timeout_ms;

    while (device_has_driver(d) && now_ms() < end)
        nanosleep(&pause, NULL);
}

/* As if the front end had closed: the driver lets go of rings and device. */
static void close_backend(struct dom *dom, const struct device *d)
{
    char back[STORE_PATH_MAX], front[STORE_PATH_MAX], closed[8];

    device_backend_path(d, back);
    frontend_path(d, front);
    snprintf(closed, sizeof(closed), "%d", XenbusStateClosed);
    put(dom->xs, XS_NO_TX, back, "online", "0");
    put(dom->xs, XS_NO_TX, front, "state", closed);
    wait_driver_gone(d, BACKEND_CLOSE_MS);
}

void device_remove(struct dom *dom, const struct device *d)
{
    char path[STORE_PATH_MAX];

    if (device_has_driver(d))
        close_backend(dom, d);
    disk_drop_claim(dom, d);
    device_backend_path(d, path);
    xs_rm(dom->xs, XS_NO_TX, path);
    frontend_path(d, path);
    xs_rm(dom->xs, XS_NO_TX, path);
    snprintf(path, sizeof(path), "/local/domain/0/error/backend/%s/%u/%u",
             d->type, d->domid, d->devid);
    xs_rm(dom->xs, XS_NO_TX, path);
    /* A driver that ignored the request gives up when the nodes are gone. */
    wait_driver_gone(d, BACKEND_CLOSE_MS / 4);
    if (device_has_driver(d))
        dom_log(dom, "%s %u of domain %u is still held by its driver", d->type,
                d->devid, d->domid);
}

static int list_type(struct dom *dom, uint32_t domid, const char *type,
                     struct device **list, int nr)
{
    char path[STORE_PATH_MAX];
    struct device *all;
    char **ids;
    int more;

    snprintf(path, sizeof(path), "/local/domain/0/backend/%s/%u", type, domid);
    more = xs_directory(dom->xs, XS_NO_TX, path, &ids);
    if (more == -ENOENT)
        return nr;
    if (more < 0)
        return more;
    all = realloc(*list, (size_t)(nr + more + 1) * sizeof(*all));
    if (all) {
        *list = all;
        for (int i = 0; i < more; i++)
            all[nr++] = (struct device){type, domid,
                                        (uint32_t)strtoul(ids[i], NULL, 10)};
    }
    free(ids);
    return all ? nr : -ENOMEM;
}

int device_list(struct dom *dom, uint32_t domid, struct device **list)
{
    int nr = 0;

    *list = NULL;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && nr >= 0; i++)
        nr = list_type(dom, domid, types[i], list, nr);
    if (nr < 0) {
        free(*list);
        *list = NULL;
    }
    return nr;
}
