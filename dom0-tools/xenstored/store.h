/* SPDX-License-Identifier: MIT */
/* The daemon's state: the tree, what hangs on it, and who is connected. */
#ifndef XENSTORED_STORE_H
#define XENSTORED_STORE_H

#include "access.h"
#include "account.h"
#include "node.h"
#include "quota.h"
#include "watch.h"

struct conn;
struct domain;
struct link_ops;

/* "@introduceDomain" and the like: no node, only permissions. */
enum special {
    SPECIAL_INTRODUCE,
    SPECIAL_RELEASE,
    NR_SPECIALS,
};

struct special_node {
    struct perms *perms;
    uint64_t perms_gen;
};

struct store {
    struct node *root;
    uint64_t gen; /* last one given out */
    struct accounts accounts;
    struct quotas quotas;
    struct watches watches;
    struct special_node special[NR_SPECIALS];
    struct domain *domains[256]; /* by the low bits of the id */
    uint32_t nr_domains;
    const struct link_ops *link; /* to the hypervisor; NULL without */
    struct conn *ready;          /* connections with work to do */
    struct conn **ready_last;
    uint32_t nr_conns;
    uint64_t nr_requests;
    uint64_t nr_conflicts;
};

int store_init(struct store *st);
/* Connections and domains must be gone. */
void store_free(struct store *st);

/* The special node of this name, or NULL. */
struct special_node *store_special(struct store *st, const char *name);
const char *store_special_name(enum special which);

/*
 * Verify the tree: order, heap, counters, generations, and every account
 * against a recount. Returns the number of faults; each is logged.
 */
unsigned int store_check(const struct store *st);

#endif
