/* SPDX-License-Identifier: MIT */
/* Limits on what one unprivileged domain may take. */
#ifndef XENSTORED_QUOTA_H
#define XENSTORED_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

struct account;

enum quota {
    QUOTA_NODES,
    QUOTA_WATCHES,
    QUOTA_WATCH_MEMORY,
    QUOTA_NODE_SIZE,
    QUOTA_TRANSACTIONS,
    QUOTA_PERMS,
    QUOTA_TX_NODES,
    QUOTA_TX_MEMORY,
    QUOTA_EVENTS,
    QUOTA_MEMORY,
    NR_QUOTAS,
};

struct quotas {
    int64_t limit[NR_QUOTAS];
};

void quotas_default(struct quotas *q);
const char *quota_name(enum quota which);
const char *quota_help(enum quota which);
/* "name=number" or name and number. -ENOENT: no such name; -EINVAL. */
int quota_set(struct quotas *q, const char *name, const char *number);
int quota_parse(struct quotas *q, const char *text);

/*
 * 0 if used is within the limit, else -ENOSPC and a log line naming domain,
 * limit and the beginning of what (at most one a minute for each domain and
 * limit).
 */
int quota_check(const struct quotas *q, enum quota which, int64_t used,
                struct account *who, const char *what);

#endif
