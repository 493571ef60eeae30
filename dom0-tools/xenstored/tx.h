/* SPDX-License-Identifier: MIT */
/*
 * Transactions: a snapshot of the store to work on, and a merge at the end.
 *
 * Starting one takes a reference to the root and nothing else. Inside, changes
 * go to the transaction's own root; which paths were looked at, and for what,
 * is noted. At the end:
 *
 *   nobody changed the store since    ->  our root becomes the store's;
 *   what we looked at is unchanged    ->  our changes are made again on top of
 *                                         the store as it is now;
 *   otherwise                         ->  EAGAIN, and the client starts over.
 *
 * So transactions that do not touch the same things never disturb each other,
 * and a transaction that commits is as if it had run alone at that moment.
 */
#ifndef XENSTORED_TX_H
#define XENSTORED_TX_H

#include "account.h"
#include "changes.h"
#include "tree.h"

/* What was looked at; existence is implied by each. */
#define USE_EXISTS 0U
#define USE_VALUE  1U
#define USE_PERMS  2U
#define USE_KIDS   4U

struct tx_use {
    struct tx_use *chain;
    unsigned int what;
    char path[];
};

struct tx {
    struct tx *next; /* of the same connection */
    uint32_t id;
    struct node *base; /* the store when we started */
    struct node *root; /* with our changes */
    struct delta delta;
    struct tx_use **use;
    uint32_t nr_buckets;
    uint32_t nr_uses;
    struct changes changes;
    int64_t bytes; /* kept of uses and changes */
};

struct tx *tx_new(struct node *root, uint32_t id);
void tx_free(struct tx *tx);

/* Note that path was looked at. 0 or -ENOMEM. */
int tx_note_use(struct tx *tx, const char *path, unsigned int what);
/* Note a change that was applied to tx->root. 0 or -ENOMEM. */
int tx_note_change(struct tx *tx, const struct change *c);
/* What each of these would add to tx->bytes, at most. */
int64_t tx_use_cost(const char *path);
int64_t tx_change_cost(const struct tx *tx, const struct change *c);

/*
 * Put the result into *root (the caller's reference to the store's current
 * root) and its cost into delta. 0; -EAGAIN on a conflict; -ENOMEM.
 */
int tx_merge(struct tx *tx, struct node **root, uint64_t *gen,
             const struct accounts *as, struct delta *delta);

#endif
