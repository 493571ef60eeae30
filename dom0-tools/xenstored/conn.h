/* SPDX-License-Identifier: MIT */
/*
 * One client: a socket or a domain's ring, its half-read request, its output.
 *
 * What is kept for a client is bounded. While its unsent output exceeds
 * OUT_HIGH bytes none of its requests is taken. Its undelivered watch events
 * are counted; beyond the limit each watch keeps one more event, for the
 * watched path itself, which stands for everything that changed below.
 */
#ifndef XENSTORED_CONN_H
#define XENSTORED_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libs/xs/wire.h"
#include "store.h"
#include "tx.h"

#define OUT_HIGH (16U * 1024)
/* Requests a client gets in one turn before others have theirs. */
#define TURN 16

/* How bytes travel. Results: bytes moved, 0 for "not now", -errno: dead. */
struct transport {
    ssize_t (*read)(struct conn *c, void *buf, size_t len);
    ssize_t (*write)(struct conn *c, const void *buf, size_t len);
    /* What would make the connection go on: room to write, more to read. */
    void (*want)(struct conn *c, bool in, bool out);
    /*
     * The client broke the rules. True: it stays, unheard, until the transport
     * resets the connection (a ring); false: the connection ends.
     */
    bool (*broken)(struct conn *c, int err);
    void (*close)(struct conn *c);
};

struct out_msg {
    struct out_msg *next;
    struct watch *watch; /* whose event this is, if it still exists */
    bool is_event;
    uint32_t len;
    uint32_t sent;
    char data[];
};

struct conn {
    struct store *st;
    struct actor actor;
    const struct transport *io;
    void *io_arg;
    bool dead;    /* to be closed at the end of this turn */
    bool ignored; /* broke the rules; a reset ends this */
    bool is_ready;
    struct conn *next_ready;
    struct watch *watches;
    uint32_t nr_watches;
    int64_t watch_bytes; /* their costs */
    struct tx *txs;
    uint32_t nr_txs;
    uint32_t next_tx;
    struct out_msg *out;
    struct out_msg **out_last;
    size_t out_bytes;
    uint32_t nr_events;
    uint32_t in_used;
    struct {
        struct xsd_sockmsg hdr;
        char data[XENSTORE_PAYLOAD_MAX + 1];
    } in;
};

struct conn *conn_new(struct store *st, const struct actor *actor,
                      const struct transport *io, void *io_arg);
/* Ends transactions and watches, closes the transport, frees. */
void conn_free(struct conn *c);

/* Something may have become possible: give it a turn soon. */
void conn_make_ready(struct conn *c);
/* A turn for each connection that is ready now. True: some want another. */
bool conns_run(struct store *st);

/* Forget watches, transactions, input and output, as at the beginning. */
void conn_reset(struct conn *c);
/* Drop all watches; undelivered events go too. */
void conn_reset_watches(struct conn *c);
void conn_add_watch(struct conn *c, struct watch *w);
void conn_remove_watch(struct conn *c, struct watch *w);

/* Queue a message. When memory is short the connection dies. */
void conn_reply(struct conn *c, const struct xsd_sockmsg *req, const void *data,
                size_t len);
void conn_error(struct conn *c, const struct xsd_sockmsg *req, int err);
/* path is absolute or special, or w's own. */
void conn_event(struct conn *c, struct watch *w, const char *path);

/*
 * Is it time for another log line about what this client does wrong? A guest
 * must not fill the disk with them.
 */
bool conn_may_complain(struct conn *c);

/* The account its costs go to; NULL for privileged ones. */
struct account *conn_account(struct conn *c);

#endif
