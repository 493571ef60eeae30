/* SPDX-License-Identifier: MIT */
/*
 * domctl: a guest's state in and out, its description, its debugger.
 */
#include "toolstack.h"

/* ---- extended state of a vcpu ---- */

static uint64_t ext_size, ext_mask;

static long ext(uint32_t cmd, unsigned int vcpu, uint64_t size, uint64_t mask)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.vcpuextstate.vcpu = vcpu;
    dc.u.vcpuextstate.size = size;
    dc.u.vcpuextstate.xfeature_mask = mask;
    HANDLE_SET(dc.u.vcpuextstate.buffer, buf);
    return on_guest(cmd);
}

static bool have_extstate(void)
{
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpuextstate), 0);
    ext_size = dc.u.vcpuextstate.size;
    ext_mask = dc.u.vcpuextstate.xfeature_mask;
    if (!ext_size)
        test_skip("the processor has no XSAVE");
    return ext_size != 0;
}

static void extstate_there_and_back(void)
{
    static uint8_t copy[PAGE_SIZE];

    if (!have_extstate())
        return;
    EXPECT(ext_size >= 16 + 576 && ext_size <= sizeof(copy));
    EXPECT_EQ(ext(XEN_DOMCTL_getvcpuextstate, 0, ext_size, ext_mask), 0);
    EXPECT_EQ(buf[ext_size], 0);
    memcpy(copy, buf, ext_size);
    EXPECT_EQ(*(uint64_t *)copy & 1, 1); /* XCR0: x87 */
    copy[16 + 32] = 0x77;                /* ST0 */
    *(uint64_t *)(copy + 16 + 512) |= 1;
    memcpy(buf, copy, ext_size);
    EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ext_size, 0), 0);
    memset(buf, 0x5a, sizeof(buf));
    EXPECT_EQ(ext(XEN_DOMCTL_getvcpuextstate, 0, ext_size, ext_mask), 0);
    EXPECT_EQ(memcmp(buf, copy, ext_size), 0);
    EXPECT_EQ(buf[ext_size], 0x5a);
}

static void extstate_refused(void)
{
    if (!have_extstate())
        return;
    EXPECT_EQ(ext(XEN_DOMCTL_getvcpuextstate, 5, 0, 0), -XEN_ESRCH);
    EXPECT_EQ(ext(XEN_DOMCTL_getvcpuextstate, ~0U, 0, 0), -XEN_ESRCH);
    EXPECT_EQ(ext(XEN_DOMCTL_getvcpuextstate, 0, ext_size - 8, ext_mask),
              -XEN_EINVAL);
    EXPECT_EQ(ext(XEN_DOMCTL_getvcpuextstate, 0, ext_size, 1), -XEN_EINVAL);
    EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, 15, 0), -XEN_EINVAL);
    EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, 16, 0), -XEN_EINVAL);
    EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ~0UL, 0), -XEN_EINVAL);
    EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ext_size + 8, 0), -XEN_EINVAL);
}

/* XCR0 and the header of the image, word by word. */
static void extstate_bad_image(void)
{
    uint64_t *word = (void *)buf;

    if (!have_extstate())
        return;
    EXPECT_EQ(ext(XEN_DOMCTL_getvcpuextstate, 0, ext_size, ext_mask), 0);
    for (unsigned int bit = 0; bit < 64; bit++) {
        uint64_t old = word[0];

        if (ext_mask & (1UL << bit))
            continue;
        word[0] |= 1UL << bit; /* XCR0 */
        EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ext_size, 0), -XEN_EINVAL);
        word[0] = old;
        word[66] |= 1UL << bit; /* parts that are not there */
        EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ext_size, 0), -XEN_EINVAL);
        word[66] &= ~(1UL << bit);
    }
    word[0] = 0;
    EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ext_size, 0), -XEN_EINVAL);
    word[0] = 1;
    for (unsigned int i = 67; i < 74;
         i++) { /* the form, and what is reserved */
        word[i] = 1UL << 63;
        EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ext_size, 0), -XEN_EINVAL);
        word[i] = 0;
    }
    EXPECT_EQ(ext(XEN_DOMCTL_setvcpuextstate, 0, ext_size, 0), 0);
}

/* ---- MSRs ---- */

static long msrs(uint32_t cmd, unsigned int count)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.vcpu_msrs.msr_count = count;
    HANDLE_SET(dc.u.vcpu_msrs.msrs, buf);
    return on_guest(cmd);
}

static void vcpu_msrs(void)
{
    struct xen_domctl_vcpu_msr *m = (void *)buf;
    unsigned int most;

    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_vcpu_msrs), 0);
    most = dc.u.vcpu_msrs.msr_count;
    EXPECT(most >= 1);
    m->index = 0xc0000103; /* TSC_AUX */
    m->value = 5;
    EXPECT_EQ(msrs(XEN_DOMCTL_set_vcpu_msrs, 1), 0);
    memset(buf, 0x5a, sizeof(buf));
    EXPECT_EQ(msrs(XEN_DOMCTL_get_vcpu_msrs, most), 0);
    EXPECT_EQ(dc.u.vcpu_msrs.msr_count, 1);
    EXPECT_EQ(m->index, 0xc0000103);
    EXPECT_EQ(m->reserved, 0);
    EXPECT_EQ(m->value, 5);
    EXPECT_EQ(msrs(XEN_DOMCTL_get_vcpu_msrs, 0), -XEN_ENOBUFS);
    m->value = 1UL << 32;
    EXPECT_EQ(msrs(XEN_DOMCTL_set_vcpu_msrs, 1), -XEN_EINVAL);
    m->value = 1;
    m->reserved = 1;
    EXPECT_EQ(msrs(XEN_DOMCTL_set_vcpu_msrs, 1), -XEN_EINVAL);
    m->reserved = 0;
    m->index = 0x10;
    EXPECT_EQ(msrs(XEN_DOMCTL_set_vcpu_msrs, 1), -XEN_EINVAL);
    EXPECT_EQ(msrs(XEN_DOMCTL_set_vcpu_msrs, 100), -XEN_EINVAL);
    m->index = 0xc0000103;
    m->value = 0;
    EXPECT_EQ(msrs(XEN_DOMCTL_set_vcpu_msrs, 1), 0);
}

/* ---- virtual NUMA ---- */

static struct xen_vmemrange ranges[2];
static unsigned int distance[4], vcpu_node[2], node_node[2];

static long set_vnuma(unsigned int nodes, unsigned int vcpus, unsigned int nr)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.vnuma.nr_vnodes = nodes;
    dc.u.vnuma.nr_vcpus = vcpus;
    dc.u.vnuma.nr_vmemranges = nr;
    HANDLE_SET(dc.u.vnuma.vdistance, distance);
    HANDLE_SET(dc.u.vnuma.vcpu_to_vnode, vcpu_node);
    HANDLE_SET(dc.u.vnuma.vnode_to_pnode, node_node);
    HANDLE_SET(dc.u.vnuma.vmemrange, ranges);
    return on_guest(XEN_DOMCTL_setvnumainfo);
}

static void vnuma_set(void)
{
    ranges[0] = (struct xen_vmemrange){.start = 0, .end = 0x400000};
    ranges[1] =
        (struct xen_vmemrange){.start = 0x400000, .end = 0x800000, .nid = 1};
    distance[0] = distance[3] = 10;
    distance[1] = distance[2] = 20;
    EXPECT_EQ(set_vnuma(0, 1, 0), -XEN_EINVAL);
    EXPECT_EQ(set_vnuma(2, 2, 2), -XEN_EINVAL);
    EXPECT_EQ(set_vnuma(~0U, 1, 2), -XEN_EINVAL);
    EXPECT_EQ(set_vnuma(2, 1, ~0U), -XEN_EINVAL);
    EXPECT_EQ(set_vnuma(1, 1, 2), -XEN_EINVAL); /* a range of node 1 */
    vcpu_node[0] = 2;
    EXPECT_EQ(set_vnuma(2, 1, 2), -XEN_EINVAL);
    vcpu_node[0] = 1;
    EXPECT_EQ(set_vnuma(2, 1, 2), 0);
}

static struct xen_vnuma_topology_info topology;

static long get_vnuma(unsigned int domid, unsigned int nodes)
{
    memset(&topology, 0, sizeof(topology));
    topology.domid = (domid_t)domid;
    topology.nr_vnodes = nodes;
    topology.nr_vcpus = 8;
    topology.nr_vmemranges = 8;
    HANDLE_SET(topology.vdistance.h, buf);
    HANDLE_SET(topology.vcpu_to_vnode.h, buf + 64);
    HANDLE_SET(topology.vmemrange.h, buf + 128);
    return hc_memory_op(XENMEM_get_vnumainfo, &topology);
}

static void vnuma_get(void)
{
    EXPECT_EQ(get_vnuma(NO_DOMAIN, 8), -XEN_ESRCH);
    EXPECT_EQ(get_vnuma(0, 8), -XEN_EOPNOTSUPP);
    EXPECT_EQ(get_vnuma(guest.id, 1), -XEN_ENOBUFS);
    EXPECT_EQ(topology.nr_vnodes, 2);
    EXPECT_EQ(topology.nr_vcpus, 1);
    EXPECT_EQ(topology.nr_vmemranges, 2);
    memset(buf, 0x5a, sizeof(buf));
    EXPECT_EQ(get_vnuma(guest.id, 2), 0);
    EXPECT_EQ(memcmp(buf, distance, sizeof(distance)), 0);
    EXPECT_EQ(memcmp(buf + 64, vcpu_node, 4), 0);
    EXPECT_EQ(buf[68], 0x5a);
    EXPECT_EQ(memcmp(buf + 128, ranges, sizeof(ranges)), 0);
    topology.pad = 1;
    EXPECT_EQ(hc_memory_op(XENMEM_get_vnumainfo, &topology), -XEN_EINVAL);
}

/* ---- the debugger ---- */

static long memio(uint64_t gva, void *at, uint32_t len, bool write)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.gdbsx_guest_memio.gva = gva;
    dc.u.gdbsx_guest_memio.uva = addr(at);
    dc.u.gdbsx_guest_memio.len = len;
    dc.u.gdbsx_guest_memio.gwr = write;
    return on_guest(XEN_DOMCTL_gdbsx_guestmemio);
}

#define REMAIN dc.u.gdbsx_guest_memio.remain

/* The guest is this very kernel: its code is ours. */
static void guest_memory(void)
{
    const uint64_t text = 0xffffffff80100000UL;
    uint8_t *mine = (uint8_t *)text;

    fresh();
    EXPECT_EQ(memio(text, buf, 5000, false), 0);
    EXPECT_EQ(REMAIN, 0);
    EXPECT_EQ(memcmp(buf, mine, 5000), 0);
    EXPECT_EQ(buf[5000], 0);
    /* Across a page, and back. */
    memset(buf, 0xcc, 16);
    EXPECT_EQ(memio(addr(buf) + 4090, buf, 16, true), 0);
    EXPECT_EQ(REMAIN, 0);
    memset(buf, 0, 64);
    EXPECT_EQ(memio(addr(buf) + 4090, buf, 16, false), 0);
    EXPECT_EQ(buf[0] & buf[15], 0xcc);
    EXPECT_EQ(buf[16], 0);
}

static void guest_memory_refused(void)
{
    EXPECT_EQ(memio(0x1000, buf, 16, false), 0);
    EXPECT_EQ(REMAIN, 16);
    EXPECT_EQ(memio(0xffff830000000000UL, buf, 16, false), 0);
    EXPECT_EQ(REMAIN, 16);
    EXPECT_EQ(memio(0xffff800000000000UL, buf, 16, true), 0);
    EXPECT_EQ(REMAIN, 16);
    EXPECT_EQ(memio(0x0000800000000000UL, buf, 16, false), 0);
    EXPECT_EQ(REMAIN, 16);
    EXPECT_EQ(memio(~0UL - 7, buf, 16, false), 0);
    EXPECT_EQ(REMAIN, 16);
    EXPECT_EQ(memio(addr(buf), (void *)0xffff830000000000UL, 16, false), 0);
    EXPECT_EQ(REMAIN, 16);
    EXPECT_EQ(memio(addr(buf), (void *)8, 16, true), 0);
    EXPECT_EQ(REMAIN, 16);
    /* Its page tables are read, and not written. */
    EXPECT_EQ(memio(addr(pfn_to_virt(guest.console_pfn + 1)), buf, 8, false),
              0);
    EXPECT_EQ(REMAIN, 0);
    EXPECT_EQ(memio(addr(pfn_to_virt(guest.console_pfn + 1)), buf, 8, true), 0);
    EXPECT_EQ(REMAIN, 8);
}

static long hold(uint32_t cmd, unsigned int vcpu)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.gdbsx_pauseunp_vcpu.vcpu = vcpu;
    return on_guest(cmd);
}

/* The guest has not been started: its creator holds it. */
static void vcpus_held(void)
{
    EXPECT_EQ(hold(XEN_DOMCTL_gdbsx_unpausevcpu, 0), -XEN_EINVAL);
    EXPECT_EQ(hold(XEN_DOMCTL_gdbsx_pausevcpu, 1), -XEN_EINVAL);
    EXPECT_EQ(hold(XEN_DOMCTL_gdbsx_pausevcpu, ~0U), -XEN_EINVAL);
    for (unsigned int i = 0; i < 255; i++)
        EXPECT_EQ(hold(XEN_DOMCTL_gdbsx_pausevcpu, 0), 0);
    EXPECT_EQ(hold(XEN_DOMCTL_gdbsx_pausevcpu, 0), -XEN_EOVERFLOW);
    for (unsigned int i = 0; i < 255; i++)
        EXPECT_EQ(hold(XEN_DOMCTL_gdbsx_unpausevcpu, 0), 0);
    EXPECT_EQ(hold(XEN_DOMCTL_gdbsx_unpausevcpu, 0), -XEN_EINVAL);
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_gdbsx_domstatus), 0);
    EXPECT_EQ(dc.u.gdbsx_domstatus.paused, 1);
    EXPECT_EQ(dc.u.gdbsx_domstatus.vcpu_id, ~0U);
}

/* ---- refusals that tools know ---- */

static long shadow(uint32_t op, uint32_t mode)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.shadow_op.op = op;
    dc.u.shadow_op.mode = mode;
    return on_guest(XEN_DOMCTL_shadow_op);
}

static void no_dirty_log(void)
{
    EXPECT_EQ(shadow(XEN_DOMCTL_SHADOW_OP_OFF, 0), -XEN_EINVAL);
    EXPECT_EQ(shadow(XEN_DOMCTL_SHADOW_OP_ENABLE_TEST, 0), -XEN_EINVAL);
    EXPECT_EQ(shadow(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, 0), -XEN_EOPNOTSUPP);
    EXPECT_EQ(
        shadow(XEN_DOMCTL_SHADOW_OP_ENABLE, XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY),
        -XEN_EOPNOTSUPP);
    EXPECT_EQ(shadow(XEN_DOMCTL_SHADOW_OP_ENABLE, 0), -XEN_EINVAL);
    EXPECT_EQ(shadow(XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION, 0), -XEN_EINVAL);
    EXPECT_EQ(shadow(XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, 0), -XEN_EINVAL);
    EXPECT_EQ(shadow(99, 0), -XEN_EINVAL);
}

static void not_there(void)
{
    static const struct {
        uint32_t cmd;
        long error;
    } ops[] = {
        {XEN_DOMCTL_gethvmcontext, -XEN_EINVAL},
        {XEN_DOMCTL_sethvmcontext, -XEN_EINVAL},
        {XEN_DOMCTL_gethvmcontext_partial, -XEN_EINVAL},
        {XEN_DOMCTL_assign_device, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_deassign_device, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_test_assign_device, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_get_device_group, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_bind_pt_irq, -XEN_EINVAL},
        {XEN_DOMCTL_unbind_pt_irq, -XEN_EINVAL},
        {XEN_DOMCTL_ioport_mapping, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_debug_op, -XEN_EINVAL},
        {XEN_DOMCTL_vm_event_op, -XEN_ENOSYS},
        {XEN_DOMCTL_mem_sharing_op, -XEN_ENOSYS},
        {XEN_DOMCTL_audit_p2m, -XEN_ENOSYS},
        {XEN_DOMCTL_set_broken_page_p2m, -XEN_EINVAL},
        {XEN_DOMCTL_psr_cmt_op, -XEN_ENODEV},
        {XEN_DOMCTL_psr_alloc, -XEN_ENODEV},
        {XEN_DOMCTL_monitor_op, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_soft_reset, -XEN_EINVAL},
        {XEN_DOMCTL_vmtrace_op, -XEN_EINVAL},
        {XEN_DOMCTL_get_paging_mempool_size, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_set_paging_mempool_size, -XEN_EOPNOTSUPP},
        {XEN_DOMCTL_real_mode_area, -XEN_ENOSYS},
        {XEN_DOMCTL_set_opt_feature, -XEN_ENOSYS},
        {XEN_DOMCTL_cacheflush, -XEN_ENOSYS},
        {XEN_DOMCTL_vuart_op, -XEN_ENOSYS},
        {0, -XEN_ENOSYS},
        {6, -XEN_ENOSYS},
        {99, -XEN_ENOSYS},
        {119, -XEN_ENOSYS},
        {120, -XEN_ENOSYS},
        {127, -XEN_ENOSYS},
        {999, -XEN_ENOSYS},
        {1004, -XEN_ENOSYS},
        {~0U, -XEN_ENOSYS},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
        long rc;

        fresh();
        rc = on_guest(ops[i].cmd);
        if (rc != ops[i].error)
            test_fail(__FILE__, __LINE__, "domctl %u gives %ld, not %ld",
                      ops[i].cmd, rc, ops[i].error);
    }
}

/* ---- small settings ---- */

static void address_sizes(void)
{
    static const struct {
        uint32_t size;
        long rc;
    } sizes[] = {
        {64, 0}, {32, -XEN_EOPNOTSUPP}, {16, -XEN_EINVAL}, {0, -XEN_EINVAL}};

    for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
        fresh();
        dc.u.address_size.size = sizes[i].size;
        EXPECT_EQ(on_guest(XEN_DOMCTL_set_address_size), sizes[i].rc);
    }
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_address_size), 0);
    EXPECT_EQ(dc.u.address_size.size, 64);
}

static void tsc_modes(void)
{
    for (unsigned int mode = 0; mode < 5; mode++) {
        fresh();
        dc.u.tsc_info.tsc_mode = mode;
        EXPECT_EQ(on_guest(XEN_DOMCTL_settscinfo), mode < 3 ? 0 : -XEN_EINVAL);
    }
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_settscinfo), 0);
    EXPECT_EQ(on_guest(XEN_DOMCTL_gettscinfo), 0);
    EXPECT_EQ(dc.u.tsc_info.tsc_mode, 0);
    EXPECT(dc.u.tsc_info.gtsc_khz > 0);
}

static void triggers(void)
{
    static const long rc[] = {[XEN_DOMCTL_SENDTRIGGER_NMI] = 0,
                              [XEN_DOMCTL_SENDTRIGGER_RESET] = -XEN_ENOSYS,
                              [XEN_DOMCTL_SENDTRIGGER_INIT] = -XEN_ENOSYS,
                              [XEN_DOMCTL_SENDTRIGGER_POWER] = -XEN_EINVAL,
                              [XEN_DOMCTL_SENDTRIGGER_SLEEP] = -XEN_EINVAL,
                              [5] = -XEN_ENOSYS};

    for (unsigned int i = 0; i < ARRAY_SIZE(rc); i++) {
        fresh();
        dc.u.sendtrigger.trigger = i;
        EXPECT_EQ(on_guest(XEN_DOMCTL_sendtrigger), rc[i]);
    }
    fresh();
    dc.u.sendtrigger.vcpu = 9;
    EXPECT_EQ(on_guest(XEN_DOMCTL_sendtrigger), -XEN_ESRCH);
}

static void versions_and_targets(void)
{
    fresh();
    dc.cmd = XEN_DOMCTL_getdomaininfo;
    for (uint32_t v = 0; v < 0x20; v++) {
        dc.interface_version = v;
        dc.domain = guest.id;
        EXPECT_EQ(hcall1(__HYPERVISOR_domctl, addr(&dc)),
                  v == XEN_DOMCTL_INTERFACE_VERSION ? 0 : -XEN_EACCES);
    }
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_pausedomain, NO_DOMAIN), -XEN_ESRCH);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_pausedomain, DOMID_SELF), -XEN_ESRCH);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_pausedomain, DOMID_IO), -XEN_ESRCH);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_pausedomain, DOMID_XEN), -XEN_ESRCH);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_pausedomain, DOMID_INVALID), -XEN_ESRCH);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_pausedomain, 0), -XEN_EINVAL);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_getdomaininfo, DOMID_SELF), -XEN_EINVAL);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_getdomaininfo, NO_DOMAIN), -XEN_ESRCH);
}

const struct test state_tests[] = {
    {"extended state: there and back", extstate_there_and_back},
    {"extended state: refused", extstate_refused},
    {"extended state: bad image", extstate_bad_image},
    {"MSRs of a vcpu", vcpu_msrs},
    {"virtual NUMA: set", vnuma_set},
    {"virtual NUMA: get", vnuma_get},
    {"debugger: memory", guest_memory},
    {"debugger: memory refused", guest_memory_refused},
    {"debugger: vcpus", vcpus_held},
    {"no dirty log", no_dirty_log},
    {"domctl: not there", not_there},
    {"address sizes", address_sizes},
    {"TSC modes", tsc_modes},
    {"triggers", triggers},
    {"domctl: versions and targets", versions_and_targets},
};
const unsigned int nr_state_tests = ARRAY_SIZE(state_tests);
