/* SPDX-License-Identifier: MIT */
/*
 * What each domain owns in the store, and since when its id means this domain.
 *
 * An account starts when a domain's id is first named in permissions or
 * introduced, at the generation of that moment. Permissions given to the id
 * up to then were meant for a former domain of that id: they grant nothing, and
 * nodes still carrying them are not charged to the new one.
 */
#ifndef XENSTORED_ACCOUNT_H
#define XENSTORED_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "node.h"
#include "quota.h"

struct account {
    struct account *next; /* in the hash chain */
    uint32_t domid;
    uint64_t since_gen;
    int64_t nodes;
    int64_t bytes;
    /* When a refusal was last logged, by limit. */
    uint64_t logged_ms[NR_QUOTAS];
    uint64_t complained_ms; /* the same for broken rules */
};

struct accounts {
    struct account **bucket;
    uint32_t nr_buckets; /* a power of two */
    uint32_t nr;
};

/* Changes of one operation or transaction, not applied yet. */
struct delta_entry {
    uint32_t domid;
    int64_t nodes;
    int64_t bytes;
};
struct delta {
    struct delta_entry *e;
    uint32_t nr;
    uint32_t room;
};

int accounts_init(struct accounts *as);
void accounts_free(struct accounts *as);
struct account *account_find(const struct accounts *as, uint32_t domid);
/* Finds, or opens one at gen. NULL: no memory. */
struct account *account_open(struct accounts *as, uint32_t domid, uint64_t gen);
/* The domain is gone for good. */
void account_close(struct accounts *as, uint32_t domid);

/* What a node of this shape is charged. */
int64_t node_charge(const struct node *n);
/* Who pays for n: its owner, if n's permissions are not a former domain's. */
bool node_payer(const struct accounts *as, const struct node *n,
                uint32_t *domid);

int delta_add(struct delta *d, uint32_t domid, int64_t nodes, int64_t bytes);
const struct delta_entry *delta_find(const struct delta *d, uint32_t domid);
/* Room for all of from's entries, so that delta_merge() cannot fail. */
int delta_reserve(struct delta *d, const struct delta *from);
void delta_merge(struct delta *d, const struct delta *from);
void delta_apply(const struct delta *d, struct accounts *as);
void delta_free(struct delta *d);

#endif
