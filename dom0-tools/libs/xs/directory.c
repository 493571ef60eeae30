/* SPDX-License-Identifier: MIT */
/*
 * Listing a node's children. A list too long for one message is fetched in
 * parts; the node's generation in each part tells whether all belong to the
 * same state, and the listing starts over when they do not.
 */
#include "libs/xs/xs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"

#define RESTARTS 100

/* A growing list of NUL-terminated names. */
struct list {
    char *text;
    size_t len_bytes;
};

static int list_append(struct list *list, const char *more, size_t len)
{
    char *text = realloc(list->text, list->len_bytes + len + 1);

    if (text == NULL)
        return -ENOMEM;
    memcpy(text + list->len_bytes, more, len);
    list->text = text;
    list->len_bytes += len;
    return 0;
}

static int get_part(struct xs *xs, uint32_t tx, const char *path, size_t offset,
                    char **reply, size_t *len)
{
    char text[24];
    struct xs_part parts[] = {
        {.data = path, .len_bytes = strlen(path) + 1},
        {.data = text},
    };

    parts[1].len_bytes =
        (size_t)snprintf(text, sizeof(text), "%zu", offset) + 1;
    return xs_request(xs, XS_DIRECTORY_PART, tx, parts, 2, reply, len);
}

/* The last part ends with an empty string. */
static bool is_last(const char *names, size_t len)
{
    return len > 0 && names[len - 1] == '\0' &&
           (len == 1 || names[len - 2] == '\0');
}

/* 0: complete, 1: the directory changed meanwhile, or -errno. */
static int get_parts(struct xs *xs, uint32_t tx, const char *path,
                     struct list *list)
{
    char gen[24] = "";
    bool last = false;

    while (!last) {
        char *reply;
        size_t len;
        size_t gen_len;
        int rc = get_part(xs, tx, path, list->len_bytes, &reply, &len);

        if (rc != 0)
            return rc;
        gen_len = strlen(reply) + 1;
        if (gen_len > len || gen_len > sizeof(gen) || gen_len == len) {
            free(reply);
            return -EPROTO;
        }
        if (list->len_bytes > 0 && strcmp(gen, reply) != 0) {
            free(reply);
            return 1;
        }
        strcpy(gen, reply);
        len -= gen_len;
        last = is_last(reply + gen_len, len);
        rc = list_append(list, reply + gen_len, last ? len - 1 : len);
        free(reply);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int get_list(struct xs *xs, uint32_t tx, const char *path,
                    struct list *list)
{
    int rc = xs_request_path(xs, XS_DIRECTORY, tx, path, &list->text,
                             &list->len_bytes);

    if (rc != -E2BIG)
        return rc;
    for (int i = 0; i < RESTARTS; i++) {
        *list = (struct list){0};
        rc = get_parts(xs, tx, path, list);
        if (rc == 0)
            return 0;
        free(list->text);
        if (rc < 0)
            return rc;
    }
    return -EBUSY;
}

int xs_directory(struct xs *xs, uint32_t tx, const char *path, char ***names)
{
    struct list list = {0};
    size_t nr = 0;
    char *text;
    int rc = get_list(xs, tx, path, &list);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < list.len_bytes; i++)
        nr += list.text[i] == '\0';
    *names = malloc((nr + 1) * sizeof(**names) + list.len_bytes);
    if (*names == NULL) {
        free(list.text);
        return -ENOMEM;
    }
    text = (char *)(*names + nr + 1);
    if (list.len_bytes > 0)
        memcpy(text, list.text, list.len_bytes);
    free(list.text);
    for (size_t i = 0; i < nr; i++) {
        (*names)[i] = text;
        text += strlen(text) + 1;
    }
    (*names)[nr] = NULL;
    return (int)nr;
}
