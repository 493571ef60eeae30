/* SPDX-License-Identifier: MIT */
/* Transactions: see tx.h. */
#include "tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16U

struct tx *tx_new(struct node *root, uint32_t id)
{
    struct tx *tx = calloc(1, sizeof(*tx));

    if (tx == NULL)
        return NULL;
    tx->nr_buckets = FIRST_BUCKETS;
    tx->use = calloc(tx->nr_buckets, sizeof(struct tx_use *));
    if (tx->use == NULL || changes_init(&tx->changes) != 0) {
        free(tx->use);
        free(tx);
        return NULL;
    }
    tx->id = id;
    tx->base = node_get(root);
    tx->root = node_get(root);
    return tx;
}

void tx_free(struct tx *tx)
{
    for (uint32_t i = 0; i < tx->nr_buckets; i++) {
        while (tx->use[i] != NULL) {
            struct tx_use *u = tx->use[i];

            tx->use[i] = u->chain;
            free(u);
        }
    }
    changes_free(&tx->changes);
    free(tx->use);
    delta_free(&tx->delta);
    node_put(tx->base);
    node_put(tx->root);
    free(tx);
}

/* A client that makes its own names collide slows down only itself. */
static uint32_t hash_of(const char *path)
{
    uint32_t h = 2166136261U;

    for (; *path != '\0'; path++)
        h = (h ^ (unsigned char)*path) * 16777619U;
    return h ^ (h >> 15);
}

static void grow(struct tx *tx)
{
    uint32_t nr = tx->nr_buckets * 2;
    struct tx_use **more = calloc(nr, sizeof(struct tx_use *));

    if (more == NULL)
        return; /* longer chains, nothing worse */
    for (uint32_t i = 0; i < tx->nr_buckets; i++) {
        while (tx->use[i] != NULL) {
            struct tx_use *u = tx->use[i];
            struct tx_use **to = &more[hash_of(u->path) & (nr - 1)];

            tx->use[i] = u->chain;
            u->chain = *to;
            *to = u;
        }
    }
    free(tx->use);
    tx->use = more;
    tx->nr_buckets = nr;
}

int64_t tx_use_cost(const char *path)
{
    return (int64_t)(sizeof(struct tx_use) + strlen(path) + 1);
}

int tx_note_use(struct tx *tx, const char *path, unsigned int what)
{
    uint32_t h = hash_of(path);
    struct tx_use *u = tx->use[h & (tx->nr_buckets - 1)];
    struct tx_use **to;

    while (u != NULL && strcmp(u->path, path) != 0)
        u = u->chain;
    if (u != NULL) {
        u->what |= what;
        return 0;
    }
    u = malloc((size_t)tx_use_cost(path));
    if (u == NULL)
        return -ENOMEM;
    if (tx->nr_uses >= tx->nr_buckets)
        grow(tx);
    u->what = what;
    strcpy(u->path, path);
    to = &tx->use[h & (tx->nr_buckets - 1)];
    u->chain = *to;
    *to = u;
    tx->nr_uses++;
    tx->bytes += tx_use_cost(path);
    return 0;
}

int64_t tx_change_cost(const struct tx *tx, const struct change *c)
{
    return changes_cost(&tx->changes, c);
}

int tx_note_change(struct tx *tx, const struct change *c)
{
    int64_t cost = tx_change_cost(tx, c);
    int rc = changes_note(&tx->changes, c);

    if (rc == 0)
        tx->bytes += cost;
    return rc;
}

static bool unchanged(const struct node *then, const struct node *now,
                      unsigned int what)
{
    if (then == now)
        return true;
    if (then == NULL || now == NULL || then->birth_gen != now->birth_gen)
        return false;
    return (!(what & USE_VALUE) || then->value_gen == now->value_gen) &&
           (!(what & USE_PERMS) || then->perms_gen == now->perms_gen) &&
           (!(what & USE_KIDS) || then->kids_gen == now->kids_gen);
}

static bool conflicts(const struct tx *tx, const struct node *root)
{
    for (uint32_t i = 0; i < tx->nr_buckets; i++) {
        for (const struct tx_use *u = tx->use[i]; u != NULL; u = u->chain) {
            if (!unchanged(tree_find(tx->base, u->path),
                           tree_find(root, u->path), u->what))
                return true;
        }
    }
    return false;
}

int tx_merge(struct tx *tx, struct node **root, uint64_t *gen,
             const struct accounts *as, struct delta *delta)
{
    int rc = 0;

    if (*root == tx->base) {
        rc = delta_reserve(delta, &tx->delta);
        if (rc != 0)
            return rc;
        delta_merge(delta, &tx->delta);
        node_put(*root);
        *root = node_get(tx->root);
        return 0;
    }
    if (conflicts(tx, *root))
        return -EAGAIN;
    for (struct tx_change *tc = tx->changes.first; tc != NULL && rc >= 0;
         tc = tc->next)
        rc = tree_apply(root, &tc->c, ++*gen, as, delta);
    /* What worked on the snapshot and is unchanged works again. */
    return rc < 0 ? rc : 0;
}
