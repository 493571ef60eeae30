/* SPDX-License-Identifier: MIT */
/* Changes to a tree of nodes, by path: see tree.h. */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Next component of a path; *path moves behind it. False at the end. */
static bool component(const char **path, const char **name, size_t *len)
{
    const char *p = *path;

    while (*p == '/')
        p++;
    *name = p;
    *len = strcspn(p, "/");
    *path = p + *len;
    return *len > 0;
}

const struct node *tree_nearest(const struct node *root, const char *path,
                                bool *exact)
{
    const struct node *n = root;
    const char *name;
    size_t len;

    *exact = true;
    while (component(&path, &name, &len)) {
        const struct node *kid = node_kid(n, name, len);

        if (kid == NULL) {
            *exact = false;
            break;
        }
        n = kid;
    }
    return n;
}

const struct node *tree_find(const struct node *root, const char *path)
{
    bool exact;
    const struct node *n = tree_nearest(root, path, &exact);

    return exact ? n : NULL;
}

/* What one change works with. */
struct job {
    const struct change *c;
    uint64_t gen;
    const struct accounts *as;
    struct delta *delta;
    bool created;
};

static int charge(struct job *j, const struct node *n, int sign)
{
    uint32_t domid;

    if (!node_payer(j->as, n, &domid))
        return 0;
    return delta_add(j->delta, domid, sign, sign * node_charge(n));
}

/* A child inherits; who is not privileged owns what it makes. */
static struct perms *inherited(const struct job *j, const struct node *parent)
{
    struct perms *p;

    if (j->c->creator == CREATOR_NONE)
        return perms_get(parent->perms);
    p = perms_new(parent->perms->e, parent->perms->nr);
    if (p != NULL)
        p->e[0].domid = j->c->creator;
    return p;
}

static struct node *create(struct job *j, struct node *parent, const char *name,
                           size_t len, int *rc)
{
    struct node *kid = node_new(name, len, inherited(j, parent), j->gen);

    *rc = -ENOMEM;
    if (kid == NULL)
        return NULL;
    *rc = charge(j, kid, 1);
    if (*rc == 0)
        *rc = node_add_kid(parent, kid, j->gen);
    if (*rc != 0) {
        node_put(kid);
        return NULL;
    }
    j->created = true;
    return kid;
}

/*
 * The node at path, made ours together with all above it. make: create what is
 * missing; else NULL with *rc = -ENOENT.
 */
static struct node *own_path(struct job *j, struct node **root,
                             const char *path, bool make, int *rc)
{
    struct node *n;
    const char *name;
    size_t len;

    *rc = node_own(root);
    if (*rc != 0)
        return NULL;
    n = *root;
    while (component(&path, &name, &len)) {
        struct node *kid = node_own_kid(n, name, len, rc);

        if (kid == NULL && *rc == 0 && make)
            kid = create(j, n, name, len, rc);
        else if (kid == NULL && *rc == 0)
            *rc = -ENOENT;
        if (kid == NULL)
            return NULL;
        n = kid;
    }
    return n;
}

static int apply_write(struct job *j, struct node **root)
{
    int rc;
    struct node *n = own_path(j, root, j->c->path, true, &rc);

    if (n == NULL)
        return rc;
    rc = charge(j, n, -1);
    if (rc != 0)
        return rc;
    blob_put(n->value);
    n->value = blob_get(j->c->value);
    n->value_gen = j->gen;
    rc = charge(j, n, 1);
    return rc != 0 ? rc : 1;
}

static int apply_mkdir(struct job *j, struct node **root)
{
    int rc;

    if (tree_find(*root, j->c->path) != NULL)
        return 0;
    return own_path(j, root, j->c->path, true, &rc) == NULL ? rc : 1;
}

static int apply_perms(struct job *j, struct node **root)
{
    int rc;
    struct node *n;

    if (tree_find(*root, j->c->path) == NULL)
        return -ENOENT;
    n = own_path(j, root, j->c->path, false, &rc);
    if (n == NULL)
        return rc;
    rc = charge(j, n, -1);
    if (rc != 0)
        return rc;
    perms_put(n->perms);
    n->perms = perms_get(j->c->perms);
    n->perms_gen = j->gen;
    rc = charge(j, n, 1);
    return rc != 0 ? rc : 1;
}

/* Refund a whole subtree; the walk has no way to stop, so remember. */
struct refund {
    struct job *j;
    int rc;
};

static void refund_one(const struct node *n, void *arg)
{
    struct refund *r = arg;

    if (r->rc == 0)
        r->rc = charge(r->j, n, -1);
}

static int remove_leaf(struct job *j, struct node *parent, const char *leaf)
{
    const struct node *victim = node_kid(parent, leaf, strlen(leaf));
    struct refund r = {.j = j};
    int rc;

    node_walk(victim, refund_one, &r);
    if (r.rc != 0)
        return r.rc;
    rc = node_remove_kid(parent, leaf, strlen(leaf), j->gen);
    return rc != 0 ? rc : 1;
}

static int apply_rm(struct job *j, struct node **root)
{
    const char *leaf = strrchr(j->c->path, '/') + 1;
    struct node *parent;
    char *above;
    int rc;

    if (*leaf == '\0')
        return -EINVAL;
    above = strndup(j->c->path, (size_t)(leaf - j->c->path));
    if (above == NULL)
        return -ENOMEM;
    if (tree_find(*root, above) == NULL) {
        rc = -ENOENT;
    } else if (tree_find(*root, j->c->path) == NULL) {
        rc = 0;
    } else {
        parent = own_path(j, root, above, false, &rc);
        if (parent != NULL)
            rc = remove_leaf(j, parent, leaf);
    }
    free(above);
    return rc;
}

int tree_apply(struct node **root, const struct change *c, uint64_t gen,
               const struct accounts *as, struct delta *delta)
{
    static int (*const apply[])(struct job *, struct node **) = {
        [CHANGE_WRITE] = apply_write,
        [CHANGE_MKDIR] = apply_mkdir,
        [CHANGE_RM] = apply_rm,
        [CHANGE_PERMS] = apply_perms,
    };
    struct job j = {.c = c, .gen = gen, .as = as, .delta = delta};

    return apply[c->kind](&j, root);
}
