/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor copies out holds nothing of its own memory. Before each
 * call the buffer is filled with a pattern. Afterwards every padding byte of
 * the structures (the compiler says which) is zero or the pattern, and what
 * lies behind is untouched.
 */
#include "toolstack.h"

#include <public/arch-x86/xen-mca.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/physdev.h>

#define PATTERN 0x5a

/* The padding of an array of `nr` structures: bytes that are 0 in the mask. */
#define MASK(type, nr)                                \
    do {                                              \
        static type one;                              \
        memset(&one, 0xff, sizeof(one));              \
        __builtin_clear_padding(&one);                \
        mask_repeat(&one, sizeof(one), (size_t)(nr)); \
    } while (0)

static uint8_t mask[PAGE_SIZE];
static size_t mask_len;

static void mask_repeat(const void *one, size_t size, size_t nr)
{
    mask_len = 0;
    for (size_t i = 0; i < nr && mask_len + size <= sizeof(mask); i++) {
        memcpy(mask + mask_len, one, size);
        mask_len += size;
    }
}

static void pattern(void)
{
    fresh();
    memset(buf, PATTERN, sizeof(buf));
}

static void check_at(const char *file, int line, const uint8_t *at)
{
    for (size_t i = 0; i < mask_len; i++) {
        if (!mask[i] && at[i] != 0 && at[i] != PATTERN)
            test_fail(file, line, "padding byte %lu is %x", i, at[i]);
    }
    if (at[mask_len] != PATTERN || at[mask_len + 1] != PATTERN)
        test_fail(file, line, "written behind the %lu bytes", mask_len);
}

#define CHECK() check_at(__FILE__, __LINE__, buf)

/* ---- arrays that sysctl and domctl fill ---- */

static void lists(void)
{
    pattern();
    sc.u.getdomaininfolist.max_domains = 8;
    HANDLE_SET(sc.u.getdomaininfolist.buffer, buf);
    EXPECT_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    MASK(struct xen_domctl_getdomaininfo, sc.u.getdomaininfolist.num_domains);
    CHECK();

    pattern();
    sc.u.cputopoinfo.num_cpus = 1;
    HANDLE_SET(sc.u.cputopoinfo.cputopo, buf);
    EXPECT_EQ(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    MASK(struct xen_sysctl_cputopo, 1);
    CHECK();

    pattern();
    sc.u.numainfo.num_nodes = 1;
    HANDLE_SET(sc.u.numainfo.meminfo, buf);
    EXPECT_EQ(sysctl(XEN_SYSCTL_numainfo), 0);
    MASK(struct xen_sysctl_meminfo, 1);
    CHECK();

    pattern();
    sc.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_pv_max;
    sc.u.cpu_policy.nr_leaves = 80;
    HANDLE_SET(sc.u.cpu_policy.leaves, buf);
    EXPECT_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), 0);
    MASK(xen_cpuid_leaf_t, sc.u.cpu_policy.nr_leaves);
    CHECK();
}

static void contexts(void)
{
    pattern();
    HANDLE_SET(dc.u.vcpucontext.ctxt, buf);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpucontext), 0);
    /* Longer than the mask: its bytes behind the structure only. */
    EXPECT_EQ(buf[sizeof(struct vcpu_guest_context)], PATTERN);

    pattern();
    HANDLE_SET(dc.u.vcpu_msrs.msrs, buf);
    dc.u.vcpu_msrs.msr_count = 8;
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_vcpu_msrs), 0);
    MASK(struct xen_domctl_vcpu_msr, dc.u.vcpu_msrs.msr_count);
    CHECK();
}

/* ---- the union of domctl, sysctl, platform_op: what an operation leaves of
 * it is what the caller put there ---- */

#define OP_OUT(op_struct, member, type, call)                           \
    do {                                                                \
        fresh();                                                        \
        memset(&(op_struct).u, PATTERN, sizeof((op_struct).u));         \
        EXPECT_EQ(call, 0);                                             \
        MASK(type, 1);                                                  \
        check_at(__FILE__, __LINE__, (uint8_t *)&(op_struct).u.member); \
    } while (0)

static void answers(void)
{
    OP_OUT(dc, getdomaininfo, struct xen_domctl_getdomaininfo,
           on_guest(XEN_DOMCTL_getdomaininfo));
    OP_OUT(dc, tsc_info, struct xen_domctl_tsc_info,
           on_guest(XEN_DOMCTL_gettscinfo));
    OP_OUT(dc, gdbsx_domstatus, struct xen_domctl_gdbsx_domstatus,
           on_guest(XEN_DOMCTL_gdbsx_domstatus));
    OP_OUT(dc, address_size, struct xen_domctl_address_size,
           on_guest(XEN_DOMCTL_get_address_size));
    OP_OUT(sc, physinfo, struct xen_sysctl_physinfo,
           sysctl(XEN_SYSCTL_physinfo));
    OP_OUT(sc, sched_id, struct xen_sysctl_sched_id,
           sysctl(XEN_SYSCTL_sched_id));
    OP_OUT(sc, cpu_levelling_caps, struct xen_sysctl_cpu_levelling_caps,
           sysctl(XEN_SYSCTL_get_cpu_levelling_caps));
}

static void vcpu_answers(void)
{
    fresh();
    memset(&dc.u, PATTERN, sizeof(dc.u));
    dc.u.getvcpuinfo.vcpu = 0;
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpuinfo), 0);
    MASK(struct xen_domctl_getvcpuinfo, 1);
    check_at(__FILE__, __LINE__, (uint8_t *)&dc.u.getvcpuinfo);

    memset(&dc.u, PATTERN, sizeof(dc.u));
    dc.u.ext_vcpucontext.vcpu = 0;
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_ext_vcpucontext), 0);
    MASK(struct xen_domctl_ext_vcpucontext, 1);
    check_at(__FILE__, __LINE__, (uint8_t *)&dc.u.ext_vcpucontext);

    memset(&po.u, PATTERN, sizeof(po.u));
    po.u.pcpu_info.xen_cpuid = 0;
    EXPECT_EQ(platform(XENPF_get_cpuinfo), 0);
    MASK(struct xenpf_pcpuinfo, 1);
    check_at(__FILE__, __LINE__, (uint8_t *)&po.u.pcpu_info);

    memset(&po.u, PATTERN, sizeof(po.u));
    po.u.pcpu_version.xen_cpuid = 0;
    EXPECT_EQ(platform(XENPF_get_cpu_version), 0);
    MASK(struct xenpf_pcpu_version, 1);
    check_at(__FILE__, __LINE__, (uint8_t *)&po.u.pcpu_version);

    memset(&po.u, PATTERN, sizeof(po.u));
    po.u.read_memtype.reg = 0;
    EXPECT_EQ(platform(XENPF_read_memtype), 0);
    MASK(struct xenpf_read_memtype, 1);
    check_at(__FILE__, __LINE__, (uint8_t *)&po.u.read_memtype);
}

/* ---- calls with an argument of their own ---- */

static void event_status(void)
{
    for (unsigned int port = 0; port < 4; port++) {
        struct evtchn_status *s = (void *)buf;

        pattern();
        s->dom = DOMID_SELF;
        s->port = port;
        EXPECT_EQ(hc_event_channel_op(EVTCHNOP_status, s), 0);
        MASK(struct evtchn_status, 1);
        CHECK();
    }
}

static void grants(void)
{
    struct gnttab_query_size *q = (void *)buf;
    struct gnttab_get_version *v = (void *)buf;

    pattern();
    q->dom = DOMID_SELF;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_query_size, q, 1), 0);
    MASK(struct gnttab_query_size, 1);
    CHECK();
    pattern();
    v->dom = DOMID_SELF;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_get_version, v, 1), 0);
    MASK(struct gnttab_get_version, 1);
    CHECK();
}

static void runstate(void)
{
    pattern();
    EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 0, buf), 0);
    MASK(struct vcpu_runstate_info, 1);
    CHECK();
    pattern();
    EXPECT_EQ(hc_vcpu_op(VCPUOP_get_physid, 0, buf), 0);
    MASK(struct vcpu_get_physid, 1);
    CHECK();
}

static void machine_check_cpus(void)
{
    static struct xen_mc mc;

    pattern();
    memset(&mc, 0, sizeof(mc));
    mc.cmd = XEN_MC_physcpuinfo;
    mc.interface_version = XEN_MCA_INTERFACE_VERSION;
    mc.u.mc_physcpuinfo.ncpus = 1;
    HANDLE_SET(mc.u.mc_physcpuinfo.info, buf);
    EXPECT_EQ(hcall1(__HYPERVISOR_mca, addr(&mc)), 0);
    MASK(struct mcinfo_logical_cpu, 1);
    CHECK();
}

static void versions(void)
{
    static const struct {
        unsigned int cmd;
        size_t size;
    } fields[] = {
        {XENVER_extraversion, 16},       {XENVER_compile_info, 144},
        {XENVER_capabilities, 1024},     {XENVER_changeset, 64},
        {XENVER_platform_parameters, 8}, {XENVER_guest_handle, 16},
        {XENVER_commandline, 1024},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
        pattern();
        EXPECT_EQ(hc_xen_version(fields[i].cmd, buf), 0);
        EXPECT_EQ(buf[fields[i].size], PATTERN);
    }
    /* Behind a string there are zeroes. */
    pattern();
    EXPECT_EQ(hc_xen_version(XENVER_capabilities, buf), 0);
    for (size_t i = strlen((char *)buf); i < 1024; i++)
        EXPECT_EQ(buf[i], 0);
}

static void memory_maps(void)
{
    struct xen_memory_map m;
    struct xen_machphys_mapping *mp = (void *)buf;

    pattern();
    m.nr_entries = 100;
    HANDLE_SET(m.buffer, buf);
    EXPECT_EQ(hc_memory_op(XENMEM_machine_memory_map, &m), 0);
    EXPECT(m.nr_entries > 2);
    EXPECT_EQ(buf[m.nr_entries * 20], PATTERN);
    pattern();
    EXPECT_EQ(hc_memory_op(XENMEM_machphys_mapping, mp), 0);
    MASK(struct xen_machphys_mapping, 1);
    CHECK();
}

static void map_pirq(void)
{
    struct physdev_irq_status_query *q = (void *)buf;
    struct physdev_get_free_pirq *f = (void *)buf;

    pattern();
    q->irq = 9;
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_irq_status_query, q), 0);
    MASK(struct physdev_irq_status_query, 1);
    CHECK();
    pattern();
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_get_free_pirq, f), 0);
    MASK(struct physdev_get_free_pirq, 1);
    CHECK();
}

const struct test residue_tests[] = {
    {"residue: lists", lists},
    {"residue: contexts", contexts},
    {"residue: answers", answers},
    {"residue: answers on vcpus and CPUs", vcpu_answers},
    {"residue: event channels", event_status},
    {"residue: grants", grants},
    {"residue: runstate", runstate},
    {"residue: machine checks", machine_check_cpus},
    {"residue: versions", versions},
    {"residue: memory maps", memory_maps},
    {"residue: interrupts", map_pirq},
};
const unsigned int nr_residue_tests = ARRAY_SIZE(residue_tests);
