/* SPDX-License-Identifier: MIT */
/*
 * hypfs_op: a small tree of values, read (and some written) by path.
 *
 *     get_version  all arguments 0; the version of the interface
 *     read         path, its length with the NUL, buffer, its length
 *     write        path, its length with the NUL, content, its length
 *
 * A read fills the buffer with a direntry and the content behind it: for a
 * directory a list of dirlistentries. If the buffer holds the direntry only,
 * -ENOBUFS, and the direntry tells the length.
 */
#ifndef PUBLIC_HYPFS_H
#define PUBLIC_HYPFS_H

#include "xen.h"

struct xen_hypfs_direntry {
    uint8_t type;
    uint8_t encoding;
    uint16_t pad; /* 0 */
    uint32_t content_len;
    uint32_t max_write_len; /* 0: read-only */
};
typedef struct xen_hypfs_direntry xen_hypfs_direntry_t;

#define XEN_HYPFS_TYPE_DIR    0
#define XEN_HYPFS_TYPE_BLOB   1
#define XEN_HYPFS_TYPE_STRING 2
#define XEN_HYPFS_TYPE_UINT   3
#define XEN_HYPFS_TYPE_INT    4
#define XEN_HYPFS_TYPE_BOOL   5

#define XEN_HYPFS_ENC_PLAIN 0
#define XEN_HYPFS_ENC_GZIP  1

struct xen_hypfs_dirlistentry {
    xen_hypfs_direntry_t e;
    uint16_t off_next; /* bytes to the next entry, 0: the last */
    char name[];       /* NUL-terminated */
};

#define XEN_HYPFS_OP_get_version    0
#define XEN_HYPFS_OP_read           1
#define XEN_HYPFS_OP_write_contents 2

#endif
