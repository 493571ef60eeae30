/* SPDX-License-Identifier: MIT */
/*
 * Pausing, and asking a guest to shut down or to reboot through the store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"

#define WAIT_SLICE_MS 400

int dom_pause(struct dom *dom, uint32_t domid)
{
    int rc = domid ? sys_domain_pause(dom->sys, domid) : -EPERM;

    return rc ? err_set(&dom->err, rc, "cannot pause domain %u: %s", domid,
                        strerror(-rc))
              : 0;
}

int dom_unpause(struct dom *dom, uint32_t domid)
{
    int rc = sys_domain_unpause(dom->sys, domid);

    if (rc == -EINVAL)
        return err_set(&dom->err, rc, "domain %u is not paused", domid);
    return rc ? err_set(&dom->err, rc, "cannot unpause domain %u: %s", domid,
                        strerror(-rc))
              : 0;
}

int dom_ask_shutdown(struct dom *dom, uint32_t domid, bool reboot)
{
    const char *what = reboot ? "reboot" : "poweroff";
    char path[STORE_PATH_MAX];
    struct dom_info info;
    uint64_t feature = 0;
    int rc = dom_info(dom, domid, &info);

    if (rc)
        return rc;
    if (domid == 0)
        return err_set(&dom->err, -EPERM,
                       "domain 0 is the control domain; use its own %s", what);
    if (info.shutdown)
        return err_set(&dom->err, -EALREADY, "domain %u (%s) has ended already",
                       domid, info.name);
    snprintf(path, sizeof(path), "/local/domain/%u/control/feature-%s", domid,
             what);
    if (store_read_u64(dom->xs, path, &feature) || !feature)
        dom_log(dom,
                "domain %u (%s) has not said that it listens to '%s'; it "
                "may still be booting",
                domid, info.name, what);
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
    rc = xs_write_str(dom->xs, XS_NO_TX, path, what);
    return rc ? err_set(&dom->err, rc, "cannot ask domain %u to %s: %s", domid,
                        what, strerror(-rc))
              : 0;
}

struct wait_ended {
    const uint32_t *domids;
    unsigned int nr;
};

static bool is_kept(uint32_t domid, unsigned int code)
{
    enum guest_end end = code == SHUTDOWN_reboot     ? END_REBOOT
                         : code == SHUTDOWN_crash    ? END_CRASH
                         : code == SHUTDOWN_watchdog ? END_WATCHDOG
                                                     : END_POWEROFF;
    struct guest_config g;
    struct errmsg unused;
    bool kept;

    guest_config_init(&g);
    kept = state_load(domid, &g, &unused) != 0 ||
           g.on[end] == ACTION_PRESERVE || g.on[end] == ACTION_RENAME_RESTART;
    guest_config_free(&g);
    return kept;
}

/*
 * Ended: gone, with its name free again; or shut down, and nobody is going to
 * remove it.
 */
static bool has_ended(struct dom *dom, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    char name[GUEST_NAME_MAX + 1];

    if (sys_domain_info(dom->sys, domid, &info) ||
        info.flags & XEN_DOMINF_dying)
        return dom_name(dom, domid, name) != 0;
    if (!(info.flags & XEN_DOMINF_shutdown))
        return false;
    return !state_has_monitor(domid) ||
           is_kept(domid, sys_domain_shutdown_code(&info));
}

static int all_ended(struct dom *dom, void *arg)
{
    const struct wait_ended *w = arg;

    for (unsigned int i = 0; i < w->nr; i++)
        if (!has_ended(dom, w->domids[i]))
            return 0;
    return 1;
}

int dom_wait_ended(struct dom *dom, const uint32_t *domids, unsigned int nr,
                   int timeout_ms)
{
    struct wait_ended w = {domids, nr};
    uint64_t end = now_ms() + (uint64_t)timeout_ms;
    int rc;

    /* Watching tells of ends; the last of cleaning up is looked for. */
    do {
        rc = store_wait(dom, "@releaseDomain", WAIT_SLICE_MS, all_ended, &w);
    } while (rc == -ETIMEDOUT && (timeout_ms < 0 || now_ms() < end));
    if (rc == -ETIMEDOUT)
        return err_set(&dom->err, rc, "guests did not end in time");
    return rc < 0 ? err_set(&dom->err, rc, "cannot wait for guests: %s",
                            strerror(-rc))
                  : 0;
}

struct rename_tx {
    uint32_t domid;
    const char *from, *to;
};

static int rename_tx(struct xs *xs, uint32_t tx, void *arg)
{
    const struct rename_tx *r = arg;
    char path[STORE_PATH_MAX], old[STORE_PATH_MAX];
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/name", r->domid);
    rc = xs_write_str(xs, tx, path, r->to);
    store_name_path(r->from, old);
    store_name_path(r->to, path);
    if (!rc)
        rc = xs_rm(xs, tx, old);
    if (rc == -ENOENT)
        rc = 0;
    return rc ? rc : xs_writef(xs, tx, path, "%u", r->domid);
}

static void rename_state(uint32_t domid, const char *name)
{
    struct guest_config g;
    struct errmsg unused;

    guest_config_init(&g);
    if (state_load(domid, &g, &unused) == 0) {
        snprintf(g.name, sizeof(g.name), "%s", name);
        state_save(domid, &g, &unused);
    }
    guest_config_free(&g);
}

int dom_rename(struct dom *dom, uint32_t domid, const char *name)
{
    char from[GUEST_NAME_MAX + 1];
    struct rename_tx r = {domid, from, name};
    uint32_t other;
    int rc = guest_name_check(name, &dom->err);

    if (!rc)
        rc = dom_name(dom, domid, from);
    if (rc)
        return rc;
    if (dom_find(dom, name, &other) == 0)
        return err_set(&dom->err, -EEXIST,
                       "there is a domain called '%s' already (id %u)", name,
                       other);
    rc = xs_transaction(dom->xs, rename_tx, &r);
    if (rc)
        return err_set(&dom->err, rc, "cannot rename domain %u: %s", domid,
                       strerror(-rc));
    rename_state(domid, name);
    return 0;
}
