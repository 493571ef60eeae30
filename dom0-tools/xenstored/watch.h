/* SPDX-License-Identifier: MIT */
/*
 * Watches, indexed by path.
 *
 * The watched paths form a trie of components. A change to /a/b/c looks at the
 * watches on /, /a, /a/b and /a/b/c only; a removal also at those below, each
 * of which fires with its own path if that node existed. The price of a change
 * thus depends on the depth of its path and on who really watches it, not on
 * how many watches there are.
 */
#ifndef XENSTORED_WATCH_H
#define XENSTORED_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node.h"

struct watch_point;

struct watch {
    struct watch *next_here;  /* on the same path */
    struct watch **prev_here; /* what points to us */
    struct watch *next_mine;  /* of the same connection */
    struct watch **prev_mine; /* what points to us */
    struct watch_point *point;
    void *owner;      /* the connection */
    char *path;       /* absolute or special */
    char *token;      /* as the client gave it */
    size_t strip;     /* bytes of path not shown to the client */
    int depth;        /* levels below path that fire; -1: all */
    uint32_t pending; /* events queued and not yet sent */
    bool collapsed;   /* one of them stands for all that came later */
    int64_t cost;     /* watch_cost() of it */
};

struct watches {
    struct watch_point *root;    /* "/" and below */
    struct watch_point *special; /* @introduceDomain, ... */
    struct watch_point **bucket; /* by parent and component */
    uint32_t nr_buckets;
    uint32_t nr_points;
    uint32_t nr_watches;
    uint64_t seed;
};

/* Called for each watch to be told; path is the event's, absolute. */
typedef void watch_fn(struct watch *w, const char *path, void *arg);

int watches_init(struct watches *ws);
/* All watches must have been removed. */
void watches_free(struct watches *ws);

/*
 * Bytes that a watch makes us keep, as if no other were on its way: points may
 * be shared, but whoever else has them may leave.
 */
int64_t watch_cost(const char *path, const char *token);

/* w->path must be valid; w is the caller's until removed. 0 or -ENOMEM. */
int watches_add(struct watches *ws, struct watch *w);
/* The watch of this owner, path and token, or NULL. */
struct watch *watches_find(const struct watches *ws, const void *owner,
                           const char *path, const char *token);
void watches_remove(struct watches *ws, struct watch *w);

/* Path (absolute or special) changed. */
void watches_fire(struct watches *ws, const char *path, watch_fn *fn,
                  void *arg);
/* Path was removed; victim is the node as it was. */
void watches_fire_removed(struct watches *ws, const char *path,
                          const struct node *victim, watch_fn *fn, void *arg);

#endif
