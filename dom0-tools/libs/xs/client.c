/* SPDX-License-Identifier: MIT */
/* The client's calls on nodes, watches and transactions. */
#include "libs/xs/xs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"

/* Lost races after which a transaction gives up. */
#define TX_TRIES 100

static struct xs_part str_part(const char *s)
{
    return (struct xs_part){.data = s, .len_bytes = strlen(s) + 1};
}

int xs_read(struct xs *xs, uint32_t tx, const char *path, char **value,
            size_t *len_bytes)
{
    return xs_request_path(xs, XS_READ, tx, path, value, len_bytes);
}

int xs_read_u64(struct xs *xs, uint32_t tx, const char *path, uint64_t *value)
{
    char *text;
    char *end;
    int rc = xs_read(xs, tx, path, &text, NULL);

    if (rc != 0)
        return rc;
    errno = 0;
    *value = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
        rc = -EINVAL;
    free(text);
    return rc;
}

int xs_write(struct xs *xs, uint32_t tx, const char *path, const void *value,
             size_t len_bytes)
{
    struct xs_part parts[] = {
        str_part(path),
        {.data = value, .len_bytes = len_bytes},
    };

    return xs_request(xs, XS_WRITE, tx, parts, 2, NULL, NULL);
}

int xs_write_str(struct xs *xs, uint32_t tx, const char *path,
                 const char *value)
{
    return xs_write(xs, tx, path, value, strlen(value));
}

int xs_writef(struct xs *xs, uint32_t tx, const char *path, const char *fmt,
              ...)
{
    char value[XENSTORE_PAYLOAD_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(value))
        return -E2BIG;
    return xs_write(xs, tx, path, value, (size_t)n);
}

int xs_mkdir(struct xs *xs, uint32_t tx, const char *path)
{
    return xs_request_path(xs, XS_MKDIR, tx, path, NULL, NULL);
}

int xs_rm(struct xs *xs, uint32_t tx, const char *path)
{
    return xs_request_path(xs, XS_RM, tx, path, NULL, NULL);
}

int xs_watch(struct xs *xs, const char *path, const char *token)
{
    struct xs_part parts[] = {str_part(path), str_part(token)};

    return xs_request(xs, XS_WATCH, 0, parts, 2, NULL, NULL);
}

int xs_unwatch(struct xs *xs, const char *path, const char *token)
{
    struct xs_part parts[] = {str_part(path), str_part(token)};

    return xs_request(xs, XS_UNWATCH, 0, parts, 2, NULL, NULL);
}

int xs_get_perms(struct xs *xs, uint32_t tx, const char *path,
                 struct xs_perm **perms)
{
    char *reply;
    size_t len;
    size_t at = 0;
    int nr = 0;
    int rc = xs_request_path(xs, XS_GET_PERMS, tx, path, &reply, &len);

    if (rc != 0)
        return rc;
    /* An entry takes three bytes at least: letter, digit, NUL. */
    *perms = calloc(len / 3 + 1, sizeof(**perms));
    if (*perms == NULL) {
        free(reply);
        return -ENOMEM;
    }
    for (; at < len && rc == 0; at += strlen(reply + at) + 1)
        rc = xs_perm_parse(reply + at, &(*perms)[nr++]);
    free(reply);
    if (rc != 0) {
        free(*perms);
        return -EPROTO;
    }
    return nr;
}

int xs_set_perms(struct xs *xs, uint32_t tx, const char *path,
                 const struct xs_perm *perms, unsigned int nr)
{
    char text[XENSTORE_PAYLOAD_MAX];
    struct xs_part parts[] = {str_part(path), {.data = text}};
    size_t len = 0;

    for (unsigned int i = 0; i < nr; i++) {
        if (sizeof(text) - len < XS_PERM_TEXT_MAX)
            return -E2BIG;
        len += xs_perm_format(text + len, &perms[i]) + 1;
    }
    parts[1].len_bytes = len;
    return xs_request(xs, XS_SET_PERMS, tx, parts, 2, NULL, NULL);
}

int xs_tx_start(struct xs *xs, uint32_t *tx)
{
    char *reply;
    int rc = xs_request_path(xs, XS_TRANSACTION_START, 0, "", &reply, NULL);

    if (rc != 0)
        return rc;
    rc = xs_parse_u32(reply, tx);
    free(reply);
    return rc != 0 ? -EPROTO : 0;
}

int xs_tx_end(struct xs *xs, uint32_t tx, bool commit)
{
    return xs_request_path(xs, XS_TRANSACTION_END, tx, commit ? "T" : "F", NULL,
                           NULL);
}

int xs_transaction(struct xs *xs, int (*fn)(struct xs *, uint32_t tx, void *),
                   void *arg)
{
    int rc = -EAGAIN;

    for (int i = 0; i < TX_TRIES && rc == -EAGAIN; i++) {
        uint32_t tx;

        rc = xs_tx_start(xs, &tx);
        if (rc != 0)
            return rc;
        rc = fn(xs, tx, arg);
        if (rc != 0) {
            xs_tx_end(xs, tx, false);
            return rc;
        }
        rc = xs_tx_end(xs, tx, true);
    }
    return rc;
}
