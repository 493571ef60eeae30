/* SPDX-License-Identifier: MIT */
/*
 * Ending a guest. Unlike creation this never stops half way: every part is
 * tried, what fails is said.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"

#define GONE_MS 10000

/* With its vcpus stopped, the guest cannot reopen what we close. */
static void remove_devices(struct dom *dom, uint32_t domid)
{
    struct device *list;
    int nr = device_list(dom, domid, &list);

    if (nr < 0) {
        dom_log(dom, "cannot list devices of domain %u: %s", domid,
                strerror(-nr));
        return;
    }
    for (int i = 0; i < nr; i++)
        device_remove(dom, &list[i]);
    free(list);
}

/* A dying domain lasts until the last mapping of its memory is gone. */
static void wait_gone(struct dom *dom, uint32_t domid)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    struct xen_domctl_getdomaininfo info;
    uint64_t end = now_ms() + GONE_MS;

    while (sys_domain_info(dom->sys, domid, &info) == 0) {
        if (now_ms() > end) {
            dom_log(dom,
                    "domain %u is dead, but %llu of its pages are still "
                    "mapped by somebody",
                    domid, (unsigned long long)info.tot_pages);
            return;
        }
        nanosleep(&pause, NULL);
    }
}

int destroy_locked(struct dom *dom, uint32_t domid)
{
    int rc;

    sys_domain_pause(dom->sys, domid);
    remove_devices(dom, domid);
    rc = sys_domain_destroy(dom->sys, domid);
    if (rc && rc != -ESRCH)
        return err_set(&dom->err, rc, "cannot destroy domain %u: %s", domid,
                       strerror(-rc));
    xs_release(dom->xs, domid);
    nodes_remove(dom, domid);
    state_remove(domid);
    wait_gone(dom, domid);
    return 0;
}

static int lock_guest(struct dom *dom, uint32_t domid)
{
    if (domid == 0)
        return err_set(&dom->err, -EPERM,
                       "domain 0 is the control domain and cannot be "
                       "destroyed");
    return state_lock(domid, &dom->err);
}

int dom_destroy(struct dom *dom, uint32_t domid)
{
    int rc, lock = lock_guest(dom, domid);

    if (lock < 0)
        return lock;
    rc = destroy_locked(dom, domid);
    state_unlock(domid, lock);
    return rc;
}

/*
 * Who holds the lock may be the monitor that restarts the guest: once it is
 * ours, the name may mean another domain. If it means none, what is left of
 * the one that we found goes.
 */
int dom_destroy_named(struct dom *dom, const char *name)
{
    uint32_t domid, now;
    int rc = dom_find(dom, name, &now);
    bool moved = true;

    while (!rc && moved) {
        int lock;

        domid = now;
        lock = lock_guest(dom, domid);
        if (lock < 0)
            return lock;
        moved = dom_find(dom, name, &now) == 0 && now != domid;
        if (!moved)
            rc = destroy_locked(dom, domid);
        state_unlock(domid, lock);
    }
    return rc;
}
