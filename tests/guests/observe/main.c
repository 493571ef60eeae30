/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor tells the control domain of itself: trace buffers, whose
 * frames are mapped and read here; counters; the log ring.
 */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/trap.h>
#include <public/sysctl.h>
#include <public/trace.h>

#define NOWHERE ((void *)0xffff820000000000UL)
#define PAGES   1
#define SIZE    (PAGES * 4096 - sizeof(struct t_buf))

static struct xen_sysctl op;
static char text[65536];

static long sysctl(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hcall1(__HYPERVISOR_sysctl, addr(&op));
}

static struct xen_sysctl_tbuf_op *tbuf(uint32_t cmd)
{
    memset(&op, 0, sizeof(op));
    op.u.tbuf_op.cmd = cmd;
    return &op.u.tbuf_op;
}

/* ---- traces ---- */

static struct t_buf *ring;
static uint32_t cons;

static void trace_set_up(void)
{
    const struct t_info *info = window(0);
    struct xen_sysctl_tbuf_op *t = tbuf(XEN_SYSCTL_TBUFOP_get_info);
    uint64_t frame;

    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), 0);
    EXPECT_EQ(t->size, 0);
    tbuf(XEN_SYSCTL_TBUFOP_enable);
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), -XEN_EINVAL);
    tbuf(99);
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), -XEN_EINVAL);
    tbuf(XEN_SYSCTL_TBUFOP_set_size)->size = PAGES;
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), 0);
    tbuf(XEN_SYSCTL_TBUFOP_set_size)->size = PAGES + 1;
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), -XEN_EINVAL);
    t = tbuf(XEN_SYSCTL_TBUFOP_get_info);
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), 0);
    EXPECT_EQ(t->size, 4096);
    EXPECT_EQ(t->evt_mask, TRC_ALL);

    /* The table only to be read, the ring also written. */
    frame = t->buffer_mfn;
    EXPECT(pte_set_owned(pte_maddr(info, 1), pte_make(frame, KERNEL_RW),
                         DOMID_XEN) < 0);
    EXPECT_EQ(pte_set_owned(pte_maddr(info, 1), pte_make(frame, KERNEL_RO),
                            DOMID_XEN),
              0);
    EXPECT_EQ(info->tbuf_size, PAGES);
    frame = ((const uint32_t *)info)[info->mfn_offset[0]];
    ring = window(1);
    EXPECT(pte_set(pte_maddr(ring, 1), pte_make(frame, KERNEL_RW)) < 0);
    EXPECT_EQ(pte_set_owned(pte_maddr(ring, 1), pte_make(frame, KERNEL_RW),
                            DOMID_XEN),
              0);
    EXPECT_EQ(ring->prod, 0);
}

/* Number of records of that event since the last call; -1: damage. */
static int events(uint32_t event)
{
    const uint32_t *data = (const uint32_t *)(ring + 1);
    int n = 0;

    while (cons != ring->prod) {
        uint32_t head = data[cons % SIZE / 4];

        if (!head)
            return -1;
        n += TRC_HD_TO_EVENT(head) == event;
        cons += 4 + 4 * TRC_HD_EXTRA(head) +
                (TRC_HD_INCLUDES_CYCLE_COUNT(head) ? 8 : 0);
        cons %= 2 * SIZE;
    }
    ring->cons = cons;
    return n;
}

static void trace_switch(bool on)
{
    tbuf(on ? XEN_SYSCTL_TBUFOP_enable : XEN_SYSCTL_TBUFOP_disable);
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), 0);
}

/* Exceptions take other ways in while they are traced. */
static void trace_exceptions(void)
{
    trace_switch(true);
    for (unsigned int i = 0; i < 5; i++)
        asm volatile("1: ud2\n2:\n" EXTABLE("1b", "2b") : : : "memory");
    trace_switch(false);
    EXPECT_EQ(events(TRC_PV_TRAP | TRC_64_FLAG), 5);
}

static void trace_calls(void)
{
    struct multicall_entry list[3];
    int seen;

    trace_switch(true);
    for (unsigned int i = 0; i < 5; i++)
        EXPECT(hc_xen_version(XENVER_version, NULL) > 0);
    EXPECT_EQ(hcall2(63, 1, 2), -XEN_ENOSYS);
    memset(list, 0, sizeof(list));
    for (unsigned int i = 0; i < 3; i++)
        list[i].op = __HYPERVISOR_xen_version;
    EXPECT_EQ(hc_multicall(list, 3), 0);
    EXPECT_EQ(list[2].result, 4 << 16 | 17);
    trace_switch(false);
    hc_xen_version(XENVER_version, NULL); /* not seen */
    /* Five, the unknown one, the multicall, the one that ends it; and one more
     * each time that a timer breaks the multicall off. */
    seen = events(TRC_PV_HYPERCALL_V2);
    EXPECT(seen >= 8 && seen <= 11);
}

static void trace_subcalls(void)
{
    struct multicall_entry list[4];

    trace_switch(true);
    memset(list, 0, sizeof(list));
    for (unsigned int i = 0; i < 4; i++)
        list[i].op = __HYPERVISOR_xen_version;
    EXPECT_EQ(hc_multicall(list, 4), 0);
    trace_switch(false);
    EXPECT_EQ(events(TRC_PV_HYPERCALL_SUBCALL), 4);
}

/* More than fits: the rest is lost, and counted when there is room again. */
static void trace_overflow(void)
{
    trace_switch(true);
    for (unsigned int i = 0; i < 1000; i++)
        hc_xen_version(XENVER_version, NULL);
    EXPECT(events(TRC_PV_HYPERCALL_V2) < 1000);
    hc_xen_version(XENVER_version, NULL);
    EXPECT_EQ(events(TRC_LOST_RECORDS), 1);
    trace_switch(false);
    EXPECT(events(0) >= 0);
}

static void trace_mask(void)
{
    tbuf(XEN_SYSCTL_TBUFOP_set_evt_mask)->evt_mask = TRC_SCHED;
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), 0);
    trace_switch(true);
    hc_xen_version(XENVER_version, NULL);
    hc_sched_op(SCHEDOP_yield, NULL);
    trace_switch(false);
    EXPECT_EQ(events(TRC_PV_HYPERCALL_V2), 0);
    tbuf(XEN_SYSCTL_TBUFOP_set_evt_mask)->evt_mask = TRC_ALL;
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), 0);
}

static void trace_cpus(void)
{
    static const uint8_t none;

    tbuf(XEN_SYSCTL_TBUFOP_set_cpu_mask);
    op.u.tbuf_op.cpu_mask.bitmap.p = (uint8_t *)&none;
    op.u.tbuf_op.cpu_mask.nr_bits = 8;
    EXPECT_EQ(sysctl(XEN_SYSCTL_tbuf_op), 0);
    trace_switch(true);
    hc_xen_version(XENVER_version, NULL);
    trace_switch(false);
    EXPECT_EQ(events(TRC_PV_HYPERCALL_V2), 0);
}

/* The hypervisor keeps its own offset and believes nobody's. */
static void trace_bad_offset(void)
{
    ring->cons = 0xfffffff0;
    trace_switch(true);
    hc_xen_version(XENVER_version, NULL);
    trace_switch(false);
    EXPECT(ring->prod < 2 * SIZE);
}

/* ---- counters ---- */

static struct xen_sysctl_perfc_desc descs[64];
static uint32_t values[2048];

static long perfc(uint32_t cmd, bool all)
{
    memset(&op, 0, sizeof(op));
    op.u.perfc_op.cmd = cmd;
    if (all) {
        op.u.perfc_op.desc.p = descs;
        op.u.perfc_op.val.p = values;
    }
    return sysctl(XEN_SYSCTL_perfc_op);
}

/* Sum of the counter of that name. */
static uint64_t counter(const char *name)
{
    uint32_t at = 0;
    uint64_t sum = 0;

    EXPECT_EQ(perfc(XEN_SYSCTL_PERFCOP_query, true), 0);
    for (uint32_t i = 0; i < op.u.perfc_op.nr_counters; i++) {
        for (uint32_t n = 0; n < descs[i].nr_vals; n++, at++)
            if (!strncmp(descs[i].name, name, sizeof(descs[i].name)))
                sum += values[at];
    }
    return sum;
}

static void counters(void)
{
    uint64_t before;

    EXPECT_EQ(perfc(XEN_SYSCTL_PERFCOP_query, false), 0);
    EXPECT(op.u.perfc_op.nr_counters > 10);
    EXPECT(op.u.perfc_op.nr_counters <= ARRAY_SIZE(descs));
    EXPECT(op.u.perfc_op.nr_vals <= ARRAY_SIZE(values));
    before = counter("instructions emulated by domain");
    for (unsigned int i = 0; i < 50; i++)
        asm volatile("ud2; .ascii \"xen\"; cpuid" ::
                         : "eax", "ebx", "ecx", "edx");
    for (unsigned int i = 0; i < 50; i++)
        asm volatile("mov %%cr0, %%rax" ::: "rax");
    EXPECT(counter("instructions emulated by domain") >= before + 50);
    EXPECT(counter("interrupts") > 0);
    EXPECT_EQ(perfc(XEN_SYSCTL_PERFCOP_reset, false), 0);
    EXPECT(counter("instructions emulated by domain") < before + 50);
    EXPECT_EQ(perfc(9, false), -XEN_EINVAL);
    memset(&op, 0, sizeof(op));
    op.u.perfc_op.cmd = XEN_SYSCTL_PERFCOP_query;
    op.u.perfc_op.val.p = NOWHERE;
    EXPECT_EQ(sysctl(XEN_SYSCTL_perfc_op), -XEN_EFAULT);
}

static void no_lock_profiles(void)
{
    memset(&op, 0, sizeof(op));
    op.u.lockprof_op.cmd = XEN_SYSCTL_LOCKPROF_query;
    EXPECT_EQ(sysctl(XEN_SYSCTL_lockprof_op), -XEN_ENOSYS);
}

/* ---- the log ---- */

static uint32_t read_log(uint32_t index, bool incremental, bool clear,
                         uint32_t count)
{
    struct xen_sysctl_readconsole *r = &op.u.readconsole;

    memset(&op, 0, sizeof(op));
    memset(text, 0, sizeof(text));
    r->incremental = incremental;
    r->clear = clear;
    r->index = index;
    r->count = count;
    r->buffer.p = text;
    EXPECT_EQ(sysctl(XEN_SYSCTL_readconsole), 0);
    return r->index;
}

static void debug_key(char key)
{
    memset(&op, 0, sizeof(op));
    op.u.debug_keys.keys.p = &key;
    op.u.debug_keys.nr_keys = 1;
    EXPECT_EQ(sysctl(XEN_SYSCTL_debug_keys), 0);
}

static void log_reading(void)
{
    uint32_t index = read_log(0, false, false, sizeof(text) - 1);
    uint32_t size = op.u.readconsole.count;

    EXPECT(strstr(text, "Trellis"));
    EXPECT(size > 500);
    /* Nothing new. */
    EXPECT_EQ(read_log(index, true, false, sizeof(text) - 1), index);
    EXPECT_EQ(op.u.readconsole.count, 0);
    /* Only what is new. */
    debug_key('m');
    read_log(index, true, false, sizeof(text) - 1);
    EXPECT(strstr(text, "Key 'm'") && strstr(text, "heap"));
    EXPECT(!strstr(text, "Loader"));
    /* In pieces. */
    index = read_log(0, false, false, 100);
    EXPECT_EQ(op.u.readconsole.count, 100);
    read_log(index, true, false, 100);
    EXPECT_EQ(op.u.readconsole.count, 100);
    /* An index from nowhere is the oldest byte. */
    read_log(index + 0x40000000, true, false, 100);
    EXPECT_EQ(op.u.readconsole.count, 100);
}

static void log_clearing(void)
{
    uint32_t index = read_log(0, false, true, sizeof(text) - 1);

    EXPECT(op.u.readconsole.count > 500);
    read_log(0, false, false, sizeof(text) - 1);
    EXPECT_EQ(op.u.readconsole.count, 0);
    debug_key('m');
    read_log(index, true, false, sizeof(text) - 1);
    EXPECT(strstr(text, "Key 'm'"));
}

/* Number of times that the word is in the text. */
static unsigned int occurrences(const char *word)
{
    unsigned int n = 0;

    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

/* Each of these is a message that the hypervisor would write of a guest. */
static void provoke(unsigned int times)
{
    for (unsigned int i = 0; i < times; i++)
        asm volatile("1: rdmsr\n2:\n" EXTABLE("1b", "2b")::"c"(0xdeadbeef)
                     : "eax", "edx");
}

/* A guest that talks without end is heard ten times, then twice a second; the
 * next message says how many there were. */
static void log_flood(void)
{
    uint32_t index = read_log(0, false, false, 0);
    uint64_t before;

    while (read_log(index, true, false, sizeof(text) - 1) != index)
        index = op.u.readconsole.index;
    before = time_now();
    provoke(5000);
    read_log(index, true, false, sizeof(text) - 1);
    EXPECT(occurrences("RDMSR") >= 5);
    EXPECT(occurrences("RDMSR") <= 11 + (time_now() - before) * 2 / NS_PER_S);
    time_delay(NS_PER_S);
    provoke(1);
    read_log(index, true, false, sizeof(text) - 1);
    EXPECT(strstr(text, "messages of d0 dropped"));
}

/* Every key that only shows, as often as one likes. */
static void all_keys(void)
{
    static const char keys[] = "0aceghHimMNpqrstz";
    uint32_t index = read_log(0, false, true, 0);

    for (unsigned int i = 0; keys[i]; i++) {
        char line[] = "Key 'x': ";

        debug_key(keys[i]);
        index = read_log(index, true, false, sizeof(text) - 1);
        line[5] = keys[i];
        EXPECT(strstr(text, line));
        EXPECT(op.u.readconsole.count > 20);
    }
    debug_key('*');
    time_delay(NS_PER_S / 2);
    read_log(index, true, false, sizeof(text) - 1);
    EXPECT(strstr(text, "Key 'q'") && strstr(text, "Key '*': done"));
    EXPECT(!strstr(text, "Key 'R'") && !strstr(text, "Key 'C'"));
}

static const struct test tests[] = {
    {"trace: set-up", trace_set_up},
    {"trace: exceptions", trace_exceptions},
    {"trace: hypercalls", trace_calls},
    {"trace: calls of a multicall", trace_subcalls},
    {"trace: overflow", trace_overflow},
    {"trace: mask of events", trace_mask},
    {"trace: mask of CPUs", trace_cpus},
    {"trace: bad offset", trace_bad_offset},
    {"counters", counters},
    {"lock profiles: not in this build", no_lock_profiles},
    {"log: reading", log_reading},
    {"log: clearing", log_clearing},
    {"log: flood", log_flood},
    {"console keys", all_keys},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
