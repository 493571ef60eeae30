/* SPDX-License-Identifier: MIT */
/*
 * Mistakes that cost a guest its life: `case=NAME` chooses one. The domain must
 * be crashed, the hypervisor must say so and live. Reaching the end is wrong.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/user.h>

static const unsigned char code_syscall[] = {0x0f, 0x05};

static void no_handler(void)
{
    hc_set_trap_table(NULL);
    asm volatile("ud2");
}

static void fault_on_stack(uint64_t rsp)
{
    asm volatile("mov %0, %%rsp; ud2" : : "r"(rsp));
}

static void bad_stack(void)
{
    fault_on_stack(0x5000);
}

static void hypervisor_stack(void)
{
    fault_on_stack(0xffff830000008000UL);
}

static void readonly_stack(void)
{
    char *page = page_alloc();

    page_set_ro(page);
    fault_on_stack(addr(page) + PAGE_SIZE);
}

static void iret_from(uint64_t rsp)
{
    asm volatile("mov %0, %%rsp; mov %1, %%eax; syscall"
                 :
                 : "r"(rsp), "i"(__HYPERVISOR_iret));
}

static void iret_bad_frame(void)
{
    iret_from(0x5000);
}

static void iret_hypervisor_frame(void)
{
    iret_from(0xffff830000008000UL);
}

static void iret_no_user_root(void)
{
    uint64_t frame[9] = {0, 0, 0, 0, USER_BASE, USER_CS64, 0x202, 0, USER_SS};

    iret_from(addr(frame));
}

/* A program's system call finds the kernel's stack to be there. */
static void syscall_to_stack(uint64_t sp)
{
    struct regs r;

    user_init();
    r = user_regs(user_load(0, code_syscall, sizeof(code_syscall)));
    hc_stack_switch(FLAT_KERNEL_SS, sp);
    user_run(&r);
}

static void user_bad_kernel_stack(void)
{
    syscall_to_stack(0x5000);
}

static void user_hypervisor_kernel_stack(void)
{
    syscall_to_stack(0xffff830000008000UL);
}

static void user_readonly_kernel_stack(void)
{
    char *page = page_alloc();

    page_set_ro(page);
    syscall_to_stack(addr(page) + PAGE_SIZE);
}

/* The higher words of the frame fit, the lower ones do not. */
static void user_straddling_kernel_stack(void)
{
    char *page = page_alloc();

    page_set_ro(page);
    syscall_to_stack(addr(page) + PAGE_SIZE + 32);
}

/* An event is pending when a hypercall ends, and the stack is no stack. */
static void event_on_stack(uint64_t rsp)
{
    unsigned int port = (unsigned int)event_bind_ipi(0);

    events_off();
    event_unmask(port);
    event_send(port);
    asm volatile("movb $0, (%1); mov %0, %%rsp; xor %%edi, %%edi; syscall"
                 :
                 : "r"(rsp), "r"(&shared_info->vcpu_info[0].evtchn_upcall_mask),
                   "a"(__HYPERVISOR_xen_version)
                 : "rdi", "rcx", "r11", "memory");
}

static void event_bad_stack(void)
{
    event_on_stack(0x5000);
}

static void event_hypervisor_stack(void)
{
    event_on_stack(0xffff830000008000UL);
}

/* The frame ends above the hypervisor's slots and begins in them. */
static void event_above_hypervisor(void)
{
    event_on_stack(0xffff880000000020UL);
}

/* The handler is not mapped: its own fetch faults, again and again, until the
 * stack is used up. */
static void handler_unmapped(void)
{
    struct trap_info t[2];

    memset(t, 0, sizeof(t));
    t[0].vector = VEC_PF;
    t[0].cs = FLAT_KERNEL_CS;
    t[0].address = 0x123000;
    hc_set_trap_table(t);
    asm volatile("mov (%0), %%al" : : "r"(0x5000UL) : "rax");
}

static const struct test cases[] = {
    {"no-handler", no_handler},
    {"bad-stack", bad_stack},
    {"hypervisor-stack", hypervisor_stack},
    {"readonly-stack", readonly_stack},
    {"iret-bad-frame", iret_bad_frame},
    {"iret-hypervisor-frame", iret_hypervisor_frame},
    {"iret-no-user-root", iret_no_user_root},
    {"user-bad-kernel-stack", user_bad_kernel_stack},
    {"user-hypervisor-kernel-stack", user_hypervisor_kernel_stack},
    {"user-readonly-kernel-stack", user_readonly_kernel_stack},
    {"user-straddling-kernel-stack", user_straddling_kernel_stack},
    {"event-bad-stack", event_bad_stack},
    {"event-hypervisor-stack", event_hypervisor_stack},
    {"event-above-hypervisor", event_above_hypervisor},
    {"handler-unmapped", handler_unmapped},
};

void kit_main(void)
{
    char name[40];

    if (!option("case", name, sizeof(name)))
        return;
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        if (strlen(name) != strlen(cases[i].name) ||
            strncmp(name, cases[i].name, sizeof(name)))
            continue;
        printk("CASE %s\n", name);
        cases[i].run();
        printk("SURVIVED %s\n", name);
    }
}
