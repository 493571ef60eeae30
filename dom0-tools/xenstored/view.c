/* SPDX-License-Identifier: MIT */
/* What a request sees, and changes: see view.h. */
#include "view.h"

#include <errno.h>
#include <string.h>

static struct node **view_root(const struct request *rq)
{
    return rq->tx != NULL ? &rq->tx->root : &rq->c->st->root;
}

/* May the client's transaction keep this many bytes more? */
static int tx_room(const struct request *rq, int64_t more, const char *path)
{
    struct account *a = conn_account(rq->c);

    if (a == NULL || more <= 0)
        return 0;
    return quota_check(&rq->c->st->quotas, QUOTA_TX_MEMORY,
                       rq->tx->bytes + more, a, path);
}

/* A domain pays for what its transactions make us remember. */
static int use_quota(const struct request *rq, const char *path)
{
    struct account *a = conn_account(rq->c);
    int rc;

    if (a == NULL)
        return 0;
    rc = quota_check(&rq->c->st->quotas, QUOTA_TX_NODES,
                     (int64_t)rq->tx->nr_uses + 1, a, path);
    return rc != 0 ? rc : tx_room(rq, tx_use_cost(path), path);
}

static int note(const struct request *rq, const char *path, unsigned int what)
{
    int rc;

    if (rq->tx == NULL)
        return 0;
    rc = use_quota(rq, path);
    return rc != 0 ? rc : tx_note_use(rq->tx, path, what);
}

/*
 * path does not exist: note its first missing part, and the permissions of the
 * node above that, from which the answer is made.
 */
static int note_missing(const struct request *rq, const struct node *root,
                        const char *path)
{
    const struct node *n = root;
    size_t end = 0; /* path[0..end) names n */
    path_buf part;
    int rc;

    if (rq->tx == NULL)
        return 0;
    for (;;) {
        size_t len = strcspn(path + end + 1, "/");
        const struct node *kid = node_kid(n, path + end + 1, len);

        if (kid == NULL) {
            memcpy(part, path, end + 1 + len);
            part[end + 1 + len] = '\0';
            break;
        }
        n = kid;
        end += 1 + len;
    }
    rc = note(rq, part, USE_EXISTS);
    part[end > 0 ? end : 1] = '\0';
    return rc != 0 ? rc : note(rq, part, USE_PERMS);
}

static int view_access(const struct request *rq, const char *path,
                       unsigned int need, unsigned int what,
                       const struct node **n)
{
    const struct node *root = *view_root(rq);
    const struct node *nearest;
    bool exact;
    int rc;

    nearest = tree_nearest(root, path, &exact);
    rc =
        exact ? note(rq, path, what | USE_PERMS) : note_missing(rq, root, path);
    if (rc != 0)
        return rc;
    if ((access_of(&rq->c->st->accounts, &rq->c->actor, nearest->perms,
                   nearest->perms_gen) &
         need) != need)
        return -EACCES;
    *n = exact ? nearest : NULL;
    return 0;
}

int view_node(const struct request *rq, const char *path, unsigned int need,
              unsigned int what, const struct node **out)
{
    int rc;

    if (xs_path_special(path))
        return -EINVAL;
    rc = view_access(rq, path, need, what, out);
    if (rc != 0)
        return rc;
    return *out == NULL ? -ENOENT : 0;
}

int view_may(const struct request *rq, const char *path, unsigned int need,
             const struct node **n)
{
    if (xs_path_special(path))
        return -EINVAL;
    return view_access(rq, path, need, 0, n);
}

int view_within_quota(const struct request *rq, const struct delta *delta,
                      const struct delta *earlier, const char *what)
{
    const struct quotas *q = &rq->c->st->quotas;
    struct account *a = conn_account(rq->c);
    const struct delta_entry *now;
    const struct delta_entry *before = NULL;
    int64_t nodes;
    int64_t bytes;
    int rc = 0;

    if (a == NULL)
        return 0;
    now = delta_find(delta, a->domid);
    if (now == NULL)
        return 0;
    if (earlier != NULL)
        before = delta_find(earlier, a->domid);
    nodes = a->nodes + now->nodes + (before != NULL ? before->nodes : 0);
    bytes = a->bytes + now->bytes + (before != NULL ? before->bytes : 0);
    /* Getting rid of things is always allowed. */
    if (now->nodes > 0)
        rc = quota_check(q, QUOTA_NODES, nodes, a, what);
    if (rc == 0 && now->bytes > 0)
        rc = quota_check(q, QUOTA_MEMORY, bytes, a, what);
    return rc;
}

static int keep_in_tx(const struct request *rq, const struct change *c,
                      const struct delta *delta)
{
    struct tx *tx = rq->tx;
    int rc = tx_room(rq, tx_change_cost(tx, c), c->path);

    if (rc == 0)
        rc = delta_reserve(&tx->delta, delta);
    if (rc == 0)
        rc = tx_note_change(tx, c);
    if (rc == 0)
        delta_merge(&tx->delta, delta);
    return rc;
}

/*
 * The change is made on a reference of our own, so that whatever refuses it
 * leaves the store as it was, and watches can see it before and after.
 */
int view_change(const struct request *rq, struct change *c)
{
    struct store *st = rq->c->st;
    struct node **root = view_root(rq);
    struct node *work = node_get(*root);
    struct node *old = *root;
    struct delta delta = {0};
    bool changed;
    int rc;

    c->creator = rq->c->actor.privileged ? CREATOR_NONE : rq->c->actor.domid;
    rc = tree_apply(&work, c, ++st->gen, &st->accounts, &delta);
    changed = rc > 0;
    if (changed)
        rc = view_within_quota(rq, &delta,
                               rq->tx != NULL ? &rq->tx->delta : NULL, c->path);
    if (rc == 0 && changed && rq->tx != NULL)
        rc = keep_in_tx(rq, c, &delta);
    if (rc == 0 && changed) {
        *root = work;
        if (rq->tx == NULL)
            delta_apply(&delta, &st->accounts);
        reply_ok(rq);
        if (rq->tx == NULL)
            notify_change(st, c, old, work);
        node_put(old);
    } else {
        node_put(work);
        if (rc == 0)
            reply_ok(rq);
    }
    delta_free(&delta);
    return rc;
}
