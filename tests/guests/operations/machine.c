/* SPDX-License-Identifier: MIT */
/*
 * What the control domain asks of the machine: its clock, idle times, CPUs,
 * ports and registers.
 */
#include "operations.h"

#include <kit/port.h>
#include <kit/time.h>
#include <public/physdev.h>
#include <public/sysctl.h>

static struct xen_platform_op po;

static long platform(uint32_t cmd)
{
    po.cmd = cmd;
    po.interface_version = XENPF_INTERFACE_VERSION;
    return hcall1(__HYPERVISOR_platform_op, addr(&po));
}

static void fresh(void)
{
    memset(&po, 0, sizeof(po));
}

/* ---- the clock ---- */

/* Seconds since 1970 at system time 0, as every domain reads it. */
static uint64_t clock_base(uint32_t *nsec)
{
    volatile struct shared_info *s = shared_info;
    uint32_t version;
    uint64_t secs;

    do {
        version = s->wc_version;
        barrier();
        secs = (uint64_t)s->wc_sec_hi << 32 | s->wc_sec;
        *nsec = s->wc_nsec;
        barrier();
    } while (version & 1 || version != s->wc_version);
    return secs;
}

static void wall_clock(void)
{
    uint32_t nsec, nsec_before;
    uint64_t before = clock_base(&nsec_before);

    fresh();
    po.u.settime64.secs = 5000000000UL; /* beyond 32 bits */
    po.u.settime64.nsecs = 750000000;
    po.u.settime64.system_time = 500000000;
    EXPECT_EQ(platform(XENPF_settime64), 0);
    EXPECT_EQ(clock_base(&nsec), 5000000000UL);
    EXPECT_EQ(nsec, 250000000);
    po.u.settime64.mbz = 1;
    EXPECT_EQ(platform(XENPF_settime64), -XEN_EINVAL);
    po.u.settime64.mbz = 0;
    po.u.settime64.nsecs = 1000000000;
    EXPECT_EQ(platform(XENPF_settime64), -XEN_EINVAL);
    po.u.settime64.nsecs = 0;
    po.u.settime64.secs = ~0UL;
    EXPECT_EQ(platform(XENPF_settime64), -XEN_EINVAL);
    EXPECT_EQ(clock_base(&nsec), 5000000000UL);

    fresh();
    po.u.settime32.secs = (uint32_t)before;
    po.u.settime32.nsecs = ~0U;
    EXPECT_EQ(platform(XENPF_settime32), -XEN_EINVAL);
    po.u.settime32.nsecs = nsec_before;
    EXPECT_EQ(platform(XENPF_settime32), 0);
    EXPECT_EQ(clock_base(&nsec), before);
    EXPECT_EQ(nsec, nsec_before);
}

/* ---- CPUs ---- */

static void idle_times(void)
{
    uint8_t map[2] = {3, 0x80};
    uint64_t idle[9] = {[0 ... 8] = 0x5a5a};

    fresh();
    po.u.getidletime.cpumap_nr_cpus = 9;
    HANDLE_SET(po.u.getidletime.cpumap_bitmap, map);
    HANDLE_SET(po.u.getidletime.idletime, idle);
    EXPECT_EQ(platform(XENPF_getidletime), 0);
    EXPECT_EQ(map[0], 1); /* the CPU that is there */
    EXPECT(idle[0] != 0x5a5a);
    EXPECT(idle[0] <= po.u.getidletime.now);
    EXPECT(po.u.getidletime.now <= time_now());
    EXPECT_EQ(idle[1], 0x5a5a);
    HANDLE_SET(po.u.getidletime.idletime, (void *)8);
    EXPECT_EQ(platform(XENPF_getidletime), -XEN_EFAULT);
    HANDLE_SET(po.u.getidletime.cpumap_bitmap, (void *)8);
    EXPECT_EQ(platform(XENPF_getidletime), -XEN_EFAULT);
    po.u.getidletime.cpumap_nr_cpus = 0;
    EXPECT_EQ(platform(XENPF_getidletime), 0);
    po.u.getidletime.cpumap_nr_cpus = ~0U;
    EXPECT_EQ(platform(XENPF_getidletime), -XEN_EFAULT);
}

static void cpus(void)
{
    fresh();
    po.u.cpu_ol.cpuid = 1000;
    EXPECT_EQ(platform(XENPF_cpu_online), -XEN_EINVAL);
    EXPECT_EQ(platform(XENPF_cpu_offline), -XEN_EINVAL);
    po.u.cpu_ol.cpuid = 0;
    EXPECT_EQ(platform(XENPF_cpu_online), 0); /* it is */
    EXPECT_EQ(platform(XENPF_cpu_offline), -XEN_EOPNOTSUPP);
    EXPECT_EQ(platform(XENPF_cpu_hotadd), -XEN_EOPNOTSUPP);
    EXPECT_EQ(platform(XENPF_mem_hotadd), -XEN_EOPNOTSUPP);
    EXPECT_EQ(platform(XENPF_change_freq), -XEN_ENOSYS);
    fresh();
    EXPECT_EQ(platform(XENPF_set_processor_pminfo), 0);
    fresh();
    po.u.pcpu_version.xen_cpuid = 1000;
    EXPECT(platform(XENPF_get_cpu_version) < 0);
}

/* States that the hypervisor does not enter; the one that it does ends the
 * machine, which each kernel does in the end. */
static void sleep_states(void)
{
    for (unsigned int state = 0; state < 8; state++) {
        fresh();
        po.u.enter_acpi_sleep.sleep_state = (uint16_t)state;
        if (state == 5)
            po.u.enter_acpi_sleep.flags = XENPF_ACPI_SLEEP_EXTENDED;
        EXPECT_EQ(platform(XENPF_enter_acpi_sleep), -XEN_EOPNOTSUPP);
    }
}

/* ---- answers to addresses that are none ---- */

static struct xen_sysctl sc;

static long sysctl(uint32_t cmd)
{
    sc.cmd = cmd;
    sc.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hcall1(__HYPERVISOR_sysctl, addr(&sc));
}

#define NOWHERE ((void *)8)

static void answers_to_nowhere(void)
{
    memset(&sc, 0, sizeof(sc));
    sc.u.readconsole.count = 100;
    HANDLE_SET(sc.u.readconsole.buffer, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_readconsole), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.getdomaininfolist.max_domains = 1;
    HANDLE_SET(sc.u.getdomaininfolist.buffer, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.debug_keys.nr_keys = 1;
    HANDLE_SET(sc.u.debug_keys.keys, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_debug_keys), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.getcpuinfo.max_cpus = 1;
    HANDLE_SET(sc.u.getcpuinfo.info, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_getcpuinfo), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.cputopoinfo.num_cpus = 1;
    HANDLE_SET(sc.u.cputopoinfo.cputopo, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_cputopoinfo), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.numainfo.num_nodes = 1;
    HANDLE_SET(sc.u.numainfo.meminfo, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_numainfo), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.cpu_featureset.nr_features = 1;
    HANDLE_SET(sc.u.cpu_featureset.features, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.cpu_policy.nr_leaves = 128;
    HANDLE_SET(sc.u.cpu_policy.leaves, NOWHERE);
    EXPECT_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_EFAULT);
    memset(&sc, 0, sizeof(sc));
    sc.u.cpu_policy.index = 77;
    EXPECT_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_EINVAL);
}

/* Widths of addresses that no memory has: none is free there. */
static void absurd_widths(void)
{
    memset(&sc, 0, sizeof(sc));
    sc.u.availheap.node = -1;
    EXPECT_EQ(sysctl(XEN_SYSCTL_availheap), 0);
    EXPECT(sc.u.availheap.avail_bytes > 0);
    sc.u.availheap.min_bitwidth = 200;
    EXPECT_EQ(sysctl(XEN_SYSCTL_availheap), 0);
    EXPECT_EQ(sc.u.availheap.avail_bytes, 0);
    sc.u.availheap.min_bitwidth = 0;
    sc.u.availheap.max_bitwidth = ~0U;
    EXPECT_EQ(sysctl(XEN_SYSCTL_availheap), 0);
    EXPECT(sc.u.availheap.avail_bytes > 0);
    sc.u.availheap.node = 63; /* there is none */
    EXPECT_EQ(sysctl(XEN_SYSCTL_availheap), 0);
    EXPECT_EQ(sc.u.availheap.avail_bytes, 0);
}

/* ---- ports with a meaning: what the control domain may do ---- */

static void iopl(uint32_t level)
{
    struct physdev_set_iopl op = {.iopl = level};

    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
}

/* The index is kept by the hypervisor for the domain; bytes from 0x38 upward
 * are nobody's but the firmware's. */
static void cmos(void)
{
    uint8_t kept;

    iopl(1);
    out8(0x70, 0x3f);
    EXPECT_EQ(in8(0x70) & 0x7f, 0x3f);
    kept = in8(0x71);
    out8(0x71, (uint8_t)~kept);
    EXPECT_EQ(in8(0x71), (uint8_t)~kept);
    out8(0x71, kept);
    EXPECT_EQ(in8(0x71), kept);
    /* Register D: the clock's battery is good. */
    out8(0x70, 0x0d);
    EXPECT_EQ(in8(0x71) & 0x80, 0x80);
    iopl(0);
}

/* Timer channel 2 and its gate are the speaker's; 0 and 1 stay as they are. */
static void speaker(void)
{
    uint8_t kept;

    iopl(1);
    kept = in8(0x61);
    out8(0x61, (uint8_t)(kept ^ 1));
    EXPECT_EQ((in8(0x61) ^ kept) & 1, 1);
    out8(0x61, kept);
    EXPECT_EQ((in8(0x61) ^ kept) & 3, 0);
    out8(0x43, 0xb0); /* channel 2, both bytes, mode 0 */
    out8(0x42, 0x34);
    out8(0x42, 0x12);
    out8(0x43, 0x34); /* channel 0: not done, for time goes on */
    EXPECT(time_now() > 0);
    iopl(0);
}

/* Host bridge: what is written reads back, by bytes and whole. */
static void pci_configuration(void)
{
    const uint32_t at = 0x80000000 | 0x50; /* a scratch register of PAM's row */
    uint32_t id, latency;

    iopl(1);
    out32(0xcf8, 0x80000000);
    EXPECT_EQ(in32(0xcf8), 0x80000000);
    id = in32(0xcfc);
    EXPECT(id != ~0U);
    EXPECT_EQ(in8(0xcfc), id & 0xff);
    EXPECT_EQ(in8(0xcff), id >> 24);
    /* Status register: bits that are cleared by ones; zero changes nothing. */
    out32(0xcf8, 0x80000004);
    latency = in32(0xcfc);
    out8(0xcfe, 0);
    EXPECT_EQ(in32(0xcfc), latency);
    out32(0xcfc, latency & 0xffff);
    EXPECT_EQ(in32(0xcfc), latency);
    /* Not enabled: nothing is there, nothing is written. */
    out32(0xcf8, at & ~0x80000000);
    EXPECT_EQ(in32(0xcfc), ~0U);
    out32(0xcfc, 0x12345678);
    out32(0xcf8, 0x80000000);
    EXPECT_EQ(in32(0xcfc), id);
    iopl(0);
}

/* Ports of the VGA's index registers, by words: index and data at once. */
static void wide_ports(void)
{
    uint16_t v;

    iopl(1);
    asm volatile("outw %0, %1"
                 :
                 : "a"((uint16_t)0x0502), "Nd"((uint16_t)0x3c4));
    asm volatile("inw %1, %0" : "=a"(v) : "Nd"((uint16_t)0x3c4));
    EXPECT_EQ(v, 0x0502);
    asm volatile("outw %0, %1"
                 :
                 : "a"((uint16_t)0x0f02), "Nd"((uint16_t)0x3c4));
    EXPECT_EQ(in8(0x3c5), 0x0f);
    iopl(0);
}

const struct test machine_tests[] = {
    {"wall clock", wall_clock},
    {"idle times", idle_times},
    {"CPUs", cpus},
    {"sleep states", sleep_states},
    {"answers to nowhere", answers_to_nowhere},
    {"absurd widths", absurd_widths},
    {"CMOS", cmos},
    {"speaker", speaker},
    {"PCI configuration", pci_configuration},
    {"wide ports", wide_ports},
};
const unsigned int nr_machine_tests = ARRAY_SIZE(machine_tests);
