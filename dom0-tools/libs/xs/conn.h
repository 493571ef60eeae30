/* SPDX-License-Identifier: MIT */
/* Private to libs/xs: the connection, and one request with its reply. */
#ifndef LIBS_XS_CONN_H
#define LIBS_XS_CONN_H

#include "libs/xs/wire.h"
#include "libs/xs/xs.h"

/* A watch event that came while a reply was awaited. */
struct xs_queued {
    struct xs_queued *next;
    struct xs_event ev;
};

struct xs {
    int fd;
    uint32_t next_id;
    int dead; /* -errno once the stream cannot be trusted any more */
    struct xs_queued *head;
    struct xs_queued **tail;
};

/* Where the store may be reached: xs_open() with other paths. */
struct xs_places {
    const char *const *sockets; /* NULL-terminated; the first that is there */
    const char *kernel;         /* the kernel's connection */
    const char *only_in_dom0;   /* where this exists, kernel is not tried */
};
int xs_open_places(const struct xs_places *places, struct xs **out);

/* A part of a payload. */
struct xs_part {
    const void *data;
    size_t len_bytes;
};

/*
 * Send one request and wait for its reply. *reply (if wanted) is
 * NUL-terminated beyond its *len_bytes and freed by the caller. Returns 0 or
 * -errno, the daemon's included.
 */
int xs_request(struct xs *xs, uint32_t type, uint32_t tx,
               const struct xs_part *parts, unsigned int nr_parts, char **reply,
               size_t *len_bytes);

/* The common shapes: one string; one string, nothing back. */
int xs_request_path(struct xs *xs, uint32_t type, uint32_t tx, const char *path,
                    char **reply, size_t *len_bytes);

#endif
