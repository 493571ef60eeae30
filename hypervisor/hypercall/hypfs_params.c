/* SPDX-License-Identifier: MIT */
/*
 * The options of the command line for hypfs. They are declared in memory that
 * is given back after boot, so their names and values are copied before,
 * in the order of the names.
 */
#include "hypfs.h"

#include <hv/cmdline.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <public/hypfs.h>

extern const struct param params_start[], params_end[];

static struct hypfs_node *nodes __ro_after_init;
static unsigned int nr_nodes __ro_after_init;

const struct hypfs_node *hypfs_params(unsigned int *nr)
{
    *nr = nr_nodes;
    return nodes;
}

static void *__init copy(const void *from, size_t len)
{
    void *to = hv_alloc(len);

    if (to)
        memcpy(to, from, len);
    return to;
}

/* Options that call a function have no value to show. */
static bool __init describe(const struct param *p, struct hypfs_node *n)
{
    switch (p->type) {
    case PARAM_UINT:
        n->type = XEN_HYPFS_TYPE_UINT;
        n->nr = sizeof(unsigned int);
        break;
    case PARAM_SIZE:
        n->type = XEN_HYPFS_TYPE_UINT;
        n->nr = sizeof(uint64_t);
        break;
    case PARAM_BOOL:
        n->type = XEN_HYPFS_TYPE_BOOL;
        n->nr = sizeof(bool);
        break;
    case PARAM_STRING:
        n->type = XEN_HYPFS_TYPE_STRING;
        n->nr = (unsigned int)strnlen(p->var, p->len - 1U) + 1;
        break;
    default:
        return false;
    }
    n->name = copy(p->name, strlen(p->name) + 1);
    n->u.content = copy(p->var, n->nr);
    return n->name && n->u.content;
}

/* Puts the last node where its name belongs. */
static void __init sort_in(void)
{
    struct hypfs_node last = nodes[nr_nodes];
    unsigned int i = nr_nodes;

    for (; i > 0 && strcmp(nodes[i - 1].name, last.name) > 0; i--)
        nodes[i] = nodes[i - 1];
    nodes[i] = last;
}

void __init hypfs_init(void)
{
    size_t nr = (size_t)(params_end - params_start);

    nodes = nr ? hv_alloc(nr * sizeof(*nodes)) : NULL;
    for (const struct param *p = params_start; nodes && p < params_end; p++) {
        if (!describe(p, &nodes[nr_nodes]))
            continue;
        sort_in();
        nr_nodes++;
    }
}
