/* SPDX-License-Identifier: MIT */
/*
 * The trie of watched paths: see watch.h.
 *
 * All edges sit in one hash table keyed by parent and component, so a step
 * down costs the same in a point with ten children or ten thousand. The
 * children are also listed, for the walk below a removed node.
 */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_BUCKETS 256U

struct watch_point {
    struct watch_point *parent;
    struct watch_point *chain; /* in the hash table */
    struct watch_point *kids;
    struct watch_point *next_kid;
    struct watch_point **prev_kid; /* what points to us */
    struct watch *watches;
    uint64_t hash;
    size_t len;
    char name[];
};

static struct watch_point *point_new(struct watch_point *parent,
                                     const char *name, size_t len)
{
    struct watch_point *p = calloc(1, sizeof(*p) + len + 1);

    if (p == NULL)
        return NULL;
    p->parent = parent;
    p->len = len;
    memcpy(p->name, name, len);
    return p;
}

int watches_init(struct watches *ws)
{
    *ws = (struct watches){.nr_buckets = FIRST_BUCKETS};
    if (getrandom(&ws->seed, sizeof(ws->seed), 0) != sizeof(ws->seed))
        ws->seed = (uintptr_t)ws;
    ws->root = point_new(NULL, "", 0);
    ws->special = point_new(NULL, "", 0);
    ws->bucket = calloc(ws->nr_buckets, sizeof(struct watch_point *));
    if (ws->root != NULL && ws->special != NULL && ws->bucket != NULL)
        return 0;
    watches_free(ws);
    return -ENOMEM;
}

void watches_free(struct watches *ws)
{
    free(ws->root);
    free(ws->special);
    free(ws->bucket);
}

/* Seeded, so that a guest cannot choose names that fall together. */
static uint64_t hash_of(const struct watches *ws,
                        const struct watch_point *parent, const char *name,
                        size_t len)
{
    uint64_t h = ws->seed ^ (uintptr_t)parent;

    for (size_t i = 0; i < len; i++) {
        h ^= (unsigned char)name[i];
        h *= 0x100000001b3ULL;
        h ^= h >> 29;
    }
    return h * 0x9e3779b97f4a7c15ULL;
}

static struct watch_point **slot(const struct watches *ws, uint64_t hash)
{
    return &ws->bucket[(hash >> 32) & (ws->nr_buckets - 1)];
}

static struct watch_point *step(const struct watches *ws,
                                const struct watch_point *parent,
                                const char *name, size_t len)
{
    uint64_t h = hash_of(ws, parent, name, len);
    struct watch_point *p = *slot(ws, h);

    while (p != NULL && (p->hash != h || p->parent != parent || p->len != len ||
                         memcmp(p->name, name, len) != 0))
        p = p->chain;
    return p;
}

static void grow(struct watches *ws)
{
    struct watches more = *ws;

    more.nr_buckets *= 2;
    more.bucket = calloc(more.nr_buckets, sizeof(struct watch_point *));
    if (more.bucket == NULL)
        return; /* longer chains, nothing worse */
    for (uint32_t i = 0; i < ws->nr_buckets; i++) {
        while (ws->bucket[i] != NULL) {
            struct watch_point *p = ws->bucket[i];
            struct watch_point **to = slot(&more, p->hash);

            ws->bucket[i] = p->chain;
            p->chain = *to;
            *to = p;
        }
    }
    free(ws->bucket);
    *ws = more;
}

static struct watch_point *step_make(struct watches *ws,
                                     struct watch_point *parent,
                                     const char *name, size_t len)
{
    struct watch_point *p = step(ws, parent, name, len);
    struct watch_point **to;

    if (p != NULL)
        return p;
    p = point_new(parent, name, len);
    if (p == NULL)
        return NULL;
    if (ws->nr_points >= ws->nr_buckets)
        grow(ws);
    p->hash = hash_of(ws, parent, name, len);
    to = slot(ws, p->hash);
    p->chain = *to;
    *to = p;
    p->next_kid = parent->kids;
    p->prev_kid = &parent->kids;
    if (parent->kids != NULL)
        parent->kids->prev_kid = &p->next_kid;
    parent->kids = p;
    ws->nr_points++;
    return p;
}

/* Points nobody needs any more go, from p upwards. */
static void prune(struct watches *ws, struct watch_point *p)
{
    while (p->parent != NULL && p->watches == NULL && p->kids == NULL) {
        struct watch_point *parent = p->parent;
        struct watch_point **at = slot(ws, p->hash);

        while (*at != p)
            at = &(*at)->chain;
        *at = p->chain;
        *p->prev_kid = p->next_kid;
        if (p->next_kid != NULL)
            p->next_kid->prev_kid = p->prev_kid;
        ws->nr_points--;
        free(p);
        p = parent;
    }
}

static bool component(const char **path, const char **name, size_t *len)
{
    const char *p = *path;

    while (*p == '/')
        p++;
    *name = p;
    *len = strcspn(p, "/");
    *path = p + *len;
    return *len > 0;
}

static struct watch_point *start(const struct watches *ws, const char *path)
{
    return path[0] == '@' ? ws->special : ws->root;
}

int64_t watch_cost(const char *path, const char *token)
{
    size_t bytes = sizeof(struct watch) + strlen(path) + strlen(token) + 2;
    const char *name;
    size_t len;

    while (component(&path, &name, &len))
        bytes += sizeof(struct watch_point) + len + 1;
    return (int64_t)bytes;
}

int watches_add(struct watches *ws, struct watch *w)
{
    struct watch_point *p = start(ws, w->path);
    const char *rest = w->path;
    const char *name;
    size_t len;

    while (component(&rest, &name, &len)) {
        struct watch_point *kid = step_make(ws, p, name, len);

        if (kid == NULL) {
            prune(ws, p);
            return -ENOMEM;
        }
        p = kid;
    }
    w->point = p;
    w->next_here = p->watches;
    w->prev_here = &p->watches;
    if (p->watches != NULL)
        p->watches->prev_here = &w->next_here;
    p->watches = w;
    ws->nr_watches++;
    return 0;
}

struct watch *watches_find(const struct watches *ws, const void *owner,
                           const char *path, const char *token)
{
    const struct watch_point *p = start(ws, path);
    const char *name;
    struct watch *w;
    size_t len;

    while (p != NULL && component(&path, &name, &len))
        p = step(ws, p, name, len);
    if (p == NULL)
        return NULL;
    w = p->watches;
    while (w != NULL && (w->owner != owner || strcmp(w->token, token) != 0))
        w = w->next_here;
    return w;
}

void watches_remove(struct watches *ws, struct watch *w)
{
    *w->prev_here = w->next_here;
    if (w->next_here != NULL)
        w->next_here->prev_here = w->prev_here;
    ws->nr_watches--;
    prune(ws, w->point);
}

/* levels: how far the changed node lies below p. */
static void fire_point(const struct watch_point *p, const char *path,
                       int levels, watch_fn *fn, void *arg)
{
    for (struct watch *w = p->watches; w != NULL; w = w->next_here) {
        if (w->depth < 0 || levels <= w->depth)
            fn(w, path, arg);
    }
}

static int count_components(const char *path)
{
    const char *name;
    size_t len;
    int nr = 0;

    while (component(&path, &name, &len))
        nr++;
    return nr;
}

/* Fire along the path; returns the point of the path itself, if any. */
static struct watch_point *fire_along(struct watches *ws, const char *path,
                                      watch_fn *fn, void *arg)
{
    struct watch_point *p = start(ws, path);
    int levels = count_components(path);
    const char *rest = path;
    const char *name;
    size_t len;

    fire_point(p, path, levels, fn, arg);
    while (component(&rest, &name, &len)) {
        p = step(ws, p, name, len);
        if (p == NULL)
            return NULL;
        fire_point(p, path, --levels, fn, arg);
    }
    return p;
}

void watches_fire(struct watches *ws, const char *path, watch_fn *fn, void *arg)
{
    fire_along(ws, path, fn, arg);
}

/* Watches below a removed node: each on a node that was there is told. */
static void fire_below(const struct watch_point *p, const struct node *victim,
                       watch_fn *fn, void *arg)
{
    for (const struct watch_point *kid = p->kids; kid != NULL;
         kid = kid->next_kid) {
        const struct node *n = node_kid(victim, kid->name, kid->len);

        if (n == NULL)
            continue;
        for (struct watch *w = kid->watches; w != NULL; w = w->next_here)
            fn(w, w->path, arg);
        fire_below(kid, n, fn, arg);
    }
}

void watches_fire_removed(struct watches *ws, const char *path,
                          const struct node *victim, watch_fn *fn, void *arg)
{
    const struct watch_point *p = fire_along(ws, path, fn, arg);

    if (p != NULL)
        fire_below(p, victim, fn, arg);
}
