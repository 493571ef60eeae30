/* SPDX-License-Identifier: MIT */
/*
 * FIFO event queues under all interleavings: evtchn_fifo.c sends, and a guest
 * takes events off its queues as the ABI says, masks and unmasks, changes
 * priorities. When all is quiet no event may be left that its guest was not
 * told of: a lost one hangs a disk or a CPU for ever.
 */
#include <stdio.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/spinlock.h>

#include "core/evtchn_priv.h"
#include "explore.h"

#define NR_PORTS  4
#define GUEST     0 /* its thread's and vcpu's number */
#define FRAME_CB  8
#define FRAME_ARR 9
#define PENDING   (1U << EVTCHN_FIFO_PENDING)
#define MASKED    (1U << EVTCHN_FIFO_MASKED)
#define LINKED    (1U << EVTCHN_FIFO_LINKED)

static struct domain domain;
static struct vcpu vcpus[MODEL_MAX_THREADS], *vcpu_list[1] = {&vcpus[GUEST]};
static struct vcpu_info info;
static struct shared_info shared; /* nothing was pending before */
static struct evtchn channels[NR_PORTS], *bucket[1] = {channels};
static uint32_t guest_head[EVTCHN_FIFO_MAX_QUEUES];
static unsigned int handled[NR_PORTS], senders_left;

/* ---- the rest of the hypervisor ---- */

static char heap[8192];
static size_t heap_used;

void *hv_alloc(size_t bytes)
{
    void *p = &heap[heap_used];

    heap_used += ROUND_UP(bytes, 16);
    BUG_ON(heap_used > sizeof(heap));
    return memset(p, 0, bytes);
}

void hv_free(void *p)
{
    (void)p;
}

#include "model_lock.inc"

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    spin_lock(a < b ? a : b);
    if (a != b)
        spin_lock(a < b ? b : a);
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}

bool spin_is_locked(const spinlock_t *l)
{
    return l->next != 0;
}

bool spin_trylock(spinlock_t *l)
{
    (void)l;
    return false;
}

struct vcpu *domain_vcpu(const struct domain *d, unsigned int id)
{
    (void)d;
    return id == GUEST ? &vcpus[GUEST] : NULL;
}

void evtchn_vcpu_mark_pending(struct vcpu *v)
{
    (void)__atomic_exchange_n(&v->vcpu_info->evtchn_upcall_pending, 1,
                              __ATOMIC_SEQ_CST);
}

void vcpu_wake_pollers_of(struct domain *d, uint32_t port)
{
    (void)d;
    (void)port;
}

void evtchn_set_pending(struct domain *d, struct evtchn *chn)
{
    (void)d;
    evtchn_fifo_ops.set_pending(&vcpus[GUEST], chn);
}

int page_get_and_type(struct page_info *pg, const struct domain *d,
                      enum page_type type)
{
    (void)pg;
    (void)d;
    return type == PGT_WRITABLE ? 0 : -EINVAL;
}

void page_put_and_type(struct page_info *pg)
{
    (void)pg;
}

/* ---- the guest: ABI, event_channel.h and its design document ---- */

static struct evtchn_fifo_control_block *control(void)
{
    return mfn_to_virt(mfn(FRAME_CB));
}

static uint32_t *word(uint32_t port)
{
    return (uint32_t *)mfn_to_virt(mfn(FRAME_ARR)) + port;
}

/* Take the word off the queue; the next port, 0 at the end. */
static uint32_t unlink_word(uint32_t *w)
{
    uint32_t old = __atomic_load_n(w, __ATOMIC_SEQ_CST), new;

    do
        new = old & ~(LINKED | (uint32_t)EVTCHN_FIFO_LINK_MASK);
    while (!__atomic_compare_exchange_n(w, &old, new, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST));
    return old & EVTCHN_FIFO_LINK_MASK;
}

/* One event of a queue; false when it was the last. */
static bool take_one(unsigned int prio)
{
    uint32_t port = guest_head[prio], next;

    if (!port)
        port = __atomic_load_n(&control()->head[prio], __ATOMIC_SEQ_CST);
    if (port == 0 || port >= NR_PORTS)
        return false;
    next = unlink_word(word(port));
    guest_head[prio] = next;
    if ((__atomic_load_n(word(port), __ATOMIC_SEQ_CST) & (PENDING | MASKED)) ==
        PENDING) {
        (void)__atomic_fetch_and(word(port), ~PENDING, __ATOMIC_SEQ_CST);
        handled[port]++;
    }
    model_forget(next * 16 + prio);
    return next != 0;
}

static void upcall(void)
{
    uint32_t ready;

    (void)__atomic_exchange_n(&info.evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
    ready = __atomic_exchange_n(&control()->ready, 0, __ATOMIC_SEQ_CST);
    while (ready) {
        unsigned int prio = (unsigned int)__builtin_ctz(ready);

        model_forget(ready);
        if (!take_one(prio))
            ready &= ~(1U << prio);
        ready |= __atomic_exchange_n(&control()->ready, 0, __ATOMIC_SEQ_CST);
    }
    model_forget(0);
}

/* Until all senders are done and nothing is announced. */
static void serve(void)
{
    for (;;) {
        bool done;

        model_step();
        done = model_saw(senders_left) == 0;
        if (info.evtchn_upcall_pending) {
            (void)model_saw(1);
            upcall();
        } else if (done) {
            return;
        } else {
            model_wait(__builtin_return_address(0));
        }
    }
}

static void mask(uint32_t port)
{
    (void)__atomic_fetch_or(word(port), MASKED, __ATOMIC_SEQ_CST);
}

static void unmask(uint32_t port)
{
    spin_lock(&channels[port].lock);
    evtchn_fifo_ops.unmask(&domain, &channels[port]);
    spin_unlock(&channels[port].lock);
    model_forget(port);
}

static void mask_serve(void)
{
    mask(1);
    model_forget(1);
    unmask(1);
    serve();
}

static void priority_serve(void)
{
    spin_lock(&channels[1].lock);
    (void)evtchn_fifo_ops.set_priority(&domain, &channels[1], 3);
    spin_unlock(&channels[1].lock);
    model_forget(2);
    serve();
}

/* ---- senders ---- */

static void send(uint32_t port)
{
    spin_lock(&channels[port].lock);
    evtchn_fifo_ops.set_pending(&vcpus[GUEST], &channels[port]);
    spin_unlock(&channels[port].lock);
    model_forget(port);
}

static void sender_ends(void)
{
    model_step();
    senders_left--;
    model_wrote();
}

static void send_1(void)
{
    send(1);
    sender_ends();
}

static void send_1_1(void)
{
    send(1);
    send(1);
    sender_ends();
}

static void send_1_2(void)
{
    send(1);
    send(2);
    sender_ends();
}

static void send_2(void)
{
    send(2);
    sender_ends();
}

static void send_2_1(void)
{
    send(2);
    send(1);
    sender_ends();
}

/* ---- what must hold ---- */

static const char *always(void)
{
    return control()->head[7] < NR_PORTS && control()->head[3] < NR_PORTS
               ? NULL
               : "a head that is no port";
}

static const char *at_the_end(void)
{
    for (uint32_t port = 1; port < NR_PORTS; port++) {
        uint32_t w = *word(port);

        if ((w & (PENDING | MASKED)) == PENDING)
            return "an event is lost";
        if (w & (1U << EVTCHN_FIFO_BUSY))
            return "a word stays busy";
    }
    if (senders_left == 0 && !handled[1] && !handled[2])
        return "nothing was handled";
    return NULL;
}

static uint64_t hash(void)
{
    uint64_t h = senders_left;

    for (size_t i = 0; i < heap_used; i += 8)
        h = model_mix(h, *(uint64_t *)(heap + i));
    for (uint32_t port = 0; port < NR_PORTS; port++) {
        h = model_mix(h, *word(port) | (uint64_t)handled[port] << 32);
        h = model_mix(h, channels[port].lock.next |
                             channels[port].priority << 8 |
                             channels[port].last_priority << 16 |
                             (uint64_t)channels[port].pending_unmapped << 32);
    }
    for (unsigned int q = 0; q < EVTCHN_FIFO_MAX_QUEUES; q++)
        h = model_mix(h, control()->head[q] | (uint64_t)guest_head[q] << 32);
    return model_mix(h, control()->ready | info.evtchn_upcall_pending << 16);
}

static void reset(void)
{
    memset(channels, 0, sizeof(channels));
    memset(guest_head, 0, sizeof(guest_head));
    memset(handled, 0, sizeof(handled));
    memset(&info, 0, sizeof(info));
    memset(heap, 0, sizeof(heap));
    heap_used = 0;
    memset(mfn_to_virt(mfn(FRAME_CB)), 0, PAGE_SIZE);
    memset(mfn_to_virt(mfn(FRAME_ARR)), 0, PAGE_SIZE);
    memset(&domain.evtchn, 0, sizeof(domain.evtchn));
    domain.shared_info = &shared;
    domain.evtchn.bucket = bucket;
    domain.evtchn.max_port = 64;
    domain.evtchn.nr_ports = NR_PORTS;
    domain.vcpu = vcpu_list;
    domain.max_vcpus = 1;
    vcpus[GUEST].domain = &domain;
    vcpus[GUEST].vcpu_info = &info;
    vcpus[GUEST].evtchn_fifo = NULL;
    for (uint32_t port = 0; port < NR_PORTS; port++) {
        channels[port].port = port;
        channels[port].priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
        channels[port].last_priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    }
    if (evtchn_fifo_init_control(&domain, FRAME_CB, 0, GUEST))
        bug(__FILE__, __LINE__, "no FIFO");
}

static void expand(void)
{
    if (evtchn_fifo_expand(&domain, FRAME_ARR))
        bug(__FILE__, __LINE__, "no event words");
}

static void expand_serve(void)
{
    expand();
    model_forget(3);
    serve();
}

/* Words come later. */
static void reset_bare_1(void)
{
    reset();
    senders_left = 1;
}

static void reset_bare_2(void)
{
    reset();
    senders_left = 2;
}

static void reset_1(void)
{
    reset();
    expand();
    senders_left = 1;
}

static void reset_2(void)
{
    reset();
    expand();
    senders_left = 2;
}

static struct model models[] = {
    MODEL("one event, twice", reset_1, serve, send_1_1),
    MODEL("two events", reset_1, serve, send_1_2),
    MODEL("two senders", reset_2, serve, send_1, send_2),
    MODEL("the same by two senders", reset_2, serve, send_1, send_1),
    MODEL("two by one, one by another", reset_2, serve, send_2_1, send_1),
    MODEL("masked and unmasked", reset_1, mask_serve, send_1_1),
    MODEL("masked, two senders", reset_2, mask_serve, send_1, send_2),
    MODEL("another priority", reset_1, priority_serve, send_1_2),
    MODEL("another priority, two senders", reset_2, priority_serve, send_1,
          send_2),
    MODEL("words come meanwhile", reset_bare_1, expand_serve, send_1_1),
    MODEL("words come meanwhile, two senders", reset_bare_2, expand_serve,
          send_1, send_2),
};

static void set_up(void)
{
    host_cpus_init(MODEL_MAX_THREADS);
    host_frames_init(64);
    for (unsigned int c = 0; c < MODEL_MAX_THREADS; c++) {
        host_run_on(c);
        host_set_current(&vcpus[c]);
    }
}

#include "model_main.inc"
