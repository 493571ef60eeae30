/* SPDX-License-Identifier: MIT */
/* A connection's output: replies, errors, watch events. */
#include "output.h"

#include <stdlib.h>
#include <string.h>

#include "libs/daemon/log.h"

static struct out_msg *enqueue(struct conn *c, const struct xsd_sockmsg *hdr)
{
    size_t len = sizeof(*hdr) + hdr->len;
    struct out_msg *m = malloc(sizeof(*m) + len);

    if (m == NULL) {
        log_line("domain %u: no memory for a message, connection given up",
                 c->actor.domid);
        c->dead = true;
        conn_make_ready(c);
        return NULL;
    }
    *m = (struct out_msg){.len = (uint32_t)len};
    memcpy(m->data, hdr, sizeof(*hdr));
    *c->out_last = m;
    c->out_last = &m->next;
    c->out_bytes += len;
    conn_make_ready(c);
    return m;
}

static char *payload(struct out_msg *m)
{
    return m->data + sizeof(struct xsd_sockmsg);
}

void conn_reply(struct conn *c, const struct xsd_sockmsg *req, const void *data,
                size_t len)
{
    struct xsd_sockmsg hdr = *req;
    struct out_msg *m;

    hdr.len = (uint32_t)len;
    m = enqueue(c, &hdr);
    if (m != NULL && len > 0)
        memcpy(payload(m), data, len);
}

void conn_error(struct conn *c, const struct xsd_sockmsg *req, int err)
{
    struct xsd_sockmsg hdr = *req;
    const char *name = xs_error_name(err);

    hdr.type = XS_ERROR;
    conn_reply(c, &hdr, name, strlen(name) + 1);
}

static void release(struct conn *c, struct out_msg *m)
{
    c->out_bytes -= m->len;
    if (m->is_event) {
        c->nr_events--;
        if (m->watch != NULL && --m->watch->pending == 0)
            m->watch->collapsed = false;
    }
    free(m);
}

static void queue_event(struct conn *c, struct watch *w, const char *shown)
{
    size_t path_len = strlen(shown) + 1;
    size_t token_len = strlen(w->token) + 1;
    struct xsd_sockmsg hdr = {.type = XS_WATCH_EVENT};
    struct out_msg *m;

    if (path_len + token_len > XENSTORE_PAYLOAD_MAX)
        return;
    hdr.len = (uint32_t)(path_len + token_len);
    m = enqueue(c, &hdr);
    if (m == NULL)
        return;
    memcpy(payload(m), shown, path_len);
    memcpy(payload(m) + path_len, w->token, token_len);
    m->is_event = true;
    m->watch = w;
    w->pending++;
    c->nr_events++;
}

static void tell_collapse(struct conn *c, const struct watch *w)
{
    struct account *a = conn_account(c);

    if (a != NULL)
        quota_check(&c->st->quotas, QUOTA_EVENTS, c->nr_events + 1LL, a,
                    w->path);
    else
        log_line("a dom0 client does not read its %u watch events; those of "
                 "%s are merged",
                 c->nr_events, w->path);
}

void conn_event(struct conn *c, struct watch *w, const char *path)
{
    int64_t limit = c->st->quotas.limit[QUOTA_EVENTS];

    if (w->collapsed)
        return;
    /* dom0's programs may be slow for good reasons. */
    if (c->actor.privileged)
        limit *= 16;
    if (c->nr_events >= limit) {
        tell_collapse(c, w);
        w->collapsed = true;
        path = w->path;
    }
    queue_event(c, w, path + w->strip);
}

bool output_send(struct conn *c)
{
    while (c->out != NULL) {
        struct out_msg *m = c->out;
        ssize_t n = c->io->write(c, m->data + m->sent, m->len - m->sent);

        if (n <= 0)
            return n == 0;
        m->sent += (uint32_t)n;
        if (m->sent < m->len)
            continue;
        c->out = m->next;
        if (c->out == NULL)
            c->out_last = &c->out;
        release(c, m);
    }
    return true;
}

void output_drop_all(struct conn *c)
{
    while (c->out != NULL) {
        struct out_msg *m = c->out;

        c->out = m->next;
        release(c, m);
    }
    c->out_last = &c->out;
}

/* A message half on the wire has to be finished. */
static bool droppable(const struct out_msg *m)
{
    return m->is_event && m->sent == 0;
}

static void drop_if(struct conn *c, const struct watch *only)
{
    struct out_msg **p = &c->out;

    while (*p != NULL) {
        struct out_msg *m = *p;

        if (droppable(m) && (only == NULL || m->watch == only)) {
            *p = m->next;
            release(c, m);
            continue;
        }
        p = &m->next;
    }
    c->out_last = p;
}

void output_drop_events(struct conn *c)
{
    if (c->nr_events > 0)
        drop_if(c, NULL);
}

void output_forget_watch(struct conn *c, const struct watch *w)
{
    if (w->pending == 0)
        return;
    drop_if(c, w);
    /* What is left of it is the one being sent now, at the head. */
    if (c->out != NULL && c->out->watch == w)
        c->out->watch = NULL;
}
