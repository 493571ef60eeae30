/* SPDX-License-Identifier: MIT */
/*
 * The machine, as the control domain is told of it and may change it: nodes,
 * bad frames, processors that go and come. Runs with numa=fake=2.
 */
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/memory.h>
#include <public/platform.h>
#include <public/sysctl.h>

#define NODES   2
#define NOWHERE ((void *)0x7f0000000000UL) /* nothing is mapped there */

static struct xen_sysctl op;
static struct xen_platform_op pf;

static void begin(uint32_t cmd)
{
    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
}

static long sysctl(void)
{
    return hcall1(__HYPERVISOR_sysctl, addr(&op));
}

/* --- nodes --- */

static uint64_t free_between(int32_t node, uint32_t min, uint32_t max)
{
    begin(XEN_SYSCTL_availheap);
    op.u.availheap.node = node;
    op.u.availheap.min_bitwidth = min;
    op.u.availheap.max_bitwidth = max;
    EXPECT_EQ(sysctl(), 0);
    return op.u.availheap.avail_bytes;
}

static void nodes(void)
{
    static struct xen_sysctl_meminfo mem[NODES + 1];
    static uint32_t distance[NODES * NODES];

    begin(XEN_SYSCTL_numainfo);
    EXPECT_EQ(sysctl(), 0);
    EXPECT_EQ(op.u.numainfo.num_nodes, NODES);
    begin(XEN_SYSCTL_numainfo);
    op.u.numainfo.num_nodes = NODES + 5;
    set_xen_guest_handle(op.u.numainfo.meminfo, mem);
    set_xen_guest_handle(op.u.numainfo.distance, distance);
    mem[NODES].memsize = 0x1234;
    EXPECT_EQ(sysctl(), 0);
    EXPECT_EQ(op.u.numainfo.num_nodes, NODES);
    EXPECT_EQ(mem[NODES].memsize, 0x1234);
    for (unsigned int i = 0; i < NODES; i++) {
        EXPECT(mem[i].memfree > 0 && mem[i].memfree <= mem[i].memsize);
        EXPECT_EQ(distance[i * NODES + i], 10);
        EXPECT_EQ(distance[i * NODES + (1 - i)], 20);
        EXPECT_EQ(free_between((int32_t)i, 0, 0), mem[i].memfree);
    }
    EXPECT_EQ(free_between(-1, 0, 0), mem[0].memfree + mem[1].memfree);
    EXPECT_EQ(free_between(NODES, 0, 0), 0);
    EXPECT_EQ(free_between(-1, 0, 26) + free_between(-1, 27, 0),
              free_between(-1, 0, 0));
    begin(XEN_SYSCTL_numainfo);
    op.u.numainfo.num_nodes = NODES;
    set_xen_guest_handle(op.u.numainfo.meminfo, NOWHERE);
    EXPECT_EQ(sysctl(), -XEN_EFAULT);
}

static void nodes_of_cpus(void)
{
    static struct xen_sysctl_cputopo topo[3];

    begin(XEN_SYSCTL_cputopoinfo);
    op.u.cputopoinfo.num_cpus = 3;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, topo);
    EXPECT_EQ(sysctl(), 0);
    for (unsigned int i = 0; i < 3; i++)
        EXPECT_EQ(topo[i].node, i % NODES);
}

static long populate_on(unsigned int node, uint64_t *frame)
{
    static struct xen_memory_reservation r;

    memset(&r, 0, sizeof(r));
    *frame = 0x7ffff; /* a pfn of no matter */
    set_xen_guest_handle(r.extent_start, frame);
    r.nr_extents = 1;
    r.mem_flags = XENMEMF_exact_node(node);
    r.domid = DOMID_SELF;
    return hc_memory_op(XENMEM_populate_physmap, &r);
}

static void memory_of_a_node(void)
{
    uint64_t share = ((uint64_t)hc_memory_op(XENMEM_maximum_ram_page, NULL) +
                      1 + NODES - 1) /
                     NODES;
    static uint64_t frame;

    for (unsigned int node = 0; node < NODES; node++) {
        EXPECT_EQ(populate_on(node, &frame), 1);
        EXPECT_EQ(frame / share, node);
    }
    EXPECT_EQ(populate_on(NODES, &frame), 0);
}

/* --- bad frames --- */

static long frame_op(uint32_t cmd, uint64_t mfn, uint32_t *status)
{
    begin(XEN_SYSCTL_page_offline_op);
    op.u.page_offline.cmd = cmd;
    op.u.page_offline.start = op.u.page_offline.end = (uint32_t)mfn;
    set_xen_guest_handle(op.u.page_offline.status, status);
    return sysctl();
}

static char own_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void bad_frames(void)
{
    static uint32_t status;
    uint64_t mine = virt_to_mfn(own_page);
    uint64_t nowhere = (uint64_t)hc_memory_op(XENMEM_maximum_ram_page, NULL);

    EXPECT_EQ(frame_op(sysctl_query_page_offline, mine, &status), 0);
    EXPECT_EQ(status, PG_OFFLINE_STATUS_ONLINE);
    EXPECT_EQ(frame_op(sysctl_page_offline, mine, &status), 0);
    EXPECT_EQ(status, PG_OFFLINE_PENDING | PG_OFFLINE_OWNED); /* domain 0 */
    EXPECT_EQ(frame_op(sysctl_query_page_offline, mine, &status), 0);
    EXPECT_EQ(status, PG_OFFLINE_STATUS_OFFLINE_PENDING);
    own_page[0] = 1; /* still to be used */
    EXPECT_EQ(frame_op(sysctl_page_online, mine, &status), 0);
    EXPECT_EQ(status, PG_ONLINE_ONLINED);
    /* One of the hypervisor's. */
    EXPECT_EQ(frame_op(sysctl_page_offline,
                       start_info->shared_info >> PAGE_SHIFT, &status),
              0);
    EXPECT(status & PG_OFFLINE_FAILED);
    EXPECT_EQ(frame_op(sysctl_page_offline, nowhere + 1, &status), -XEN_EINVAL);
    EXPECT_EQ(frame_op(0, mine, &status), -XEN_EINVAL);
    EXPECT_EQ(frame_op(4, mine, &status), -XEN_EINVAL);
    EXPECT_EQ(frame_op(sysctl_query_page_offline, mine, NOWHERE), -XEN_EFAULT);
    begin(XEN_SYSCTL_page_offline_op);
    op.u.page_offline.cmd = sysctl_query_page_offline;
    op.u.page_offline.start = 5;
    op.u.page_offline.end = 4;
    EXPECT_EQ(sysctl(), -XEN_EINVAL);
}

/* --- processors --- */

static long hotplug(uint32_t what, uint32_t cpu)
{
    begin(XEN_SYSCTL_cpu_hotplug);
    op.u.cpu_hotplug.op = what;
    op.u.cpu_hotplug.cpu = cpu;
    return sysctl();
}

static long platform_op(uint32_t cmd, uint32_t cpu)
{
    memset(&pf, 0, sizeof(pf));
    pf.cmd = cmd;
    pf.interface_version = XENPF_INTERFACE_VERSION;
    pf.u.cpu_ol.cpuid = cpu;
    return hcall1(__HYPERVISOR_platform_op, addr(&pf));
}

static uint32_t flags_of(uint32_t cpu)
{
    memset(&pf, 0, sizeof(pf));
    pf.cmd = XENPF_get_cpuinfo;
    pf.interface_version = XENPF_INTERFACE_VERSION;
    pf.u.pcpu_info.xen_cpuid = cpu;
    EXPECT_EQ(hcall1(__HYPERVISOR_platform_op, addr(&pf)), 0);
    EXPECT_EQ(pf.u.pcpu_info.max_present, 2);
    return pf.u.pcpu_info.flags;
}

static uint32_t cpus_online(void)
{
    begin(XEN_SYSCTL_physinfo);
    EXPECT_EQ(sysctl(), 0);
    return op.u.physinfo.nr_cpus;
}

static void hotplug_errors(void)
{
    EXPECT_EQ(hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 0), -XEN_EINVAL);
    EXPECT_EQ(platform_op(XENPF_cpu_offline, 0), -XEN_EOPNOTSUPP);
    EXPECT_EQ(hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, 3), -XEN_EINVAL);
    EXPECT_EQ(hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, ~0u), -XEN_EINVAL);
    EXPECT_EQ(hotplug(17, 1), -XEN_EOPNOTSUPP);
    EXPECT_EQ(hotplug(XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE, 0), -XEN_EOPNOTSUPP);
    EXPECT_EQ(hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 1), 0); /* it is */
    EXPECT_EQ(platform_op(XENPF_cpu_hotadd, 7), -XEN_EOPNOTSUPP);
    EXPECT_EQ(platform_op(XENPF_mem_hotadd, 7), -XEN_EOPNOTSUPP);
    EXPECT_EQ(flags_of(3), XEN_PCPU_FLAGS_INVALID);
    EXPECT_EQ(cpus_online(), 3);
}

/* Vcpus that always have something to do, in memory that changes hands. */
static volatile uint64_t turns[3];
static volatile bool leave;
static volatile unsigned int gone;

static void spin(void *arg)
{
    volatile uint64_t *turn = arg;

    while (!leave) {
        (*turn)++;
        if (*turn % 1024 == 0)
            time_delay(1000);
    }
    __atomic_fetch_add(&gone, 1, __ATOMIC_SEQ_CST);
    smp_down_self();
}

static bool all_turn(void)
{
    uint64_t before[3] = {turns[0], turns[1], turns[2]};
    uint64_t end = time_now() + 20 * NS_PER_S;

    while (time_now() < end) {
        if (turns[1] != before[1] && turns[2] != before[2])
            return true;
        hc_sched_op(SCHEDOP_yield, NULL);
    }
    return false;
}

static bool timer_works(void)
{
    struct sched_poll poll;
    uint64_t begun = time_now();

    memset(&poll, 0, sizeof(poll));
    poll.timeout = begun + 2 * NS_PER_MS;
    hc_sched_op(SCHEDOP_poll, &poll);
    return time_now() >= begun + 2 * NS_PER_MS;
}

/* Both go while all vcpus run, wherever those are, then both come back. */
static void go_and_come(void)
{
    for (unsigned int i = 1; i < 3; i++)
        EXPECT_EQ(smp_start(i, spin, (void *)(uintptr_t)&turns[i]), 0);
    for (unsigned int round = 0; round < 20 && !test_failed(); round++) {
        unsigned int first = 1 + round % 2;

        EXPECT_EQ(hotplug(XEN_SYSCTL_CPU_HOTPLUG_OFFLINE, first), 0);
        EXPECT(all_turn());
        EXPECT_EQ(platform_op(XENPF_cpu_offline, 3 - first), 0);
        EXPECT_EQ(platform_op(XENPF_cpu_offline, 3 - first), 0); /* is off */
        EXPECT_EQ(flags_of(1), 0);
        EXPECT_EQ(cpus_online(), 1);
        EXPECT(all_turn());
        EXPECT(timer_works());
        EXPECT_EQ(platform_op(XENPF_cpu_online, first), 0);
        EXPECT_EQ(flags_of(first), XEN_PCPU_FLAGS_ONLINE);
        EXPECT_EQ(hotplug(XEN_SYSCTL_CPU_HOTPLUG_ONLINE, 3 - first), 0);
        EXPECT_EQ(cpus_online(), 3);
        EXPECT(all_turn());
        EXPECT(timer_works());
    }
    leave = true;
    while (gone < 2)
        hc_sched_op(SCHEDOP_yield, NULL);
}

static const struct test tests[] = {
    {"nodes", nodes},
    {"nodes of CPUs", nodes_of_cpus},
    {"memory of a node", memory_of_a_node},
    {"bad frames", bad_frames},
    {"hotplug errors", hotplug_errors},
    {"CPUs go and come", go_and_come},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
