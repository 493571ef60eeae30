/* SPDX-License-Identifier: MIT */
/* The changes of one transaction: see changes.h. */
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16U

int changes_init(struct changes *cs)
{
    *cs = (struct changes){.nr_buckets = FIRST_BUCKETS};
    cs->last = &cs->first;
    cs->last_told = &cs->told;
    cs->bucket = calloc(cs->nr_buckets, sizeof(struct tx_change *));
    return cs->bucket == NULL ? -ENOMEM : 0;
}

void changes_free(struct changes *cs)
{
    while (cs->first != NULL) {
        struct tx_change *tc = cs->first;

        cs->first = tc->next;
        blob_put(tc->c.value);
        perms_put(tc->c.perms);
        free(tc);
    }
    free(cs->bucket);
}

/* A guest that makes its own names collide has at most its quota of them. */
static uint32_t hash_of(const struct change *c)
{
    uint32_t h = 2166136261U ^ (uint32_t)c->kind;

    for (const char *p = c->path; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 16777619U;
    return h ^ (h >> 15);
}

static struct tx_change **slot(const struct changes *cs, uint32_t hash)
{
    return &cs->bucket[hash & (cs->nr_buckets - 1)];
}

/* The latest change of this kind to this path; each has one to be told. */
static struct tx_change *latest(const struct changes *cs,
                                const struct change *c, uint32_t hash)
{
    struct tx_change *tc = *slot(cs, hash);

    while (tc != NULL && (tc->hash != hash || tc->c.kind != c->kind ||
                          strcmp(tc->path, c->path) != 0))
        tc = tc->chain;
    return tc;
}

/*
 * May c be made where tc was? A value matters to nothing but its own node, so
 * only that node's removal may not lie between. A node made below inherits the
 * permissions of that moment, so none may have been made in between.
 */
static bool replaces(const struct changes *cs, const struct tx_change *tc)
{
    if (tc == NULL || tc->nr <= cs->removed)
        return false;
    return tc->c.kind == CHANGE_WRITE ||
           (tc->c.kind == CHANGE_PERMS && tc->nr > cs->made);
}

static int64_t payload_bytes(const struct change *c)
{
    int64_t bytes = 0;

    if (c->value != NULL)
        bytes += (int64_t)sizeof(*c->value) + c->value->len_bytes;
    if (c->perms != NULL)
        bytes += (int64_t)(sizeof(*c->perms) +
                           c->perms->nr * sizeof(c->perms->e[0]));
    return bytes;
}

int64_t changes_cost(const struct changes *cs, const struct change *c)
{
    const struct tx_change *tc = latest(cs, c, hash_of(c));

    if (replaces(cs, tc))
        return payload_bytes(c) - payload_bytes(&tc->c);
    return (int64_t)(sizeof(*tc) + strlen(c->path) + 1) + payload_bytes(c);
}

static void set_payload(struct tx_change *tc, const struct change *c)
{
    struct change old = tc->c;

    tc->c = *c;
    tc->c.path = tc->path;
    blob_get(tc->c.value);
    if (tc->c.perms != NULL)
        perms_get(tc->c.perms);
    blob_put(old.value);
    perms_put(old.perms);
}

static struct tx_change *append(struct changes *cs, const struct change *c,
                                uint32_t hash)
{
    struct tx_change *tc = calloc(1, sizeof(*tc) + strlen(c->path) + 1);

    if (tc == NULL)
        return NULL;
    strcpy(tc->path, c->path);
    set_payload(tc, c);
    tc->hash = hash;
    tc->nr = cs->nr;
    *cs->last = tc;
    cs->last = &tc->next;
    if (c->kind == CHANGE_RM)
        cs->removed = tc->nr;
    else if (c->kind != CHANGE_PERMS)
        cs->made = tc->nr;
    return tc;
}

static void grow(struct changes *cs)
{
    struct changes more = *cs;

    more.nr_buckets *= 2;
    more.bucket = calloc(more.nr_buckets, sizeof(struct tx_change *));
    if (more.bucket == NULL)
        return; /* longer chains, nothing worse */
    for (struct tx_change *tc = cs->told; tc != NULL; tc = tc->next_told) {
        struct tx_change **to = slot(&more, tc->hash);

        tc->chain = *to;
        *to = tc;
    }
    free(cs->bucket);
    cs->bucket = more.bucket;
    cs->nr_buckets = more.nr_buckets;
}

static void untell(struct changes *cs, struct tx_change *tc)
{
    struct tx_change **at = slot(cs, tc->hash);

    while (*at != tc)
        at = &(*at)->chain;
    *at = tc->chain;
    *tc->prev_told = tc->next_told;
    if (tc->next_told != NULL)
        tc->next_told->prev_told = tc->prev_told;
    else
        cs->last_told = tc->prev_told;
    tc->prev_told = NULL;
    cs->nr_told--;
}

static void tell_last(struct changes *cs, struct tx_change *tc)
{
    struct tx_change **to;

    if (cs->nr_told >= cs->nr_buckets)
        grow(cs);
    to = slot(cs, tc->hash);
    tc->chain = *to;
    *to = tc;
    tc->next_told = NULL;
    tc->prev_told = cs->last_told;
    *cs->last_told = tc;
    cs->last_told = &tc->next_told;
    cs->nr_told++;
}

int changes_note(struct changes *cs, const struct change *c)
{
    uint32_t hash = hash_of(c);
    struct tx_change *before = latest(cs, c, hash);
    struct tx_change *tc = before;

    cs->nr++;
    if (replaces(cs, before))
        set_payload(tc, c);
    else
        tc = append(cs, c, hash);
    if (tc == NULL)
        return -ENOMEM;
    if (before != NULL)
        untell(cs, before);
    tell_last(cs, tc);
    return 0;
}
