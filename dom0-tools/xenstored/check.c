/* SPDX-License-Identifier: MIT */
/* Verifying the whole store: for the "check" command and the tests. */
#include <stdlib.h>
#include <string.h>

#include "libs/daemon/log.h"
#include "store.h"

struct checker {
    const struct store *st;
    struct delta owned;
    unsigned int faults;
};

static void fault(struct checker *ck, const struct node *n, const char *what)
{
    ck->faults++;
    log_line("check: node \"%s\": %s", n->name->data, what);
}

static void check_counters(struct checker *ck, const struct node *n)
{
    uint32_t below = 1;
    uint32_t bytes = n->name->len_bytes;

    if (n->left != NULL) {
        below += n->left->below;
        bytes += n->left->below_bytes;
    }
    if (n->right != NULL) {
        below += n->right->below;
        bytes += n->right->below_bytes;
    }
    if (below != n->below || bytes != n->below_bytes)
        fault(ck, n, "wrong counters");
}

static void check_links(struct checker *ck, const struct node *n)
{
    const struct node *side[] = {n->left, n->right};

    for (int i = 0; i < 2; i++) {
        int c;

        if (side[i] == NULL)
            continue;
        if (side[i]->prio > n->prio)
            fault(ck, n, "out of heap order");
        c = strcmp(side[i]->name->data, n->name->data);
        if (i == 0 ? c >= 0 : c <= 0)
            fault(ck, n, "out of name order");
    }
}

static void check_node(const struct node *n, void *arg)
{
    struct checker *ck = arg;
    uint64_t last = ck->st->gen;
    uint32_t domid;

    if (n->refs == 0)
        fault(ck, n, "no reference");
    if (n->perms->nr == 0)
        fault(ck, n, "no owner");
    if (n->birth_gen > last || n->value_gen > last || n->perms_gen > last ||
        n->kids_gen > last)
        fault(ck, n, "generation from the future");
    check_counters(ck, n);
    check_links(ck, n);
    if (node_payer(&ck->st->accounts, n, &domid) &&
        delta_add(&ck->owned, domid, 1, node_charge(n)) != 0)
        fault(ck, n, "not counted, no memory");
}

static void check_accounts(struct checker *ck)
{
    for (uint32_t i = 0; i < ck->st->accounts.nr_buckets; i++) {
        const struct account *a = ck->st->accounts.bucket[i];

        for (; a != NULL; a = a->next) {
            const struct delta_entry *e = delta_find(&ck->owned, a->domid);
            int64_t nodes = e != NULL ? e->nodes : 0;
            int64_t bytes = e != NULL ? e->bytes : 0;

            if (nodes == a->nodes && bytes == a->bytes)
                continue;
            ck->faults++;
            log_line("check: domain %u is charged %lld nodes, %lld bytes, "
                     "but owns %lld, %lld",
                     a->domid, (long long)a->nodes, (long long)a->bytes,
                     (long long)nodes, (long long)bytes);
        }
    }
}

unsigned int store_check(const struct store *st)
{
    struct checker ck = {.st = st};

    node_walk(st->root, check_node, &ck);
    check_accounts(&ck);
    delta_free(&ck.owned);
    return ck.faults;
}
