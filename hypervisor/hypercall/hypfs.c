/* SPDX-License-Identifier: MIT */
/*
 * hypfs_op: a small tree of values by path, for the control domain:
 *
 *     /buildinfo          what the hypervisor was built from
 *     /cpupool/ID         one of each pool of CPUs
 *     /params             the options of its command line, with their values
 *
 * Names and places are those of the manual's hypfs-paths. Nothing can be
 * written.
 */
#include "hypfs.h"

#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/permission.h>
#include <hv/sched.h>
#include <hv/version.h>

#include <public/hypfs.h>

#define VERSION     1
#define MAX_PATH    1024 /* with the NUL */
#define ENTRY_ALIGN 4

#define STRING(n, s)                                                 \
    {                                                                \
        .name = (n), .type = XEN_HYPFS_TYPE_STRING, .nr = sizeof(s), \
        .u.content = (s)                                             \
    }

static const uint32_t major = 4, minor = 17;

#define DIR(n, c)                                                     \
    {                                                                 \
        .name = (n), .type = XEN_HYPFS_TYPE_DIR, .nr = ARRAY_SIZE(c), \
        .u.children = (c)                                             \
    }

static const struct hypfs_node version_nodes[] = {
    STRING("extra", TRELLIS_EXTRAVERSION),
    {.name = "major",
     .type = XEN_HYPFS_TYPE_UINT,
     .nr = sizeof(major),
     .u.content = &major},
    {.name = "minor",
     .type = XEN_HYPFS_TYPE_UINT,
     .nr = sizeof(minor),
     .u.content = &minor},
};

static const struct hypfs_node compile_nodes[] = {
    STRING("compile_by", "trellis"),
    STRING("compile_date", TRELLIS_DATE),
    STRING("compile_domain", ""),
    STRING("compiler", TRELLIS_COMPILER),
};

static const struct hypfs_node buildinfo_nodes[] = {
    STRING("changeset", TRELLIS_CHANGESET),
    DIR("compileinfo", compile_nodes),
    DIR("version", version_nodes),
};

/* The scheduler places single CPUs, never cores or sockets as a whole. */
static const struct hypfs_node pool_nodes[] = {STRING("sched-gran", "cpu")};

/* The root with what boot added, and the pools that there are at the moment:
 * made for each call. */
struct root {
    struct hypfs_node self, nodes[3], pools[NR_POOLS];
    char pool_names[NR_POOLS][12];
};

static void root_init(struct root *r)
{
    struct hypfs_node params = {.name = "params", .type = XEN_HYPFS_TYPE_DIR};
    struct sched_pool_info pool;
    unsigned int nr = 0;

    for (unsigned int id = 0; nr < NR_POOLS && sched_pool_info(id, &pool) == 0;
         id = pool.id + 1) {
        snprintf(r->pool_names[nr], sizeof(r->pool_names[nr]), "%u", pool.id);
        r->pools[nr] = (struct hypfs_node)DIR(r->pool_names[nr], pool_nodes);
        nr++;
    }
    params.u.children = hypfs_params(&params.nr);
    r->nodes[0] = (struct hypfs_node)DIR("buildinfo", buildinfo_nodes);
    r->nodes[1] = (struct hypfs_node){.name = "cpupool",
                                      .type = XEN_HYPFS_TYPE_DIR,
                                      .nr = nr,
                                      .u.children = r->pools};
    r->nodes[2] = params;
    r->self = (struct hypfs_node)DIR("", r->nodes);
}

static const struct hypfs_node *child(const struct hypfs_node *dir,
                                      const char *name, size_t len)
{
    for (unsigned int i = 0; i < dir->nr; i++) {
        const struct hypfs_node *n = &dir->u.children[i];

        if (strlen(n->name) == len && !memcmp(n->name, name, len))
            return n;
    }
    return NULL;
}

/* The path begins with '/'. NULL: there is no such thing. */
static const struct hypfs_node *find(const struct hypfs_node *n,
                                     const char *path)
{
    while (n && *path) {
        const char *name = ++path, *end = strchr(name, '/');
        size_t len = end ? (size_t)(end - name) : strlen(name);

        if (!len)
            return end ? NULL : n; /* "/", or a slash at the end */
        n = n->type == XEN_HYPFS_TYPE_DIR ? child(n, name, len) : NULL;
        path += len;
    }
    return n;
}

/* ---- what a read puts out ---- */

static uint32_t entry_len(const struct hypfs_node *n)
{
    size_t len =
        offsetof(struct xen_hypfs_dirlistentry, name) + strlen(n->name) + 1;

    return (uint32_t)ROUND_UP(len, ENTRY_ALIGN);
}

static struct xen_hypfs_direntry describe(const struct hypfs_node *n)
{
    struct xen_hypfs_direntry e = {.type = n->type,
                                   .encoding = XEN_HYPFS_ENC_PLAIN};

    if (n->type != XEN_HYPFS_TYPE_DIR)
        e.content_len = n->nr;
    else
        for (unsigned int i = 0; i < n->nr; i++)
            e.content_len += entry_len(&n->u.children[i]);
    return e;
}

static int put_entry(guest_va_t at, const struct hypfs_node *n, bool last)
{
    static const char zeroes[ENTRY_ALIGN];
    const size_t head = offsetof(struct xen_hypfs_dirlistentry, name);
    uint32_t len = entry_len(n);
    size_t name_len = strlen(n->name) + 1;
    struct xen_hypfs_dirlistentry e = {.e = describe(n),
                                       .off_next = last ? 0 : (uint16_t)len};

    if (copy_to_guest_va(at, &e, head) ||
        copy_to_guest_va(at + head, n->name, name_len))
        return -EFAULT;
    return copy_to_guest_va(at + head + name_len, zeroes,
                            len - head - name_len);
}

static int put_content(guest_va_t at, const struct hypfs_node *n)
{
    if (n->type != XEN_HYPFS_TYPE_DIR)
        return copy_to_guest_va(at, n->u.content, n->nr);
    for (unsigned int i = 0; i < n->nr; i++) {
        if (put_entry(at, &n->u.children[i], i + 1 == n->nr))
            return -EFAULT;
        at += entry_len(&n->u.children[i]);
    }
    return 0;
}

/* The description first: it says how long the buffer has to be. */
static long read_node(const struct hypfs_node *n, guest_va_t buf, uint64_t len)
{
    struct xen_hypfs_direntry e = describe(n);

    if (len < sizeof(e))
        return -EINVAL;
    if (copy_to_guest_va(buf, &e, sizeof(e)))
        return -EFAULT;
    if (len - sizeof(e) < e.content_len)
        return -ENOBUFS;
    return put_content(buf + sizeof(e), n);
}

/* ---- the hypercall ---- */

static int read_path(char *path, guest_va_t from, uint64_t len)
{
    if (len == 0 || len > MAX_PATH)
        return -EINVAL;
    if (copy_from_guest_va(path, from, len))
        return -EFAULT;
    if (path[len - 1] != '\0' || strlen(path) != len - 1 || path[0] != '/')
        return -EINVAL;
    return 0;
}

static long op_on_path(uint32_t cmd, char *path, guest_va_t buf, uint64_t len)
{
    struct root *root = hv_alloc(sizeof(*root));
    const struct hypfs_node *n;
    long rc = -ENOENT;

    if (!root)
        return -ENOMEM;
    root_init(root);
    n = find(&root->self, path);
    if (n)
        rc = cmd == XEN_HYPFS_OP_read ? read_node(n, buf, len) : -EACCES;
    hv_free(root);
    return rc;
}

long do_hypfs_op(unsigned long cmd, unsigned long path, unsigned long path_len,
                 unsigned long buf, unsigned long len)
{
    long rc = permit(__HYPERVISOR_hypfs_op, (uint32_t)cmd);
    char *text;

    if (rc)
        return rc;
    if ((uint32_t)cmd == XEN_HYPFS_OP_get_version)
        return path || path_len || buf || len ? -EINVAL : VERSION;
    text = hv_alloc(MAX_PATH);
    if (!text)
        return -ENOMEM;
    rc = read_path(text, path, path_len);
    rc = rc ?: op_on_path((uint32_t)cmd, text, buf, len);
    hv_free(text);
    return rc;
}
