/* SPDX-License-Identifier: MIT */
/* Watch requests, and telling watchers of changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "tree.h"

/* A watch path may be special; relative ones are shown relative again. */
static int watch_path(const struct request *rq, const char *text, path_buf out,
                      size_t *strip)
{
    int rc = request_path(rq->c, text, out);

    *strip = rc == 0 ? strlen(out) - strlen(text) : 0;
    return rc;
}

/* path\0token\0[depth\0] */
static int parse(const struct request *rq, const char **argv, int *depth)
{
    uint32_t v;
    int nr = xs_strings(rq->data, rq->hdr->len, argv, 2, 3);

    if (nr < 0)
        return nr;
    *depth = -1;
    if (nr == 3) {
        if (xs_parse_u32(argv[2], &v) != 0 || v > XENSTORE_ABS_PATH_MAX)
            return -EINVAL;
        *depth = (int)v;
    }
    return 0;
}

static struct watch *watch_new(struct conn *c, const char *path,
                               const char *token)
{
    struct watch *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->owner = c;
    w->path = strdup(path);
    w->token = strdup(token);
    w->cost = watch_cost(path, token);
    if (w->path != NULL && w->token != NULL &&
        watches_add(&c->st->watches, w) == 0)
        return w;
    free(w->path);
    free(w->token);
    free(w);
    return NULL;
}

static int may_add(const struct request *rq, const char *path,
                   const char *token)
{
    const struct quotas *q = &rq->c->st->quotas;
    struct account *a = conn_account(rq->c);
    int rc;

    if (xs_path_special(path) && store_special(rq->c->st, path) == NULL)
        return -EINVAL;
    if (watches_find(&rq->c->st->watches, rq->c, path, token) != NULL)
        return -EEXIST;
    if (a == NULL)
        return 0;
    rc = quota_check(q, QUOTA_WATCHES, (int64_t)rq->c->nr_watches + 1, a, path);
    return rc != 0 ? rc
                   : quota_check(q, QUOTA_WATCH_MEMORY,
                                 rq->c->watch_bytes + watch_cost(path, token),
                                 a, path);
}

int ops_watch(struct request *rq)
{
    const char *argv[3];
    struct watch *w;
    path_buf path;
    size_t strip;
    int depth;
    int rc = parse(rq, argv, &depth);

    if (rc == 0)
        rc = watch_path(rq, argv[0], path, &strip);
    if (rc == 0)
        rc = may_add(rq, path, argv[1]);
    if (rc != 0)
        return rc;
    w = watch_new(rq->c, path, argv[1]);
    if (w == NULL)
        return -ENOMEM;
    w->strip = strip;
    w->depth = depth;
    conn_add_watch(rq->c, w);
    reply_ok(rq);
    /* The first event says: look now, whatever happened before. */
    conn_event(rq->c, w, w->path);
    return 0;
}

int ops_unwatch(struct request *rq)
{
    const char *argv[2];
    struct watch *w;
    path_buf path;
    size_t strip;
    int rc = xs_strings(rq->data, rq->hdr->len, argv, 2, 2);

    if (rc < 0)
        return rc;
    rc = watch_path(rq, argv[0], path, &strip);
    if (rc != 0)
        return rc;
    w = watches_find(&rq->c->st->watches, rq->c, path, argv[1]);
    if (w == NULL)
        return -ENOENT;
    conn_remove_watch(rq->c, w);
    return reply_ok(rq);
}

int ops_reset_watches(struct request *rq)
{
    while (rq->c->txs != NULL) {
        struct tx *tx = rq->c->txs;

        rq->c->txs = tx->next;
        tx_free(tx);
    }
    rq->c->nr_txs = 0;
    conn_reset_watches(rq->c);
    return reply_ok(rq);
}

/* One change, as watchers may see it. */
struct notice {
    const struct store *st;
    const struct node *old;
    const struct node *now;
};

/* Only who may read the node learns that something happened to it. */
static bool may_know(const struct notice *no, const struct conn *c,
                     const char *path)
{
    const struct node *n;

    if (c->actor.privileged)
        return true;
    n = tree_find(no->now, path);
    if (n == NULL)
        n = tree_find(no->old, path);
    return n != NULL &&
           (access_of(&no->st->accounts, &c->actor, n->perms, n->perms_gen) &
            ACCESS_READ) != 0;
}

static void tell(struct watch *w, const char *path, void *arg)
{
    struct conn *c = w->owner;

    if (!c->dead && may_know(arg, c, path))
        conn_event(c, w, path);
}

void notify_change(struct store *st, const struct change *c,
                   const struct node *old, const struct node *now)
{
    struct notice no = {.st = st, .old = old, .now = now};
    const struct node *victim = NULL;

    if (c->kind == CHANGE_RM)
        victim = tree_find(old, c->path);
    if (victim != NULL)
        watches_fire_removed(&st->watches, c->path, victim, tell, &no);
    else
        watches_fire(&st->watches, c->path, tell, &no);
}

static void tell_special(struct watch *w, const char *path, void *arg)
{
    struct special_node *special = arg;
    struct conn *c = w->owner;

    if (!c->dead && (access_of(&c->st->accounts, &c->actor, special->perms,
                               special->perms_gen) &
                     ACCESS_READ) != 0)
        conn_event(c, w, path);
}

void notify_special(struct store *st, enum special which)
{
    watches_fire(&st->watches, store_special_name(which), tell_special,
                 &st->special[which]);
}
