/* SPDX-License-Identifier: MIT */
/*
 * The small hypercalls: version, assists, multicall, callbacks, debug
 * registers, console, and numbers that mean nothing.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/callback.h>
#include <public/features.h>
#include <public/physdev.h>

#define NOWHERE ((void *)0xffff820000000000UL) /* the hypervisor's */

static char text[2048];

static void version_number(void)
{
    EXPECT_EQ(hc_xen_version(XENVER_version, NULL), (4 << 16) | 17);
}

/* Fetch a string: 0 or more, and terminated. */
static void fetch(unsigned int cmd, size_t size)
{
    memset(text, 0x5a, sizeof(text));
    EXPECT(hc_xen_version(cmd, text) >= 0);
    EXPECT(strlen(text) < size);
    EXPECT_EQ((unsigned char)text[size], 0x5a);
}

static void version_strings(void)
{
    fetch(XENVER_extraversion, 16);
    fetch(XENVER_capabilities, 1024);
    EXPECT(strstr(text, "xen-3.0-x86_64 ") || strstr(text, "xen-3.0-x86_64"));
    fetch(XENVER_changeset, 64);
    fetch(XENVER_commandline, 1024);
    memset(text, 0x5a, sizeof(text));
    EXPECT(hc_xen_version(XENVER_compile_info, text) >= 0);
    EXPECT(strlen(text) < 64);
    EXPECT(strlen(text + 64) < 16);
    EXPECT(strlen(text + 80) < 32);
    EXPECT(strlen(text + 112) < 32);
}

static void version_numbers(void)
{
    uint64_t virt_start = 0;

    EXPECT_EQ(hc_xen_version(XENVER_platform_parameters, &virt_start), 0);
    EXPECT_EQ(virt_start, M2P_BASE);
    EXPECT_EQ(hc_xen_version(XENVER_pagesize, NULL), 4096);
    EXPECT(hc_xen_version(XENVER_guest_handle, text) == 0);
    EXPECT_EQ(hc_xen_version(99, text), -XEN_ENOSYS);
    EXPECT_EQ(hc_xen_version(XENVER_extraversion, NOWHERE), -XEN_EFAULT);
}

static void features(void)
{
    struct xen_feature_info f = {.submap_idx = 0};
    uint32_t never = 1U << XENFEAT_auto_translated_physmap |
                     1U << XENFEAT_supervisor_mode_kernel |
                     1U << XENFEAT_writable_page_tables;

    EXPECT_EQ(hc_xen_version(XENVER_get_features, &f), 0);
    EXPECT_EQ(f.submap & never, 0);
    EXPECT(f.submap & 1U << XENFEAT_mmu_pt_update_preserve_ad);
    EXPECT(f.submap & 1U << XENFEAT_gnttab_map_avail_bits);
    EXPECT_EQ(!!(f.submap & 1U << XENFEAT_dom0),
              !!(start_info->flags & SIF_INITDOMAIN));
    f.submap_idx = 1;
    EXPECT_EQ(hc_xen_version(XENVER_get_features, &f), -XEN_EINVAL);
}

static void assists(void)
{
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables),
              0);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables),
              0);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables),
              0);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_4gb_segments), 0);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, 17), -XEN_EINVAL);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, 63), -XEN_EINVAL);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, 1000), -XEN_EINVAL);
    EXPECT(hc_vm_assist(9, 0) < 0);
}

static void architectural_iopl(void)
{
    struct physdev_set_iopl op = {.iopl = 1};

    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_architectural_iopl),
              0);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_disable, VMASST_TYPE_architectural_iopl),
              0);
    op.iopl = 0;
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
    op.iopl = 4;
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &op), -XEN_EINVAL);
}

/* --- multicall --- */

static struct multicall_entry call(unsigned long op, unsigned long a,
                                   unsigned long b, unsigned long c)
{
    struct multicall_entry e;

    memset(&e, 0, sizeof(e));
    e.op = op;
    e.args[0] = a;
    e.args[1] = b;
    e.args[2] = c;
    e.result = 0x7777;
    return e;
}

static void multicall(void)
{
    struct multicall_entry list[5];

    list[0] = call(__HYPERVISOR_xen_version, XENVER_version, 0, 0);
    list[1] = call(45, 0, 0, 0);
    list[2] = call(__HYPERVISOR_xen_version, 99, 0, 0);
    list[3] = call(__HYPERVISOR_update_va_mapping, addr(window(0)), 0, 0);
    list[4] = call(__HYPERVISOR_xen_version, XENVER_pagesize, 0, 0);
    EXPECT_EQ(hc_multicall(list, 5), 0);
    EXPECT_EQ(list[0].result, (4 << 16) | 17);
    EXPECT_EQ(list[1].result, -XEN_ENOSYS);
    EXPECT_EQ(list[2].result, -XEN_ENOSYS);
    EXPECT_EQ(list[3].result, 0);
    EXPECT_EQ(list[4].result, 4096);
    EXPECT_EQ(list[0].op, __HYPERVISOR_xen_version);
    EXPECT_EQ(hc_multicall(list, 0), 0);
    EXPECT_EQ(hc_multicall(NOWHERE, 1), -XEN_EFAULT);
}

static void multicall_large(void)
{
    static struct multicall_entry list[1000];

    for (unsigned int i = 0; i < 1000; i++)
        list[i] = call(__HYPERVISOR_xen_version, XENVER_version, 0, 0);
    EXPECT_EQ(hc_multicall(list, 1000), 0);
    for (unsigned int i = 0; i < 1000; i++)
        EXPECT_EQ(list[i].result, (4 << 16) | 17);
}

/* A multicall within a multicall is refused, and nothing else happens. */
static void multicall_refused(void)
{
    struct multicall_entry inner[1], list[2];

    inner[0] = call(__HYPERVISOR_xen_version, XENVER_version, 0, 0);
    list[0] = call(__HYPERVISOR_multicall, addr(inner), 1, 0);
    list[1] = call(__HYPERVISOR_xen_version, XENVER_version, 0, 0);
    EXPECT_EQ(hc_multicall(list, 2), 0);
    EXPECT((long)list[0].result < 0);
    EXPECT_EQ(inner[0].result, 0x7777);
    EXPECT_EQ(list[1].result, (4 << 16) | 17);
}

static volatile unsigned int hits;

static void hit(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
    hits++;
}

/* An event may be delivered between its calls or at its end, and the call
 * still completes. */
static void multicall_event(void)
{
    long port = event_bind_ipi(0);
    struct evtchn_send send = {.port = (unsigned int)port};
    struct multicall_entry list[3];

    event_bind((unsigned int)port, hit);
    hits = 0;
    list[0] =
        call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, addr(&send), 0);
    list[1] = list[0];
    list[2] = list[0];
    events_on();
    EXPECT_EQ(hc_multicall(list, 3), 0);
    EXPECT(hits >= 1 && hits <= 3);
    for (unsigned int i = 0; i < 3; i++)
        EXPECT_EQ(list[i].result, 0);
    events_off();
    event_close((unsigned int)port);
}

/*
 * A call that is broken off for an event goes on from its entry, which gets new
 * arguments where the call has any. The rest of the entry keeps what its owner
 * put there, or it would show what other domains' calls had.
 */
#define UNUSED_ARG 0x5a5a000000000000UL

/* The event is pending when the call begins. Says if it was broken off. */
static bool broken_off(struct multicall_entry *e, unsigned int nr_args,
                       unsigned int port)
{
    const struct multicall_entry before = *e;

    for (unsigned int i = nr_args; i < 6; i++)
        e->args[i] = UNUSED_ARG + i;
    EXPECT_EQ(event_send(port), 0);
    this_cpu()->info->evtchn_upcall_mask = 0;
    EXPECT_EQ(hc_multicall(e, 1), 0);
    events_off();
    EXPECT_EQ(e->result, 0);
    for (unsigned int i = nr_args; i < 6; i++)
        EXPECT_EQ(e->args[i], UNUSED_ARG + i);
    return memcmp(e->args, before.args, nr_args * sizeof(e->args[0])) != 0;
}

static void multicall_continued(void)
{
    static struct trap_info traps[3]; /* the last one ends the list */
    static struct mmu_update updates[500];
    unsigned int port = (unsigned int)event_bind_ipi(0), trap = 0, mmu = 0;
    void *page = page_alloc();

    for (unsigned int i = 0; i < 2; i++)
        traps[i] = (struct trap_info){.vector = 200,
                                      .cs = FLAT_KERNEL_CS,
                                      .address = addr((void *)kit_main)};
    for (unsigned int i = 0; i < ARRAY_SIZE(updates); i++)
        updates[i] = (struct mmu_update){
            virt_to_maddr(page) | MMU_MACHPHYS_UPDATE, virt_to_pfn(page)};
    event_bind(port, hit);
    /* An interrupt may deliver the event too early. */
    for (unsigned int i = 0; i < 10; i++) {
        struct multicall_entry t =
            call(__HYPERVISOR_set_trap_table, addr(traps), 0, 0);
        struct multicall_entry m = call(__HYPERVISOR_mmu_update, addr(updates),
                                        ARRAY_SIZE(updates), 0);

        m.args[3] = DOMID_SELF;
        trap += broken_off(&t, 1, port);
        mmu += broken_off(&m, 4, port);
    }
    EXPECT(trap > 0);
    EXPECT(mmu > 0);
    event_close(port);
    page_free(page);
}

/* --- numbers without meaning --- */

static void unknown_hypercalls(void)
{
    static const uint64_t numbers[] = {11, 43, 47, 56,    63,
                                       64, 65, 99, 10000, 0xffffffff};

    for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
        EXPECT_EQ(hcall3(numbers[i], 1, 2, 3), -XEN_ENOSYS);
    EXPECT_EQ(hcall1(__HYPERVISOR_xsm_op, 0), -XEN_ENOSYS);
}

/* Registers and flags over a hypercall. */
static void registers_kept(void)
{
    uint64_t bad;

    asm volatile("mov $0xb1, %%rbx; mov $0xc1, %%r12; mov $0xd1, %%r13\n"
                 "mov $0xe1, %%r14; mov $0xf1, %%r15; mov $0x91, %%r9\n"
                 "xor %%edi, %%edi; xor %%esi, %%esi; mov $17, %%eax\n"
                 "stc; syscall\n"
                 "setnc %%al; movzx %%al, %%eax\n"
                 "sub $0xb1, %%rbx; or %%rbx, %%rax\n"
                 "sub $0xc1, %%r12; or %%r12, %%rax\n"
                 "sub $0xd1, %%r13; or %%r13, %%rax\n"
                 "sub $0xe1, %%r14; or %%r14, %%rax\n"
                 "sub $0xf1, %%r15; or %%r15, %%rax\n"
                 : "=a"(bad)
                 :
                 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                   "r12", "r13", "r14", "r15", "memory", "cc");
    EXPECT_EQ(bad, 0);
}

/* --- callbacks --- */

static void callbacks(void)
{
    EXPECT_EQ(callback_register(99, 0, addr(text)), -XEN_ENOSYS);
    EXPECT_EQ(hc_callback_op(9, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hc_callback_op(CALLBACKOP_register, NOWHERE), -XEN_EFAULT);
    EXPECT(callback_register(CALLBACKTYPE_event, 0, 0x8000000000000000UL) < 0);
    EXPECT_EQ(callback_register(CALLBACKTYPE_event, 0, trap_stub(VEC_EVENT)),
              0);
}

static void legacy_callbacks(void)
{
    EXPECT_EQ(hcall3(__HYPERVISOR_set_callbacks, trap_stub(VEC_EVENT),
                     trap_stub(VEC_FAILSAFE), trap_stub(VEC_SYSCALL)),
              0);
    trap_init();
}

/* --- debug registers --- */

static void debug_registers(void)
{
    for (unsigned int i = 0; i < 4; i++) {
        EXPECT_EQ(hc_set_debugreg(i, 0x1000 * i), 0);
        EXPECT_EQ(hc_get_debugreg(i), 0x1000 * i);
        EXPECT_EQ(hc_set_debugreg(i, 0xffff820000000000UL), -XEN_EPERM);
        EXPECT_EQ(hc_set_debugreg(i, 0xffff87ffffffffffUL), -XEN_EPERM);
        EXPECT_EQ(hc_get_debugreg(i), 0x1000 * i);
        EXPECT_EQ(hc_set_debugreg(i, 0), 0);
    }
    EXPECT(hc_set_debugreg(7, 1UL << 32) < 0);
    EXPECT_EQ(hc_set_debugreg(7, 0), 0);
    EXPECT_EQ(hc_get_debugreg(7), 0x400);
    EXPECT_EQ(hc_set_debugreg(6, 0), 0);
    EXPECT_EQ(hc_get_debugreg(6) & 0xf, 0);
    EXPECT(hc_set_debugreg(9, 0) < 0);
}

static volatile unsigned int breakpoints;

static bool breakpoint_hook(struct regs *r)
{
    if (r->vector != VEC_DB)
        return false;
    breakpoints++;
    return true;
}

static volatile uint64_t watched;

static void watchpoint(void)
{
    breakpoints = 0;
    trap_set_hook(breakpoint_hook);
    EXPECT_EQ(hc_set_debugreg(6, 0), 0);
    EXPECT_EQ(hc_set_debugreg(0, addr(&watched)), 0);
    EXPECT_EQ(hc_set_debugreg(7, 0xd0003), 0); /* write, 4 bytes, DR0 */
    watched = 1;
    EXPECT_EQ(breakpoints, 1);
    EXPECT_EQ(hc_get_debugreg(6) & 0xf, 1);
    EXPECT_EQ(hc_set_debugreg(7, 0), 0);
    watched = 2;
    EXPECT_EQ(breakpoints, 1);
}

/* --- console --- */

static void console(void)
{
    if (!(start_info->flags & SIF_INITDOMAIN)) {
        test_skip("for the control domain");
        return;
    }
    EXPECT_EQ(hc_console_io(CONSOLEIO_write, 0, text), 0);
    EXPECT_EQ(hc_console_io(CONSOLEIO_write, 4, NOWHERE), -XEN_EFAULT);
    EXPECT_EQ(hc_console_io(CONSOLEIO_read, 4, text), 0);
    EXPECT_EQ(hc_console_io(9, 0, text), -XEN_ENOSYS);
}

static const struct test tests[] = {
    {"version number", version_number},
    {"version strings", version_strings},
    {"version numbers", version_numbers},
    {"features", features},
    {"vm_assist", assists},
    {"architectural iopl", architectural_iopl},
    {"multicall", multicall},
    {"multicall of 1000", multicall_large},
    {"multicall: refused calls", multicall_refused},
    {"multicall: event", multicall_event},
    {"multicall: continued calls", multicall_continued},
    {"unknown hypercalls", unknown_hypercalls},
    {"registers kept", registers_kept},
    {"callback_op", callbacks},
    {"set_callbacks", legacy_callbacks},
    {"debug registers", debug_registers},
    {"watchpoint", watchpoint},
    {"console_io", console},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
