/* SPDX-License-Identifier: MIT */
/*
 * The tree that hypfs_op shows: directories and values, all read-only. Nodes
 * are constant after boot.
 */
#ifndef HYPERCALL_HYPFS_H
#define HYPERCALL_HYPFS_H

#include <hv/types.h>

struct hypfs_node {
    const char *name;
    uint8_t type; /* XEN_HYPFS_TYPE_* */
    unsigned int nr;
    union {
        const struct hypfs_node *children; /* of a directory: nr of them */
        const void *content;               /* of a value: nr bytes */
    } u;
};

/* Options of the command line with the values that they have at the end of
 * boot; NULL, 0 before hypfs_init(). */
const struct hypfs_node *hypfs_params(unsigned int *nr);

#endif
