/* SPDX-License-Identifier: MIT */
/* One client: turns, input and its end. Output is in output.c. */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libs/daemon/log.h"
#include "output.h"
#include "request.h"

#define COMPLAIN_EVERY_MS 60000U

struct conn *conn_new(struct store *st, const struct actor *actor,
                      const struct transport *io, void *io_arg)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->st = st;
    c->actor = *actor;
    c->io = io;
    c->io_arg = io_arg;
    c->out_last = &c->out;
    st->nr_conns++;
    return c;
}

struct account *conn_account(struct conn *c)
{
    if (c->actor.privileged)
        return NULL;
    return account_find(&c->st->accounts, c->actor.domid);
}

bool conn_may_complain(struct conn *c)
{
    struct account *a = conn_account(c);
    uint64_t now = log_now_ms();

    if (a == NULL)
        return true;
    if (a->complained_ms != 0 && now - a->complained_ms < COMPLAIN_EVERY_MS)
        return false;
    a->complained_ms = now;
    return true;
}

void conn_make_ready(struct conn *c)
{
    if (c->is_ready)
        return;
    c->is_ready = true;
    c->next_ready = NULL;
    *c->st->ready_last = c;
    c->st->ready_last = &c->next_ready;
}

static void unready(struct conn *c)
{
    struct conn **p = &c->st->ready;

    if (!c->is_ready)
        return;
    while (*p != c)
        p = &(*p)->next_ready;
    *p = c->next_ready;
    if (c->st->ready_last == &c->next_ready)
        c->st->ready_last = p;
    c->is_ready = false;
}

static void end_transactions(struct conn *c)
{
    while (c->txs != NULL) {
        struct tx *tx = c->txs;

        c->txs = tx->next;
        tx_free(tx);
    }
    c->nr_txs = 0;
}

void conn_add_watch(struct conn *c, struct watch *w)
{
    w->next_mine = c->watches;
    w->prev_mine = &c->watches;
    if (c->watches != NULL)
        c->watches->prev_mine = &w->next_mine;
    c->watches = w;
    c->nr_watches++;
    c->watch_bytes += w->cost;
}

void conn_remove_watch(struct conn *c, struct watch *w)
{
    *w->prev_mine = w->next_mine;
    if (w->next_mine != NULL)
        w->next_mine->prev_mine = w->prev_mine;
    c->nr_watches--;
    c->watch_bytes -= w->cost;
    watches_remove(&c->st->watches, w);
    output_forget_watch(c, w);
    free(w->path);
    free(w->token);
    free(w);
}

void conn_reset_watches(struct conn *c)
{
    output_drop_events(c);
    while (c->watches != NULL)
        conn_remove_watch(c, c->watches);
}

void conn_reset(struct conn *c)
{
    output_drop_all(c);
    conn_reset_watches(c);
    end_transactions(c);
    c->in_used = 0;
    c->ignored = false;
}

void conn_free(struct conn *c)
{
    unready(c);
    conn_reset(c);
    c->io->close(c);
    c->st->nr_conns--;
    free(c);
}

static void give_up(struct conn *c, int err)
{
    if (c->io->broken(c, err)) {
        conn_reset(c);
        c->ignored = true;
    } else {
        c->dead = true;
    }
}

/* Read towards a total of want bytes of the message. */
static bool fill(struct conn *c, uint32_t want)
{
    while (c->in_used < want) {
        ssize_t n =
            c->io->read(c, (char *)&c->in + c->in_used, want - c->in_used);

        if (n < 0)
            give_up(c, (int)n);
        if (n <= 0)
            return false;
        c->in_used += (uint32_t)n;
    }
    return true;
}

/* Take one request if a whole one is there. */
static bool take_request(struct conn *c)
{
    if (!fill(c, sizeof(c->in.hdr)))
        return false;
    if (c->in.hdr.len > XENSTORE_PAYLOAD_MAX) {
        if (conn_may_complain(c))
            log_line("domain %u: message of %u bytes, connection given up",
                     c->actor.domid, c->in.hdr.len);
        give_up(c, -EPROTO);
        return false;
    }
    if (!fill(c, (uint32_t)sizeof(c->in.hdr) + c->in.hdr.len))
        return false;
    c->in.data[c->in.hdr.len] = '\0';
    c->in_used = 0;
    c->st->nr_requests++;
    request_handle(c, &c->in.hdr, c->in.data);
    return true;
}

/* True: there may be more to do at once. */
static bool turn(struct conn *c)
{
    bool more = true;

    if (c->ignored) {
        output_drop_all(c);
        return false;
    }
    for (int i = 0; i < TURN && !c->dead; i++) {
        if (!output_send(c))
            give_up(c, -EIO);
        if (c->dead || c->ignored || c->out_bytes > OUT_HIGH ||
            !take_request(c)) {
            more = false;
            break;
        }
    }
    if (!c->dead && !output_send(c))
        give_up(c, -EIO);
    if (!c->dead)
        c->io->want(c, c->out_bytes <= OUT_HIGH, c->out != NULL);
    return more;
}

bool conns_run(struct store *st)
{
    struct conn *list = st->ready;

    st->ready = NULL;
    st->ready_last = &st->ready;
    while (list != NULL) {
        struct conn *c = list;
        bool more;

        list = c->next_ready;
        c->is_ready = false;
        more = turn(c);
        if (c->dead)
            conn_free(c);
        else if (more)
            conn_make_ready(c);
    }
    return st->ready != NULL;
}
