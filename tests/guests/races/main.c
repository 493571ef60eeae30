/* SPDX-License-Identifier: MIT */
/*
 * What one vcpu does to the arguments and pages of another one's hypercall:
 * words that change between two reads, a frame that is written while it
 * becomes a page table, ports that are bound and closed at once, console keys
 * that stop each other's vcpu, a domain that is moved while it is made. And
 * what comes out of hypercalls: nothing of the hypervisor's own.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/user.h>
#include <public/sysctl.h>

#define RUN_NS  (NS_PER_S / 2)
#define NR_ARGS 64U /* words that flip */
#define NOT_A_PTE                                              \
    0x5a5a5a5a5a5a5000UL /* not present, whatever else it says \
                          */
#define HV_START 0xffff800000000000UL
#define HV_END   0xffff880000000000UL
#define M2P_END  0xffff808000000000UL

static unsigned int nr_cpus;
static volatile bool over;
static volatile unsigned int others_done;

/* ---- the other vcpus ---- */

static void (*volatile job)(unsigned int id);
static volatile unsigned int job_number;

/* Each vcpu is started once, and does one job after the other. */
static void other(void *arg)
{
    unsigned int id = (unsigned int)(uintptr_t)arg;

    for (unsigned int n = 1;; n++) {
        while (job_number != n)
            hc_sched_op(SCHEDOP_yield, NULL);
        job(id);
        __atomic_fetch_add(&others_done, 1, __ATOMIC_SEQ_CST);
    }
}

static void begin(void (*fn)(unsigned int id))
{
    job = fn;
    over = false;
    others_done = 0;
    job_number++;
}

static void finish(void)
{
    uint64_t end = time_now() + 60 * NS_PER_S;

    over = true;
    while (others_done != nr_cpus - 1 && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT_EQ(others_done, nr_cpus - 1);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- arguments that change while they are read ---- */

static uint64_t *args;

static uint64_t some_word(uint64_t *seed)
{
    uint64_t r = next_random(seed);

    switch (r >> 60 & 7) {
    case 0:
        return r & 0xff;
    case 1:
        return addr(args) + (r & 0x1f8);
    case 2:
        return virt_to_mfn(args + 512);
    case 3:
        return r & 0xffffffff;
    case 4:
        return ~0UL >> (r & 63);
    case 5:
        return HV_START + (r & 0xffffff);
    default:
        return (r & 7) | (r & 0x700000000UL);
    }
}

static void flip_words(unsigned int id)
{
    uint64_t seed = id * 77777;

    while (!over)
        args[next_random(&seed) % NR_ARGS] = some_word(&seed);
}

static const struct {
    uint8_t nr, cmds;
} flipped[] = {
    {__HYPERVISOR_memory_op, 28},      {__HYPERVISOR_event_channel_op, 14},
    {__HYPERVISOR_grant_table_op, 13}, {__HYPERVISOR_xen_version, 11},
    {__HYPERVISOR_vcpu_op, 14},        {__HYPERVISOR_physdev_op, 32},
    {__HYPERVISOR_callback_op, 2},
};

/* Those that would end the test, or take away what it stands on. */
static bool is_fatal(unsigned int nr, unsigned int cmd)
{
    switch (nr) {
    case __HYPERVISOR_vcpu_op:
        return cmd == VCPUOP_down || cmd == VCPUOP_initialise ||
               cmd == VCPUOP_register_vcpu_info || cmd == VCPUOP_send_nmi;
    case __HYPERVISOR_event_channel_op:
        return cmd == EVTCHNOP_reset || cmd == EVTCHNOP_init_control;
    case __HYPERVISOR_memory_op:
        return cmd == XENMEM_decrease_reservation || cmd == XENMEM_exchange;
    case __HYPERVISOR_callback_op:
        return true;
    default:
        return false;
    }
}

static void one_flipped(uint64_t *seed)
{
    uint64_t r = next_random(seed);
    unsigned int i = (unsigned int)(r >> 8) % ARRAY_SIZE(flipped);
    unsigned int cmd = (unsigned int)(r >> 16) % flipped[i].cmds;
    uint64_t at = addr(args) + (r >> 32) % 32 * 8;

    if (is_fatal(flipped[i].nr, cmd))
        return;
    if (flipped[i].nr == __HYPERVISOR_grant_table_op)
        hcall3(flipped[i].nr, cmd, at, 1 + (r & 3));
    else if (flipped[i].nr == __HYPERVISOR_vcpu_op)
        hcall3(flipped[i].nr, cmd, r & 3, at);
    else
        hcall2(flipped[i].nr, cmd, at);
}

static void arguments_flip(void)
{
    uint64_t end, seed = 4711;
    unsigned int n = 0;

    args = page_alloc();
    EXPECT_EQ(page_alloc() != NULL, 1);
    begin(flip_words);
    for (end = time_now() + RUN_NS; time_now() < end; n++)
        one_flipped(&seed);
    finish();
    EXPECT(n > 100);
    printk("%u hypercalls on words that flip\n", n);
}

/* Lists that are long, so that they change on the way. */
static void lists_flip(void)
{
    uint64_t end, seed = 99;
    unsigned int n = 0;

    begin(flip_words);
    for (end = time_now() + RUN_NS; time_now() < end; n++) {
        uint64_t r = next_random(&seed);

        if (r & 1)
            hcall4(__HYPERVISOR_mmuext_op, addr(args), 1 + (r >> 8 & 7), 0,
                   DOMID_SELF);
        else
            hc_multicall((struct multicall_entry *)(args + 32), 0);
        /* The flipped words are read again and again: they are no table. */
        hcall4(__HYPERVISOR_grant_table_op, GNTTABOP_copy, addr(args), 8, 0);
    }
    finish();
    EXPECT(n > 100);
}

/* ---- a frame that is written while it becomes a page table ---- */

static char *victim;

static void write_victim(unsigned int id)
{
    uint64_t value = NOT_A_PTE;

    while (!over) {
        value += 0x1000 * id;
        trap_last()->count = 0;
        asm volatile("1: mov %1, (%0)\n2:\n" EXTABLE("1b", "2b")
                     :
                     : "r"(victim + id * 8), "r"(value & ~1UL)
                     : "memory");
    }
}

/* As long as it is pinned, its words stand still. */
static unsigned int changes_while_pinned(void)
{
    const volatile uint64_t *word = (uint64_t *)victim;
    uint64_t before[KIT_MAX_CPUS];
    unsigned int changes = 0;

    for (unsigned int i = 1; i < nr_cpus; i++)
        before[i] = word[i];
    for (unsigned int n = 0; n < 2000; n++)
        for (unsigned int i = 1; i < nr_cpus; i++)
            changes += word[i] != before[i];
    return changes;
}

static void table_is_not_written(void)
{
    unsigned int pinned = 0, changes = 0, written = 0;
    uint64_t end, last = 0;

    victim = page_alloc();
    begin(write_victim);
    for (end = time_now() + 2 * RUN_NS; time_now() < end;) {
        /* Without a flush: that is the hypervisor's to do. */
        hc_update_va_mapping(addr(victim),
                             pte_make(virt_to_mfn(victim), KERNEL_RO), 0);
        if (pin_table(1, virt_to_mfn(victim)) == 0) {
            pinned++;
            changes += changes_while_pinned();
            written += ((volatile uint64_t *)victim)[1] != last;
            last = ((volatile uint64_t *)victim)[1];
            EXPECT_EQ(unpin_table(virt_to_mfn(victim)), 0);
        }
        EXPECT_EQ(page_set_rw(victim), 0);
        for (unsigned int i = 0; i < 200; i++)
            asm volatile("pause");
    }
    finish();
    EXPECT_EQ(changes, 0);
    EXPECT(pinned > 10);
    EXPECT(written > 0); /* else there was no race at all */
    printk("pinned %u times, written in between %u times\n", pinned, written);
}

/* ---- an LDT that others may still write, on the way to user mode ---- */

#define LDT_SELECTOR 0x807U /* entry 256, user mode */
#define DATA_DESC    0x00cff2000000ffffUL

static void write_zeroes(unsigned int id)
{
    while (!over) {
        trap_last()->count = 0;
        asm volatile("1: movq $0, (%0)\n2:\n" EXTABLE("1b", "2b")
                     :
                     : "r"(victim + id * 8)
                     : "memory");
    }
}

/* The processor wants the descriptor in the hypervisor's IRET; the page gets
 * its type there, for which the others must lose their writable translations.
 */
static void ldt_on_the_way_out(void)
{
    static const unsigned char syscall[] = {0x0f, 0x05};
    uint64_t *table = page_alloc();
    struct mmuext_op op;
    uint64_t end = time_now() + RUN_NS;
    unsigned int done = 0;

    memset(&op, 0, sizeof(op));
    op.cmd = MMUEXT_SET_LDT;
    op.arg1.linear_addr = addr(table);
    victim = (char *)table;
    user_init();
    user_load(0, syscall, sizeof(syscall));
    table[256] = DATA_DESC;
    begin(write_zeroes);
    while (time_now() < end && !test_failed()) {
        struct regs r = user_regs(USER_BASE);

        r.ss = LDT_SELECTOR;
        hc_update_va_mapping(addr(table),
                             pte_make(virt_to_mfn(table), KERNEL_RO), 0);
        op.arg2.nr_ents = 512;
        EXPECT_EQ(hc_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
        EXPECT_EQ(user_run(&r), VEC_SYSCALL);
        done++;
        op.arg2.nr_ents = 0;
        EXPECT_EQ(hc_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
        EXPECT_EQ(page_set_rw(table), 0);
    }
    finish();
    EXPECT(done > 0);
    printk("%u times\n", done);
}

/* ---- ports bound and closed at once ---- */

static unsigned int self;
static uint64_t bound, closed;

static void bind_and_close(unsigned int id)
{
    uint64_t seed = id * 31337 + 1;

    while (!over) {
        struct evtchn_alloc_unbound a = {.dom = DOMID_SELF,
                                         .remote_dom = DOMID_SELF};
        struct evtchn_bind_interdomain b = {.remote_dom = (domid_t)self};
        uint64_t r = next_random(&seed);
        struct evtchn_close c = {.port = 16 + (uint32_t)(r % 16)};
        struct evtchn_send s = {.port = 16 + (uint32_t)(r >> 8) % 16};
        struct evtchn_bind_vcpu v = {.port = s.port, .vcpu = r & 1};

        hc_event_channel_op(EVTCHNOP_alloc_unbound, &a);
        b.remote_port = r & 16 ? a.port : c.port;
        if (hc_event_channel_op(EVTCHNOP_bind_interdomain, &b) == 0)
            __atomic_fetch_add(&bound, 1, __ATOMIC_RELAXED);
        hc_event_channel_op(EVTCHNOP_send, &s);
        hc_event_channel_op(EVTCHNOP_bind_vcpu, &v);
        if (hc_event_channel_op(EVTCHNOP_close, &c) == 0)
            __atomic_fetch_add(&closed, 1, __ATOMIC_RELAXED);
        if (r & 32) {
            c.port = b.local_port;
            hc_event_channel_op(EVTCHNOP_close, &c);
        }
    }
}

static void ports_race(void)
{
    uint64_t end = time_now() + 2 * RUN_NS;

    begin(bind_and_close);
    while (time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    finish();
    EXPECT(bound > 10);
    EXPECT(closed > 10);
    for (uint32_t port = 16; port < 1024; port++) {
        struct evtchn_close c = {.port = port};

        hc_event_channel_op(EVTCHNOP_close, &c);
    }
}

/* ---- what comes out ---- */

/* No word of the answer is an address of the hypervisor's (the M2P's place is
 * part of the ABI). */
static void expect_nothing_inside(const void *answer, size_t len,
                                  const char *what)
{
    for (size_t i = 0; i + 8 <= len; i += 4) {
        uint64_t word;

        memcpy(&word, (const char *)answer + i, sizeof(word));
        if (word >= M2P_END && word < HV_END)
            test_fail(__FILE__, __LINE__, "%s: %lx at %lu", what, word, i);
    }
}

static void nothing_leaks(void)
{
    char *buf = page_alloc();

    for (unsigned int cmd = 0; cmd < 12; cmd++) {
        memset(buf, 0, PAGE_SIZE);
        hc_xen_version(cmd, buf);
        expect_nothing_inside(buf, PAGE_SIZE, "xen_version");
    }
    for (unsigned int cmd = 0; cmd < 28; cmd++) {
        if (cmd <= XENMEM_populate_physmap || cmd == XENMEM_exchange)
            continue;
        memset(buf, 0, PAGE_SIZE);
        hc_memory_op(cmd, buf);
        expect_nothing_inside(buf, PAGE_SIZE, "memory_op");
    }
    memset(buf, 0, PAGE_SIZE);
    hc_vcpu_op(VCPUOP_get_runstate_info, 0, buf);
    expect_nothing_inside(buf, PAGE_SIZE, "runstate");
    for (uint32_t port = 0; port < 40; port++) {
        struct evtchn_status s;

        memset(&s, 0, sizeof(s));
        s.dom = DOMID_SELF;
        s.port = port;
        hc_event_channel_op(EVTCHNOP_status, &s);
        expect_nothing_inside(&s, sizeof(s), "evtchn status");
    }
    for (uint32_t cmd = 0; cmd < 30; cmd++) {
        struct xen_sysctl *op = (void *)buf;

        if (cmd == XEN_SYSCTL_debug_keys || cmd == XEN_SYSCTL_cpu_hotplug)
            continue;
        memset(buf, 0, PAGE_SIZE);
        op->cmd = cmd;
        op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        hcall1(__HYPERVISOR_sysctl, addr(op));
        expect_nothing_inside(buf, PAGE_SIZE, "sysctl");
    }
    /* The bits of ports are what they were made by the tests before. */
    expect_nothing_inside(
        shared_info, __builtin_offsetof(struct shared_info, evtchn_pending),
        "shared_info");
    expect_nothing_inside(
        &shared_info->wc_version,
        PAGE_SIZE - __builtin_offsetof(struct shared_info, wc_version),
        "the rest of shared_info");
    page_free(buf);
}

/* ---- keys that stop vcpus, pressed by several at once ---- */

#define PRESSES 20

static long press(char key)
{
    struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_debug_keys;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    HANDLE_SET(op.u.debug_keys.keys, &key);
    op.u.debug_keys.nr_keys = 1;
    return hcall1(__HYPERVISOR_sysctl, addr(&op));
}

static void press_keys(unsigned int id)
{
    for (unsigned int n = 0; n < PRESSES; n++)
        EXPECT_EQ(press(n % 5 == id ? 'A' : '0'), 0);
}

static bool is_control_domain(void)
{
    if (start_info->flags & SIF_INITDOMAIN)
        return true;
    test_skip("for the control domain");
    return false;
}

/* Each shows and stops the others, which are about to do the same to it. */
static void keys_are_pressed_at_once(void)
{
    if (!is_control_domain())
        return;
    begin(press_keys);
    press_keys(0);
    finish();
}

/* ---- a domain that is moved between pools while it gets its vcpus ---- */

#define NEW_VCPUS 16U
#define ROUNDS    40

static volatile unsigned int moved_id; /* 0: none now */
static volatile unsigned int moves;

static long pool_op(uint32_t op, uint32_t pool, uint32_t cpu, uint32_t domid)
{
    struct xen_sysctl s;

    memset(&s, 0, sizeof(s));
    s.cmd = XEN_SYSCTL_cpupool_op;
    s.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    s.u.cpupool_op.op = op;
    s.u.cpupool_op.cpupool_id = pool;
    s.u.cpupool_op.sched_id = XEN_SCHEDULER_CREDIT2;
    s.u.cpupool_op.cpu = cpu;
    s.u.cpupool_op.domid = domid;
    return hcall1(__HYPERVISOR_sysctl, addr(&s));
}

/* Fails while the domain dies. */
static void move_about(unsigned int id)
{
    for (unsigned int n = id; !over; n++) {
        unsigned int d = moved_id;

        if (d && pool_op(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, n % 2, 0, d) == 0)
            __atomic_fetch_add(&moves, 1, __ATOMIC_RELAXED);
    }
}

static void make_and_end_domain(void)
{
    uint64_t end = time_now() + 10 * NS_PER_S;
    unsigned int id, before = moves;
    struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.u.createdomain = domain_defaults();
    op.u.createdomain.max_vcpus = NEW_VCPUS;
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_createdomain, 0), 0);
    id = op.domain;
    moved_id = id;
    while (moves == before && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    memset(&op, 0, sizeof(op));
    op.u.max_vcpus.max = NEW_VCPUS;
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_max_vcpus, id), 0);
    /* Each vcpu has as many pauses as its domain: the hypervisor sees to it. */
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_unpausedomain, id), 0);
    moved_id = 0;
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_destroydomain, id), 0);
}

static void vcpus_come_to_a_domain_that_moves(void)
{
    if (!is_control_domain())
        return;
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_CREATE, 1, 0, 0), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 2, 0), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 1, 2, 0), 0);
    begin(move_about);
    for (unsigned int n = 0; n < ROUNDS && !test_failed(); n++)
        make_and_end_domain();
    finish();
    EXPECT(moves >= ROUNDS);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 1, 2, 0), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0, 0), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 2, 0), 0);
    printk("%u moves\n", moves);
}

/* ---- a CPU that goes offline while others look for a free one ---- */

static void take_free_cpus(unsigned int id)
{
    (void)id;
    while (!over)
        pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, XEN_SYSCTL_CPUPOOL_PAR_ANY, 0);
}

static long hotplug(uint32_t cpu, uint32_t what)
{
    struct xen_sysctl s;

    memset(&s, 0, sizeof(s));
    s.cmd = XEN_SYSCTL_cpu_hotplug;
    s.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    s.u.cpu_hotplug.cpu = cpu;
    s.u.cpu_hotplug.op = what;
    return hcall1(__HYPERVISOR_sysctl, addr(&s));
}

static void nobody_takes_a_cpu_that_goes_offline(void)
{
    if (!is_control_domain())
        return;
    begin(take_free_cpus);
    for (unsigned int n = 0; n < ROUNDS && !test_failed(); n++) {
        EXPECT_EQ(hotplug(2, XEN_SYSCTL_CPU_HOTPLUG_OFFLINE), 0);
        EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 2, 0), -XEN_ENODEV);
        EXPECT_EQ(hotplug(2, XEN_SYSCTL_CPU_HOTPLUG_ONLINE), 0);
    }
    finish();
}

static const struct test tests[] = {
    {"arguments flip", arguments_flip},
    {"lists flip", lists_flip},
    {"a table is not written", table_is_not_written},
    {"an LDT on the way to user mode", ldt_on_the_way_out},
    {"ports are bound and closed at once", ports_race},
    {"nothing of the hypervisor's comes out", nothing_leaks},
    {"keys are pressed at once", keys_are_pressed_at_once},
    {"vcpus come to a domain that moves", vcpus_come_to_a_domain_that_moves},
    {"nobody takes a CPU that goes offline",
     nobody_takes_a_cpu_that_goes_offline},
};

void kit_main(void)
{
    nr_cpus = smp_count();
    self = event_own_domid();
    grant_init(1);
    for (unsigned int i = 1; i < nr_cpus; i++)
        smp_start(i, other, (void *)(uintptr_t)i);
    tests_run(tests, ARRAY_SIZE(tests));
}
