/* SPDX-License-Identifier: MIT */
/*
 * The handle, and finding domains by name, id or UUID.
 */
#include "libs/domain/domain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"

static int open_sys(struct dom *dom, struct errmsg *err)
{
    int rc = sys_open(&dom->sys);

    if (!rc)
        return 0;
    err_set(err, rc, "cannot reach the hypervisor: %s", strerror(-rc));
    if (rc == -EACCES || rc == -EPERM)
        err_hint(err, "run as root in the control domain");
    else
        err_hint(err, "is this the control domain, and are the modules "
                      "xen-privcmd and xen-evtchn loaded?");
    return rc;
}

static int open_xs(struct dom *dom, struct errmsg *err)
{
    const char *path = getenv("XENSTORED_PATH");
    int rc = xs_open(&dom->xs);

    if (!rc)
        return 0;
    if (rc != -ENOENT && rc != -ECONNREFUSED) {
        err_set(err, rc, "cannot reach the store: %s", strerror(-rc));
        err_hint(err, "run as root in the control domain");
        return rc;
    }
    err_set(err, rc, "xenstored is not running: nobody serves %s",
            path ? path : XS_SOCKET);
    err_hint(err, "start xenstored; if the store is a domain of its own, set "
                  "XENSTORED_PATH=/dev/xen/xenbus");
    return rc;
}

int dom_open(struct dom **out, guest_warn_fn *log, void *arg,
             struct errmsg *err)
{
    struct dom *dom = calloc(1, sizeof(*dom));
    int rc;

    if (!dom)
        return err_set(err, -ENOMEM, "no memory");
    dom->log = log;
    dom->log_arg = arg;
    rc = open_sys(dom, err);
    if (!rc)
        rc = open_xs(dom, err);
    if (rc) {
        dom_close(dom);
        return rc;
    }
    *out = dom;
    return 0;
}

void dom_close(struct dom *dom)
{
    if (dom->xs)
        xs_close(dom->xs);
    if (dom->sys)
        sys_close(dom->sys);
    free(dom);
}

const struct errmsg *dom_error(const struct dom *dom)
{
    return &dom->err;
}

void dom_log(struct dom *dom, const char *fmt, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (dom->log)
        dom->log(dom->log_arg, line);
}

uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int dom_name(struct dom *dom, uint32_t domid, char name[GUEST_NAME_MAX + 1])
{
    char path[STORE_PATH_MAX];
    char *value;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    rc = xs_read(dom->xs, XS_NO_TX, path, &value, NULL);
    if (rc && domid == 0) {
        snprintf(name, GUEST_NAME_MAX + 1, "Domain-0");
        return 0;
    }
    if (rc)
        return err_set(&dom->err, rc, "domain %u has no name", domid);
    snprintf(name, GUEST_NAME_MAX + 1, "%s", value);
    free(value);
    return 0;
}

static bool is_named(struct dom *dom, uint32_t domid, const char *name)
{
    char its[GUEST_NAME_MAX + 1];

    return dom_name(dom, domid, its) == 0 && strcmp(its, name) == 0;
}

/* The index node is ours; other tools' guests are only in the tree itself. */
static int find_by_name(struct dom *dom, const char *name, uint32_t *domid)
{
    char path[STORE_PATH_MAX];
    char **ids;
    uint64_t id;
    int nr, rc = -ESRCH;

    if (strcmp(name, "Domain-0") == 0) {
        *domid = 0;
        return 0;
    }
    store_name_path(name, path);
    if (store_read_u64(dom->xs, path, &id) == 0 &&
        is_named(dom, (uint32_t)id, name)) {
        *domid = (uint32_t)id;
        return 0;
    }
    nr = xs_directory(dom->xs, XS_NO_TX, "/local/domain", &ids);
    if (nr < 0)
        return nr;
    for (int i = 0; i < nr && rc; i++) {
        id = strtoul(ids[i], NULL, 10);
        if (is_named(dom, (uint32_t)id, name)) {
            *domid = (uint32_t)id;
            rc = 0;
        }
    }
    free(ids);
    return rc;
}

static int find_by_uuid(struct dom *dom, const uint8_t uuid[16],
                        uint32_t *domid)
{
    struct xen_domctl_getdomaininfo list[64];
    uint32_t first = 0;
    int nr;

    do {
        nr = sys_domain_list(dom->sys, first, 64, list);
        for (int i = 0; i < nr; i++)
            if (memcmp(list[i].handle, uuid, 16) == 0) {
                *domid = list[i].domain;
                return 0;
            }
        if (nr > 0)
            first = list[nr - 1].domain + 1u;
    } while (nr == 64);
    return -ESRCH;
}

int dom_find(struct dom *dom, const char *name, uint32_t *domid)
{
    struct xen_domctl_getdomaininfo info;
    uint8_t uuid[16];
    char *stop;
    unsigned long id = strtoul(name, &stop, 10);
    int rc;

    if (*name && !*stop) {
        *domid = (uint32_t)id;
        rc = id < DOMID_FIRST_RESERVED
                 ? sys_domain_info(dom->sys, *domid, &info)
                 : -ESRCH;
    } else if (uuid_parse(name, uuid) == 0) {
        rc = find_by_uuid(dom, uuid, domid);
    } else {
        rc = find_by_name(dom, name, domid);
    }
    if (rc == -ESRCH) {
        err_set(&dom->err, rc, "there is no domain '%s'", name);
        err_hint(&dom->err, "`tl list` shows those that run");
        return rc;
    }
    return rc ? err_set(&dom->err, rc, "cannot look for domain '%s': %s", name,
                        strerror(-rc))
              : 0;
}
