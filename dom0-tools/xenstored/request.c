/* SPDX-License-Identifier: MIT */
/* From a message to its handler, and the helpers handlers share. */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libs/daemon/log.h"

bool log_requests;

#define NEEDS_DOM0 1U
#define IN_TX      2U /* a transaction id is heeded */

static const struct {
    int (*handler)(struct request *rq);
    unsigned int flags;
    const char *name;
} requests[] = {
    [XS_CONTROL] = {ops_control, NEEDS_DOM0, "control"},
    [XS_DIRECTORY] = {ops_directory, IN_TX, "directory"},
    [XS_READ] = {ops_read, IN_TX, "read"},
    [XS_GET_PERMS] = {ops_get_perms, IN_TX, "get-perms"},
    [XS_WATCH] = {ops_watch, 0, "watch"},
    [XS_UNWATCH] = {ops_unwatch, 0, "unwatch"},
    [XS_TRANSACTION_START] = {ops_tx_start, IN_TX, "transaction-start"},
    [XS_TRANSACTION_END] = {ops_tx_end, IN_TX, "transaction-end"},
    [XS_INTRODUCE] = {ops_introduce, NEEDS_DOM0, "introduce"},
    [XS_RELEASE] = {ops_release, NEEDS_DOM0, "release"},
    [XS_GET_DOMAIN_PATH] = {ops_domain_path, 0, "get-domain-path"},
    [XS_WRITE] = {ops_write, IN_TX, "write"},
    [XS_MKDIR] = {ops_mkdir, IN_TX, "mkdir"},
    [XS_RM] = {ops_rm, IN_TX, "rm"},
    [XS_SET_PERMS] = {ops_set_perms, IN_TX, "set-perms"},
    [XS_IS_DOMAIN_INTRODUCED] = {ops_is_introduced, 0, "is-introduced"},
    [XS_RESUME] = {ops_resume, NEEDS_DOM0, "resume"},
    [XS_SET_TARGET] = {ops_set_target, NEEDS_DOM0, "set-target"},
    [XS_RESET_WATCHES] = {ops_reset_watches, 0, "reset-watches"},
    [XS_DIRECTORY_PART] = {ops_directory_part, IN_TX, "directory-part"},
};

#define NR_REQUESTS (sizeof(requests) / sizeof(requests[0]))

static struct tx *find_tx(const struct conn *c, uint32_t id)
{
    struct tx *tx = c->txs;

    while (tx != NULL && tx->id != id)
        tx = tx->next;
    return tx;
}

static int handle(struct request *rq)
{
    uint32_t type = rq->hdr->type;

    if (type >= NR_REQUESTS || requests[type].handler == NULL)
        return -ENOSYS;
    if ((requests[type].flags & NEEDS_DOM0) && !rq->c->actor.privileged)
        return -EACCES;
    /* Its domain is gone, and with it who would pay. */
    if (!rq->c->actor.privileged && conn_account(rq->c) == NULL)
        return -EACCES;
    if ((requests[type].flags & IN_TX) && rq->hdr->tx_id != 0) {
        rq->tx = find_tx(rq->c, rq->hdr->tx_id);
        if (rq->tx == NULL)
            return -ENOENT;
    }
    return requests[type].handler(rq);
}

static void log_request(const struct request *rq, int rc)
{
    uint32_t type = rq->hdr->type;
    bool known = type < NR_REQUESTS && requests[type].name != NULL;

    log_line("domain %u: %s tx %u %.200s -> %s", rq->c->actor.domid,
             known ? requests[type].name : "unknown", rq->hdr->tx_id, rq->data,
             rc == 0 ? "ok" : xs_error_name(rc));
}

void request_handle(struct conn *c, const struct xsd_sockmsg *hdr,
                    const char *data)
{
    struct request rq = {.c = c, .hdr = hdr, .data = data};
    int rc = handle(&rq);

    if (log_requests)
        log_request(&rq, rc);
    if (rc != 0)
        conn_error(c, hdr, rc);
}

int reply_data(const struct request *rq, const void *data, size_t len)
{
    if (len > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    conn_reply(rq->c, rq->hdr, data, len);
    return 0;
}

int reply_string(const struct request *rq, const char *text)
{
    return reply_data(rq, text, strlen(text) + 1);
}

int reply_ok(const struct request *rq)
{
    return reply_string(rq, "OK");
}

int request_one_string(const struct request *rq, const char **s)
{
    if (rq->hdr->len == 0 ||
        strnlen(rq->data, rq->hdr->len) != rq->hdr->len - 1)
        return -EINVAL;
    *s = rq->data;
    return 0;
}

int request_path(const struct conn *c, const char *text, path_buf out)
{
    int n;

    if (!xs_path_valid(text))
        return -EINVAL;
    if (text[0] == '/' || xs_path_special(text)) {
        strcpy(out, text);
        return 0;
    }
    n = snprintf(out, sizeof(path_buf), "/local/domain/%u/%s", c->actor.domid,
                 text);
    return n < 0 || (size_t)n >= sizeof(path_buf) ? -EINVAL : 0;
}

int request_only_path(const struct request *rq, path_buf out)
{
    const char *text;
    int rc = request_one_string(rq, &text);

    return rc != 0 ? rc : request_path(rq->c, text, out);
}
