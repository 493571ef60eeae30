/* SPDX-License-Identifier: MIT */
/*
 * Console keys at a bad time. They are handled on CPU 0, on top of a guest that
 * never sleeps; one vcpu of the control domain, on the other CPU, all the time
 * waits for that guest to stop. The runner types them.
 */
#include <kit/console.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/sysctl.h>

/* What the runner types: so many of each. */
#define SHOWN   4U
#define AUDITED 2U

static struct kit_domain guest;
static volatile bool over;
static volatile unsigned long asked;

static long bind(unsigned int id, unsigned int vcpu, uint64_t cpus)
{
    struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    HANDLE_SET(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)&cpus);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    return domctl(&op, XEN_DOMCTL_setvcpuaffinity, id);
}

/* For its registers a vcpu is stopped. */
static void ask_for_registers(void *unused)
{
    static struct vcpu_guest_context context;
    struct xen_domctl op;

    (void)unused;
    while (!over) {
        memset(&op, 0, sizeof(op));
        HANDLE_SET(op.u.vcpucontext.ctxt, &context);
        EXPECT_EQ(domctl(&op, XEN_DOMCTL_getvcpucontext, guest.id), 0);
        asked++;
    }
    over = false;
    smp_down_self();
}

/* How often the hypervisor's log says it. */
static unsigned int said(const char *what)
{
    static char text[65536];
    struct xen_sysctl op;
    unsigned int n = 0;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_readconsole;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    HANDLE_SET(op.u.readconsole.buffer, text);
    op.u.readconsole.count = sizeof(text) - 1;
    EXPECT_EQ(hcall1(__HYPERVISOR_sysctl, addr(&op)), 0);
    text[op.u.readconsole.count] = '\0';
    for (const char *t = text; (t = strstr(t, what)) != NULL; t++)
        n++;
    return n;
}

static bool all_said(void)
{
    return said("Key '0'") == SHOWN && said("d0v1 on cpu") == SHOWN &&
           said("audit: ok") + said("audit: not done") == AUDITED;
}

static void keys_end_though_a_guest_is_waited_for(void)
{
    uint64_t end;

    EXPECT_EQ(domain_build(&guest, domain_image(), "", NULL), 0);
    EXPECT_EQ(bind(guest.id, 0, 1), 0);
    EXPECT_EQ(bind(0, 0, 2), 0);
    EXPECT_EQ(bind(0, 1, 2), 0);
    EXPECT_EQ(domain_unpause(&guest), 0);
    EXPECT_EQ(smp_start(1, ask_for_registers, NULL), 0);
    printk("keys are awaited\n");
    end = time_now() + 30 * NS_PER_S;
    while (!all_said() && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT(all_said());
    for (over = true; over;)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT(asked > 10);
    EXPECT_EQ(domain_destroy(&guest), 0);
}

static const struct test tests[] = {
    {"keys end though a guest is waited for",
     keys_end_though_a_guest_is_waited_for},
};

void kit_main(void)
{
    if (!(start_info->flags & SIF_INITDOMAIN))
        for (;;)
            asm volatile("pause");
    tests_run(tests, ARRAY_SIZE(tests));
}
