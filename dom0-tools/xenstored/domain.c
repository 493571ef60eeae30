/* SPDX-License-Identifier: MIT */
/* Domains as the store sees them: see domain.h. */
#include "domain.h"

#include <errno.h>
#include <stdlib.h>

#include "conn.h"
#include "libs/daemon/log.h"
#include "request.h"

static struct domain **chain(struct store *st, uint32_t domid)
{
    return &st->domains[domid & 255U];
}

struct domain *domain_find(const struct store *st, uint32_t domid)
{
    struct domain *d = st->domains[domid & 255U];

    while (d != NULL && d->domid != domid)
        d = d->next;
    return d;
}

static int reintroduce(struct store *st, struct domain *d, uint64_t mfn,
                       uint32_t port)
{
    if (d->mfn != mfn)
        return -EINVAL;
    if (st->link == NULL)
        return 0;
    d->port = port;
    /* Without a connection when there was no memory to go on with it. */
    if (d->conn == NULL)
        return st->link->connect(st, d, &d->conn);
    return st->link->rebind(d->conn, port);
}

int domain_introduce(struct store *st, uint32_t domid, uint64_t mfn,
                     uint32_t port)
{
    struct domain *d = domain_find(st, domid);
    int rc = 0;

    if (d != NULL)
        return reintroduce(st, d, mfn, port);
    d = calloc(1, sizeof(*d));
    if (d == NULL)
        return -ENOMEM;
    d->domid = domid;
    d->mfn = mfn;
    d->port = port;
    if (account_open(&st->accounts, domid, st->gen) == NULL)
        rc = -ENOMEM;
    if (rc == 0 && st->link != NULL)
        rc = st->link->connect(st, d, &d->conn);
    if (rc != 0) {
        free(d);
        return rc;
    }
    d->next = *chain(st, domid);
    *chain(st, domid) = d;
    st->nr_domains++;
    return 1;
}

static void unlink_domain(struct store *st, struct domain *d)
{
    struct domain **p = chain(st, d->domid);

    while (*p != d)
        p = &(*p)->next;
    *p = d->next;
    st->nr_domains--;
}

int domain_release(struct store *st, uint32_t domid, bool gone)
{
    struct domain *d = domain_find(st, domid);

    if (d == NULL)
        return -ENOENT;
    unlink_domain(st, d);
    if (gone)
        account_close(&st->accounts, domid);
    /* Closed in its turn: it may be the one whose request this is. */
    if (d->conn != NULL) {
        d->conn->dead = true;
        conn_make_ready(d->conn);
    }
    free(d);
    return 0;
}

/* True: watchers have to be told. */
static bool update_one(struct store *st, struct domain *d)
{
    bool shutdown = false;
    int rc = st->link->state(d->domid, &shutdown);

    if (rc == -ESRCH) {
        domain_release(st, d->domid, true);
        return true;
    }
    if (rc != 0 || shutdown == d->shutdown)
        return false;
    d->shutdown = shutdown;
    return shutdown;
}

/* Ids that were named in permissions, but whose domain never came or went. */
static void close_stale_accounts(struct store *st)
{
    for (uint32_t i = 0; i < st->accounts.nr_buckets; i++) {
        struct account *next;

        for (struct account *a = st->accounts.bucket[i]; a != NULL; a = next) {
            bool shutdown;

            next = a->next;
            if (a->domid != 0 && st->link->state(a->domid, &shutdown) == -ESRCH)
                account_close(&st->accounts, a->domid);
        }
    }
}

void domains_update(struct store *st)
{
    bool tell = false;

    if (st->link == NULL || st->link->refresh() != 0)
        return;
    for (uint32_t i = 0; i < 256; i++) {
        struct domain *next;

        for (struct domain *d = st->domains[i]; d != NULL; d = next) {
            next = d->next;
            tell |= update_one(st, d);
        }
    }
    close_stale_accounts(st);
    if (tell)
        notify_special(st, SPECIAL_RELEASE);
}

void domains_free(struct store *st)
{
    for (uint32_t i = 0; i < 256; i++) {
        while (st->domains[i] != NULL) {
            struct domain *d = st->domains[i];

            st->domains[i] = d->next;
            if (d->conn != NULL)
                conn_free(d->conn);
            free(d);
        }
    }
}
