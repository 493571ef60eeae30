/* SPDX-License-Identifier: MIT */
/*
 * Nodes and the treap of a node's children: see node.h.
 *
 * A change first makes the nodes it will touch its own, which may run out of
 * memory but changes nothing that can be seen; then it moves pointers, which
 * cannot fail.
 */
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Balance needs numbers a guest cannot foresee; seeded once per process. */
static uint32_t random_prio(void)
{
    static uint64_t state;

    if (state == 0) {
        if (getrandom(&state, sizeof(state), 0) != sizeof(state))
            state = (uintptr_t)&state;
        state |= 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

struct node *node_new(const char *name, size_t len, struct perms *perms,
                      uint64_t gen)
{
    struct node *n = calloc(1, sizeof(*n));
    struct blob *b = malloc(sizeof(*b) + len + 1);

    if (n == NULL || b == NULL || perms == NULL) {
        free(n);
        free(b);
        perms_put(perms);
        return NULL;
    }
    b->refs = 1;
    b->len_bytes = (uint32_t)len + 1;
    memcpy(b->data, name, len);
    b->data[len] = '\0';
    n->refs = 1;
    n->prio = random_prio();
    n->below = 1;
    n->below_bytes = b->len_bytes;
    n->name = b;
    n->perms = perms;
    n->birth_gen = n->value_gen = n->perms_gen = n->kids_gen = gen;
    return n;
}

struct node *node_get(struct node *n)
{
    if (n != NULL)
        n->refs++;
    return n;
}

void node_put(struct node *n)
{
    if (n == NULL || --n->refs > 0)
        return;
    node_put(n->left);
    node_put(n->right);
    node_put(n->kids);
    blob_put(n->name);
    blob_put(n->value);
    perms_put(n->perms);
    free(n);
}

int node_own(struct node **slot)
{
    struct node *old = *slot;
    struct node *n;

    if (old->refs == 1)
        return 0;
    n = malloc(sizeof(*n));
    if (n == NULL)
        return -ENOMEM;
    *n = *old;
    n->refs = 1;
    node_get(n->left);
    node_get(n->right);
    node_get(n->kids);
    blob_get(n->name);
    blob_get(n->value);
    perms_get(n->perms);
    old->refs--;
    *slot = n;
    return 0;
}

/* Order of names: by bytes, the shorter of two alike first. */
static int compare(const char *name, size_t len, const struct node *n)
{
    size_t other = n->name->len_bytes - 1;
    int c = memcmp(name, n->name->data, len < other ? len : other);

    if (c != 0)
        return c;
    return len < other ? -1 : len > other;
}

static void update(struct node *n)
{
    n->below = 1;
    n->below_bytes = n->name->len_bytes;
    if (n->left != NULL) {
        n->below += n->left->below;
        n->below_bytes += n->left->below_bytes;
    }
    if (n->right != NULL) {
        n->below += n->right->below;
        n->below_bytes += n->right->below_bytes;
    }
}

struct node *node_kid(const struct node *n, const char *name, size_t len)
{
    struct node *k = n->kids;

    while (k != NULL) {
        int c = compare(name, len, k);

        if (c == 0)
            return k;
        k = c < 0 ? k->left : k->right;
    }
    return NULL;
}

/* Own every node met on the search for name, the found one included. */
static int own_search(struct node **slot, const char *name, size_t len)
{
    while (*slot != NULL) {
        int rc = node_own(slot);
        int c;

        if (rc != 0)
            return rc;
        c = compare(name, len, *slot);
        if (c == 0)
            return 0;
        slot = c < 0 ? &(*slot)->left : &(*slot)->right;
    }
    return 0;
}

struct node *node_own_kid(struct node *n, const char *name, size_t len, int *rc)
{
    *rc = 0;
    /* Copies nothing for a name that is not there. */
    if (node_kid(n, name, len) == NULL)
        return NULL;
    *rc = own_search(&n->kids, name, len);
    return *rc == 0 ? node_kid(n, name, len) : NULL;
}

/* Cut t at a name that is not in it. The nodes on the search are ours. */
static void split(struct node *t, const char *name, size_t len,
                  struct node **lower, struct node **upper)
{
    if (t == NULL) {
        *lower = *upper = NULL;
    } else if (compare(name, len, t) < 0) {
        split(t->left, name, len, lower, &t->left);
        *upper = t;
        update(t);
    } else {
        split(t->right, name, len, &t->right, upper);
        *lower = t;
        update(t);
    }
}

static void insert(struct node **slot, struct node *kid, const char *name,
                   size_t len)
{
    struct node *t = *slot;

    if (t == NULL || kid->prio > t->prio) {
        split(t, name, len, &kid->left, &kid->right);
        update(kid);
        *slot = kid;
        return;
    }
    insert(compare(name, len, t) < 0 ? &t->left : &t->right, kid, name, len);
    update(t);
}

int node_add_kid(struct node *n, struct node *kid, uint64_t gen)
{
    const char *name = kid->name->data;
    size_t len = kid->name->len_bytes - 1;
    int rc = own_search(&n->kids, name, len);

    if (rc != 0)
        return rc;
    insert(&n->kids, kid, name, len);
    n->kids_gen = gen;
    return 0;
}

/* Join two treaps, all of lower before upper; the seam's nodes are ours. */
static struct node *merge(struct node *lower, struct node *upper)
{
    if (lower == NULL)
        return upper;
    if (upper == NULL)
        return lower;
    if (lower->prio > upper->prio) {
        lower->right = merge(lower->right, upper);
        update(lower);
        return lower;
    }
    upper->left = merge(lower, upper->left);
    update(upper);
    return upper;
}

/* Own the nodes merge() may touch when victim goes. */
static int own_seam(struct node *victim)
{
    struct node **slot;
    int rc = 0;

    for (slot = &victim->left; *slot != NULL && rc == 0; slot = &(*slot)->right)
        rc = node_own(slot);
    for (slot = &victim->right; *slot != NULL && rc == 0; slot = &(*slot)->left)
        rc = node_own(slot);
    return rc;
}

static void cut(struct node **slot, const char *name, size_t len)
{
    struct node *t = *slot;
    int c = compare(name, len, t);

    if (c == 0) {
        *slot = merge(t->left, t->right);
        t->left = t->right = NULL;
        node_put(t);
        return;
    }
    cut(c < 0 ? &t->left : &t->right, name, len);
    update(t);
}

int node_remove_kid(struct node *n, const char *name, size_t len, uint64_t gen)
{
    int rc;
    struct node *kid = node_own_kid(n, name, len, &rc);

    if (kid == NULL)
        return rc != 0 ? rc : -ENOENT;
    rc = own_seam(kid);
    if (rc != 0)
        return rc;
    cut(&n->kids, name, len);
    n->kids_gen = gen;
    return 0;
}

/* Where a listing stands: what is to be skipped, what was written. */
struct lister {
    size_t skip;
    char *buf;
    size_t room;
    size_t used;
    bool full;
};

static void list_treap(const struct node *t, struct lister *l)
{
    if (t == NULL || l->full)
        return;
    if (l->skip >= t->below_bytes) {
        l->skip -= t->below_bytes;
        return;
    }
    list_treap(t->left, l);
    if (l->full)
        return;
    if (l->skip > 0) {
        /* An offset inside a name starts at the next one. */
        l->skip -= l->skip < t->name->len_bytes ? l->skip : t->name->len_bytes;
    } else if (t->name->len_bytes > l->room - l->used) {
        l->full = true;
        return;
    } else {
        memcpy(l->buf + l->used, t->name->data, t->name->len_bytes);
        l->used += t->name->len_bytes;
    }
    list_treap(t->right, l);
}

size_t node_list(const struct node *n, size_t offset, char *buf, size_t room)
{
    struct lister l = {.skip = offset, .buf = buf, .room = room};

    list_treap(n->kids, &l);
    return l.used;
}

static void walk_treap(const struct node *t,
                       void (*fn)(const struct node *, void *), void *arg)
{
    if (t == NULL)
        return;
    walk_treap(t->left, fn, arg);
    node_walk(t, fn, arg);
    walk_treap(t->right, fn, arg);
}

void node_walk(const struct node *n, void (*fn)(const struct node *, void *),
               void *arg)
{
    fn(n, arg);
    walk_treap(n->kids, fn, arg);
}
