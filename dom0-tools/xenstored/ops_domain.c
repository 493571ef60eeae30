/* SPDX-License-Identifier: MIT */
/* Requests about domains. */
#include <errno.h>
#include <stdio.h>

#include "domain.h"
#include "request.h"

/* Ids from here on are the ABI's special ones. */
#define FIRST_RESERVED 0x7ff0U

/* The payload's numbers, the first one a domain id. */
static int numbers(const struct request *rq, uint64_t *v, unsigned int nr)
{
    const char *argv[3];
    int rc = xs_strings(rq->data, rq->hdr->len, argv, nr, nr);

    if (rc < 0)
        return rc;
    for (unsigned int i = 0; i < nr; i++) {
        rc = xs_parse_u64(argv[i], &v[i]);
        if (rc != 0)
            return rc;
    }
    return v[0] < FIRST_RESERVED ? 0 : -EINVAL;
}

int ops_introduce(struct request *rq)
{
    struct store *st = rq->c->st;
    uint64_t v[3];
    int rc = numbers(rq, v, 3);

    /* dom0's own ring is there from the start. */
    if (rc != 0 || v[0] == 0 || v[2] > UINT32_MAX)
        return -EINVAL;
    rc = domain_introduce(st, (uint32_t)v[0], v[1], (uint32_t)v[2]);
    if (rc < 0)
        return rc;
    reply_ok(rq);
    if (rc == 1)
        notify_special(st, SPECIAL_INTRODUCE);
    return 0;
}

int ops_release(struct request *rq)
{
    struct store *st = rq->c->st;
    bool shutdown;
    bool gone;
    uint64_t v;
    int rc = numbers(rq, &v, 1);

    if (rc != 0 || v == 0)
        return -EINVAL;
    gone =
        st->link == NULL || st->link->state((uint32_t)v, &shutdown) == -ESRCH;
    rc = domain_release(st, (uint32_t)v, gone);
    if (rc != 0)
        return rc;
    reply_ok(rq);
    notify_special(st, SPECIAL_RELEASE);
    return 0;
}

/* A suspended domain goes on: its next shutdown is news again. */
int ops_resume(struct request *rq)
{
    struct domain *d;
    uint64_t v;
    int rc = numbers(rq, &v, 1);

    if (rc != 0)
        return rc;
    d = domain_find(rq->c->st, (uint32_t)v);
    if (d == NULL)
        return -ENOENT;
    d->shutdown = false;
    return reply_ok(rq);
}

int ops_set_target(struct request *rq)
{
    struct domain *d;
    uint64_t v[2];
    int rc = numbers(rq, v, 2);

    if (rc != 0 || v[1] >= FIRST_RESERVED)
        return -EINVAL;
    d = domain_find(rq->c->st, (uint32_t)v[0]);
    if (d == NULL || domain_find(rq->c->st, (uint32_t)v[1]) == NULL)
        return -ENOENT;
    if (d->conn != NULL)
        d->conn->actor.target = (uint32_t)v[1];
    return reply_ok(rq);
}

int ops_is_introduced(struct request *rq)
{
    uint64_t v;
    int rc = numbers(rq, &v, 1);
    bool here;

    if (rc != 0)
        return rc;
    here = v == 0 || domain_find(rq->c->st, (uint32_t)v) != NULL;
    return reply_string(rq, here ? "T" : "F");
}

int ops_domain_path(struct request *rq)
{
    char path[48];
    uint64_t v;
    int rc = numbers(rq, &v, 1);

    if (rc != 0)
        return rc;
    snprintf(path, sizeof(path), "/local/domain/%u", (uint32_t)v);
    return reply_string(rq, path);
}
