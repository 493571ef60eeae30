/* SPDX-License-Identifier: MIT */
/*
 * Nodes of the store, as a persistent tree.
 *
 * A node never changes while more than one owner holds it: whoever wants to
 * change it makes its own copy of the path from the root (node_own()), sharing
 * everything beside the path. So a snapshot of the whole store is one
 * reference to a root, and a change costs the depth of the path times the
 * logarithm of the directories on it.
 *
 *      root            root'           The children of a node form a treap
 *      /  \            /  \            ordered by name, whose links (left,
 *     a    b <-------- b'  a           right) live in the nodes themselves;
 *    / \      shared  / \              each node knows how many names, and
 *   c   d <----------d   c'            how many bytes of names, hang below it.
 *
 * Generations (from one counter, never reused) tell what changed: birth of
 * this incarnation of the path, its value, its permissions, its set of
 * children. Equal numbers mean unchanged.
 */
#ifndef XENSTORED_NODE_H
#define XENSTORED_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libs/xs/xs.h"

/* Immutable once built, shared by reference count. */
struct blob {
    uint32_t refs;
    uint32_t len_bytes;
    char data[];
};

struct perms {
    uint32_t refs;
    uint32_t nr; /* >= 1: [0] is the owner */
    struct xs_perm e[];
};

struct node {
    uint32_t refs;
    uint32_t prio; /* heap order of the treap; random */
    struct node *left;
    struct node *right;
    uint32_t below;       /* nodes in this part of the treap, self included */
    uint32_t below_bytes; /* their names with NULs */
    struct node *kids;    /* root of the children's treap */
    struct blob *name;    /* NUL-terminated; len_bytes includes the NUL */
    struct blob *value;   /* NULL: empty */
    struct perms *perms;
    uint64_t birth_gen;
    uint64_t value_gen;
    uint64_t perms_gen;
    uint64_t kids_gen;
};

struct blob *blob_new(const void *data, size_t len_bytes);
struct perms *perms_new(const struct xs_perm *e, uint32_t nr);
struct blob *blob_get(struct blob *b);
void blob_put(struct blob *b);
struct perms *perms_get(struct perms *p);
void perms_put(struct perms *p);

/*
 * A node without children, named by len bytes, born at gen. Takes over the
 * reference to perms; NULL (perms dropped) when memory is short.
 */
struct node *node_new(const char *name, size_t len, struct perms *perms,
                      uint64_t gen);
struct node *node_get(struct node *n);
void node_put(struct node *n);
/* Make *slot exclusively ours. 0 or -ENOMEM, then nothing changed. */
int node_own(struct node **slot);

/* The child with this name (len bytes, no NUL needed), or NULL. */
struct node *node_kid(const struct node *n, const char *name, size_t len);
/*
 * The same, made ours on the way; n is ours already. NULL: no such child (*rc
 * is 0) or no memory (*rc is -ENOMEM).
 */
struct node *node_own_kid(struct node *n, const char *name, size_t len,
                          int *rc);
/* n is ours; takes over kid, whose name is not among n's children yet. */
int node_add_kid(struct node *n, struct node *kid, uint64_t gen);
/* n is ours. -ENOENT: no such child. */
int node_remove_kid(struct node *n, const char *name, size_t len, uint64_t gen);

static inline uint32_t node_nr_kids(const struct node *n)
{
    return n->kids != NULL ? n->kids->below : 0;
}

/* Bytes a full listing of the children's names takes. */
static inline size_t node_list_bytes(const struct node *n)
{
    return n->kids != NULL ? n->kids->below_bytes : 0;
}

/*
 * Whole names of the listing from byte offset on, as many as fit into room.
 * Returns the bytes written.
 */
size_t node_list(const struct node *n, size_t offset, char *buf, size_t room);

/* Every node of the subtree, parents first. */
void node_walk(const struct node *n, void (*fn)(const struct node *, void *),
               void *arg);

#endif
