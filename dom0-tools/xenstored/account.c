/* SPDX-License-Identifier: MIT */
/* Accounts of domains, and pending changes to them: see account.h. */
#include "account.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_BUCKETS 64U

/* Book-keeping of a node beyond what the domain wrote itself. */
#define NODE_OVERHEAD ((int64_t)sizeof(struct node))

int accounts_init(struct accounts *as)
{
    *as = (struct accounts){.nr_buckets = FIRST_BUCKETS};
    as->bucket = calloc(as->nr_buckets, sizeof(struct account *));
    return as->bucket == NULL ? -ENOMEM : 0;
}

void accounts_free(struct accounts *as)
{
    for (uint32_t i = 0; i < as->nr_buckets; i++) {
        while (as->bucket[i] != NULL) {
            struct account *a = as->bucket[i];

            as->bucket[i] = a->next;
            free(a);
        }
    }
    free(as->bucket);
}

static struct account **chain(const struct accounts *as, uint32_t domid)
{
    return &as->bucket[domid & (as->nr_buckets - 1)];
}

struct account *account_find(const struct accounts *as, uint32_t domid)
{
    struct account *a = *chain(as, domid);

    while (a != NULL && a->domid != domid)
        a = a->next;
    return a;
}

/* Ids are dense, so the low bits spread them evenly. */
static void grow(struct accounts *as)
{
    struct accounts more = {.nr_buckets = as->nr_buckets * 2, .nr = as->nr};

    more.bucket = calloc(more.nr_buckets, sizeof(struct account *));
    if (more.bucket == NULL)
        return; /* longer chains, nothing worse */
    for (uint32_t i = 0; i < as->nr_buckets; i++) {
        while (as->bucket[i] != NULL) {
            struct account *a = as->bucket[i];
            struct account **to = chain(&more, a->domid);

            as->bucket[i] = a->next;
            a->next = *to;
            *to = a;
        }
    }
    free(as->bucket);
    *as = more;
}

struct account *account_open(struct accounts *as, uint32_t domid, uint64_t gen)
{
    struct account *a = account_find(as, domid);

    if (a != NULL)
        return a;
    if (as->nr >= as->nr_buckets)
        grow(as);
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->domid = domid;
    a->since_gen = gen;
    a->next = *chain(as, domid);
    *chain(as, domid) = a;
    as->nr++;
    return a;
}

void account_close(struct accounts *as, uint32_t domid)
{
    for (struct account **p = chain(as, domid); *p != NULL; p = &(*p)->next) {
        struct account *a = *p;

        if (a->domid != domid)
            continue;
        *p = a->next;
        as->nr--;
        free(a);
        return;
    }
}

int64_t node_charge(const struct node *n)
{
    return NODE_OVERHEAD + n->name->len_bytes +
           (n->value != NULL ? n->value->len_bytes : 0) +
           (int64_t)(n->perms->nr * sizeof(struct xs_perm));
}

bool node_payer(const struct accounts *as, const struct node *n,
                uint32_t *domid)
{
    const struct account *a = account_find(as, n->perms->e[0].domid);

    if (a == NULL || n->perms_gen <= a->since_gen)
        return false;
    *domid = a->domid;
    return true;
}

static struct delta_entry *entry(struct delta *d, uint32_t domid)
{
    for (uint32_t i = 0; i < d->nr; i++) {
        if (d->e[i].domid == domid)
            return &d->e[i];
    }
    return NULL;
}

const struct delta_entry *delta_find(const struct delta *d, uint32_t domid)
{
    for (uint32_t i = 0; i < d->nr; i++) {
        if (d->e[i].domid == domid)
            return &d->e[i];
    }
    return NULL;
}

static int make_room(struct delta *d, uint32_t more)
{
    uint32_t room = d->room > 0 ? d->room : 4;
    struct delta_entry *e;

    while (room - d->nr < more)
        room *= 2;
    if (room == d->room)
        return 0;
    e = realloc(d->e, room * sizeof(*e));
    if (e == NULL)
        return -ENOMEM;
    d->e = e;
    d->room = room;
    return 0;
}

int delta_add(struct delta *d, uint32_t domid, int64_t nodes, int64_t bytes)
{
    struct delta_entry *e = entry(d, domid);

    if (e == NULL) {
        if (make_room(d, 1) != 0)
            return -ENOMEM;
        e = &d->e[d->nr++];
        *e = (struct delta_entry){.domid = domid};
    }
    e->nodes += nodes;
    e->bytes += bytes;
    return 0;
}

int delta_reserve(struct delta *d, const struct delta *from)
{
    return make_room(d, from->nr);
}

void delta_merge(struct delta *d, const struct delta *from)
{
    for (uint32_t i = 0; i < from->nr; i++)
        delta_add(d, from->e[i].domid, from->e[i].nodes, from->e[i].bytes);
}

void delta_apply(const struct delta *d, struct accounts *as)
{
    for (uint32_t i = 0; i < d->nr; i++) {
        struct account *a = account_find(as, d->e[i].domid);

        if (a == NULL)
            continue;
        a->nodes += d->e[i].nodes;
        a->bytes += d->e[i].bytes;
    }
}

void delta_free(struct delta *d)
{
    free(d->e);
    *d = (struct delta){0};
}
