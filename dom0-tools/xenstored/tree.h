/* SPDX-License-Identifier: MIT */
/*
 * Changes to a tree of nodes, by absolute path. Mechanism only: permissions
 * (access.h) and quotas (quota.h) are checked by the caller, who works on its
 * own reference to the root and drops it when it does not like the result.
 */
#ifndef XENSTORED_TREE_H
#define XENSTORED_TREE_H

#include "account.h"
#include "node.h"

enum change_kind {
    CHANGE_WRITE, /* value; creates the node and its parents */
    CHANGE_MKDIR, /* creates the node and its parents */
    CHANGE_RM,
    CHANGE_PERMS,
};

/* One change, as it is also kept in a transaction for the merge. */
struct change {
    enum change_kind kind;
    uint32_t creator; /* unprivileged maker of new nodes, or CREATOR_NONE */
    const char *path; /* absolute */
    struct blob *value;
    struct perms *perms;
};
#define CREATOR_NONE UINT32_MAX

/* The node at an absolute path, or NULL. */
const struct node *tree_find(const struct node *root, const char *path);
/*
 * The node, or the deepest existing one above it; *exact says which. Never
 * NULL: the root always exists.
 */
const struct node *tree_nearest(const struct node *root, const char *path,
                                bool *exact);

/*
 * Apply change at generation gen to *root (the caller's own reference), and
 * add what it costs whom to delta. Returns 1 if the tree changed, 0 if there
 * was nothing to do (mkdir of what exists; rm of what does not, below a parent
 * that does), or -errno with *root in an equivalent state: -ENOENT, -EINVAL
 * (rm of the root), -ENOMEM.
 */
int tree_apply(struct node **root, const struct change *c, uint64_t gen,
               const struct accounts *as, struct delta *delta);

#endif
