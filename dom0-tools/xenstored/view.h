/* SPDX-License-Identifier: MIT */
/*
 * What a request sees: the store, or its transaction's version of it, with
 * permission checks and, in a transaction, a note of all that was looked at.
 */
#ifndef XENSTORED_VIEW_H
#define XENSTORED_VIEW_H

#include "request.h"

/*
 * The node at path if the client may do need (ACCESS_x) with it; in a
 * transaction this counts as a use of it for what (USE_x). -ENOENT if there is
 * no such node and the client could see as much; -EACCES.
 */
int view_node(const struct request *rq, const char *path, unsigned int need,
              unsigned int what, const struct node **out);

/*
 * May the client do need with path, which need not exist yet? Then what counts
 * is the nearest node above. *n: the node, or NULL if it does not exist.
 */
int view_may(const struct request *rq, const char *path, unsigned int need,
             const struct node **n);

/*
 * What the client would own after delta, on top of its account and of what its
 * transaction did earlier (NULL: nothing), against its limits. what: for the
 * log. 0 or -ENOSPC.
 */
int view_within_quota(const struct request *rq, const struct delta *delta,
                      const struct delta *earlier, const char *what);

/* Apply a change to what the request sees, quotas kept, and reply. */
int view_change(const struct request *rq, struct change *c);

#endif
