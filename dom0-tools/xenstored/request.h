/* SPDX-License-Identifier: MIT */
/*
 * Requests: one handler per type, found in one table (request.c).
 *
 * A handler returns 0 after it has replied, or -errno, which becomes the
 * error reply. It replies before it fires watches, so that a client sees the
 * answer to its request before the events that follow from it.
 */
#ifndef XENSTORED_REQUEST_H
#define XENSTORED_REQUEST_H

#include "conn.h"

struct request {
    struct conn *c;
    const struct xsd_sockmsg *hdr;
    const char *data; /* hdr->len bytes and a NUL */
    struct tx *tx;    /* if the request is part of one */
};

/* Room for any absolute path. */
typedef char path_buf[XENSTORE_ABS_PATH_MAX + 1];

/* One whole message; data has a NUL behind its hdr->len bytes. */
void request_handle(struct conn *c, const struct xsd_sockmsg *hdr,
                    const char *data);

/* Also log every request. */
extern bool log_requests;

/* Replies. */
int reply_ok(const struct request *rq);
int reply_data(const struct request *rq, const void *data, size_t len);
int reply_string(const struct request *rq, const char *text);

/*
 * The payload as exactly one terminated string (nothing behind it), or as
 * strings; -EINVAL.
 */
int request_one_string(const struct request *rq, const char **s);
/* The absolute path meant by text, relative ones included. -EINVAL. */
int request_path(const struct conn *c, const char *text, path_buf out);
/* The payload's single path, absolute. */
int request_only_path(const struct request *rq, path_buf out);

/* Handlers by file. */
int ops_read(struct request *rq);
int ops_directory(struct request *rq);
int ops_directory_part(struct request *rq);
int ops_get_perms(struct request *rq);
int ops_write(struct request *rq);
int ops_mkdir(struct request *rq);
int ops_rm(struct request *rq);
int ops_set_perms(struct request *rq);
int ops_watch(struct request *rq);
int ops_unwatch(struct request *rq);
int ops_reset_watches(struct request *rq);
int ops_tx_start(struct request *rq);
int ops_tx_end(struct request *rq);
int ops_introduce(struct request *rq);
int ops_release(struct request *rq);
int ops_resume(struct request *rq);
int ops_set_target(struct request *rq);
int ops_is_introduced(struct request *rq);
int ops_domain_path(struct request *rq);
int ops_control(struct request *rq);

/* Tell watchers of a change that led from root old to root now. */
void notify_change(struct store *st, const struct change *c,
                   const struct node *old, const struct node *now);
void notify_special(struct store *st, enum special which);

#endif
