/* SPDX-License-Identifier: MIT */
/*
 * CPU pools, affinity and the scheduler's settings through the hypercalls of a
 * toolstack: the answers of the ABI, and the control domain moving away from a
 * CPU that it takes out of the pool itself.
 */
#include <kit/console.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/sched.h>
#include <public/sysctl.h>

#define ANY XEN_SYSCTL_CPUPOOL_PAR_ANY

static struct xen_sysctl sys;
static uint64_t map;

static long pool_op(uint32_t op, uint32_t pool, uint32_t cpu)
{
    memset(&sys, 0, sizeof(sys));
    map = 0;
    sys.cmd = XEN_SYSCTL_cpupool_op;
    sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    sys.u.cpupool_op.op = op;
    sys.u.cpupool_op.cpupool_id = pool;
    sys.u.cpupool_op.sched_id = XEN_SCHEDULER_CREDIT2;
    sys.u.cpupool_op.cpu = cpu;
    sys.u.cpupool_op.domid = cpu;
    HANDLE_SET(sys.u.cpupool_op.cpumap.bitmap, (uint8_t *)&map);
    sys.u.cpupool_op.cpumap.nr_bits = 64;
    return hcall1(__HYPERVISOR_sysctl, addr(&sys));
}

static uint64_t pool_cpus(uint32_t pool)
{
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_INFO, pool, 0), 0);
    EXPECT_EQ(sys.u.cpupool_op.cpupool_id, pool);
    return map;
}

static uint64_t free_cpus(void)
{
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0, 0), 0);
    return map;
}

/* Wherever this vcpu runs: one of them is its own CPU. */
static void every_cpu_but_one_leaves_and_returns(void)
{
    for (unsigned int round = 0; round < 3; round++) {
        for (uint32_t cpu = 0; cpu < 3; cpu++) {
            EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, cpu), 0);
            EXPECT_EQ(free_cpus(), 1UL << cpu);
            EXPECT_EQ(pool_cpus(0), 7UL & ~(1UL << cpu));
            EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, cpu), 0);
            EXPECT_EQ(free_cpus(), 0);
        }
    }
}

static void the_last_cpu_stays(void)
{
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, ANY), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, ANY), 0);
    EXPECT_EQ(pool_cpus(0), 1);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, ANY), -XEN_EBUSY);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, ANY), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, ANY), 0);
    EXPECT_EQ(pool_cpus(0), 7);
}

static void errors_of_pools(void)
{
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_INFO, 1, 0), -XEN_ENOENT);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0), -XEN_ENOENT);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 1), -XEN_ENODEV);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 999), -XEN_EINVAL);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 77), -XEN_EINVAL);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 0), -XEN_EEXIST);
}

static void a_pool_comes_and_goes(void)
{
    uint32_t id;

    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_CREATE, ANY, 0), 0);
    id = sys.u.cpupool_op.cpupool_id;
    EXPECT(id != 0);
    EXPECT_EQ(pool_cpus(id), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 2), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, id, 2), 0);
    EXPECT_EQ(pool_cpus(id), 4);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, id, 2), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_DESTROY, id, 0), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 2), 0);
    EXPECT_EQ(pool_cpus(0), 7);
}

/* --- affinity --- */

static uint64_t hard, soft;

static long affinity(uint32_t cmd, uint32_t flags)
{
    static struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.u.vcpuaffinity.flags = flags;
    HANDLE_SET(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)&hard);
    HANDLE_SET(op.u.vcpuaffinity.cpumap_soft.bitmap, (uint8_t *)&soft);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    op.u.vcpuaffinity.cpumap_soft.nr_bits = 64;
    return domctl(&op, cmd, 0);
}

#define BOTH (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)

static void affinity_says_what_can_be_had(void)
{
    hard = 0xf6;
    soft = 0x0c;
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, BOTH), 0);
    EXPECT_EQ(hard, 6);
    EXPECT_EQ(soft, 4);
    EXPECT_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, BOTH), 0);
    EXPECT_EQ(hard & 7, 6);
    EXPECT_EQ(soft & 7, 4);
    hard = 8;
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD),
              -XEN_EINVAL);
    hard = soft = ~0UL;
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, BOTH), 0);
    EXPECT_EQ(hard, 7);
}

static void pin_override(void)
{
    struct sched_pin_override pin = {.pcpu = 1};

    EXPECT_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1), -XEN_EADDRINUSE);
    pin.pcpu = -1;
    EXPECT_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1), 0);
    EXPECT_EQ(pool_op(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 1), 0);
}

/* --- settings --- */

static long ratelimit(uint32_t cmd, uint32_t us)
{
    memset(&sys, 0, sizeof(sys));
    sys.cmd = XEN_SYSCTL_scheduler_op;
    sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    sys.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    sys.u.scheduler_op.cmd = cmd;
    sys.u.scheduler_op.u.sched_credit2.ratelimit_us = us;
    return hcall1(__HYPERVISOR_sysctl, addr(&sys));
}

static void the_rate_limit_is_kept(void)
{
    EXPECT_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, 700), 0);
    EXPECT_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_getinfo, 0), 0);
    EXPECT_EQ(sys.u.scheduler_op.u.sched_credit2.ratelimit_us, 700);
    EXPECT_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, 99), -XEN_EINVAL);
    EXPECT_EQ(ratelimit(XEN_SYSCTL_SCHEDOP_putinfo, 0), 0);
}

static void weight_and_cap_are_kept(void)
{
    static struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    op.u.scheduler_op.u.credit2.weight = 300;
    op.u.scheduler_op.u.credit2.cap = 150;
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_scheduler_op, 0), 0);
    memset(&op, 0, sizeof(op));
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_scheduler_op, 0), 0);
    EXPECT_EQ(op.u.scheduler_op.u.credit2.weight, 300);
    EXPECT_EQ(op.u.scheduler_op.u.credit2.cap, 150);
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_scheduler_op, 0), -XEN_EINVAL);
}

static const struct test tests[] = {
    {"every CPU leaves and returns", every_cpu_but_one_leaves_and_returns},
    {"the last CPU stays", the_last_cpu_stays},
    {"errors of pools", errors_of_pools},
    {"a pool comes and goes", a_pool_comes_and_goes},
    {"affinity says what can be had", affinity_says_what_can_be_had},
    {"pin override", pin_override},
    {"the rate limit is kept", the_rate_limit_is_kept},
    {"weight and cap are kept", weight_and_cap_are_kept},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
