/* SPDX-License-Identifier: MIT */
/* Requests that begin and end transactions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "view.h"

/* Unprivileged ones are far below by quota; this bounds dom0's programs. */
#define MAX_TXS 4096U

static bool id_used(const struct conn *c, uint32_t id)
{
    const struct tx *tx = c->txs;

    while (tx != NULL && tx->id != id)
        tx = tx->next;
    return tx != NULL;
}

int ops_tx_start(struct request *rq)
{
    struct conn *c = rq->c;
    struct account *a = conn_account(c);
    char text[16];
    struct tx *tx;
    int rc;

    if (rq->tx != NULL)
        return -EBUSY;
    if (a != NULL) {
        rc = quota_check(&c->st->quotas, QUOTA_TRANSACTIONS,
                         (int64_t)c->nr_txs + 1, a, "transaction");
        if (rc != 0)
            return rc;
    }
    if (c->nr_txs >= MAX_TXS)
        return -ENOSPC;
    do {
        c->next_tx++;
    } while (c->next_tx == 0 || id_used(c, c->next_tx));
    tx = tx_new(c->st->root, c->next_tx);
    if (tx == NULL)
        return -ENOMEM;
    tx->next = c->txs;
    c->txs = tx;
    c->nr_txs++;
    snprintf(text, sizeof(text), "%u", tx->id);
    return reply_string(rq, text);
}

static void unlink_tx(struct conn *c, struct tx *tx)
{
    struct tx **p = &c->txs;

    while (*p != tx)
        p = &(*p)->next;
    *p = tx->next;
    c->nr_txs--;
}

static int commit(struct request *rq, struct tx *tx)
{
    struct store *st = rq->c->st;
    struct node *old = st->root;
    struct node *work = node_get(old);
    struct delta delta = {0};
    int rc = tx_merge(tx, &work, &st->gen, &st->accounts, &delta);

    st->nr_conflicts += rc == -EAGAIN;
    /* Each was within the limits by itself; others may have ended since. */
    if (rc == 0)
        rc = view_within_quota(rq, &delta, NULL, "end of a transaction");
    if (rc != 0) {
        node_put(work);
        delta_free(&delta);
        return rc;
    }
    delta_apply(&delta, &st->accounts);
    delta_free(&delta);
    st->root = work;
    reply_ok(rq);
    for (const struct tx_change *tc = tx->changes.told; tc != NULL;
         tc = tc->next_told)
        notify_change(st, &tc->c, old, work);
    node_put(old);
    return 0;
}

int ops_tx_end(struct request *rq)
{
    struct tx *tx = rq->tx;
    const char *how;
    int rc = request_one_string(rq, &how);

    if (rc != 0)
        return rc;
    if (tx == NULL)
        return -ENOENT;
    if (strcmp(how, "T") != 0 && strcmp(how, "F") != 0)
        return -EINVAL;
    unlink_tx(rq->c, tx);
    rc = how[0] == 'T' ? commit(rq, tx) : reply_ok(rq);
    tx_free(tx);
    return rc;
}
