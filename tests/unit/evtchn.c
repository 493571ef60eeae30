/* SPDX-License-Identifier: MIT */
/*
 * Event channels of three domains against a model, through the hypercall and
 * by both delivery ABIs, with a guest that consumes events as Linux does. An
 * event that is lost hangs a guest; one that comes twice or to the wrong
 * domain is worse.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/irq.h>

#include <core/evtchn_priv.h>

#include <public/event_channel.h>

#define NR_DOMAINS 3
#define NR_VCPUS   2
#define MAX_PORT   150
#define ROUNDS     20000

static struct domain domains[NR_DOMAINS];
static struct vcpu vcpus[NR_DOMAINS][NR_VCPUS];
static struct vcpu *vcpu_ptrs[NR_DOMAINS][NR_VCPUS];
static bool kicked[NR_DOMAINS][NR_VCPUS];
struct domain *dom0 = &domains[0];
static uint64_t *args; /* guest memory for hypercall arguments */
static uint64_t next_frame;

/* What the model knows of a port. */
struct port {
    int state; /* EVTCHNSTAT_* */
    unsigned int rdom, rport, what;
    bool pending, masked;
};
static struct port model[NR_DOMAINS][MAX_PORT + 1];

/* ---- the rest of the hypervisor ---- */

void domain_get(struct domain *d)
{
    d->refs++;
}

/* What another vcpu does as soon as a domain was let go of. */
static void (*behind_put)(void);

void domain_put(struct domain *d)
{
    void (*hook)(void) = behind_put;

    assert_true(d->refs > 1);
    d->refs--;
    behind_put = NULL; /* what it does may come here again */
    if (hook != NULL)
        hook();
    behind_put = hook;
}

struct domain *domain_get_any(domid_t id)
{
    struct domain *d = NULL;

    if (id == DOMID_SELF)
        d = current->domain;
    else if (id < NR_DOMAINS)
        d = &domains[id];
    if (d != NULL)
        domain_get(d);
    return d;
}

struct vcpu *domain_vcpu(const struct domain *d, unsigned int id)
{
    return id < d->max_vcpus ? d->vcpu[id] : NULL;
}

void vcpu_kick(struct vcpu *v)
{
    kicked[v->domain->id][v->id] = true;
}

/* The port whose pollers were last woken. */
static uint32_t pollers_of;

void vcpu_wake_pollers_of(struct domain *d, uint32_t port)
{
    assert_ptr_equal(d, &domains[1]);
    pollers_of = port;
}

/* What another vcpu does meanwhile, and that there is something to do. */
static bool (*meanwhile)(void);
static unsigned int continued;

bool hypercall_preempt_check(void)
{
    return meanwhile != NULL && meanwhile();
}

long hypercall_continue(unsigned int nr, unsigned int nr_args, ...)
{
    assert_int_equal(nr, __HYPERVISOR_event_channel_op);
    assert_int_equal(nr_args, 2);
    continued++;
    return nr;
}

int pirq_bind(struct domain *d, unsigned int pirq, uint32_t port,
              bool will_share)
{
    (void)d;
    (void)port;
    (void)will_share;
    assert_true(host_locks_held > 0); /* nobody closes the port meanwhile */
    return pirq == 13 ? -EBUSY : 0;
}

void pirq_unbind(struct domain *d, unsigned int pirq, uint32_t port)
{
    (void)d;
    assert_int_not_equal(pirq, 13);
    assert_int_not_equal(port, 0); /* the line may be another port's by now */
}

void pirq_guest_unmask(struct domain *d, unsigned int pirq)
{
    (void)d;
    (void)pirq;
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v)
{
    (void)d;
    (void)pirq;
    (void)v;
}

int page_get_and_type(struct page_info *pg, const struct domain *d,
                      enum page_type type)
{
    assert_int_equal(type, PGT_WRITABLE);
    if (pg->owner != d)
        return -EINVAL;
    pg->state++;
    return 0;
}

void page_put_and_type(struct page_info *pg)
{
    assert_true(pg->state > 0);
    pg->state--;
}

/* ---- set-up ---- */

static void make_domain(domid_t id)
{
    struct domain *d = &domains[id];

    memset(d, 0, sizeof(*d));
    d->id = id;
    d->is_privileged = id == 0;
    rangeset_init(&d->irqs);
    if (id == 0)
        assert_int_equal(rangeset_add(&d->irqs, 0, UINT32_MAX), 0);
    d->refs = 1;
    d->shared_info = calloc(1, PAGE_SIZE);
    d->max_vcpus = NR_VCPUS;
    d->vcpu = vcpu_ptrs[id];
    for (unsigned int i = 0; i < NR_VCPUS; i++) {
        memset(&vcpus[id][i], 0, sizeof(vcpus[id][i]));
        vcpus[id][i].domain = d;
        vcpus[id][i].id = i;
        vcpus[id][i].vcpu_info = &d->shared_info->vcpu_info[i];
        vcpu_ptrs[id][i] = &vcpus[id][i];
    }
    assert_int_equal(evtchn_domain_init(d, MAX_PORT), 0);
}

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    host_frames_init(64);
    next_frame = 0;
    args = host_guest_alloc(PAGE_SIZE);
    memset(model, 0, sizeof(model));
    memset(kicked, 0, sizeof(kicked));
    for (domid_t id = 0; id < NR_DOMAINS; id++)
        make_domain(id);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned int id = 0; id < NR_DOMAINS; id++)
        assert_int_equal(evtchn_domain_destroy(&domains[id]), 0);
    for (unsigned int id = 0; id < NR_DOMAINS; id++) {
        assert_int_equal(domains[id].refs, 1);
        assert_int_equal(domains[id].evtchn.nr_active, 0);
        evtchn_domain_free(&domains[id]);
        rangeset_free(&domains[id].irqs);
        free(domains[id].shared_info);
    }
    for (uint64_t m = 0; m < next_frame; m++)
        assert_int_equal(host_frames[m].state, 0);
    assert_int_equal(host_allocs_live, 0);
    assert_int_equal(host_locks_held, 0);
    assert_false(host_irqs_off);
    host_guest_free_all();
    return 0;
}

/* ---- hypercalls ---- */

#define CALL(dom, cmd, op)                                   \
    ({                                                       \
        long rc_;                                            \
        host_set_current(&vcpus[dom][0]);                    \
        memcpy(args, (op), sizeof(*(op)));                   \
        rc_ = do_event_channel_op(cmd, (unsigned long)args); \
        memcpy((op), args, sizeof(*(op)));                   \
        rc_;                                                 \
    })

static long alloc_unbound(unsigned int dom, unsigned int remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF,
                                      .remote_dom = (domid_t)remote};
    long rc = CALL(dom, EVTCHNOP_alloc_unbound, &op);

    if (rc == 0)
        model[dom][op.port] =
            (struct port){.state = EVTCHNSTAT_unbound,
                          .rdom = remote,
                          .masked = model[dom][op.port].masked};
    return rc ? rc : op.port;
}

static long bind_interdomain(unsigned int dom, unsigned int rdom,
                             unsigned int rport)
{
    struct evtchn_bind_interdomain op = {.remote_dom = (domid_t)rdom,
                                         .remote_port = rport};
    long rc = CALL(dom, EVTCHNOP_bind_interdomain, &op);
    struct port *l, *r;

    if (rc)
        return rc;
    l = &model[dom][op.local_port];
    r = &model[rdom][rport];
    assert_int_equal(r->state, EVTCHNSTAT_unbound);
    assert_int_equal(r->rdom, dom);
    *l = (struct port){.state = EVTCHNSTAT_interdomain,
                       .rdom = rdom,
                       .rport = rport,
                       .pending = true,
                       .masked = l->masked};
    r->state = EVTCHNSTAT_interdomain;
    r->rport = op.local_port;
    return op.local_port;
}

static long bind_ipi(unsigned int dom, unsigned int vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    long rc = CALL(dom, EVTCHNOP_bind_ipi, &op);

    if (rc == 0)
        model[dom][op.port] = (struct port){
            .state = EVTCHNSTAT_ipi, .masked = model[dom][op.port].masked};
    return rc ? rc : op.port;
}

static long bind_virq(unsigned int dom, unsigned int virq, unsigned int vcpu)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    long rc = CALL(dom, EVTCHNOP_bind_virq, &op);

    if (rc == 0)
        model[dom][op.port] =
            (struct port){.state = EVTCHNSTAT_virq,
                          .what = virq,
                          .masked = model[dom][op.port].masked};
    return rc ? rc : op.port;
}

static long close_port(unsigned int dom, unsigned int port)
{
    struct evtchn_close op = {.port = port};
    long rc = CALL(dom, EVTCHNOP_close, &op);
    struct port *p = &model[dom][port % (MAX_PORT + 1)];

    if (rc)
        return rc;
    if (p->state == EVTCHNSTAT_interdomain) {
        struct port *r = &model[p->rdom][p->rport];

        if (r != p) {
            r->state = EVTCHNSTAT_unbound;
            r->rdom = dom;
        }
    }
    p->state = EVTCHNSTAT_closed;
    p->pending = false;
    return 0;
}

static long send(unsigned int dom, unsigned int port)
{
    struct evtchn_send op = {.port = port};
    long rc = CALL(dom, EVTCHNOP_send, &op);
    const struct port *p = &model[dom][port % (MAX_PORT + 1)];

    if (rc)
        return rc;
    if (p->state == EVTCHNSTAT_interdomain)
        model[p->rdom][p->rport].pending = true;
    else if (p->state == EVTCHNSTAT_ipi)
        model[dom][port].pending = true;
    return 0;
}

static void check_status(unsigned int dom, unsigned int port)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = port};
    const struct port *p = &model[dom][port];
    long rc = CALL(dom, EVTCHNOP_status, &op);

    /* Ports never touched may have no memory yet. */
    if (rc == -EINVAL && p->state == EVTCHNSTAT_closed)
        return;
    assert_int_equal(rc, 0);
    assert_int_equal(op.status, p->state);
    if (p->state == EVTCHNSTAT_interdomain) {
        assert_int_equal(op.u.interdomain.dom, p->rdom);
        assert_int_equal(op.u.interdomain.port, p->rport);
    } else if (p->state == EVTCHNSTAT_unbound) {
        assert_int_equal(op.u.unbound.dom, p->rdom);
    } else if (p->state == EVTCHNSTAT_virq) {
        assert_int_equal(op.u.virq, p->what);
    }
    assert_int_equal(evtchn_port_is_pending(&domains[dom], port), p->pending);
}

static void check_all(void)
{
    for (unsigned int dom = 0; dom < NR_DOMAINS; dom++)
        for (unsigned int port = 1; port <= MAX_PORT; port++)
            check_status(dom, port);
}

/* ---- the guest's side of the two delivery ABIs ---- */

static uint32_t fifo_head[NR_DOMAINS][NR_VCPUS][EVTCHN_FIFO_MAX_QUEUES];
static struct evtchn_fifo_control_block *fifo_cb[NR_DOMAINS][NR_VCPUS];
static event_word_t *fifo_words[NR_DOMAINS];

static void deliver(unsigned int dom, unsigned int port)
{
    struct port *p = &model[dom][port];

    if (!p->pending || p->masked)
        fail_msg("d%u: event on port %u that was not sent", dom, port);
    p->pending = false;
}

static void guest_mask(unsigned int dom, unsigned int port)
{
    if (fifo_words[dom])
        fifo_words[dom][port] |= 1u << EVTCHN_FIFO_MASKED;
    else
        bit_set(domains[dom].shared_info->evtchn_mask, port);
    model[dom][port].masked = true;
}

static void guest_unmask(unsigned int dom, unsigned int port)
{
    struct evtchn_unmask op = {.port = port};

    if (CALL(dom, EVTCHNOP_unmask, &op) == 0)
        model[dom][port].masked = false;
}

static void consume_2l(struct vcpu *v)
{
    struct shared_info *s = v->domain->shared_info;
    unsigned long sel = v->vcpu_info->evtchn_pending_sel;

    v->vcpu_info->evtchn_pending_sel = 0;
    for (unsigned int w = 0; w < 64; w++) {
        if (!(sel & BIT(w)))
            continue;
        for (unsigned int b = 0; b < 64; b++) {
            if (!(s->evtchn_pending[w] & ~s->evtchn_mask[w] & BIT(b)))
                continue;
            s->evtchn_pending[w] &= ~BIT(b);
            deliver(v->domain->id, w * 64 + b);
        }
    }
}

static void consume_fifo(struct vcpu *v)
{
    unsigned int dom = v->domain->id;
    struct evtchn_fifo_control_block *cb = fifo_cb[dom][v->id];
    uint32_t ready = cb->ready;

    cb->ready = 0;
    while (ready != 0) {
        unsigned int q = (unsigned int)__builtin_ctz(ready);
        uint32_t *head = &fifo_head[dom][v->id][q];
        uint32_t port = *head != 0 ? *head : cb->head[q];
        event_word_t *w = &fifo_words[dom][port];

        assert_true(port != 0 && port <= MAX_PORT);
        assert_true(*w & (1u << EVTCHN_FIFO_LINKED));
        *head = *w & EVTCHN_FIFO_LINK_MASK;
        *w &= ~((1u << EVTCHN_FIFO_LINKED) | (uint32_t)EVTCHN_FIFO_LINK_MASK);
        if (*head == 0)
            ready &= ~(1u << q);
        if ((*w & (1u << EVTCHN_FIFO_PENDING)) &&
            !(*w & (1u << EVTCHN_FIFO_MASKED))) {
            *w &= ~(1u << EVTCHN_FIFO_PENDING);
            deliver(dom, port);
        }
    }
}

/* Take upcalls until there are none; then no event may be left waiting. */
static void consume_all(void)
{
    for (unsigned int dom = 0; dom < NR_DOMAINS; dom++) {
        for (unsigned int i = 0; i < NR_VCPUS; i++) {
            struct vcpu *v = &vcpus[dom][i];

            if (!v->vcpu_info->evtchn_upcall_pending)
                continue;
            assert_true(kicked[dom][i]);
            kicked[dom][i] = false;
            v->vcpu_info->evtchn_upcall_pending = 0;
            if (fifo_cb[dom][i])
                consume_fifo(v);
            else
                consume_2l(v);
        }
        for (unsigned int port = 1; port <= MAX_PORT; port++)
            if (model[dom][port].pending && !model[dom][port].masked)
                fail_msg("d%u: event on port %u was lost", dom, port);
    }
}

static uint64_t give_frame(unsigned int dom)
{
    host_frames[next_frame].owner = &domains[dom];
    return next_frame++;
}

static void switch_to_fifo(unsigned int dom)
{
    for (unsigned int i = 0; i < NR_VCPUS; i++) {
        struct evtchn_init_control op = {
            .control_gfn = give_frame(dom), .offset = 64 * i, .vcpu = i};

        assert_int_equal(CALL(dom, EVTCHNOP_init_control, &op), 0);
        assert_int_equal(op.link_bits, EVTCHN_FIFO_LINK_BITS);
        fifo_cb[dom][i] =
            (struct evtchn_fifo_control_block *)((char *)mfn_to_virt(
                                                     mfn(op.control_gfn)) +
                                                 op.offset);
        memset(fifo_head[dom][i], 0, sizeof(fifo_head[dom][i]));
    }
    struct evtchn_expand_array op = {.array_gfn = give_frame(dom)};

    fifo_words[dom] = mfn_to_virt(mfn(op.array_gfn));
    /* As Linux does it: a new page comes with all ports masked. */
    for (unsigned int i = 0; i < PAGE_SIZE / sizeof(event_word_t); i++)
        fifo_words[dom][i] = 1u << EVTCHN_FIFO_MASKED;
    for (unsigned int port = 1; port <= MAX_PORT; port++)
        model[dom][port].masked = true;
    assert_int_equal(CALL(dom, EVTCHNOP_expand_array, &op), 0);
}

static int setup_fifo(void **state)
{
    setup(state);
    for (unsigned int dom = 0; dom < NR_DOMAINS; dom++)
        switch_to_fifo(dom);
    return 0;
}

static int teardown_fifo(void **state)
{
    memset(fifo_cb, 0, sizeof(fifo_cb));
    memset(fifo_words, 0, sizeof(fifo_words));
    return teardown(state);
}

/* ---- tests ---- */

/* Mostly a few ports, so that they meet on the same queues. */
static unsigned int random_port(void)
{
    return 1 + (unsigned int)rand() % (rand() % 4 ? 8 : MAX_PORT);
}

static void random_step(void)
{
    unsigned int dom = (unsigned int)rand() % NR_DOMAINS;
    unsigned int rdom = (unsigned int)rand() % NR_DOMAINS;
    unsigned int port = random_port();
    unsigned int rport = random_port();

    switch (rand() % 16) {
    case 0:
        alloc_unbound(dom, rdom);
        break;
    case 1:
    case 2:
        bind_interdomain(dom, rdom, rport);
        break;
    case 3:
        bind_ipi(dom, (unsigned int)rand() % NR_VCPUS);
        break;
    case 4:
        bind_virq(dom, (unsigned int)rand() % NR_VIRQS,
                  (unsigned int)rand() % NR_VCPUS);
        break;
    case 5:
        close_port(dom, port);
        break;
    case 6:
        guest_mask(dom, port);
        break;
    case 7:
    case 8:
        guest_unmask(dom, port);
        break;
    case 9: {
        struct evtchn_bind_vcpu op = {.port = port,
                                      .vcpu = (unsigned int)rand() % NR_VCPUS};

        CALL(dom, EVTCHNOP_bind_vcpu, &op);
        break;
    }
    case 10: {
        struct evtchn_set_priority op = {.port = port,
                                         .priority = (unsigned int)rand() %
                                                     EVTCHN_FIFO_MAX_QUEUES};

        CALL(dom, EVTCHNOP_set_priority, &op);
        break;
    }
    default:
        send(dom, port);
        break;
    }
}

static void random_sequences_equal_the_model(void **state)
{
    (void)state;
    srand(11);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        random_step();
        if (rand() % 16 == 0)
            consume_all();
        if (round % 256 == 0)
            check_all();
    }
    check_all();
}

static void binding_is_refused_to_third_domains(void **state)
{
    long port = alloc_unbound(0, 1);
    struct evtchn_alloc_unbound op = {.dom = 0, .remote_dom = 1};

    (void)state;
    assert_int_equal(port, 1);
    assert_int_equal(bind_interdomain(2, 0, 1), -EINVAL);
    assert_int_equal(bind_interdomain(1, 0, 0), -EINVAL);
    assert_int_equal(bind_interdomain(1, 0, 2), -EINVAL);
    assert_int_equal(bind_interdomain(1, 0, 70000), -EINVAL);
    assert_int_equal(bind_interdomain(1, 7, 1), -ESRCH);
    assert_int_equal(bind_interdomain(1, 0, 1), 1);
    assert_int_equal(bind_interdomain(1, 0, 1), -EINVAL);
    assert_int_equal(CALL(1, EVTCHNOP_alloc_unbound, &op), -EPERM);
}

static void ports_end_at_the_limit(void **state)
{
    (void)state;
    for (unsigned int i = 1; i <= MAX_PORT; i++)
        assert_int_equal(bind_ipi(1, 0), i);
    assert_int_equal(bind_ipi(1, 0), -ENOSPC);
    assert_int_equal(close_port(1, 77), 0);
    assert_int_equal(bind_ipi(1, 0), 77);
    assert_int_equal(bind_ipi(1, 0), -ENOSPC);
    assert_int_equal(bind_ipi(1, 0), -ENOSPC);
    /* The lowest of several, over full buckets of 64 and an empty one. */
    for (unsigned int i = 64; i < 128; i++)
        assert_int_equal(close_port(1, i), 0);
    assert_int_equal(close_port(1, MAX_PORT), 0);
    assert_int_equal(close_port(1, 3), 0);
    assert_int_equal(bind_ipi(1, 0), 3);
    for (unsigned int i = 64; i < 128; i++)
        assert_int_equal(bind_ipi(1, 0), i);
    assert_int_equal(bind_ipi(1, 0), MAX_PORT);
    assert_int_equal(bind_ipi(1, 0), -ENOSPC);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(close_port(0, 0), -EINVAL);
    assert_int_equal(close_port(0, 5), -EINVAL);
    assert_int_equal(close_port(0, ~0u), -EINVAL);
    assert_int_equal(send(0, 0), -EINVAL);
    assert_int_equal(send(0, 9), -EINVAL);
    assert_int_equal(bind_virq(0, NR_VIRQS, 0), -EINVAL);
    assert_int_equal(bind_virq(0, VIRQ_TIMER, NR_VCPUS), -ENOENT);
    assert_int_equal(bind_virq(0, VIRQ_CONSOLE, 1), -EINVAL);
    assert_int_equal(bind_virq(0, VIRQ_TIMER, 1), 1);
    assert_int_equal(bind_virq(0, VIRQ_TIMER, 1), -EEXIST);
    assert_int_equal(send(0, 1), -EINVAL);
    assert_int_equal(do_event_channel_op(99, (unsigned long)args), -ENOSYS);
    host_guest_fault(args, true);
    assert_int_equal(do_event_channel_op(EVTCHNOP_send, (unsigned long)args),
                     -EFAULT);
    host_guest_fault(args, false);
}

static void virqs_arrive_where_they_are_bound(void **state)
{
    (void)state;
    assert_int_equal(bind_virq(1, VIRQ_TIMER, 1), 1);
    guest_unmask(1, 1);
    evtchn_send_virq(&vcpus[1][0], VIRQ_TIMER); /* not bound there */
    assert_false(evtchn_port_is_pending(&domains[1], 1));
    evtchn_send_virq(&vcpus[1][1], VIRQ_TIMER);
    model[1][1].pending = true;
    assert_true(vcpus[1][1].vcpu_info->evtchn_upcall_pending);
    assert_false(vcpus[1][0].vcpu_info->evtchn_upcall_pending);
    consume_all();
    assert_int_equal(close_port(1, 1), 0);
    evtchn_send_virq(&vcpus[1][1], VIRQ_TIMER);
    assert_false(vcpus[1][1].vcpu_info->evtchn_upcall_pending);
}

static void a_refused_pirq_leaves_no_port(void **state)
{
    struct evtchn_bind_pirq op = {.pirq = 13};

    (void)state;
    assert_int_equal(CALL(0, EVTCHNOP_bind_pirq, &op), -EBUSY);
    assert_int_equal(domains[0].evtchn.nr_active, 0);
    op.pirq = 14;
    assert_int_equal(CALL(0, EVTCHNOP_bind_pirq, &op), 0);
    assert_int_equal(op.port, 1);
}

/* SCHEDOP_poll waits for pending, masked or not. */
static void pollers_wake_up(void **state)
{
    (void)state;
    pollers_of = 0;
    assert_int_equal(bind_ipi(1, 0), 1);
    assert_int_equal(bind_ipi(1, 0), 2);
    guest_unmask(1, 1);
    guest_mask(1, 2);
    assert_int_equal(send(1, 1), 0); /* nobody polls */
    assert_int_equal(pollers_of, 0);
    consume_all();
    domains[1].evtchn.poll_mask[0] = BIT(1);
    assert_int_equal(send(1, 1), 0);
    assert_int_equal(pollers_of, 1);
    assert_int_equal(send(1, 2), 0);
    assert_int_equal(pollers_of, 2);
    assert_int_equal(send(1, 1), 0); /* pending already: no news */
    assert_int_equal(pollers_of, 2);
}

/* Port 0 can be polled, but is no event: what delivery keeps of it is not
 * looked at, since a reset goes on beside. */
static void port_0_is_never_pending(void **state)
{
    (void)state;
    domains[1].shared_info->evtchn_pending[0] |= 1;
    assert_true(evtchn_port_is_valid(&domains[1], 0));
    assert_false(evtchn_port_is_pending(&domains[1], 0));
    domains[1].shared_info->evtchn_pending[0] &= ~1UL;
}

static void unmasking_nothing_raises_nothing(void **state)
{
    (void)state;
    assert_int_equal(bind_ipi(1, 0), 1);
    guest_mask(1, 1);
    guest_unmask(1, 1);
    assert_false(vcpus[1][0].vcpu_info->evtchn_upcall_pending);
    guest_mask(1, 1);
    assert_int_equal(send(1, 1), 0);
    assert_false(vcpus[1][0].vcpu_info->evtchn_upcall_pending);
    guest_unmask(1, 1);
    assert_true(vcpus[1][0].vcpu_info->evtchn_upcall_pending);
}

/* What is pending on 2-level when a guest changes to FIFO is not lost. */
static void events_survive_the_change_to_fifo(void **state)
{
    (void)state;
    assert_int_equal(bind_ipi(1, 1), 1);
    guest_mask(1, 1);
    assert_int_equal(send(1, 1), 0);
    switch_to_fifo(1);
    check_status(1, 1);
    guest_unmask(1, 1);
    consume_all();
    assert_false(model[1][1].pending);
}

/* A guest may write anything into its words: no port is read from them. */
static void scribbled_words_do_no_harm(void **state)
{
    (void)state;
    srand(5);
    for (unsigned int i = 0; i < 20; i++)
        bind_ipi(1, i % NR_VCPUS);
    for (unsigned int round = 0; round < 5000; round++) {
        unsigned int port = 1 + (unsigned int)rand() % 20;
        struct evtchn_send op = {.port = port};

        fifo_words[1][rand() % 32] = (uint32_t)rand() ^ (uint32_t)rand() << 8;
        fifo_cb[1][rand() % NR_VCPUS]->head[rand() % 16] = (uint32_t)rand();
        fifo_cb[1][rand() % NR_VCPUS]->ready = (uint32_t)rand();
        assert_int_equal(CALL(1, EVTCHNOP_send, &op), 0);
    }
}

static long reset_self(unsigned int dom)
{
    struct evtchn_reset op = {.dom = DOMID_SELF};

    return CALL(dom, EVTCHNOP_reset, &op);
}

static bool binds_behind_the_reset(void)
{
    if (domains[1].evtchn.nr_active < 100)
        assert_true(bind_ipi(1, 1) > 0);
    return true;
}

/* Another vcpu may go on binding and sending while all ports are closed: the
 * queues stay as long as a port is open, and the reset can be preempted. */
static void reset_with_vcpus_running(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 100; i++)
        assert_true(bind_ipi(1, 0) > 0);
    meanwhile = binds_behind_the_reset;
    assert_int_equal(reset_self(1), __HYPERVISOR_event_channel_op);
    assert_int_equal(reset_self(1), __HYPERVISOR_event_channel_op);
    assert_int_equal(continued, 2);
    assert_ptr_equal(domains[1].evtchn.ops, &evtchn_fifo_ops);
    assert_true(domains[1].evtchn.nr_active > 0);
    for (unsigned int port = 1; port < MAX_PORT; port++) {
        struct evtchn_send op = {.port = port};

        (void)CALL(1, EVTCHNOP_send, &op);
    }
    meanwhile = NULL;
    assert_int_equal(reset_self(1), 0);
    assert_int_equal(domains[1].evtchn.nr_active, 0);
    assert_ptr_equal(domains[1].evtchn.ops, &evtchn_2l_ops);
    assert_null(domains[1].evtchn.fifo);
    assert_false(evtchn_port_is_pending(&domains[1], 1));
}

#define MOST_REBOUND 1000

static unsigned int rebound;

static void binds_once_more(void)
{
    struct evtchn_bind_interdomain op = {.remote_dom = 2, .remote_port = 1};

    if (rebound < MOST_REBOUND && CALL(1, EVTCHNOP_bind_interdomain, &op) == 0)
        rebound++;
}

static bool always(void)
{
    return true;
}

/* A vcpu that binds one port whenever that is closed does not keep the reset
 * from giving way. */
static void reset_of_a_port_that_comes_back(void **state)
{
    (void)state;
    assert_int_equal(alloc_unbound(2, 1), 1);
    assert_int_equal(bind_interdomain(1, 2, 1), 1);
    rebound = continued = 0;
    behind_put = binds_once_more;
    meanwhile = always;
    assert_int_equal(reset_self(1), __HYPERVISOR_event_channel_op);
    assert_int_equal(continued, 1);
    assert_in_range(rebound, 1, 64);
    behind_put = NULL;
    meanwhile = NULL;
    assert_int_equal(reset_self(1), 0);
}

/* What a refused change to FIFO allocated goes with the domain. */
static void a_refused_control_block_is_freed(void **state)
{
    struct evtchn_init_control op = {.control_gfn = 60, .vcpu = 1};

    (void)state;
    assert_int_equal(CALL(1, EVTCHNOP_init_control, &op), -EINVAL);
    assert_ptr_equal(domains[1].evtchn.ops, &evtchn_2l_ops);
    assert_int_equal(evtchn_domain_destroy(&domains[1]), 0);
    assert_null(vcpus[1][1].evtchn_fifo);
}

int main(void)
{
#define TEST_2L(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_FIFO(f)                                   \
    {                                                  \
        "fifo_" #f, f, setup_fifo, teardown_fifo, NULL \
    }
    const struct CMUnitTest tests[] = {
        TEST_2L(random_sequences_equal_the_model),
        TEST_2L(binding_is_refused_to_third_domains),
        TEST_2L(ports_end_at_the_limit),
        TEST_2L(wrong_arguments_are_refused),
        TEST_2L(virqs_arrive_where_they_are_bound),
        TEST_2L(a_refused_pirq_leaves_no_port),
        TEST_2L(pollers_wake_up),
        TEST_2L(port_0_is_never_pending),
        TEST_2L(unmasking_nothing_raises_nothing),
        cmocka_unit_test_setup_teardown(events_survive_the_change_to_fifo,
                                        setup, teardown_fifo),
        TEST_FIFO(random_sequences_equal_the_model),
        TEST_FIFO(ports_end_at_the_limit),
        TEST_FIFO(virqs_arrive_where_they_are_bound),
        TEST_FIFO(pollers_wake_up),
        TEST_FIFO(unmasking_nothing_raises_nothing),
        TEST_FIFO(scribbled_words_do_no_harm),
        TEST_FIFO(reset_with_vcpus_running),
        TEST_2L(reset_of_a_port_that_comes_back),
        TEST_2L(a_refused_control_block_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
