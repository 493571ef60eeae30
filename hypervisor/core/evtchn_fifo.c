/* SPDX-License-Identifier: MIT */
/*
 * The FIFO delivery ABI: an event word per port in pages of the guest, and per
 * vcpu a control block with the heads of 16 queues (by priority).
 *
 * We append at the tail, the guest takes from the head. A word's LINKED bit
 * says it is on a queue; its LINK field names the next port. All of it is in
 * guest memory and may be scribbled on at any time: only our own tail
 * (struct queue) is trusted, every port read from a word is not used at all.
 *
 * A port that moved to another queue may still be the tail of its last one.
 * Since it is not LINKED, the guest has drained that queue: its tail is
 * forgotten before the port is linked elsewhere.
 */
#include <hv/evtchn.h>

#include <hv/lib.h>

#include "evtchn_priv.h"

#define WORD_PENDING   (1U << EVTCHN_FIFO_PENDING)
#define WORD_MASKED    (1U << EVTCHN_FIFO_MASKED)
#define WORD_LINKED    (1U << EVTCHN_FIFO_LINKED)
#define WORD_BUSY      (1U << EVTCHN_FIFO_BUSY)
#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define MAX_PAGES      (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
/* Changes of a word that we retry before we ask the guest to hold still, and
 * after that before we give the link up. */
#define TRIES_FREE 4
#define TRIES_BUSY 1000

struct queue {
    spinlock_t lock; /* rank LOCK_RANK_EVTCHN_FIFO, interrupts off */
    uint32_t tail;   /* last port we linked, 0 = none */
};

struct evtchn_fifo_vcpu {
    struct evtchn_fifo_control_block *cb; /* guest memory; NULL: not yet */
    struct page_info *cb_page;
    struct queue queue[EVTCHN_FIFO_MAX_QUEUES];
};

struct evtchn_fifo_domain {
    event_word_t *words[MAX_PAGES]; /* guest memory, set once */
    struct page_info *page[MAX_PAGES];
    unsigned int nr_pages; /* d->evtchn.lock */
};

static event_word_t *word_of(const struct domain *d, uint32_t port)
{
    event_word_t *page;
    size_t i = port / WORDS_PER_PAGE;

    if (i >= MAX_PAGES)
        return NULL;
    i = index_nospec(i, MAX_PAGES);
    page = __atomic_load_n(&d->evtchn.fifo->words[i], __ATOMIC_ACQUIRE);
    return page ? &page[port % WORDS_PER_PAGE] : NULL;
}

static uint32_t word_or(event_word_t *w, uint32_t bits)
{
    return __atomic_fetch_or(w, bits, __ATOMIC_SEQ_CST);
}

static uint32_t word_and(event_word_t *w, uint32_t bits)
{
    return __atomic_fetch_and(w, bits, __ATOMIC_SEQ_CST);
}

/* One try to write the link of a word that is on a queue. 1 done, 0 it is not
 * LINKED any more, -1 the guest changed it meanwhile. */
static int try_set_link(event_word_t *w, uint32_t link)
{
    uint32_t old = __atomic_load_n(w, __ATOMIC_RELAXED), new;

    if (!(old & WORD_LINKED))
        return 0;
    new = (old & ~(WORD_BUSY | (uint32_t)EVTCHN_FIFO_LINK_MASK)) | link;
    return __atomic_compare_exchange_n(w, &old, new, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED)
               ? 1
               : -1;
}

/* Returns whether the tail was still on the queue and now links to link. */
static bool set_link(event_word_t *w, uint32_t link)
{
    int done = -1;

    for (unsigned int i = 0; i < TRIES_FREE && done < 0; i++)
        done = try_set_link(w, link);
    if (done >= 0)
        return done;
    word_or(w, WORD_BUSY);
    for (unsigned int i = 0; i < TRIES_BUSY && done < 0; i++)
        done = try_set_link(w, link);
    if (done != 1)
        word_and(w, ~WORD_BUSY);
    return done == 1;
}

/* Mark the word LINKED, link 0, if it is to be linked now. */
static bool claim_word(event_word_t *w)
{
    uint32_t old = __atomic_load_n(w, __ATOMIC_RELAXED), new;

    for (unsigned int i = 0; i < TRIES_BUSY; i++) {
        if (!(old & WORD_PENDING) || (old & (WORD_MASKED | WORD_LINKED)))
            return false;
        new = (old & ~(uint32_t)EVTCHN_FIFO_LINK_MASK) | WORD_LINKED;
        if (__atomic_compare_exchange_n(w, &old, new, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

static struct queue *last_queue(struct domain *d, const struct evtchn *chn)
{
    struct vcpu *v = domain_vcpu(d, READ_ONCE(chn->last_vcpu_id));

    if (!v || !v->evtchn_fifo)
        return NULL;
    return &v->evtchn_fifo->queue[READ_ONCE(chn->last_priority)];
}

/* Append port to q; both queues' locks are held. Returns whether q was empty,
 * that is, whether its head was written. */
static bool append(struct domain *d, struct evtchn_fifo_vcpu *fv,
                   struct queue *q, unsigned int prio, uint32_t port)
{
    event_word_t *tail = q->tail ? word_of(d, q->tail) : NULL;
    bool linked = tail && q->tail != port && set_link(tail, port);

    if (!linked)
        __atomic_store_n(&fv->cb->head[prio], port, __ATOMIC_RELEASE);
    q->tail = port;
    return !linked;
}

/*
 * Lock the queue the port goes to and the one it was last on. The latter is
 * known for sure only once it is locked: a send and an unmask may meet here.
 */
static struct queue *lock_queues(struct domain *d, const struct evtchn *chn,
                                 struct queue *q)
{
    for (;;) {
        struct queue *old = last_queue(d, chn) ?: q;

        spin_lock_pair(&q->lock, &old->lock);
        if ((last_queue(d, chn) ?: q) == old)
            return old;
        spin_unlock_pair(&q->lock, &old->lock);
    }
}

static void link_event(struct vcpu *v, struct evtchn *chn, event_word_t *w)
{
    struct domain *d = v->domain;
    struct evtchn_fifo_vcpu *fv = v->evtchn_fifo;
    unsigned int prio = READ_ONCE(chn->priority);
    struct queue *q = &fv->queue[prio], *old = lock_queues(d, chn, q);
    bool was_empty = false;

    if (claim_word(w)) {
        if (old != q && old->tail == chn->port)
            old->tail = 0;
        chn->last_vcpu_id = (uint16_t)v->id;
        chn->last_priority = (uint8_t)prio;
        was_empty = append(d, fv, q, prio, chn->port);
    }
    spin_unlock_pair(&q->lock, &old->lock);
    if (was_empty && !(word_or(&fv->cb->ready, 1U << prio) & (1U << prio)))
        evtchn_vcpu_mark_pending(v);
}

static void fifo_set_pending(struct vcpu *v, struct evtchn *chn)
{
    struct domain *d = v->domain;
    event_word_t *w = word_of(d, chn->port);
    uint32_t old;

    if (!w) {
        /* Pairs with expand: either it sees the flag, or we see the page. */
        (void)__atomic_exchange_n(&chn->pending_unmapped, true,
                                  __ATOMIC_SEQ_CST);
        w = word_of(d, chn->port);
        if (!w)
            return;
    }
    old = word_or(w, WORD_PENDING);
    if (!(old & (WORD_MASKED | WORD_LINKED)) && v->evtchn_fifo &&
        v->evtchn_fifo->cb)
        link_event(v, chn, w);
    if (!(old & WORD_PENDING))
        evtchn_wake_pollers(d, chn->port);
}

static void fifo_init(struct domain *d, struct evtchn *chn)
{
    event_word_t *w = word_of(d, chn->port);

    chn->pending_unmapped = false;
    if (w)
        word_and(w, ~WORD_PENDING);
}

static void fifo_clear_pending(struct domain *d, struct evtchn *chn)
{
    event_word_t *w = d->evtchn.fifo ? word_of(d, chn->port) : NULL;

    chn->pending_unmapped = false;
    if (w)
        word_and(w, ~WORD_PENDING);
}

static void fifo_unmask(struct domain *d, struct evtchn *chn)
{
    struct vcpu *v = domain_vcpu(d, chn->notify_vcpu);
    event_word_t *w = word_of(d, chn->port);

    if (!w)
        return;
    word_and(w, ~WORD_MASKED);
    if (v && (__atomic_load_n(w, __ATOMIC_SEQ_CST) & WORD_PENDING))
        fifo_set_pending(v, chn);
}

static bool fifo_is_pending(const struct domain *d, uint32_t port)
{
    const event_word_t *w = word_of(d, port);

    return w && (READ_ONCE(*w) & WORD_PENDING);
}

static bool fifo_is_masked(const struct domain *d, uint32_t port)
{
    const event_word_t *w = word_of(d, port);

    return !w || (READ_ONCE(*w) & WORD_MASKED);
}

static int fifo_set_priority(struct domain *d, struct evtchn *chn,
                             unsigned int p)
{
    (void)d;
    if (p > EVTCHN_FIFO_PRIORITY_MIN)
        return -EINVAL;
    chn->priority = (uint8_t)p;
    return 0;
}

const struct evtchn_ops evtchn_fifo_ops = {
    .max_ports = EVTCHN_FIFO_NR_CHANNELS,
    .init = fifo_init,
    .set_pending = fifo_set_pending,
    .clear_pending = fifo_clear_pending,
    .unmask = fifo_unmask,
    .is_pending = fifo_is_pending,
    .is_masked = fifo_is_masked,
    .set_priority = fifo_set_priority,
};

/* A frame of the guest as writable memory of ours, referenced. */
static int map_guest_frame(struct domain *d, uint64_t gfn,
                           struct page_info **pg)
{
    int rc;

    if (!mfn_is_ram(mfn(gfn)))
        return -EINVAL;
    *pg = mfn_to_page(mfn(gfn));
    rc = page_get_and_type(*pg, d, PGT_WRITABLE);
    return rc ? -EINVAL : 0;
}

/* Complete before it is published: senders to other vcpus look at the queue
 * that a port was last on, which may be one of this vcpu. */
static int vcpu_alloc(struct vcpu *v)
{
    struct evtchn_fifo_vcpu *fv;

    if (v->evtchn_fifo)
        return 0;
    fv = hv_alloc(sizeof(*fv));
    if (!fv)
        return -ENOMEM;
    for (unsigned int i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        spin_init(&fv->queue[i].lock, LOCK_RANK_EVTCHN_FIFO);
    __atomic_store_n(&v->evtchn_fifo, fv, __ATOMIC_RELEASE);
    return 0;
}

/* From 2-level to FIFO: what is pending there is made pending here. After the
 * change, so that what is sent meanwhile is not passed over. */
static void switch_to_fifo(struct domain *d, struct evtchn_fifo_domain *f)
{
    uint32_t nr = min_t(uint32_t, d->evtchn.nr_ports,
                        sizeof(d->shared_info->evtchn_pending) * 8);

    d->evtchn.fifo = f;
    __atomic_store_n(&d->evtchn.ops, &evtchn_fifo_ops, __ATOMIC_SEQ_CST);
    for (uint32_t first = 0; first < nr; first += 64) {
        uint64_t bits = READ_ONCE(d->shared_info->evtchn_pending[first / 64]);

        for (; bits; bits &= bits - 1) {
            struct evtchn *chn =
                evtchn_from_port(d, first + (uint32_t)__builtin_ctzl(bits));

            if (chn && chn->port)
                __atomic_store_n(&chn->pending_unmapped, true,
                                 __ATOMIC_SEQ_CST);
        }
    }
}

int evtchn_fifo_init_control(struct domain *d, uint64_t gfn, uint32_t offset,
                             unsigned int vcpu)
{
    struct vcpu *v = domain_vcpu(d, vcpu);
    struct evtchn_fifo_domain *f = d->evtchn.fifo;
    struct page_info *pg;
    int rc;

    if (!v)
        return -ENOENT;
    if (offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) ||
        offset % 8)
        return -EINVAL;
    if (v->evtchn_fifo && v->evtchn_fifo->cb)
        return -EINVAL;
    rc = vcpu_alloc(v);
    if (rc)
        return rc;
    if (!f) {
        f = hv_alloc(sizeof(*f));
        if (!f)
            return -ENOMEM;
    }
    rc = map_guest_frame(d, gfn, &pg);
    if (rc) {
        if (!d->evtchn.fifo)
            hv_free(f);
        return rc;
    }
    v->evtchn_fifo->cb_page = pg;
    __atomic_store_n(
        &v->evtchn_fifo->cb,
        (struct evtchn_fifo_control_block *)((char *)page_to_virt(pg) + offset),
        __ATOMIC_RELEASE);
    if (!d->evtchn.fifo)
        switch_to_fifo(d, f);
    return 0;
}

int evtchn_fifo_expand(struct domain *d, uint64_t gfn)
{
    struct evtchn_fifo_domain *f = d->evtchn.fifo;
    unsigned int n;
    int rc;

    if (!f)
        return -EOPNOTSUPP;
    n = f->nr_pages;
    if (n >= MAX_PAGES || n * WORDS_PER_PAGE >= d->evtchn.max_port)
        return -ENOSPC;
    rc = map_guest_frame(d, gfn, &f->page[n]);
    if (rc)
        return rc;
    __atomic_store_n(&f->words[n], page_to_virt(f->page[n]), __ATOMIC_SEQ_CST);
    f->nr_pages++;
    for (uint32_t i = 0; i < WORDS_PER_PAGE; i++) {
        struct evtchn *chn =
            evtchn_from_port(d, n * (uint32_t)WORDS_PER_PAGE + i);
        unsigned long flags;

        if (!chn)
            break;
        /* Who sets it after this look sees the page (fifo_set_pending()). */
        if (!__atomic_load_n(&chn->pending_unmapped, __ATOMIC_SEQ_CST))
            continue;
        flags = spin_lock_irqsave(&chn->lock);
        if (chn->pending_unmapped) {
            chn->pending_unmapped = false;
            evtchn_set_pending(d, chn);
        }
        spin_unlock_irqrestore(&chn->lock, flags);
    }
    return 0;
}

void evtchn_fifo_destroy(struct domain *d)
{
    struct evtchn_fifo_domain *f = d->evtchn.fifo;
    struct vcpu *v;

    for_each_vcpu (d, v) {
        struct evtchn_fifo_vcpu *fv = v->evtchn_fifo;

        if (!fv)
            continue;
        v->evtchn_fifo = NULL;
        if (fv->cb_page)
            page_put_and_type(fv->cb_page);
        hv_free(fv);
    }
    d->evtchn.fifo = NULL;
    for (unsigned int i = 0; f && i < f->nr_pages; i++)
        page_put_and_type(f->page[i]);
    hv_free(f);
}

void evtchn_fifo_each_page(struct domain *d,
                           void (*fn)(struct page_info *pg, void *arg),
                           void *arg)
{
    struct evtchn_fifo_domain *f = d->evtchn.fifo;
    struct vcpu *v;

    for (unsigned int i = 0; f && i < f->nr_pages; i++)
        fn(f->page[i], arg);
    for_each_vcpu (d, v)
        if (v->evtchn_fifo && v->evtchn_fifo->cb)
            fn(v->evtchn_fifo->cb_page, arg);
}
