/* SPDX-License-Identifier: MIT */
/*
 * What the store holds of a guest, and who may read and write it.
 * The nodes and their owners are an interface: guests, consoled and other
 * tools read them (docs/tools.md, "The store").
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include <public/xen.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"

#define CONSOLE_LIMIT 1048576u

/* Everything one transaction writes. */
struct nodes_tx {
    struct dom *dom;
    const struct guest_config *g;
    const struct guest_nodes *n;
    char base[64];
    char vm[64];
    struct xs *xs;
    uint32_t tx;
    int rc; /* first failure; later writes are skipped */
};

__attribute__((format(printf, 3, 4))) static void put(struct nodes_tx *t,
                                                      const char *leaf,
                                                      const char *fmt, ...)
{
    char path[STORE_PATH_MAX], value[160];
    va_list ap;

    if (t->rc)
        return;
    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    snprintf(path, sizeof(path), "%s/%s", t->base, leaf);
    t->rc = xs_write_str(t->xs, t->tx, path, value);
}

/* A node of dom0's that the guest may read; children inherit this. */
static void put_read_only(struct nodes_tx *t, const char *path)
{
    if (!t->rc)
        t->rc = store_mkdir_perms(t->xs, t->tx, path, 0, t->n->domid);
}

/* A node that belongs to the guest. */
static void put_guest_owned(struct nodes_tx *t, const char *leaf)
{
    char path[STORE_PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", t->base, leaf);
    if (!t->rc)
        t->rc = store_mkdir_perms(t->xs, t->tx, path, t->n->domid, t->n->domid);
}

static void put_identity(struct nodes_tx *t)
{
    char path[STORE_PATH_MAX], uuid[37];

    uuid_unparse_lower(t->g->uuid, uuid);
    put_read_only(t, t->vm);
    snprintf(path, sizeof(path), "%s/uuid", t->vm);
    if (!t->rc)
        t->rc = xs_write_str(t->xs, t->tx, path, uuid);
    snprintf(path, sizeof(path), "%s/name", t->vm);
    if (!t->rc)
        t->rc = xs_write_str(t->xs, t->tx, path, t->g->name);
    snprintf(path, sizeof(path), "%s/start_time", t->vm);
    if (!t->rc)
        t->rc = xs_writef(t->xs, t->tx, path, "%lld.00", (long long)time(NULL));
    put(t, "vm", "%s", t->vm);
    put(t, "name", "%s", t->g->name);
    put(t, "domid", "%u", t->n->domid);
}

static void put_resources(struct nodes_tx *t)
{
    char leaf[48];

    put(t, "memory/static-max", "%llu",
        (unsigned long long)t->g->maxmem_mib * 1024);
    put(t, "memory/target", "%llu",
        (unsigned long long)t->g->memory_mib * 1024);
    put(t, "memory/videoram", "%d", 0);
    for (uint32_t i = 0; i < t->g->max_vcpus; i++) {
        snprintf(leaf, sizeof(leaf), "cpu/%u/availability", i);
        put(t, leaf, "%s", i < t->g->vcpus ? "online" : "offline");
    }
}

static void put_control(struct nodes_tx *t)
{
    static const char *const guests[] = {
        "control/shutdown",
        "control/feature-poweroff",
        "control/feature-reboot",
        "control/feature-suspend",
        "control/sysrq",
        "device/suspend/event-channel",
        "data",
        "drivers",
        "feature",
        "attr",
        "error",
    };

    put(t, "control/platform-feature-multiprocessor-suspend", "%d", 1);
    put(t, "control/platform-feature-xs_reset_watches", "%d", 1);
    for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
        put_guest_owned(t, guests[i]);
}

static void put_rings(struct nodes_tx *t)
{
    put(t, "store/port", "%u", t->n->store_port);
    put(t, "store/ring-ref", "%llu", (unsigned long long)t->n->store_mfn);
    put(t, "console/backend", "/local/domain/0/backend/console/%u/0",
        t->n->domid);
    put(t, "console/backend-id", "%d", 0);
    put(t, "console/type", "xenconsoled");
    put(t, "console/output", "pty");
    put(t, "console/tty", "%s", "");
    put(t, "console/limit", "%u", CONSOLE_LIMIT);
    put(t, "console/port", "%u", t->n->console_port);
    put(t, "console/ring-ref", "%llu", (unsigned long long)t->n->console_mfn);
}

/* The index may be behind: other tools rename guests without it. */
static bool still_has_name(struct nodes_tx *t, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    char path[STORE_PATH_MAX], *its;
    bool same;

    if (sys_domain_info(t->dom->sys, domid, &info))
        return false;
    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    if (xs_read(t->xs, t->tx, path, &its, NULL))
        return false;
    same = strcmp(its, t->g->name) == 0;
    free(its);
    return same;
}

/* The name is ours if nobody alive has it: decided inside the transaction. */
static void put_name(struct nodes_tx *t)
{
    char path[STORE_PATH_MAX];
    uint64_t id;

    store_name_path(t->g->name, path);
    if (t->rc)
        return;
    if (xs_read_u64(t->xs, t->tx, path, &id) == 0 && id != t->n->domid &&
        still_has_name(t, (uint32_t)id)) {
        t->rc = -EEXIST;
        return;
    }
    t->rc = xs_writef(t->xs, t->tx, path, "%u", t->n->domid);
}

static int nodes_tx(struct xs *xs, uint32_t tx, void *arg)
{
    struct nodes_tx *t = arg;
    char uuid[37];

    t->xs = xs;
    t->tx = tx;
    t->rc = 0;
    uuid_unparse_lower(t->g->uuid, uuid);
    snprintf(t->base, sizeof(t->base), "/local/domain/%u", t->n->domid);
    snprintf(t->vm, sizeof(t->vm), "/vm/%s", uuid);
    put_name(t);
    /* Whatever an earlier domain with this id may have left. */
    if (!t->rc)
        t->rc = xs_rm(xs, tx, t->base);
    if (t->rc == -ENOENT)
        t->rc = 0;
    put_read_only(t, t->base);
    put_identity(t);
    put_resources(t);
    put(t, "device", "%s", "");
    put_control(t);
    put_rings(t);
    return t->rc;
}

int nodes_write(struct dom *dom, const struct guest_config *g,
                const struct guest_nodes *n, struct errmsg *err)
{
    struct nodes_tx t = {.dom = dom, .g = g, .n = n};
    int rc = xs_transaction(dom->xs, nodes_tx, &t);

    if (rc == -EEXIST)
        return err_set(err, rc, "there is a domain called '%s' already",
                       g->name);
    return rc ? err_set(err, rc, "cannot write to the store: %s", strerror(-rc))
              : 0;
}

static void forget_name(struct dom *dom, uint32_t domid, const char *name)
{
    char path[STORE_PATH_MAX];
    uint64_t id;

    store_name_path(name, path);
    if (store_read_u64(dom->xs, path, &id) == 0 && id == domid)
        xs_rm(dom->xs, XS_NO_TX, path);
}

/* The store's name and the kept one: another tool may have renamed the guest,
 * or removed the store's. */
static void remove_names(struct dom *dom, uint32_t domid)
{
    char name[GUEST_NAME_MAX + 1];
    struct guest_config g;
    struct errmsg unused;

    if (dom_name(dom, domid, name) == 0)
        forget_name(dom, domid, name);
    guest_config_init(&g);
    if (state_load(domid, &g, &unused) == 0)
        forget_name(dom, domid, g.name);
    guest_config_free(&g);
}

/* A domain that was replaced has no vm node: /vm/UUID is its successor's. */
static void remove_vm(struct dom *dom, uint32_t domid)
{
    char path[STORE_PATH_MAX];
    char *vm;

    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    if (xs_read(dom->xs, XS_NO_TX, path, &vm, NULL))
        return;
    if (strncmp(vm, "/vm/", 4) == 0 && strlen(vm) == 40)
        xs_rm(dom->xs, XS_NO_TX, vm);
    free(vm);
}

void nodes_remove(struct dom *dom, uint32_t domid)
{
    static const char *const backends[] = {"vbd", "vif", "console"};
    char path[STORE_PATH_MAX];

    remove_names(dom, domid);
    remove_vm(dom, domid);
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        snprintf(path, sizeof(path), "/local/domain/0/backend/%s/%u",
                 backends[i], domid);
        xs_rm(dom->xs, XS_NO_TX, path);
        snprintf(path, sizeof(path), "/local/domain/0/error/backend/%s/%u",
                 backends[i], domid);
        xs_rm(dom->xs, XS_NO_TX, path);
    }
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    xs_rm(dom->xs, XS_NO_TX, path);
    /* What xl keeps of a guest that it made. */
    snprintf(path, sizeof(path), "/libxl/%u", domid);
    xs_rm(dom->xs, XS_NO_TX, path);
}
