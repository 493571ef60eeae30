/* SPDX-License-Identifier: MIT */
/*
 * Event channels: every binding, delivery and its masks, poll and block, then
 * the FIFO queues. The FIFO tests come last: there is no way back from them.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

static volatile unsigned int hits;
static volatile unsigned int last_port;

static void hit(unsigned int port, struct regs *r)
{
    (void)r;
    hits++;
    last_port = port;
}

static struct evtchn_status status(unsigned int port)
{
    struct evtchn_status s;

    memset(&s, 0, sizeof(s));
    s.dom = DOMID_SELF;
    s.port = port;
    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_status, &s), 0);
    return s;
}

/* A pair of ports of this domain, quiet; rx has the handler. */
static void pair_open(unsigned int *tx, unsigned int *rx)
{
    long a = event_alloc_unbound(DOMID_SELF);
    long b = event_bind_interdomain(DOMID_SELF, (unsigned int)a);

    EXPECT(a > 0);
    EXPECT(b > 0);
    *tx = (unsigned int)a;
    *rx = (unsigned int)b;
    event_clear(*rx);
    event_clear(*tx);
    event_bind(*rx, hit);
    hits = 0;
}

static void pair_close(unsigned int tx, unsigned int rx)
{
    EXPECT_EQ(event_close(tx), 0);
    EXPECT_EQ(event_close(rx), 0);
}

static void unbound(void)
{
    long port = event_alloc_unbound(0);
    struct evtchn_status s;

    EXPECT(port > 0);
    s = status((unsigned int)port);
    EXPECT_EQ(s.status, EVTCHNSTAT_unbound);
    EXPECT_EQ(s.vcpu, 0);
    EXPECT_EQ(event_send((unsigned int)port), 0);
    EXPECT_EQ(event_close((unsigned int)port), 0);
    EXPECT_EQ(status((unsigned int)port).status, EVTCHNSTAT_closed);
    EXPECT_EQ(event_close((unsigned int)port), -XEN_EINVAL);
    EXPECT_EQ(event_send((unsigned int)port), -XEN_EINVAL);
}

static void bad_ports(void)
{
    static const unsigned int bad[] = {0, 4095, 131071, 131072, ~0U};
    struct evtchn_status s;

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        EXPECT_EQ(event_send(bad[i]), -XEN_EINVAL);
        EXPECT_EQ(event_close(bad[i]), -XEN_EINVAL);
    }
    EXPECT_EQ(event_unmask(~0U), -XEN_EINVAL);
    memset(&s, 0, sizeof(s));
    s.dom = DOMID_SELF;
    s.port = 131072;
    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_status, &s), -XEN_EINVAL);
    s.dom = 77;
    s.port = 1;
    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_status, &s), -XEN_ESRCH);
    EXPECT_EQ(hc_event_channel_op(99, &s), -XEN_ENOSYS);
}

static void interdomain(void)
{
    long a = event_alloc_unbound(DOMID_SELF);
    long b = event_bind_interdomain(DOMID_SELF, (unsigned int)a);
    struct evtchn_status s;

    EXPECT(b > 0);
    EXPECT(b != a);
    /* Binding marks the new port once, so that no event is lost. */
    EXPECT(event_pending((unsigned int)b));
    event_clear((unsigned int)b);
    s = status((unsigned int)a);
    EXPECT_EQ(s.status, EVTCHNSTAT_interdomain);
    EXPECT_EQ(s.u.interdomain.port, b);
    s = status((unsigned int)b);
    EXPECT_EQ(s.status, EVTCHNSTAT_interdomain);
    EXPECT_EQ(s.u.interdomain.port, a);
    /* Already bound, never allocated. */
    EXPECT_EQ(event_bind_interdomain(DOMID_SELF, (unsigned int)a), -XEN_EINVAL);
    EXPECT_EQ(event_bind_interdomain(DOMID_SELF, 0), -XEN_EINVAL);
    EXPECT_EQ(event_bind_interdomain(DOMID_SELF, 3000), -XEN_EINVAL);
    EXPECT_EQ(event_bind_interdomain(77, 1), -XEN_ESRCH);
    /* The other end of a closed port can be bound again. */
    EXPECT_EQ(event_close((unsigned int)b), 0);
    EXPECT_EQ(status((unsigned int)a).status, EVTCHNSTAT_unbound);
    b = event_bind_interdomain(DOMID_SELF, (unsigned int)a);
    EXPECT(b > 0);
    pair_close((unsigned int)a, (unsigned int)b);
}

static void send(void)
{
    unsigned int tx, rx, before;

    pair_open(&tx, &rx);
    events_on();
    before = event_upcalls;
    for (unsigned int i = 1; i <= 10; i++) {
        EXPECT_EQ(event_send(tx), 0);
        EXPECT_EQ(hits, i);
        EXPECT_EQ(last_port, rx);
    }
    EXPECT_EQ(event_upcalls - before, 10);
    EXPECT(!event_pending(rx));
    /* And in the other direction. */
    event_bind(tx, hit);
    EXPECT_EQ(event_send(rx), 0);
    EXPECT_EQ(last_port, tx);
    events_off();
    pair_close(tx, rx);
}

static void masked_port(void)
{
    unsigned int tx, rx;

    pair_open(&tx, &rx);
    events_on();
    event_mask(rx);
    EXPECT_EQ(event_send(tx), 0);
    EXPECT_EQ(hits, 0);
    EXPECT(event_pending(rx));
    EXPECT_EQ(event_unmask(rx), 0);
    EXPECT_EQ(hits, 1);
    EXPECT(!event_pending(rx));
    EXPECT_EQ(event_unmask(rx), 0);
    EXPECT_EQ(hits, 1);
    events_off();
    pair_close(tx, rx);
}

static void masked_vcpu(void)
{
    struct vcpu_info *vi = this_cpu()->info;
    unsigned int tx, rx;

    pair_open(&tx, &rx);
    events_off();
    *(volatile uint8_t *)&vi->evtchn_upcall_pending = 0;
    EXPECT_EQ(event_send(tx), 0);
    EXPECT_EQ(event_send(tx), 0);
    EXPECT_EQ(hits, 0);
    EXPECT_EQ(*(volatile uint8_t *)&vi->evtchn_upcall_pending, 1);
    EXPECT(vi->evtchn_pending_sel & (1UL << (rx / 64)));
    /* Clearing the byte delivers nothing; the next exit from the hypervisor
     * does. */
    *(volatile uint8_t *)&vi->evtchn_upcall_mask = 0;
    barrier();
    hc_xen_version(XENVER_version, NULL);
    EXPECT_EQ(hits, 1);
    events_off();
    pair_close(tx, rx);
}

/* Pending, but its byte was lost: the return to the guest does not look at
 * ports, only at the byte. */
static void pending_byte(void)
{
    struct vcpu_info *vi = this_cpu()->info;
    unsigned int before;

    events_off();
    before = event_upcalls;
    *(volatile uint8_t *)&vi->evtchn_upcall_pending = 1;
    *(volatile uint8_t *)&vi->evtchn_upcall_mask = 0;
    barrier();
    hc_xen_version(XENVER_version, NULL);
    EXPECT_EQ(event_upcalls - before, 1);
    EXPECT_EQ(*(volatile uint8_t *)&vi->evtchn_upcall_pending, 0);
    events_off();
}

static unsigned int mask_in_handler, flags_if, frame_cs;

static void look(unsigned int port, struct regs *r)
{
    (void)port;
    mask_in_handler = this_cpu()->info->evtchn_upcall_mask;
    flags_if = !!(r->rflags & RFLAGS_IF);
    frame_cs = (unsigned int)(r->cs & 0xffff);
    hits++;
}

static void upcall_frame(void)
{
    unsigned int tx, rx;

    pair_open(&tx, &rx);
    event_bind(rx, look);
    events_on();
    event_send(tx);
    EXPECT_EQ(hits, 1);
    EXPECT_EQ(mask_in_handler, 1);
    EXPECT_EQ(flags_if, 1);
    EXPECT_EQ(frame_cs, 0xe030);
    EXPECT_EQ(this_cpu()->info->evtchn_upcall_mask, 0);
    events_off();
    pair_close(tx, rx);
}

static void virq(void)
{
    long port = event_bind_virq(VIRQ_DEBUG, 0);
    struct evtchn_status s;

    EXPECT(port > 0);
    s = status((unsigned int)port);
    EXPECT_EQ(s.status, EVTCHNSTAT_virq);
    EXPECT_EQ(s.u.virq, VIRQ_DEBUG);
    EXPECT_EQ(event_bind_virq(VIRQ_DEBUG, 0), -XEN_EEXIST);
    EXPECT_EQ(event_bind_virq(VIRQ_DEBUG, 77), -XEN_ENOENT);
    EXPECT_EQ(event_bind_virq(NR_VIRQS, 0), -XEN_EINVAL);
    EXPECT_EQ(event_bind_virq(~0U, 0), -XEN_EINVAL);
    /* Only the hypervisor sends it. */
    EXPECT_EQ(event_send((unsigned int)port), -XEN_EINVAL);
    EXPECT_EQ(event_close((unsigned int)port), 0);
    port = event_bind_virq(VIRQ_DEBUG, 0);
    EXPECT(port > 0);
    EXPECT_EQ(event_close((unsigned int)port), 0);
}

static void global_virq(void)
{
    long port = event_bind_virq(VIRQ_DOM_EXC, 0);

    EXPECT(port > 0);
    EXPECT_EQ(event_bind_virq(VIRQ_DOM_EXC, 0), -XEN_EEXIST);
    EXPECT_EQ(event_close((unsigned int)port), 0);
}

static void ipi(void)
{
    long port = event_bind_ipi(0);

    EXPECT(port > 0);
    EXPECT_EQ(status((unsigned int)port).status, EVTCHNSTAT_ipi);
    EXPECT_EQ(event_bind_ipi(77), -XEN_ENOENT);
    event_bind((unsigned int)port, hit);
    hits = 0;
    events_on();
    EXPECT_EQ(event_send((unsigned int)port), 0);
    EXPECT_EQ(hits, 1);
    events_off();
    EXPECT_EQ(event_close((unsigned int)port), 0);
}

static long bind_vcpu(long port, unsigned int vcpu)
{
    struct evtchn_bind_vcpu op = {.port = (unsigned int)port, .vcpu = vcpu};

    return hc_event_channel_op(EVTCHNOP_bind_vcpu, &op);
}

static void bind_to_vcpu(void)
{
    long u = event_alloc_unbound(DOMID_SELF);
    long i = event_bind_ipi(0);
    long v = event_bind_virq(VIRQ_DEBUG, 0);
    long g = event_bind_virq(VIRQ_DOM_EXC, 0);

    EXPECT_EQ(bind_vcpu(u, 0), 0);
    EXPECT_EQ(bind_vcpu(g, 0), 0);
    EXPECT_EQ(bind_vcpu(u, 77), -XEN_ENOENT);
    EXPECT_EQ(bind_vcpu(i, 0), -XEN_EINVAL);
    EXPECT_EQ(bind_vcpu(v, 0), -XEN_EINVAL);
    EXPECT_EQ(bind_vcpu(0, 0), -XEN_EINVAL);
    event_close((unsigned int)u);
    event_close((unsigned int)i);
    event_close((unsigned int)v);
    event_close((unsigned int)g);
}

static void lowest_port_is_reused(void)
{
    long a = event_alloc_unbound(DOMID_SELF);
    long b = event_alloc_unbound(DOMID_SELF);
    long c;

    EXPECT(a > 0 && b > a);
    event_close((unsigned int)a);
    c = event_alloc_unbound(DOMID_SELF);
    EXPECT_EQ(c, a);
    event_close((unsigned int)b);
    event_close((unsigned int)c);
}

static void port_limit(void)
{
    static uint16_t ports[4200];
    unsigned int n = 0;
    long rc;

    for (;;) {
        rc = event_alloc_unbound(DOMID_SELF);
        if (rc < 0 || n == ARRAY_SIZE(ports))
            break;
        ports[n++] = (uint16_t)rc;
    }
    EXPECT_EQ(rc, -XEN_ENOSPC);
    EXPECT(n > 1000);
    while (n)
        EXPECT_EQ(event_close(ports[--n]), 0);
    rc = event_alloc_unbound(DOMID_SELF);
    EXPECT(rc > 0);
    event_close((unsigned int)rc);
}

/* --- poll and block --- */

static long poll(unsigned int *ports, unsigned int n, uint64_t deadline)
{
    struct sched_poll op;

    memset(&op, 0, sizeof(op));
    HANDLE_SET(op.ports, ports);
    op.nr_ports = n;
    op.timeout = deadline;
    return hc_sched_op(SCHEDOP_poll, &op);
}

static void poll_pending(void)
{
    unsigned int tx, rx;

    pair_open(&tx, &rx);
    events_off();
    event_mask(rx);
    EXPECT_EQ(event_send(tx), 0);
    EXPECT_EQ(poll(&rx, 1, 0), 0);
    EXPECT(event_pending(rx));
    event_clear(rx);
    pair_close(tx, rx);
}

static void poll_timeout(void)
{
    uint64_t start = time_now(), end;
    unsigned int tx, rx;

    pair_open(&tx, &rx);
    events_off();
    *(volatile uint8_t *)&this_cpu()->info->evtchn_upcall_pending = 0;
    EXPECT_EQ(poll(&rx, 1, start + 5 * NS_PER_MS), 0);
    end = time_now();
    EXPECT(end >= start + 5 * NS_PER_MS);
    EXPECT(end < start + 500 * NS_PER_MS);
    EXPECT_EQ(poll(NULL, 0, end + NS_PER_MS), 0);
    EXPECT_EQ(poll(&rx, 1, 1), 0); /* long past */
    pair_close(tx, rx);
}

static void poll_errors(void)
{
    unsigned int ports[129] = {0};

    EXPECT_EQ(poll(ports, 129, 1), -XEN_EINVAL);
    ports[0] = 131072;
    EXPECT_EQ(poll(ports, 1, 1), -XEN_EINVAL);
    EXPECT_EQ(poll((unsigned int *)0xffff820000000000UL, 1, 1), -XEN_EFAULT);
}

/* A masked port wakes a poller: the timer's event is never delivered here. */
static void poll_wakes_on_masked_port(void)
{
    long port = event_bind_virq(VIRQ_TIMER, 0);
    unsigned int p = (unsigned int)port;
    uint64_t start;

    EXPECT(port > 0);
    events_off();
    timer_stop_periodic();
    event_mask(p);
    event_clear(p);
    *(volatile uint8_t *)&this_cpu()->info->evtchn_upcall_pending = 0;
    start = time_now();
    EXPECT_EQ(timer_set_oneshot(start + 3 * NS_PER_MS, 0), 0);
    EXPECT_EQ(poll(&p, 1, start + NS_PER_S), 0);
    EXPECT(event_pending(p));
    EXPECT(time_now() < start + 900 * NS_PER_MS);
    event_close(p);
}

static void block(void)
{
    long port = event_bind_virq(VIRQ_TIMER, 0);
    uint64_t start;

    EXPECT(port > 0);
    events_off();
    timer_stop_periodic();
    event_bind((unsigned int)port, hit);
    hits = 0;
    start = time_now();
    EXPECT_EQ(timer_set_oneshot(start + 3 * NS_PER_MS, 0), 0);
    EXPECT_EQ(hc_sched_op(SCHEDOP_block, NULL), 0);
    EXPECT_EQ(hits, 1);
    EXPECT(time_now() >= start + 3 * NS_PER_MS);
    EXPECT_EQ(this_cpu()->info->evtchn_upcall_mask, 0);
    events_off();
    event_close((unsigned int)port);
}

/* With something pending, block does not sleep. */
static void block_pending(void)
{
    unsigned int tx, rx;

    pair_open(&tx, &rx);
    events_off();
    event_send(tx);
    EXPECT_EQ(hc_sched_op(SCHEDOP_block, NULL), 0);
    EXPECT_EQ(hits, 1);
    events_off();
    pair_close(tx, rx);
}

static void sched_errors(void)
{
    EXPECT_EQ(hc_sched_op(SCHEDOP_yield, NULL), 0);
    EXPECT_EQ(hc_sched_op(99, NULL), -XEN_ENOSYS);
}

static void reset(void)
{
    struct evtchn_reset op = {.dom = DOMID_SELF};
    long a = event_alloc_unbound(DOMID_SELF);
    long b = event_bind_ipi(0);

    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_reset, &op), 0);
    EXPECT_EQ(status((unsigned int)a).status, EVTCHNSTAT_closed);
    EXPECT_EQ(status((unsigned int)b).status, EVTCHNSTAT_closed);
}

/* --- FIFO queues --- */

#define WORD_PENDING (1U << 31)
#define WORD_MASKED  (1U << 30)
#define WORD_LINKED  (1U << 29)
#define WORD_LINK    0x1ffffU

static volatile uint32_t *words;
static volatile struct evtchn_fifo_control_block *control;

static long init_control(unsigned int vcpu, uint64_t mfn, unsigned int offset)
{
    struct evtchn_init_control op;
    long rc;

    memset(&op, 0, sizeof(op));
    op.control_gfn = mfn;
    op.offset = offset;
    op.vcpu = vcpu;
    rc = hc_event_channel_op(EVTCHNOP_init_control, &op);
    if (rc == 0)
        EXPECT_EQ(op.link_bits, 17);
    return rc;
}

static long expand(uint64_t mfn)
{
    struct evtchn_expand_array op;

    memset(&op, 0, sizeof(op));
    op.array_gfn = mfn;
    return hc_event_channel_op(EVTCHNOP_expand_array, &op);
}

static void fifo_init(void)
{
    long rc;

    events_off();
    control = page_alloc();
    words = page_alloc();
    EXPECT_EQ(init_control(77, virt_to_mfn(control), 0), -XEN_ENOENT);
    EXPECT_EQ(init_control(0, virt_to_mfn(control), 4), -XEN_EINVAL);
    EXPECT_EQ(init_control(0, virt_to_mfn(control), 4096 - 64), -XEN_EINVAL);
    rc = init_control(0, virt_to_mfn(control), 0);
    if (rc == -XEN_ENOSYS) {
        control = NULL;
        test_skip("no FIFO queues here");
        return;
    }
    EXPECT_EQ(rc, 0);
    EXPECT_EQ(expand(virt_to_mfn(words)), 0);
    /* Both pages are written by the hypervisor: no table may be one. */
    EXPECT(page_set_ro((void *)words) == 0);
    EXPECT(pin_table(1, virt_to_mfn(words)) < 0);
    EXPECT(page_set_rw((void *)words) == 0);
}

/* Take the first event of a queue, as a guest's upcall does. */
static unsigned int fifo_take(unsigned int priority)
{
    unsigned int port = control->head[priority];
    uint32_t word;

    if (port == 0)
        return 0;
    word = __atomic_load_n(&words[port], __ATOMIC_SEQ_CST);
    control->head[priority] = word & WORD_LINK;
    if ((word & WORD_LINK) == 0)
        __atomic_fetch_and(&control->ready, ~(1U << priority),
                           __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&words[port], ~(WORD_LINKED | WORD_LINK | WORD_PENDING),
                       __ATOMIC_SEQ_CST);
    return port;
}

static void fifo_send(void)
{
    long a, b;

    if (!control) {
        test_skip("no FIFO queues here");
        return;
    }
    events_off();
    a = event_alloc_unbound(DOMID_SELF);
    words[a] = WORD_MASKED;
    b = event_bind_interdomain(DOMID_SELF, (unsigned int)a);
    EXPECT(a > 0 && b > 0);
    while (fifo_take(7))
        ;
    words[b] = 0;
    EXPECT_EQ(event_send((unsigned int)a), 0);
    EXPECT_EQ(words[b] & (WORD_PENDING | WORD_LINKED),
              WORD_PENDING | WORD_LINKED);
    EXPECT_EQ(control->ready, 1U << 7);
    EXPECT_EQ(control->head[7], b);
    EXPECT_EQ(this_cpu()->info->evtchn_upcall_pending, 1);
    EXPECT_EQ(fifo_take(7), b);
    EXPECT_EQ(words[b], 0);

    /* Masked: only pending; the unmask call links it. */
    words[b] = WORD_MASKED;
    control->head[7] = 0;
    EXPECT_EQ(event_send((unsigned int)a), 0);
    EXPECT_EQ(words[b], WORD_PENDING | WORD_MASKED);
    EXPECT_EQ(event_unmask((unsigned int)b), 0);
    EXPECT_EQ(words[b] & (WORD_PENDING | WORD_LINKED | WORD_MASKED),
              WORD_PENDING | WORD_LINKED);
    EXPECT_EQ(fifo_take(7), b);
    pair_close((unsigned int)a, (unsigned int)b);
}

static long set_priority(long port, unsigned int priority)
{
    struct evtchn_set_priority op = {.port = (unsigned int)port,
                                     .priority = priority};

    return hc_event_channel_op(EVTCHNOP_set_priority, &op);
}

static void fifo_order_and_priority(void)
{
    long ipi_port[4];

    if (!control) {
        test_skip("no FIFO queues here");
        return;
    }
    events_off();
    for (unsigned int i = 0; i < 4; i++) {
        ipi_port[i] = event_bind_ipi(0);
        EXPECT(ipi_port[i] > 0);
        words[ipi_port[i]] = 0;
    }
    EXPECT_EQ(set_priority(ipi_port[3], 2), 0);
    EXPECT_EQ(set_priority(ipi_port[3], 16), -XEN_EINVAL);
    EXPECT(set_priority(0, 2) < 0);
    for (unsigned int i = 0; i < 4; i++)
        EXPECT_EQ(event_send((unsigned int)ipi_port[i]), 0);
    EXPECT_EQ(event_send((unsigned int)ipi_port[0]), 0); /* no second link */
    EXPECT_EQ(control->ready, 1U << 7 | 1U << 2);
    EXPECT_EQ(fifo_take(2), ipi_port[3]);
    EXPECT_EQ(fifo_take(7), ipi_port[0]);
    EXPECT_EQ(fifo_take(7), ipi_port[1]);
    EXPECT_EQ(fifo_take(7), ipi_port[2]);
    EXPECT_EQ(fifo_take(7), 0);
    for (unsigned int i = 0; i < 4; i++)
        EXPECT_EQ(event_close((unsigned int)ipi_port[i]), 0);
}

/* The guest scribbles over words and heads: the hypervisor must live. */
static void fifo_scribble(void)
{
    long port[3];

    if (!control) {
        test_skip("no FIFO queues here");
        return;
    }
    events_off();
    for (unsigned int i = 0; i < 3; i++) {
        port[i] = event_bind_ipi(0);
        words[port[i]] = 0;
    }
    for (unsigned int round = 0; round < 50; round++) {
        event_send((unsigned int)port[round % 3]);
        words[port[round % 3]] = 0xa5a5a5a5U * round;
        for (unsigned int q = 0; q < 16; q++)
            control->head[q] = 0xdeadbeefU * (round + q);
        control->ready = round;
        event_send((unsigned int)port[(round + 1) % 3]);
        event_unmask((unsigned int)port[(round + 2) % 3]);
        words[1] = ~0U >> (round % 8);
    }
    for (unsigned int i = 0; i < 3; i++)
        EXPECT_EQ(event_close((unsigned int)port[i]), 0);
}

static void fifo_expand_limit(void)
{
    void *page;
    long rc = 0;

    if (!control) {
        test_skip("no FIFO queues here");
        return;
    }
    EXPECT(expand(INVALID_MFN) < 0);
    page = page_alloc();
    page_set_ro(page);
    pin_table(1, virt_to_mfn(page));
    EXPECT(expand(virt_to_mfn(page)) < 0);
    unpin_table(virt_to_mfn(page));
    page_set_rw(page);
    for (unsigned int i = 0; i < 200 && rc == 0; i++)
        rc = expand(virt_to_mfn(page_alloc()));
    EXPECT_EQ(rc, -XEN_ENOSPC);
}

/* --- registers over a hypercall, with and without an upcall at its end --- */

enum {
    RDI,
    RSI,
    RDX,
    R8,
    R9,
    R10,
    RBX,
    RBP,
    R12,
    R13,
    R14,
    R15,
    NR_KEPT,
    RAX = NR_KEPT,
    NR_PROBED
};
uint64_t probe_in[NR_PROBED], probe_out[NR_PROBED];
void probe_hypercall(void);

#define EACH_REGISTER(f)                                                  \
    f("rdi", 0) f("rsi", 1) f("rdx", 2) f("r8", 3) f("r9", 4) f("r10", 5) \
        f("rbx", 6) f("rbp", 7) f("r12", 8) f("r13", 9) f("r14", 10)      \
            f("r15", 11) f("rax", 12)
#define PROBE_LOAD(r, i)  "mov probe_in + 8 * " #i "(%rip), %" r "\n"
#define PROBE_STORE(r, i) "mov %" r ", probe_out + 8 * " #i "(%rip)\n"

asm(".text\n.globl probe_hypercall\nprobe_hypercall:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n" /**/
    EACH_REGISTER(PROBE_LOAD) "syscall\n" EACH_REGISTER(PROBE_STORE)     /**/
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static void expect_kept(uint64_t nr, long rc)
{
    for (unsigned int i = 0; i < NR_KEPT; i++)
        probe_in[i] = 0x0123456789abcd00UL + i;
    probe_in[RAX] = nr;
    probe_in[RDI] = 0; /* XENVER_version, or a command that is refused */
    probe_hypercall();
    for (unsigned int i = 0; i < NR_KEPT; i++)
        EXPECT_EQ(probe_out[i], probe_in[i]);
    EXPECT_EQ(probe_out[RAX], (uint64_t)rc);
}

static void registers_kept(void)
{
    unsigned int tx, rx;

    pair_open(&tx, &rx);
    for (unsigned int i = 0; i < 3; i++) {
        expect_kept(__HYPERVISOR_xen_version, 4 << 16 | 17);
        expect_kept(63, -XEN_ENOSYS);
        expect_kept(1UL << 31 | 63, -XEN_ENOSYS);
        expect_kept(__HYPERVISOR_sched_op, 0); /* yield */
    }
    for (unsigned int i = 0; i < 3; i++) {
        events_off();
        hits = 0;
        EXPECT_EQ(event_send(tx), 0);
        EXPECT_EQ(hits, 0);
        /* Unmasked without a look: the next hypercall's end is the place. */
        *(volatile uint8_t *)&shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
        expect_kept(i ? 63 : __HYPERVISOR_xen_version,
                    i ? -XEN_ENOSYS : 4 << 16 | 17);
        EXPECT_EQ(hits, 1);
        EXPECT_EQ(shared_info->vcpu_info[0].evtchn_upcall_mask, 0);
    }
    events_off();
    pair_close(tx, rx);
    events_on();
}

static const struct test tests[] = {
    {"unbound port", unbound},
    {"bad ports", bad_ports},
    {"interdomain, looped back", interdomain},
    {"send", send},
    {"masked port", masked_port},
    {"masked vcpu", masked_vcpu},
    {"registers over a hypercall", registers_kept},
    {"pending byte", pending_byte},
    {"upcall frame", upcall_frame},
    {"virq", virq},
    {"global virq", global_virq},
    {"ipi", ipi},
    {"bind_vcpu", bind_to_vcpu},
    {"lowest port is reused", lowest_port_is_reused},
    {"port limit", port_limit},
    {"poll: pending port", poll_pending},
    {"poll: timeout", poll_timeout},
    {"poll: errors", poll_errors},
    {"poll: masked port wakes", poll_wakes_on_masked_port},
    {"block until the timer", block},
    {"block with an event pending", block_pending},
    {"sched_op errors", sched_errors},
    {"reset", reset},
    {"FIFO: init and expand", fifo_init},
    {"FIFO: send and unmask", fifo_send},
    {"FIFO: order and priority", fifo_order_and_priority},
    {"FIFO: scribbling guest", fifo_scribble},
    {"FIFO: array limit", fifo_expand_limit},
};

void kit_main(void)
{
    timer_stop_periodic();
    tests_run(tests, ARRAY_SIZE(tests));
}
