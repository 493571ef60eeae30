/* SPDX-License-Identifier: MIT */
/*
 * Trace rings against a reader that is slow, absent or mad: what was recorded
 * arrives whole and in order, what was dropped is counted, and no offset that
 * the reader writes makes the hypervisor write elsewhere.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/softirq.h>
#include <hv/trace.h>

#include <public/sysctl.h>

#define PAGES 2
#define SIZE  (PAGES * PAGE_SIZE - sizeof(struct t_buf))
#define EVENT (TRC_SCHED_VERBOSE + 4)

static struct domain dom = {.id = 7};
static struct vcpu vcpu = {.domain = &dom, .id = 3};
static struct domain *shared[HOST_MAX_FRAMES];
static bool writable[HOST_MAX_FRAMES];
static uint64_t tsc;
static unsigned int virqs, diverted;

struct domain *dom_hv;

uint64_t arch_timestamp(void)
{
    return tsc += 3;
}

void arch_watch_exceptions(unsigned int who, bool on)
{
    assert_int_equal(who, WATCHER_TRACE);
    diverted = on;
}

void hypercall_watch(enum hypercall_watcher who, bool on)
{
    assert_int_equal(who, WATCHER_TRACE);
    (void)on;
}

void page_share_with(struct page_info *pg, struct domain *d, bool may_write)
{
    uint64_t m = mfn_x(page_to_mfn(pg));

    assert_null(shared[m]);
    shared[m] = d;
    writable[m] = may_write;
}

void evtchn_send_global_virq(unsigned int virq)
{
    assert_int_equal(virq, VIRQ_TBUF);
    virqs++;
}

void tasklet_init(struct tasklet *t, void (*fn)(void *), void *arg)
{
    *t = (struct tasklet){.fn = fn, .arg = arg};
}

void tasklet_schedule(struct tasklet *t)
{
    t->fn(t->arg);
}

/* ---- the reader ---- */

static const struct t_info *info;
static char *page[PAGES];
static uint32_t next_cons;

static struct t_buf *buf(void)
{
    return (struct t_buf *)page[0];
}

static uint32_t take_word(void)
{
    uint32_t at = next_cons % (uint32_t)SIZE + sizeof(struct t_buf);
    uint32_t w = *(uint32_t *)(page[at / PAGE_SIZE] + at % PAGE_SIZE);

    next_cons = (next_cons + 4) % (2 * (uint32_t)SIZE);
    return w;
}

struct record {
    uint32_t event, nr, word[7];
    uint64_t tsc;
};

/* False: nothing is there. Wraps are taken in passing. */
static bool take(struct record *r)
{
    do {
        uint32_t head;

        if (next_cons == READ_ONCE(buf()->prod))
            return false;
        head = take_word();
        memset(r, 0, sizeof(*r));
        r->event = TRC_HD_TO_EVENT(head);
        r->nr = TRC_HD_EXTRA(head);
        if (TRC_HD_INCLUDES_CYCLE_COUNT(head)) {
            r->tsc = take_word();
            r->tsc |= (uint64_t)take_word() << 32;
        }
        for (uint32_t i = 0; i < r->nr; i++)
            r->word[i] = take_word();
    } while (r->event == TRC_TRACE_WRAP_BUFFER);
    return true;
}

static void release(void)
{
    WRITE_ONCE(buf()->cons, next_cons);
}

/* ---- */

static int control(uint32_t cmd, struct xen_sysctl_tbuf_op *op)
{
    op->cmd = cmd;
    return trace_control(op);
}

static void find_ring(void)
{
    struct xen_sysctl_tbuf_op op = {0};
    const uint32_t *word;

    assert_int_equal(control(XEN_SYSCTL_TBUFOP_get_info, &op), 0);
    assert_int_equal(op.size, PAGE_SIZE);
    info = mfn_to_virt(mfn(op.buffer_mfn));
    assert_ptr_equal(shared[op.buffer_mfn], dom_hv);
    assert_false(writable[op.buffer_mfn]);
    assert_int_equal(info->tbuf_size, PAGES);
    word = (const uint32_t *)info + info->mfn_offset[0];
    for (unsigned int i = 0; i < PAGES; i++) {
        page[i] = mfn_to_virt(mfn(word[i]));
        assert_ptr_equal(shared[word[i]], dom_hv);
        assert_true(writable[word[i]]);
    }
}

static void test_set_up(void **state)
{
    struct xen_sysctl_tbuf_op op = {.size = 0};

    (void)state;
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_get_info, &op), 0);
    assert_int_equal(op.size, 0);
    assert_int_equal(op.buffer_mfn, 0);
    assert_int_equal(op.evt_mask, TRC_ALL);
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_enable, &op), -EINVAL);
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_size, &op), -EINVAL);
    op.size = 1U << 20;
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_size, &op), -EINVAL);
    assert_int_equal(control(17, &op), -EINVAL);
    op.size = PAGES;
    for (unsigned int i = 1; i <= 4; i++) {
        unsigned int live = host_allocs_live;

        host_alloc_fail_in = i;
        assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_size, &op), -ENOMEM);
        assert_int_equal(host_allocs_live, live);
    }
    host_alloc_fail_in = 0;
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_size, &op), 0);
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_size, &op), 0);
    op.size = PAGES + 1;
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_size, &op), -EINVAL);
    find_ring();

    TRACE(EVENT, 1); /* off */
    assert_int_equal(buf()->prod, 0);
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_enable, &op), 0);
    assert_true(diverted);
}

static void test_one_record(void **state)
{
    struct record r;

    (void)state;
    TRACE(EVENT, TRACE_VCPU(&vcpu), TRACE_64(0x123456789abcdef0UL));
    assert_true(take(&r));
    assert_int_equal(r.event, EVENT);
    assert_int_equal(r.nr, 3);
    assert_int_equal(r.word[0], 7 << 16 | 3);
    assert_int_equal(r.word[1], 0x9abcdef0);
    assert_int_equal(r.word[2], 0x12345678);
    assert_int_equal(r.tsc, tsc);
    assert_false(take(&r));
    release();
}

static void test_masks(void **state)
{
    struct xen_sysctl_tbuf_op op = {.evt_mask = TRC_SCHED_MIN};
    cpumask_t cpus = {{0}};
    struct record r;

    (void)state;
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_evt_mask, &op), 0);
    TRACE(EVENT, 1);
    TRACE(TRC_PV_TRAP, 1); /* the subclass alone is not enough */
    assert_false(take(&r));
    TRACE(TRC_SCHED_RUNSTATE_CHANGE | 0x310, 1);
    assert_true(take(&r));
    op.evt_mask = TRC_ALL;
    assert_int_equal(control(XEN_SYSCTL_TBUFOP_set_evt_mask, &op), 0);
    trace_set_cpus(&cpus);
    TRACE(EVENT, 1);
    assert_false(take(&r));
    cpumask_set(&cpus, 0);
    trace_set_cpus(&cpus);
    release();
}

/* Random sizes, a reader that comes at random and reads at random length. */
static void test_stream(void **state)
{
    uint32_t written = 0, expected = 0, lost = 0;
    struct record r;
    unsigned int before = virqs;

    (void)state;
    srand(17);
    for (unsigned int round = 0; round < 20000; round++) {
        const uint32_t words[7] = {written, ~written, written * 3};
        unsigned int nr = 1 + (unsigned int)rand() % 7;

        trace_record(EVENT, nr, words);
        written++;
        if (rand() % 200)
            continue;
        for (int n = rand() % 700; n > 0 && take(&r); n--) {
            if (r.event == TRC_LOST_RECORDS) {
                assert_int_equal(r.nr, 4);
                assert_true(r.word[0] > 0);
                lost += r.word[0];
                expected += r.word[0];
                continue;
            }
            assert_int_equal(r.event, EVENT);
            assert_int_equal(r.word[0], expected);
            if (r.nr > 1)
                assert_int_equal(r.word[1], ~expected);
            expected++;
        }
        release();
    }
    assert_true(lost > 100 && lost < written / 2);
    assert_true(virqs > before + 10);
    while (take(&r))
        ;
    release();
}

static void test_full(void **state)
{
    const uint32_t words[7] = {0};
    struct record r;
    uint32_t n = 0;

    (void)state;
    for (unsigned int i = 0; i < 1000; i++)
        trace_record(EVENT, 7, words);
    while (take(&r))
        n++;
    /* 40 bytes each; the end of the ring may cost one. */
    assert_in_range(n, SIZE / 40 - 2, SIZE / 40);
    release();
}

/* Each bad offset ends the ring; memory beside it is not touched. */
static void test_mad_reader(void **state)
{
    static const uint32_t offsets[] = {2 * SIZE, 0x7ffffffc, 0xfffffffc, 6};
    uint32_t prod = buf()->prod;

    (void)state;
    buf()->cons = offsets[rand() % ARRAY_SIZE(offsets)];
    buf()->prod = 0x12345678; /* not believed either */
    TRACE(EVENT, 1);
    assert_int_equal(buf()->prod, 0x12345678);
    buf()->cons = prod;
    TRACE(EVENT, 1);
    assert_int_equal(buf()->prod, 0x12345678);
}

static int setup(void **state)
{
    static struct domain hv;

    (void)state;
    host_cpus_init(1);
    host_frames_init(4096);
    host_heap_init(mfn(256), 3840);
    host_set_current(&vcpu);
    dom_hv = &hv;
    trace_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_up), cmocka_unit_test(test_one_record),
        cmocka_unit_test(test_masks),  cmocka_unit_test(test_stream),
        cmocka_unit_test(test_full),   cmocka_unit_test(test_mad_reader),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
