/* SPDX-License-Identifier: MIT */
/*
 * Rings of domains as transports, and the events that drive them.
 *
 * All event channels arrive through one descriptor; a port leads to its ring
 * by a table. Rings of guests are mapped by the grant every guest has for the
 * store, or, if that is refused, by the frame number given at introduction.
 */
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <public/xen.h>

#include <public/grant_table.h>

#include "conn.h"
#include "dom0ring.h"
#include "domain.h"
#include "domstate.h"
#include "libs/sys/evtchn.h"
#include "libs/sys/foreign.h"
#include "libs/sys/gntdev.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "ring.h"

#define PORT_BUCKETS 256U
#define EVENT_BATCH  64U

enum mapped_by {
    MAPPED_GRANT,
    MAPPED_FOREIGN,
    MAPPED_KERNEL,
};

struct ring_link {
    struct ring_link *next; /* in the port table */
    struct conn *conn;
    struct xenstore_domain_interface *intf;
    enum mapped_by how;
    uint32_t domid;
    uint32_t port; /* ours; 0: none */
};

static struct {
    struct loop_source src;
    struct store *st;
    struct sys *sys;
    struct sys_evtchn *evtchn;
    struct sys_gntdev *gntdev;
    struct ring_link *ports[PORT_BUCKETS];
    struct conn *dom0;
    uint32_t dom_exc_port;
} hv;

static struct ring_link **port_chain(uint32_t port)
{
    return &hv.ports[port & (PORT_BUCKETS - 1)];
}

static void port_insert(struct ring_link *l)
{
    l->next = *port_chain(l->port);
    *port_chain(l->port) = l;
}

static void port_remove(struct ring_link *l)
{
    struct ring_link **p = port_chain(l->port);

    while (*p != l)
        p = &(*p)->next;
    *p = l->next;
}

/* Port 0 is none: our number may mean somebody else's port by now. */
static void unbind_port(struct ring_link *l)
{
    if (l->port == 0)
        return;
    port_remove(l);
    sys_evtchn_unbind(hv.evtchn, l->port);
    l->port = 0;
}

static void notify(const struct ring_link *l)
{
    /* Fails only when the other end is closed: nobody left to tell. */
    (void)sys_evtchn_notify(hv.evtchn, l->port);
}

static ssize_t link_read(struct conn *c, void *buf, size_t len)
{
    struct ring_link *l = c->io_arg;
    ssize_t n = ring_read(l->intf, buf, len);

    if (n > 0)
        notify(l);
    return n;
}

static ssize_t link_write(struct conn *c, const void *buf, size_t len)
{
    struct ring_link *l = c->io_arg;
    ssize_t n = ring_write(l->intf, buf, len);

    if (n > 0)
        notify(l);
    return n;
}

/* The domain notifies after every move; there is nothing to ask for. */
static void link_want(struct conn *c, bool in, bool out)
{
    (void)c;
    (void)in;
    (void)out;
}

static bool link_broken(struct conn *c, int err)
{
    struct ring_link *l = c->io_arg;

    if (conn_may_complain(c))
        log_line("domain %u: %s; its connection is ignored from now on",
                 l->domid,
                 err == -EPROTO ? "protocol violated"
                                : "ring indices make no sense");
    ring_error(l->intf,
               err == -EPROTO ? XENSTORE_ERROR_PROTO : XENSTORE_ERROR_RINGIDX);
    notify(l);
    return true;
}

static void ring_unmap(struct ring_link *l)
{
    if (l->how == MAPPED_GRANT)
        sys_gntdev_unmap(hv.gntdev, l->intf, 1);
    else
        munmap(l->intf, SYS_PAGE_SIZE);
}

static void link_close(struct conn *c)
{
    struct ring_link *l = c->io_arg;
    struct domain *d = domain_find(c->st, l->domid);

    if (d != NULL && d->conn == c)
        d->conn = NULL;
    unbind_port(l);
    ring_unmap(l);
    free(l);
}

static const struct transport link_transport = {
    .read = link_read,
    .write = link_write,
    .want = link_want,
    .broken = link_broken,
    .close = link_close,
};

/* Takes over the mapping, also when it fails. */
static int attach(struct ring_link *l, const struct actor *actor,
                  uint32_t remote_port, struct conn **conn)
{
    int rc = sys_evtchn_bind_interdomain(hv.evtchn, l->domid, remote_port);

    if (rc < 0)
        goto unmap;
    l->port = (uint32_t)rc;
    l->conn = conn_new(hv.st, actor, &link_transport, l);
    if (l->conn == NULL) {
        rc = -ENOMEM;
        goto unbind;
    }
    port_insert(l);
    ring_start(l->intf);
    /* Requests may be waiting since before we came. */
    conn_make_ready(l->conn);
    notify(l);
    *conn = l->conn;
    return 0;

unbind:
    sys_evtchn_unbind(hv.evtchn, l->port);
unmap:
    ring_unmap(l);
    free(l);
    return rc;
}

static int ring_map(struct ring_link *l, uint64_t mfn)
{
    const uint32_t ref = GNTTAB_RESERVED_XENSTORE;
    int prot = PROT_READ | PROT_WRITE;
    xen_pfn_t frame = mfn;
    void *page = NULL;
    int rc = sys_gntdev_map(hv.gntdev, l->domid, &ref, 1, prot, &page);

    l->how = MAPPED_GRANT;
    if (rc != 0) {
        rc = sys_foreign_map(hv.sys, l->domid, prot, &frame, 1, NULL, &page);
        l->how = MAPPED_FOREIGN;
    }
    l->intf = page;
    return rc;
}

static int link_connect(struct store *st, struct domain *d, struct conn **conn)
{
    const struct actor actor = {.domid = d->domid, .target = NO_TARGET};
    struct ring_link *l = calloc(1, sizeof(*l));
    int rc;

    (void)st;
    if (l == NULL)
        return -ENOMEM;
    l->domid = d->domid;
    rc = ring_map(l, d->mfn);
    if (rc != 0) {
        log_line("domain %u: cannot map its store page: %s", d->domid,
                 strerror(-rc));
        free(l);
        return rc;
    }
    rc = attach(l, &actor, d->port, conn);
    if (rc != 0)
        log_line("domain %u: cannot bind its store port %u: %s", d->domid,
                 d->port, strerror(-rc));
    return rc;
}

static int link_rebind(struct conn *c, uint32_t port)
{
    struct ring_link *l = c->io_arg;
    int rc;

    /* Ours frees the domain's port, should it be the same one again. */
    unbind_port(l);
    rc = sys_evtchn_bind_interdomain(hv.evtchn, l->domid, port);
    if (rc < 0)
        return rc;
    l->port = (uint32_t)rc;
    port_insert(l);
    if (c->ignored) {
        conn_reset(c);
        ring_start(l->intf);
    }
    conn_make_ready(c);
    return 0;
}

static int link_refresh(void)
{
    return domstate_refresh(hv.sys);
}

static const struct link_ops link_ops = {
    .connect = link_connect,
    .rebind = link_rebind,
    .refresh = link_refresh,
    .state = domstate_get,
};

static void port_event(uint32_t port)
{
    struct ring_link *l = *port_chain(port);

    if (port == hv.dom_exc_port) {
        domains_update(hv.st);
        return;
    }
    while (l != NULL && l->port != port)
        l = l->next;
    if (l == NULL)
        return;
    if (ring_wants_reset(l->intf)) {
        conn_reset(l->conn);
        ring_reset(l->intf);
        notify(l);
    }
    conn_make_ready(l->conn);
}

static void evtchn_event(struct loop_source *src, uint32_t events)
{
    uint32_t ports[EVENT_BATCH];
    int n = sys_evtchn_pending(hv.evtchn, ports, EVENT_BATCH);

    (void)src;
    (void)events;
    for (int i = 0; i < n; i++) {
        /* First unmask, then look: what comes after fires again. */
        sys_evtchn_unmask(hv.evtchn, ports[i]);
        port_event(ports[i]);
    }
}

static int open_devices(void)
{
    int rc = sys_open(&hv.sys);

    if (rc == 0)
        rc = sys_evtchn_open(&hv.evtchn);
    if (rc == 0)
        rc = sys_gntdev_open(&hv.gntdev);
    if (rc != 0)
        return rc;
    rc = sys_evtchn_bind_virq(hv.evtchn, VIRQ_DOM_EXC);
    if (rc < 0)
        return rc;
    hv.dom_exc_port = (uint32_t)rc;
    return 0;
}

static int connect_dom0(void)
{
    const struct actor dom0 = {.target = NO_TARGET, .privileged = true};
    struct ring_link *l = calloc(1, sizeof(*l));
    void *page = NULL;
    uint32_t port;
    int rc;

    if (l == NULL)
        return -ENOMEM;
    rc = dom0ring_find(&page, &port);
    if (rc != 0) {
        free(l);
        return rc;
    }
    l->how = MAPPED_KERNEL;
    l->intf = page;
    return attach(l, &dom0, port, &hv.dom0);
}

int link_start(struct store *st)
{
    int rc;

    hv.st = st;
    rc = open_devices();
    if (rc == 0)
        rc = connect_dom0();
    if (rc == 0) {
        hv.src.fd = sys_evtchn_fd(hv.evtchn);
        hv.src.fn = evtchn_event;
        rc = loop_add(&hv.src, EPOLLIN);
    }
    if (rc != 0) {
        log_line("cannot connect to the hypervisor: %s", strerror(-rc));
        return rc;
    }
    st->link = &link_ops;
    return 0;
}

void link_stop(struct store *st)
{
    domains_free(st);
    if (hv.dom0 != NULL)
        conn_free(hv.dom0);
    domstate_free();
    sys_gntdev_close(hv.gntdev);
    sys_evtchn_close(hv.evtchn);
    sys_close(hv.sys);
}
