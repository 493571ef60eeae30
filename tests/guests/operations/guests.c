/* SPDX-License-Identifier: MIT */
/*
 * The control domain and a guest: how it is ended, what is told of it, which
 * CPU it sees, its grant table from outside, a vcpu that is taken back to its
 * beginning.
 */
#include "operations.h"

#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/time.h>
#include <public/sched.h>

#define PATIENCE (20 * NS_PER_S)

static struct kit_domain guest;
static struct xen_domctl dc;

/* ---- in the guest: role=NAME ---- */

static void shut_down(unsigned int reason)
{
    struct sched_shutdown op = {.reason = reason};

    hc_sched_op(SCHEDOP_shutdown, &op);
}

/* It lets a second go by without calling. */
static void role_watchdog(void)
{
    struct sched_watchdog op = {.id = 0, .timeout = 1};

    if (hc_sched_op(SCHEDOP_watchdog, &op) == 1)
        for (;;)
            hc_sched_op(SCHEDOP_yield, NULL);
    shut_down(SHUTDOWN_poweroff);
}

/* A port for the toolstack, then suspended; port 1 is the console's. */
static void role_suspend(void)
{
    event_alloc_unbound(0);
    for (;;) {
        uint64_t end = time_now() + 20000000;

        while (time_now() < end)
            hc_sched_op(SCHEDOP_yield, NULL);
        hcall3(__HYPERVISOR_sched_op, SCHEDOP_shutdown,
               addr(&(struct sched_shutdown){.reason = SHUTDOWN_suspend}),
               virt_to_mfn(start_info));
    }
}

/* The old form of it: the reason is the argument. */
static void role_old_shutdown(void)
{
    hcall2(__HYPERVISOR_sched_op_compat, SCHEDOP_shutdown, SHUTDOWN_reboot);
}

static void role_wait(void)
{
    for (;;)
        hc_sched_op(SCHEDOP_yield, NULL);
}

void guest_role(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } roles[] = {
        {"watchdog", role_watchdog},
        {"suspend", role_suspend},
        {"old", role_old_shutdown},
        {"wait", role_wait},
    };
    char role[16] = "";

    option("role", role, sizeof(role));
    for (unsigned int i = 0; i < ARRAY_SIZE(roles); i++) {
        if (!strncmp(role, roles[i].name, sizeof(role)))
            roles[i].run();
    }
}

/* ---- from outside ---- */

static void fresh(void)
{
    memset(&dc, 0, sizeof(dc));
}

static long on_guest(uint32_t cmd)
{
    return domctl(&dc, cmd, guest.id);
}

static bool build(const char *role)
{
    EXPECT_EQ(domain_build(&guest, domain_image(), role, NULL), 0);
    return !test_failed();
}

static void destroy(void)
{
    EXPECT_EQ(domain_destroy(&guest), 0);
}

/* The code that it ended with; fails if it does not. */
static unsigned int ended_with(void)
{
    uint64_t end = time_now() + PATIENCE;
    uint32_t flags;

    do {
        flags = domain_flags(&guest);
        hc_sched_op(SCHEDOP_yield, NULL);
    } while (!(flags & XEN_DOMINF_shutdown) && time_now() < end);
    EXPECT(flags & XEN_DOMINF_shutdown);
    return flags >> XEN_DOMINF_shutdownshift & 0xff;
}

static void watchdog_bites(void)
{
    uint64_t start = time_now();

    if (!build("role=watchdog"))
        return;
    EXPECT_EQ(domain_unpause(&guest), 0);
    EXPECT_EQ(ended_with(), SHUTDOWN_watchdog);
    EXPECT(time_now() - start >= NS_PER_S);
    destroy();
}

static void old_shutdown(void)
{
    if (!build("role=old"))
        return;
    EXPECT_EQ(domain_unpause(&guest), 0);
    EXPECT_EQ(ended_with(), SHUTDOWN_reboot);
    destroy();
}

static long remote_shutdown(unsigned int domid, uint32_t reason)
{
    struct sched_remote_shutdown op = {.domain_id = (domid_t)domid,
                                       .reason = reason};

    return hc_sched_op(SCHEDOP_remote_shutdown, &op);
}

static void shut_down_from_outside(void)
{
    if (!build("role=wait"))
        return;
    EXPECT_EQ(domain_unpause(&guest), 0);
    EXPECT_EQ(remote_shutdown(NO_DOMAIN, SHUTDOWN_poweroff), -XEN_ESRCH);
    EXPECT_EQ(remote_shutdown(DOMID_SELF, SHUTDOWN_poweroff), -XEN_ESRCH);
    EXPECT_EQ(remote_shutdown(DOMID_IO, SHUTDOWN_poweroff), -XEN_ESRCH);
    EXPECT(!(domain_flags(&guest) & XEN_DOMINF_shutdown));
    EXPECT_EQ(remote_shutdown(guest.id, SHUTDOWN_suspend), 0);
    EXPECT_EQ(ended_with(), SHUTDOWN_suspend);
    /* The first reason stays; the domain can go on from it. */
    EXPECT_EQ(remote_shutdown(guest.id, SHUTDOWN_crash), 0);
    EXPECT_EQ(ended_with(), SHUTDOWN_suspend);
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_resumedomain), 0);
    EXPECT(!(domain_flags(&guest) & XEN_DOMINF_shutdown));
    EXPECT_EQ(remote_shutdown(guest.id, SHUTDOWN_crash), 0);
    EXPECT_EQ(ended_with(), SHUTDOWN_crash);
    destroy();
    EXPECT_EQ(remote_shutdown(guest.id, SHUTDOWN_crash), -XEN_ESRCH);
}

/* What a domain says of its end in advance is told until there is one. */
static void code_in_advance(void)
{
    struct sched_shutdown op = {.reason = SHUTDOWN_crash};

    EXPECT_EQ(hc_sched_op(SCHEDOP_shutdown_code, &op), 0);
    fresh();
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_getdomaininfo, 0), 0);
    EXPECT_EQ(dc.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & 0xff,
              SHUTDOWN_crash);
    EXPECT(!(dc.u.getdomaininfo.flags & XEN_DOMINF_shutdown));
    op.reason = SHUTDOWN_poweroff;
    EXPECT_EQ(hc_sched_op(SCHEDOP_shutdown_code, &op), 0);
    EXPECT_EQ(hc_sched_op(SCHEDOP_shutdown_code, (void *)8), -XEN_EFAULT);
}

/* The toolstack's end of the port is sent when the guest has suspended, and
 * the second time as well. */
static void told_of_suspends(void)
{
    long port = -1;
    uint64_t end = time_now() + PATIENCE;

    if (!build("role=suspend"))
        return;
    fresh();
    dc.u.subscribe.port = 2;
    EXPECT_EQ(on_guest(XEN_DOMCTL_subscribe), 0);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_subscribe, NO_DOMAIN), -XEN_ESRCH);
    EXPECT_EQ(domain_unpause(&guest), 0);
    while (port < 0 && time_now() < end) {
        port = event_bind_interdomain(guest.id, 2);
        hc_sched_op(SCHEDOP_yield, NULL);
    }
    EXPECT(port > 0);
    if (port > 0) {
        event_mask((unsigned int)port);
        event_clear((unsigned int)port);
        for (unsigned int i = 0; i < 2; i++) {
            EXPECT_EQ(ended_with(), SHUTDOWN_suspend);
            EXPECT(event_pending((unsigned int)port));
            event_clear((unsigned int)port);
            fresh();
            EXPECT_EQ(on_guest(XEN_DOMCTL_resumedomain), 0);
        }
        EXPECT_EQ(event_close((unsigned int)port), 0);
    }
    destroy();
}

/* ---- settings ---- */

static long node_affinity(uint32_t cmd, void *bits, uint32_t nr)
{
    fresh();
    dc.u.nodeaffinity.nodemap.nr_bits = nr;
    HANDLE_SET(dc.u.nodeaffinity.nodemap.bitmap, bits);
    return on_guest(cmd);
}

static void nodes(void)
{
    uint8_t map[8] = {1};

    EXPECT_EQ(node_affinity(XEN_DOMCTL_setnodeaffinity, map, 64), 0);
    memset(map, 0x5a, sizeof(map));
    EXPECT_EQ(node_affinity(XEN_DOMCTL_getnodeaffinity, map, 64), 0);
    EXPECT_EQ(map[0], 1);
    EXPECT_EQ(map[7], 0);
    /* Eight bits of it only. */
    memset(map, 0x5a, sizeof(map));
    EXPECT_EQ(node_affinity(XEN_DOMCTL_getnodeaffinity, map, 8), 0);
    EXPECT_EQ(map[0], 1);
    EXPECT_EQ(map[1], 0x5a);
    memset(map, 0, sizeof(map));
    EXPECT_EQ(node_affinity(XEN_DOMCTL_setnodeaffinity, map, 64), -XEN_EINVAL);
    map[7] = 0x80; /* no such node */
    EXPECT_EQ(node_affinity(XEN_DOMCTL_setnodeaffinity, map, 64), -XEN_EINVAL);
    EXPECT_EQ(node_affinity(XEN_DOMCTL_setnodeaffinity, (void *)8, 64),
              -XEN_EFAULT);
    EXPECT_EQ(node_affinity(XEN_DOMCTL_getnodeaffinity, (void *)8, 64),
              -XEN_EFAULT);
}

static void mappings(void)
{
    fresh();
    dc.u.memory_mapping.first_gfn = dc.u.memory_mapping.first_mfn = 0xb8;
    dc.u.memory_mapping.nr_mfns = 8;
    dc.u.memory_mapping.add_mapping = 1;
    EXPECT_EQ(on_guest(XEN_DOMCTL_memory_mapping), 0);
    dc.u.memory_mapping.nr_mfns = ~0UL;
    EXPECT_EQ(on_guest(XEN_DOMCTL_memory_mapping), -XEN_EINVAL);
    fresh();
    dc.u.settimeoffset.time_offset_seconds = INT64_MAX;
    EXPECT_EQ(on_guest(XEN_DOMCTL_settimeoffset), -XEN_EINVAL);
    dc.u.settimeoffset.time_offset_seconds = INT64_MIN;
    EXPECT_EQ(on_guest(XEN_DOMCTL_settimeoffset), -XEN_EINVAL);
    fresh();
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_gettscinfo, 0), -XEN_EINVAL);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_settscinfo, 0), -XEN_EINVAL);
}

/* ---- the CPU that it sees ---- */

static struct xen_cpuid_leaf leaves[130];
static struct xen_msr_entry msrs[18];

static long policy(uint32_t cmd, unsigned int nr_leaves, unsigned int nr_msrs)
{
    fresh();
    dc.u.cpu_policy.nr_leaves = nr_leaves;
    dc.u.cpu_policy.nr_msrs = nr_msrs;
    HANDLE_SET(dc.u.cpu_policy.leaves, leaves);
    HANDLE_SET(dc.u.cpu_policy.msrs, msrs);
    return on_guest(cmd);
}

static struct xen_cpuid_leaf *leaf(uint32_t nr)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++) {
        if (leaves[i].leaf == nr)
            return &leaves[i];
    }
    test_fail(__FILE__, __LINE__, "leaf %x is missing", nr);
    return leaves;
}

#define F1C_X2APIC (1U << 21)
#define F1D_SSE2   (1U << 26)
#define F1C_VMX    (1U << 5)

static void policy_there_and_back(void)
{
    unsigned int nr_leaves, nr_msrs;

    /* How many there are; too little room for them. */
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_cpu_policy), 0);
    nr_leaves = dc.u.cpu_policy.nr_leaves;
    nr_msrs = dc.u.cpu_policy.nr_msrs;
    EXPECT(nr_leaves > 4 && nr_leaves <= 128 && nr_msrs > 0);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, nr_leaves - 1, nr_msrs),
              -XEN_ENOBUFS);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, nr_leaves, nr_msrs - 1),
              -XEN_ENOBUFS);
    memset(leaves, 0x5a, sizeof(leaves));
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, nr_leaves, nr_msrs), 0);
    EXPECT_EQ(dc.u.cpu_policy.nr_leaves, nr_leaves);
    EXPECT_EQ(leaves[nr_leaves].leaf, 0x5a5a5a5a);
    EXPECT(leaf(1)->d & F1D_SSE2);

    /* A feature less; one that a PV guest cannot have is not given. */
    leaf(1)->d &= ~F1D_SSE2;
    leaf(1)->c |= F1C_VMX;
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, nr_leaves, nr_msrs), 0);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, nr_leaves, nr_msrs), 0);
    EXPECT_EQ(leaf(1)->d & F1D_SSE2, 0);
    EXPECT_EQ(leaf(1)->c & F1C_VMX, 0);
}

/* A guest from a processor with more leaves would miss them here. */
static void policy_of_a_greater_processor(void)
{
    static const uint32_t counts[] = {0, 0x80000000};

    for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
        unsigned int nr;

        EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, 128, 16), 0);
        nr = dc.u.cpu_policy.nr_leaves;
        leaf(counts[i])->a += 0x10;
        EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, nr, 0), -XEN_EINVAL);
        EXPECT_EQ(dc.u.cpu_policy.err_leaf, counts[i]);
        EXPECT_EQ(dc.u.cpu_policy.err_subleaf, ~0U);
        EXPECT_EQ(dc.u.cpu_policy.err_msr, ~0U);
        leaf(counts[i])->a -= 0x10 + 1;
        EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, nr, 0), 0);
    }
}

static void policy_refused(void)
{
    unsigned int nr_leaves, nr_msrs;

    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_cpu_policy), 0);
    nr_leaves = dc.u.cpu_policy.nr_leaves;
    nr_msrs = dc.u.cpu_policy.nr_msrs;
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, nr_leaves, nr_msrs), 0);
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, 129, 0), -XEN_E2BIG);
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, ~0U, 0), -XEN_E2BIG);
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, 0, 17), -XEN_E2BIG);
    leaves[1].leaf = 0x12345678;
    EXPECT(policy(XEN_DOMCTL_set_cpu_policy, nr_leaves, nr_msrs) < 0);
    EXPECT_EQ(dc.u.cpu_policy.err_leaf, 0x12345678);
    msrs[0].idx = 0x10; /* no part of a policy */
    EXPECT(policy(XEN_DOMCTL_set_cpu_policy, 0, 1) < 0);
    EXPECT_EQ(dc.u.cpu_policy.err_msr, 0x10);
    fresh();
    dc.u.cpu_policy.nr_leaves = 1;
    HANDLE_SET(dc.u.cpu_policy.leaves, (void *)8);
    EXPECT_EQ(on_guest(XEN_DOMCTL_set_cpu_policy), -XEN_EFAULT);
    dc.u.cpu_policy.nr_leaves = 128;
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_cpu_policy), -XEN_EFAULT);
    fresh();
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_set_cpu_policy, 0), -XEN_EINVAL);
}

/* ---- its grant table, from outside ---- */

static struct xen_mem_acquire_resource resource;
static uint64_t frames[65];

static long acquire(unsigned int domid, unsigned int id, uint32_t first,
                    uint32_t nr)
{
    memset(&resource, 0, sizeof(resource));
    memset(frames, 0, sizeof(frames));
    resource.domid = (domid_t)domid;
    resource.type = XENMEM_resource_grant_table;
    resource.id = id;
    resource.frame = first;
    resource.nr_frames = nr;
    HANDLE_SET(resource.frame_list, frames);
    return hc_memory_op(XENMEM_acquire_resource, &resource);
}

static void grant_frames(void)
{
    /* How many there may be. */
    EXPECT_EQ(acquire(guest.id, 0, 0, 0), 0);
    HANDLE_SET(resource.frame_list, NULL);
    EXPECT_EQ(hc_memory_op(XENMEM_acquire_resource, &resource), 0);
    EXPECT(resource.nr_frames > 0);

    EXPECT_EQ(acquire(guest.id, XENMEM_resource_grant_table_id_shared, 0, 1),
              0);
    EXPECT(frames[0] != 0);
    EXPECT_EQ(frames[1], 0);
    /* It is the guest's; here it may be written as any memory of it. */
    EXPECT_EQ(pte_set_owned(pte_maddr(window(2), 1),
                            pte_make(frames[0], KERNEL_RW), guest.id),
              0);
    if (!test_failed()) {
        volatile uint16_t *entry = window(2);

        EXPECT_EQ(entry[0], 0);
        entry[0] = 0;
        EXPECT_EQ(map_page(window(2), 0), 0);
    }
}

static void grant_frames_refused(void)
{
    EXPECT_EQ(acquire(guest.id, 0, 0, 65), -XEN_EINVAL);
    EXPECT_EQ(acquire(guest.id, 0, 0, ~0U), -XEN_EINVAL);
    EXPECT_EQ(acquire(guest.id, 0, ~0U, 1), -XEN_EINVAL);
    EXPECT(acquire(guest.id, 0, 10000, 1) < 0);
    EXPECT_EQ(acquire(guest.id, 2, 0, 1), -XEN_EINVAL);
    /* Status frames are of version 2. */
    EXPECT(acquire(guest.id, XENMEM_resource_grant_table_id_status, 0, 1) < 0);
    EXPECT_EQ(acquire(NO_DOMAIN, 0, 0, 1), -XEN_ESRCH);
    EXPECT_EQ(acquire(DOMID_SELF, 0, 0, 1), -XEN_ESRCH);
    EXPECT_EQ(acquire(event_own_domid(), 0, 0, 1), -XEN_EPERM);
    EXPECT_EQ(acquire(guest.id, 0, 0, 1), 0);
    resource.type = XENMEM_resource_ioreq_server;
    EXPECT_EQ(hc_memory_op(XENMEM_acquire_resource, &resource),
              -XEN_EOPNOTSUPP);
    resource.type = 0;
    resource.pad = 1;
    EXPECT_EQ(hc_memory_op(XENMEM_acquire_resource, &resource), -XEN_EINVAL);
    EXPECT_EQ(acquire(guest.id, 0, 0, 1), 0);
    HANDLE_SET(resource.frame_list, NULL);
    EXPECT_EQ(hc_memory_op(XENMEM_acquire_resource, &resource), -XEN_EINVAL);
    HANDLE_SET(resource.frame_list, (void *)8);
    EXPECT_EQ(hc_memory_op(XENMEM_acquire_resource, &resource), -XEN_EFAULT);
}

/* ---- a vcpu back to its beginning ---- */

static void vcpu_begins_again(void)
{
    static struct vcpu_guest_context good, c;

    fresh();
    HANDLE_SET(dc.u.vcpucontext.ctxt, &good);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpucontext), 0);
    /* No context: it has none, and holds none of its tables. */
    HANDLE_SET(dc.u.vcpucontext.ctxt, NULL);
    EXPECT_EQ(on_guest(XEN_DOMCTL_setvcpucontext), 0);
    HANDLE_SET(dc.u.vcpucontext.ctxt, &c);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpucontext), -XEN_ENODATA);
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpuinfo), 0);
    EXPECT_EQ(dc.u.getvcpuinfo.online, 0);
    HANDLE_SET(dc.u.vcpucontext.ctxt, NULL);
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_setvcpucontext), 0); /* once more */
    /* The one that it had runs. */
    good.flags |= VGCF_online;
    HANDLE_SET(dc.u.vcpucontext.ctxt, &good);
    EXPECT_EQ(on_guest(XEN_DOMCTL_setvcpucontext), 0);
    HANDLE_SET(dc.u.vcpucontext.ctxt, &c);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpucontext), 0);
    EXPECT_EQ(c.ctrlreg[3], good.ctrlreg[3]);
    EXPECT_EQ(c.user_regs.rip, good.user_regs.rip);
}

static void guest_built(void)
{
    build("role=old");
}

/* What was done to it has left it able to run. */
static void guest_runs(void)
{
    EXPECT_EQ(domain_unpause(&guest), 0);
    EXPECT_EQ(ended_with(), SHUTDOWN_reboot);
    destroy();
}

const struct test guest_tests[] = {
    {"watchdog", watchdog_bites},
    {"old shutdown", old_shutdown},
    {"shut down from outside", shut_down_from_outside},
    {"code in advance", code_in_advance},
    {"told of suspends", told_of_suspends},
    {"guest: built", guest_built},
    {"guest: nodes", nodes},
    {"guest: mappings", mappings},
    {"guest: CPU policy", policy_there_and_back},
    {"guest: CPU policy of a greater processor", policy_of_a_greater_processor},
    {"guest: CPU policy refused", policy_refused},
    {"guest: grant frames", grant_frames},
    {"guest: grant frames refused", grant_frames_refused},
    {"guest: vcpu begins again", vcpu_begins_again},
    {"guest: runs", guest_runs},
};
const unsigned int nr_guest_tests = ARRAY_SIZE(guest_tests);
