/* SPDX-License-Identifier: MIT */
/* Limits on what one unprivileged domain may take: see quota.h. */
#include "quota.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "libs/xs/wire.h"
#include "libs/daemon/log.h"

/* A guest that keeps trying must not fill the disk with our log. */
#define LOG_EVERY_MS 60000U
#define LOG_WHAT_MAX 80

static const struct {
    const char *name;
    int64_t limit;
    const char *help;
} quotas[NR_QUOTAS] = {
    [QUOTA_NODES] = {"nodes", 1000, "nodes owned by a domain"},
    [QUOTA_WATCHES] = {"watches", 128, "watches set by a domain"},
    [QUOTA_WATCH_MEMORY] = {"watch-memory", 256 * 1024,
                            "bytes kept of a domain's watches"},
    [QUOTA_NODE_SIZE] = {"node-size", 2048, "bytes of a value"},
    [QUOTA_TRANSACTIONS] = {"transactions", 10, "open transactions"},
    [QUOTA_PERMS] = {"perms", 5, "permission entries of a node"},
    [QUOTA_TX_NODES] = {"tx-nodes", 1024, "paths used in a transaction"},
    [QUOTA_TX_MEMORY] = {"tx-memory", 512 * 1024,
                         "bytes kept of a transaction's requests"},
    [QUOTA_EVENTS] = {"events", 1024, "watch events not yet delivered"},
    [QUOTA_MEMORY] = {"memory", 2560 * 1024, "bytes of a domain's nodes"},
};

void quotas_default(struct quotas *q)
{
    for (int i = 0; i < NR_QUOTAS; i++)
        q->limit[i] = quotas[i].limit;
}

const char *quota_name(enum quota which)
{
    return quotas[which].name;
}

const char *quota_help(enum quota which)
{
    return quotas[which].help;
}

int quota_set(struct quotas *q, const char *name, const char *number)
{
    for (int i = 0; i < NR_QUOTAS; i++) {
        uint32_t v;

        if (strcmp(name, quotas[i].name) != 0)
            continue;
        if (xs_parse_u32(number, &v) != 0)
            return -EINVAL;
        q->limit[i] = v;
        return 0;
    }
    return -ENOENT;
}

int quota_parse(struct quotas *q, const char *text)
{
    const char *eq = strchr(text, '=');
    char name[32];

    if (eq == NULL || (size_t)(eq - text) >= sizeof(name))
        return -EINVAL;
    memcpy(name, text, (size_t)(eq - text));
    name[eq - text] = '\0';
    return quota_set(q, name, eq + 1);
}

int quota_check(const struct quotas *q, enum quota which, int64_t used,
                struct account *who, const char *what)
{
    uint64_t now;

    if (used <= q->limit[which])
        return 0;
    now = log_now_ms();
    if (who->logged_ms[which] == 0 ||
        now - who->logged_ms[which] >= LOG_EVERY_MS) {
        who->logged_ms[which] = now;
        log_line("domain %u: refused, over its limit of %lld %s (%s): %.*s%s",
                 who->domid, (long long)q->limit[which], quotas[which].help,
                 quotas[which].name, LOG_WHAT_MAX, what,
                 strlen(what) > LOG_WHAT_MAX ? "..." : "");
    }
    return -ENOSPC;
}
