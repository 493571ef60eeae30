/* SPDX-License-Identifier: MIT */
/* Requests on nodes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view.h"

int ops_read(struct request *rq)
{
    const struct node *n;
    path_buf path;
    int rc = request_only_path(rq, path);

    if (rc == 0)
        rc = view_node(rq, path, ACCESS_READ, USE_VALUE, &n);
    if (rc != 0)
        return rc;
    if (n->value == NULL)
        return reply_data(rq, "", 0);
    return reply_data(rq, n->value->data, n->value->len_bytes);
}

int ops_directory(struct request *rq)
{
    char names[XENSTORE_PAYLOAD_MAX];
    const struct node *n;
    path_buf path;
    int rc = request_only_path(rq, path);

    if (rc == 0)
        rc = view_node(rq, path, ACCESS_READ, USE_KIDS, &n);
    if (rc != 0)
        return rc;
    if (node_list_bytes(n) > sizeof(names))
        return -E2BIG;
    return reply_data(rq, names, node_list(n, 0, names, sizeof(names)));
}

/* generation NUL names... and, behind the last name, an empty one. */
int ops_directory_part(struct request *rq)
{
    char out[XENSTORE_PAYLOAD_MAX];
    const char *argv[2];
    const struct node *n;
    uint32_t offset;
    size_t used;
    path_buf path;
    int rc = xs_strings(rq->data, rq->hdr->len, argv, 2, 2);

    if (rc < 0 || xs_parse_u32(argv[1], &offset) != 0)
        return -EINVAL;
    rc = request_path(rq->c, argv[0], path);
    if (rc == 0)
        rc = view_node(rq, path, ACCESS_READ, USE_KIDS, &n);
    if (rc != 0)
        return rc;
    used = (size_t)snprintf(out, sizeof(out), "%" PRIu64, n->kids_gen) + 1;
    rc = (int)node_list(n, offset, out + used, sizeof(out) - used - 1);
    used += (size_t)rc;
    if (offset + (size_t)rc >= node_list_bytes(n))
        out[used++] = '\0';
    return reply_data(rq, out, used);
}

static int reply_perms(struct request *rq, const struct perms *perms)
{
    char text[XENSTORE_PAYLOAD_MAX];
    size_t used = 0;

    for (uint32_t i = 0; i < perms->nr; i++) {
        if (sizeof(text) - used < XS_PERM_TEXT_MAX)
            return -E2BIG;
        used += xs_perm_format(text + used, &perms->e[i]) + 1;
    }
    return reply_data(rq, text, used);
}

int ops_get_perms(struct request *rq)
{
    const struct special_node *special;
    const struct node *n;
    path_buf path;
    int rc = request_only_path(rq, path);

    if (rc != 0)
        return rc;
    special = store_special(rq->c->st, path);
    if (special != NULL)
        return rq->c->actor.privileged ? reply_perms(rq, special->perms)
                                       : -EACCES;
    rc = view_node(rq, path, ACCESS_READ, 0, &n);
    return rc != 0 ? rc : reply_perms(rq, n->perms);
}

static int value_quota(struct request *rq, size_t len, const char *path)
{
    struct account *a = conn_account(rq->c);

    if (a == NULL)
        return 0;
    return quota_check(&rq->c->st->quotas, QUOTA_NODE_SIZE, (int64_t)len, a,
                       path);
}

int ops_write(struct request *rq)
{
    struct change c = {.kind = CHANGE_WRITE};
    const char *name;
    const struct node *n;
    size_t used;
    path_buf path;
    int rc = xs_strings(rq->data, rq->hdr->len, &name, 1, 1);

    if (rc < 0)
        return rc;
    used = strlen(name) + 1;
    rc = request_path(rq->c, name, path);
    if (rc == 0)
        rc = view_may(rq, path, ACCESS_WRITE, &n);
    if (rc == 0)
        rc = value_quota(rq, rq->hdr->len - used, path);
    if (rc != 0)
        return rc;
    c.path = path;
    c.value = blob_new(rq->data + used, rq->hdr->len - used);
    if (c.value == NULL)
        return -ENOMEM;
    rc = view_change(rq, &c);
    blob_put(c.value);
    return rc;
}

int ops_mkdir(struct request *rq)
{
    struct change c = {.kind = CHANGE_MKDIR};
    const struct node *n;
    path_buf path;
    int rc = request_only_path(rq, path);

    if (rc == 0)
        rc = view_may(rq, path, ACCESS_WRITE, &n);
    if (rc != 0)
        return rc;
    c.path = path;
    return view_change(rq, &c);
}

int ops_rm(struct request *rq)
{
    struct change c = {.kind = CHANGE_RM};
    const struct node *n;
    path_buf path;
    int rc = request_only_path(rq, path);

    if (rc == 0)
        rc = view_may(rq, path, ACCESS_WRITE, &n);
    if (rc != 0)
        return rc;
    c.path = path;
    return view_change(rq, &c);
}

/* The permission strings behind the path. */
static int parse_perms(struct request *rq, size_t at, struct xs_perm *perms,
                       uint32_t max)
{
    uint32_t nr = 0;

    while (at < rq->hdr->len) {
        size_t len = strnlen(rq->data + at, rq->hdr->len - at);

        if (nr == max || at + len == rq->hdr->len ||
            xs_perm_parse(rq->data + at, &perms[nr]) != 0 ||
            perms[nr].domid > UINT16_MAX)
            return -EINVAL;
        nr++;
        at += len + 1;
    }
    return nr > 0 ? (int)nr : -EINVAL;
}

/* From now on these ids mean the domains that have them now. */
static int open_accounts(struct store *st, const struct perms *perms)
{
    for (uint32_t i = 0; i < perms->nr; i++) {
        if (account_open(&st->accounts, perms->e[i].domid, st->gen) == NULL)
            return -ENOMEM;
    }
    return 0;
}

static int set_special(struct request *rq, struct special_node *special,
                       struct perms *perms)
{
    if (!rq->c->actor.privileged)
        return -EACCES;
    perms_put(special->perms);
    special->perms = perms_get(perms);
    special->perms_gen = ++rq->c->st->gen;
    return reply_ok(rq);
}

static int set_node(struct request *rq, const char *path, struct perms *perms)
{
    struct change c = {.kind = CHANGE_PERMS, .path = path, .perms = perms};
    struct account *a = conn_account(rq->c);
    const struct node *n;
    int rc = view_node(rq, path, ACCESS_OWNER, 0, &n);

    if (rc != 0)
        return rc;
    if (a != NULL) {
        rc = quota_check(&rq->c->st->quotas, QUOTA_PERMS, perms->nr, a, path);
        if (rc != 0)
            return rc;
        /* Only dom0 gives nodes away. */
        if (perms->e[0].domid != n->perms->e[0].domid)
            return -EPERM;
    }
    return view_change(rq, &c);
}

int ops_set_perms(struct request *rq)
{
    struct xs_perm list[XENSTORE_PAYLOAD_MAX / 3];
    struct special_node *special;
    struct perms *perms;
    const char *name;
    path_buf path;
    int nr;
    int rc = xs_strings(rq->data, rq->hdr->len, &name, 1, 1);

    if (rc < 0)
        return rc;
    nr = parse_perms(rq, strlen(name) + 1, list, XENSTORE_PAYLOAD_MAX / 3);
    if (nr < 0)
        return nr;
    rc = request_path(rq->c, name, path);
    if (rc != 0)
        return rc;
    perms = perms_new(list, (uint32_t)nr);
    if (perms == NULL)
        return -ENOMEM;
    special = store_special(rq->c->st, path);
    rc = open_accounts(rq->c->st, perms);
    if (rc == 0)
        rc = special != NULL ? set_special(rq, special, perms)
                             : set_node(rq, path, perms);
    perms_put(perms);
    return rc;
}
