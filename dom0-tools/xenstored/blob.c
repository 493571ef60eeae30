/* SPDX-License-Identifier: MIT */
/* Shared immutable pieces of a node: names, values, permission lists. */
#include <stdlib.h>
#include <string.h>

#include "node.h"

struct blob *blob_new(const void *data, size_t len_bytes)
{
    struct blob *b = malloc(sizeof(*b) + len_bytes);

    if (b == NULL)
        return NULL;
    b->refs = 1;
    b->len_bytes = (uint32_t)len_bytes;
    if (len_bytes > 0)
        memcpy(b->data, data, len_bytes);
    return b;
}

struct blob *blob_get(struct blob *b)
{
    if (b != NULL)
        b->refs++;
    return b;
}

void blob_put(struct blob *b)
{
    if (b != NULL && --b->refs == 0)
        free(b);
}

struct perms *perms_new(const struct xs_perm *e, uint32_t nr)
{
    struct perms *p = malloc(sizeof(*p) + nr * sizeof(*e));

    if (p == NULL)
        return NULL;
    p->refs = 1;
    p->nr = nr;
    memcpy(p->e, e, nr * sizeof(*e));
    return p;
}

struct perms *perms_get(struct perms *p)
{
    p->refs++;
    return p;
}

void perms_put(struct perms *p)
{
    if (p != NULL && --p->refs == 0)
        free(p);
}
