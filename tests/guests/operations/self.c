/* SPDX-License-Identifier: MIT */
/*
 * What a domain does to itself: callbacks, NMIs, watchdogs, its memory map, the
 * old forms of hypercalls.
 */
#include "operations.h"

#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/time.h>
#include <kit/trap.h>
#include <public/callback.h>
#include <public/nmi.h>
#include <public/physdev.h>

#define NON_CANONICAL 0x0000800000000000UL

/* ---- callbacks and NMIs ---- */

static unsigned int nmis;

static bool take_nmi(struct regs *r)
{
    if (r->vector != 2)
        return false;
    nmis++;
    return true;
}

static long nmi_register(uint64_t handler)
{
    struct xennmi_callback cb = {.handler_address = handler};

    return hcall2(__HYPERVISOR_nmi_op, XENNMI_register_callback, addr(&cb));
}

static void nmi_to_itself(void)
{
    EXPECT_EQ(nmi_register(NON_CANONICAL), -XEN_EINVAL);
    EXPECT_EQ(nmi_register(trap_stub(2)), 0);
    EXPECT_EQ(hcall2(__HYPERVISOR_nmi_op, 2, 0), -XEN_ENOSYS);
    trap_set_hook(take_nmi);
    nmis = 0;
    EXPECT_EQ(hc_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    EXPECT_EQ(nmis, 1);
    /* Masked events do not mask it. */
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    EXPECT_EQ(hc_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
    EXPECT_EQ(nmis, 2);
    EXPECT_EQ(hc_vcpu_op(VCPUOP_send_nmi, 1000, NULL), -XEN_ENOENT);
    EXPECT_EQ(hcall2(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, 0), 0);
    /* Back to the handler of the table of exceptions. */
    EXPECT_EQ(hc_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    EXPECT_EQ(nmis, 3);
}

static void callbacks_taken_away(void)
{
    static const struct {
        uint16_t type;
        long rc;
    } types[] = {
        {CALLBACKTYPE_event, -XEN_EINVAL},
        {CALLBACKTYPE_failsafe, -XEN_EINVAL},
        {CALLBACKTYPE_syscall, -XEN_EINVAL},
        {CALLBACKTYPE_nmi, 0},
        {CALLBACKTYPE_syscall32, 0},
        {CALLBACKTYPE_sysenter, 0},
        {77, -XEN_ENOSYS},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
        struct callback_unregister u = {.type = types[i].type};

        EXPECT_EQ(hc_callback_op(CALLBACKOP_unregister, &u), types[i].rc);
    }
    EXPECT_EQ(hc_callback_op(2, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hcall3(__HYPERVISOR_set_callbacks, NON_CANONICAL, 0, 0),
              -XEN_EINVAL);
    EXPECT_EQ(hcall3(__HYPERVISOR_set_callbacks, 0, NON_CANONICAL, 0),
              -XEN_EINVAL);
    EXPECT_EQ(hcall3(__HYPERVISOR_set_callbacks, 0, 0, NON_CANONICAL),
              -XEN_EINVAL);
}

/* ---- watchdogs; that one fires is seen in a guest: guests.c ---- */

static long watchdog(uint32_t id, uint32_t timeout)
{
    struct sched_watchdog op = {.id = id, .timeout = timeout};

    return hc_sched_op(SCHEDOP_watchdog, &op);
}

static void watchdogs(void)
{
    EXPECT_EQ(watchdog(0, 0), -XEN_EINVAL);
    EXPECT_EQ(watchdog(1, 100), -XEN_EINVAL); /* not there yet */
    EXPECT_EQ(watchdog(3, 100), -XEN_EINVAL);
    EXPECT_EQ(watchdog(~0U, 100), -XEN_EINVAL);
    EXPECT_EQ(watchdog(0, 1000), 1);
    EXPECT_EQ(watchdog(0, ~0U), 2);
    EXPECT_EQ(watchdog(0, 1000), -XEN_ENOSPC);
    EXPECT_EQ(watchdog(1, 2000), 0); /* not yet to bark */
    EXPECT_EQ(watchdog(1, 0), 0);    /* no more */
    EXPECT_EQ(watchdog(1, 0), -XEN_EINVAL);
    EXPECT_EQ(watchdog(0, 1000), 1); /* its number is free again */
    EXPECT_EQ(watchdog(1, 0), 0);
    EXPECT_EQ(watchdog(2, 0), 0);
}

/* ---- pinning ---- */

static void pinned(void)
{
    struct sched_pin_override pin = {.pcpu = 4095};

    EXPECT_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), -XEN_EINVAL);
    pin.pcpu = -1;
    EXPECT_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), -XEN_EINVAL);
    pin.pcpu = 0;
    EXPECT_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), 0);
    EXPECT_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), -XEN_EBUSY);
    pin.pcpu = -1;
    EXPECT_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), 0);
}

/* ---- the memory map ---- */

struct range {
    uint64_t at, size;
    uint32_t type;
} __attribute__((packed));

static long get_map(struct range *map, unsigned int room, unsigned int *nr)
{
    struct xen_memory_map m = {.nr_entries = room};
    long rc;

    HANDLE_SET(m.buffer, map);
    rc = hc_memory_op(XENMEM_memory_map, &m);
    *nr = m.nr_entries;
    return rc;
}

static long set_map(const struct range *map, unsigned int nr)
{
    struct xen_foreign_memory_map m = {.domid = DOMID_SELF};

    m.map.nr_entries = nr;
    HANDLE_SET(m.map.buffer, map);
    return hc_memory_op(XENMEM_set_memory_map, &m);
}

static void memory_map(void)
{
    static const struct range map[2] = {{0, 0xa0000, 1},
                                        {0x100000, 1 << 20, 1}};
    struct range got[3];
    unsigned int nr;

    EXPECT_EQ(get_map(got, 3, &nr), -XEN_ENOSYS);
    EXPECT_EQ(set_map(map, 129), -XEN_EINVAL);
    EXPECT_EQ(set_map(map, ~0U), -XEN_EINVAL);
    EXPECT_EQ(set_map((void *)8, 1), -XEN_EFAULT);
    EXPECT_EQ(get_map(got, 3, &nr), -XEN_ENOSYS);
    EXPECT_EQ(set_map(map, 2), 0);
    memset(got, 0x5a, sizeof(got));
    EXPECT_EQ(get_map(got, 3, &nr), 0);
    EXPECT_EQ(nr, 2);
    EXPECT_EQ(memcmp(got, map, sizeof(map)), 0);
    EXPECT_EQ(got[2].type, 0x5a5a5a5a);
    /* Less room: as much as there is. */
    memset(got, 0x5a, sizeof(got));
    EXPECT_EQ(get_map(got, 1, &nr), 0);
    EXPECT_EQ(nr, 1);
    EXPECT_EQ(got[1].type, 0x5a5a5a5a);
    EXPECT_EQ(get_map((void *)8, 2, &nr), -XEN_EFAULT);
    EXPECT_EQ(set_map(NULL, 0), 0);
    EXPECT_EQ(get_map(got, 3, &nr), -XEN_ENOSYS);
}

/* ---- old forms ---- */

static void old_event_channels(void)
{
    evtchn_op_t op = {.cmd = EVTCHNOP_alloc_unbound};
    unsigned int port;

    op.u.alloc_unbound.dom = DOMID_SELF;
    op.u.alloc_unbound.remote_dom = DOMID_SELF;
    EXPECT_EQ(hcall1(__HYPERVISOR_event_channel_op_compat, addr(&op)), 0);
    port = op.u.alloc_unbound.port;
    EXPECT(port > 0);
    memset(&op, 0, sizeof(op));
    op.cmd = EVTCHNOP_status;
    op.u.status.dom = DOMID_SELF;
    op.u.status.port = port;
    EXPECT_EQ(hcall1(__HYPERVISOR_event_channel_op_compat, addr(&op)), 0);
    EXPECT_EQ(op.u.status.status, EVTCHNSTAT_unbound);
    op.cmd = EVTCHNOP_reset;
    EXPECT_EQ(hcall1(__HYPERVISOR_event_channel_op_compat, addr(&op)),
              -XEN_ENOSYS);
    EXPECT_EQ(event_close(port), 0);
}

static void old_devices(void)
{
    physdev_op_t op = {.cmd = PHYSDEVOP_set_iopl};

    op.u.set_iopl.iopl = 1;
    EXPECT_EQ(hcall1(__HYPERVISOR_physdev_op_compat, addr(&op)), 0);
    op.u.set_iopl.iopl = 4;
    EXPECT_EQ(hcall1(__HYPERVISOR_physdev_op_compat, addr(&op)), -XEN_EINVAL);
    op.cmd = 4; /* a notification of old: nothing is to be done */
    EXPECT_EQ(hcall1(__HYPERVISOR_physdev_op_compat, addr(&op)), 0);
    op.cmd = PHYSDEVOP_map_pirq;
    EXPECT_EQ(hcall1(__HYPERVISOR_physdev_op_compat, addr(&op)), -XEN_EINVAL);
}

static unsigned int ticks;

static void tick(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
    ticks++;
}

static void old_scheduling(void)
{
    uint64_t before;
    long port;

    events_off();
    timer_stop_periodic(); /* first: a tick that is pending ends the block */
    port = event_bind_virq(VIRQ_TIMER, 0);
    before = time_now();
    EXPECT(port > 0);
    if (test_failed())
        return;
    event_bind((unsigned int)port, tick);
    ticks = 0;
    EXPECT_EQ(hcall2(__HYPERVISOR_sched_op_compat, SCHEDOP_yield, 0), 0);
    EXPECT_EQ(hc_set_timer_op(before + 2 * NS_PER_MS), 0);
    EXPECT_EQ(hcall2(__HYPERVISOR_sched_op_compat, SCHEDOP_block, 0), 0);
    EXPECT(time_now() >= before + 2 * NS_PER_MS);
    EXPECT_EQ(ticks, 1);
    events_off();
    EXPECT_EQ(hcall2(__HYPERVISOR_sched_op_compat, SCHEDOP_poll, 0),
              -XEN_ENOSYS);
    EXPECT_EQ(hc_set_timer_op(0), 0);
    EXPECT_EQ(hc_sched_op(99, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hc_sched_op(SCHEDOP_shutdown, (void *)8), -XEN_EFAULT);
    EXPECT_EQ(event_close((unsigned int)port), 0);
}

/* ---- arguments that end with the last byte that is mapped ---- */

/* Nothing behind an argument is looked at. */
static void short_arguments(void)
{
    static const struct {
        unsigned int op;
        size_t len;
    } ops[] = {
        {PHYSDEVOP_manage_pci_add, sizeof(struct physdev_manage_pci)},
        {PHYSDEVOP_manage_pci_remove, sizeof(struct physdev_manage_pci)},
        {PHYSDEVOP_restore_msi, 2},
        {PHYSDEVOP_manage_pci_add_ext, sizeof(struct physdev_manage_pci_ext)},
        {PHYSDEVOP_restore_msi_ext, sizeof(struct physdev_pci_device)},
        {PHYSDEVOP_prepare_msix, sizeof(struct physdev_pci_device)},
        {PHYSDEVOP_release_msix, sizeof(struct physdev_pci_device)},
        {PHYSDEVOP_pci_device_remove, sizeof(struct physdev_pci_device)},
        {PHYSDEVOP_set_iopl, sizeof(struct physdev_set_iopl)},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
        long rc = hc_physdev_op(ops[i].op, at_the_end(ops[i].len));

        if (rc)
            test_fail(__FILE__, __LINE__, "physdev_op %u: %ld", ops[i].op, rc);
        rc = hc_physdev_op(ops[i].op, at_the_end(ops[i].len - 1));
        if (rc != -XEN_EFAULT)
            test_fail(__FILE__, __LINE__, "physdev_op %u, a byte less: %ld",
                      ops[i].op, rc);
    }
}

static void numbers_that_are_none(void)
{
    EXPECT_EQ(hc_vcpu_op(VCPUOP_down, 1000, NULL), -XEN_ENOENT);
    EXPECT_EQ(hc_vcpu_op(VCPUOP_down, ~0U, NULL), -XEN_ENOENT);
    EXPECT_EQ(hc_vcpu_op(99, 0, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_disable, 77), -XEN_EINVAL);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_disable, ~0U), -XEN_EINVAL);
    EXPECT_EQ(hc_vm_assist(2, 0), -XEN_ENOSYS);
}

static void eoi_page(void)
{
    void *page = page_alloc();
    struct physdev_pirq_eoi_gmfn op = {.gmfn = virt_to_mfn(page)};

    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, &op), 0);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, &op), -XEN_EBUSY);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), -XEN_EBUSY);
}

const struct test self_tests[] = {
    {"an NMI to itself", nmi_to_itself},
    {"callbacks taken away", callbacks_taken_away},
    {"watchdogs", watchdogs},
    {"pinned", pinned},
    {"memory map", memory_map},
    {"old event channels", old_event_channels},
    {"old devices", old_devices},
    {"old scheduling", old_scheduling},
    {"short arguments", short_arguments},
    {"numbers that are none", numbers_that_are_none},
    {"page of EOIs", eoi_page},
};
const unsigned int nr_self_tests = ARRAY_SIZE(self_tests);
