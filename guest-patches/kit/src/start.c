/* SPDX-License-Identifier: MIT */
/*
 * From the first instruction of vcpu 0 to kit_main(), as a list.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/power.h>
#include <kit/test.h>

void kit_start(struct start_info *si) NORETURN;

struct cpu kit_cpus[KIT_MAX_CPUS];

/* Word 0 of each block names its cpu; see kit/cpu.h. */
union stack {
    struct cpu *owner;
    char bytes[STACK_SIZE];
};

#define STACK_ALIGNED __attribute__((aligned(16384), section(".bss.stacks")))

static union stack boot_stacks[KIT_MAX_CPUS] STACK_ALIGNED;
static union stack trap_stacks[KIT_MAX_CPUS] STACK_ALIGNED;

/* entry.S starts on the first boot stack. */
asm(".globl kit_boot_stack_top\n"
    ".set kit_boot_stack_top, boot_stacks + 16384\n");

uint64_t cpu_boot_stack_top(unsigned int id)
{
    return addr(&boot_stacks[id + 1]);
}

struct cpu *cpu_prepare(unsigned int id)
{
    struct cpu *cpu = &kit_cpus[id];

    boot_stacks[id].owner = cpu;
    trap_stacks[id].owner = cpu;
    cpu->id = id;
    cpu->trap_stack_top = addr(&trap_stacks[id + 1]);
    cpu->info = &shared_info->vcpu_info[id];
    return cpu;
}

void kit_start(struct start_info *si)
{
    mm_init(si);    /* shared_info mapped */
    cpu_prepare(0); /* this_cpu() works */
    console_init(); /* printk() works */
    trap_init();    /* faults are reported */
    event_init();   /* all ports masked */
    hc_stack_switch(FLAT_KERNEL_SS, kit_cpus[0].trap_stack_top);
    kit_main();
    /* A reboot ends QEMU -no-reboot on any hypervisor; a halt may not. */
    power_off(si->flags & SIF_INITDOMAIN ? SHUTDOWN_reboot : SHUTDOWN_poweroff);
}
