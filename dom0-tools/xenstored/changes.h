/* SPDX-License-Identifier: MIT */
/*
 * The changes of one transaction: what is made again when it is merged, and
 * what watchers are told at its end.
 *
 * Two orders. That of applying is the order of the requests, except that a new
 * value (or permission list) may take the place of the one given earlier to the
 * same path, so that a client that writes one node over and over makes us keep
 * one record. That of telling has each path and kind once, where it was last
 * changed.
 */
#ifndef XENSTORED_CHANGES_H
#define XENSTORED_CHANGES_H

#include "tree.h"

struct tx_change {
    struct tx_change *next; /* in the order of applying */
    struct tx_change *next_told;
    struct tx_change **prev_told; /* what points to us; NULL: told later */
    struct tx_change *chain;      /* in the hash table: those to be told */
    uint32_t hash;
    uint64_t nr; /* the number of the request that made it */
    struct change c;
    char path[];
};

struct changes {
    struct tx_change *first;
    struct tx_change **last;
    struct tx_change *told;
    struct tx_change **last_told;
    struct tx_change **bucket;
    uint32_t nr_buckets; /* a power of two */
    uint32_t nr_told;
    uint64_t nr;      /* requests noted */
    uint64_t made;    /* the last one that may have made nodes */
    uint64_t removed; /* the last one that removed some */
};

int changes_init(struct changes *cs);
void changes_free(struct changes *cs);

/* What noting this change would add to the bytes kept; may be negative. */
int64_t changes_cost(const struct changes *cs, const struct change *c);
/* 0 or -ENOMEM. */
int changes_note(struct changes *cs, const struct change *c);

#endif
