/* SPDX-License-Identifier: MIT */
/*
 * Which guests have consoles.
 *
 * Two watches tell of domains that come and go; one on each domain's console
 * folder tells when its port and page are known, or change. Announcements are
 * only hints: each time, the present state is read and compared.
 */
#include "guests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "console.h"
#include "hv.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "libs/sys/domctl.h"
#include "libs/xs/xs.h"

#define ALL_TOKEN "domains"
#define PATH_ROOM 80U
#define BUCKETS   256U

struct guest {
    struct guest *next;
    uint32_t domid;
    bool seen;
    bool failed;         /* its console could not be opened */
    struct console *con; /* NULL: failed, or not announced in the store yet */
};

static struct xs *xs;
static struct guest *guests[BUCKETS];
static struct loop_source store_source;

static void guest_path(char path[PATH_ROOM], uint32_t domid, const char *leaf)
{
    snprintf(path, PATH_ROOM, "/local/domain/%u/%s", domid, leaf);
}

static struct guest **chain(uint32_t domid)
{
    return &guests[domid & (BUCKETS - 1)];
}

static struct guest *guest_find(uint32_t domid)
{
    struct guest *g = *chain(domid);

    while (g != NULL && g->domid != domid)
        g = g->next;
    return g;
}

static char *guest_name(uint32_t domid)
{
    char path[PATH_ROOM];
    char *name;

    guest_path(path, domid, "name");
    if (xs_read(xs, XS_NO_TX, path, &name, NULL) == 0)
        return name;
    return asprintf(&name, "domain-%u", domid) < 0 ? NULL : name;
}

/* Some other program's console (a device model's) is not ours. */
static bool is_ours(uint32_t domid)
{
    char path[PATH_ROOM];
    char *type;
    bool ours;

    guest_path(path, domid, "console/type");
    if (xs_read(xs, XS_NO_TX, path, &type, NULL) != 0)
        return true;
    ours = *type == '\0' || strcmp(type, "xenconsoled") == 0;
    free(type);
    return ours;
}

static void publish_tty(const struct console *con)
{
    uint32_t domid = console_domid(con);
    char path[PATH_ROOM];
    int rc;

    if (*console_tty(con) == '\0')
        return;
    guest_path(path, domid, "console/tty");
    rc = xs_write_str(xs, XS_NO_TX, path, console_tty(con));
    if (rc != 0)
        log_line("domain %u: cannot tell its tty: %s", domid, strerror(-rc));
}

/* Bring the console in line with what the store says. */
static void guest_update(struct guest *g)
{
    char path[PATH_ROOM];
    uint64_t port;
    uint64_t mfn = 0;
    char *name;

    guest_path(path, g->domid, "console/port");
    if (xs_read_u64(xs, XS_NO_TX, path, &port) != 0 || port > UINT32_MAX)
        return;
    if (g->con != NULL && console_remote_port(g->con) == port)
        return;
    guest_path(path, g->domid, "console/ring-ref");
    /* The page is found by its grant; the frame is second choice. */
    if (xs_read_u64(xs, XS_NO_TX, path, &mfn) == -ENOENT || !is_ours(g->domid))
        return;
    if (g->con != NULL)
        console_close(g->con);
    name = guest_name(g->domid);
    g->con = console_open(g->domid, (uint32_t)port, mfn,
                          name != NULL ? name : "unnamed");
    free(name);
    g->failed = g->con == NULL;
    if (g->con != NULL)
        publish_tty(g->con);
}

static void guest_add(uint32_t domid)
{
    struct guest *g = calloc(1, sizeof(*g));
    char path[PATH_ROOM];
    char token[16];
    int rc;

    if (g == NULL)
        return;
    g->domid = domid;
    g->seen = true;
    guest_path(path, domid, "console");
    snprintf(token, sizeof(token), "%u", domid);
    rc = xs_watch(xs, path, token);
    if (rc != 0 && rc != -EEXIST) {
        log_line("domain %u: cannot watch it: %s", domid, strerror(-rc));
        free(g);
        return;
    }
    g->next = *chain(domid);
    *chain(domid) = g;
    guest_update(g);
}

static void guest_remove(struct guest *g)
{
    char path[PATH_ROOM];
    char token[16];

    if (g->con != NULL)
        console_close(g->con);
    guest_path(path, g->domid, "console");
    snprintf(token, sizeof(token), "%u", g->domid);
    (void)xs_unwatch(xs, path, token);
    free(g);
}

/* A dying domain's console goes, or our mapping would keep it half alive. */
static void see_domain(const struct xen_domctl_getdomaininfo *info)
{
    struct guest *g;

    if (info->domain == 0 || (info->flags & XEN_DOMINF_dying) != 0)
        return;
    g = guest_find(info->domain);
    if (g == NULL) {
        if (xs_is_introduced(xs, info->domain) == 1)
            guest_add(info->domain);
        return;
    }
    g->seen = true;
    /* A domain that went may have left what this one lacked. */
    if (g->failed)
        guest_update(g);
}

static void forget_unseen(struct guest **p)
{
    while (*p != NULL) {
        struct guest *g = *p;

        if (g->seen) {
            p = &g->next;
            continue;
        }
        *p = g->next;
        guest_remove(g);
    }
}

static void look_at_all(void)
{
    struct xen_domctl_getdomaininfo list[64];
    uint32_t first = 0;
    int n;

    for (uint32_t i = 0; i < BUCKETS; i++) {
        for (struct guest *g = guests[i]; g != NULL; g = g->next)
            g->seen = false;
    }
    do {
        n = sys_domain_list(hv.sys, first, 64, list);
        if (n < 0) {
            log_line("cannot list domains: %s", strerror(-n));
            return;
        }
        for (int i = 0; i < n; i++)
            see_domain(&list[i]);
        if (n > 0)
            first = list[n - 1].domain + 1U;
    } while (n == 64);
    for (uint32_t i = 0; i < BUCKETS; i++)
        forget_unseen(&guests[i]);
}

static void handle(const struct xs_event *ev)
{
    struct guest *g;

    if (strcmp(ev->token, ALL_TOKEN) == 0) {
        look_at_all();
        return;
    }
    g = guest_find((uint32_t)strtoul(ev->token, NULL, 10));
    if (g != NULL)
        guest_update(g);
}

int guests_run(void)
{
    struct xs_event ev;
    int rc;

    consoles_mend(publish_tty);
    while ((rc = xs_next_event(xs, &ev)) == 1) {
        handle(&ev);
        free(ev.path);
    }
    return rc;
}

/* What there is to do is done after the round. */
static void store_event(struct loop_source *src, uint32_t events)
{
    (void)src;
    (void)events;
}

int guests_start(void)
{
    int rc = xs_open(&xs);

    if (rc == 0)
        rc = xs_watch(xs, "@introduceDomain", ALL_TOKEN);
    if (rc == 0)
        rc = xs_watch(xs, "@releaseDomain", ALL_TOKEN);
    if (rc != 0)
        return rc;
    store_source.fd = xs_fd(xs);
    store_source.fn = store_event;
    return loop_add(&store_source, EPOLLIN);
}

void guests_stop(void)
{
    for (uint32_t i = 0; i < BUCKETS; i++) {
        while (guests[i] != NULL) {
            struct guest *g = guests[i];

            guests[i] = g->next;
            guest_remove(g);
        }
    }
    xs_close(xs);
}
