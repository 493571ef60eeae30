/* SPDX-License-Identifier: MIT */
/*
 * Bring-up of vcpus: a context in the domain's own page tables, with the same
 * trap table and callbacks as vcpu 0.
 */
#include <kit/smp.h>

#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <public/callback.h>
#include <public/vcpu.h>

void kit_ap_entry(void);

unsigned int smp_count(void)
{
    unsigned int n = 0;

    while (n < KIT_MAX_CPUS && hc_vcpu_op(VCPUOP_is_up, n, NULL) >= 0)
        n++;
    return n;
}

void smp_context(struct vcpu_guest_context *ctx, unsigned int id,
                 void (*main)(void *), void *arg)
{
    struct cpu *cpu = cpu_prepare(id);

    cpu->ap_main = main;
    cpu->ap_arg = arg;
    memset(ctx, 0, sizeof(*ctx));
    ctx->flags = VGCF_IN_KERNEL;
    ctx->user_regs.rip = addr((void *)kit_ap_entry);
    ctx->user_regs.rsp = cpu_boot_stack_top(id);
    ctx->user_regs.rdi = addr(cpu);
    ctx->user_regs.cs = FLAT_KERNEL_CS;
    ctx->user_regs.ss = FLAT_KERNEL_SS;
    ctx->user_regs.rflags = 0x1000;
    ctx->kernel_ss = FLAT_KERNEL_SS;
    ctx->kernel_sp = cpu->trap_stack_top;
    ctx->ctrlreg[3] = virt_to_maddr((void *)start_info->pt_base);
    cpu->info->evtchn_upcall_mask = 1;
}

long smp_initialise(unsigned int id, void (*main)(void *), void *arg)
{
    static struct vcpu_guest_context ctx;

    smp_context(&ctx, id, main, arg);
    return hc_vcpu_op(VCPUOP_initialise, id, &ctx);
}

long smp_up(unsigned int id)
{
    return hc_vcpu_op(VCPUOP_up, id, NULL);
}

long smp_is_up(unsigned int id)
{
    return hc_vcpu_op(VCPUOP_is_up, id, NULL);
}

void smp_down_self(void)
{
    hc_vcpu_op(VCPUOP_down, this_cpu()->id, NULL);
}

static volatile bool ap_started[KIT_MAX_CPUS];

void kit_ap_start(struct cpu *cpu)
{
    trap_init();
    hc_stack_switch(FLAT_KERNEL_SS, cpu->trap_stack_top);
    ap_started[cpu->id] = true;
    cpu->ap_main(cpu->ap_arg);
    for (;;)
        smp_down_self();
}

long smp_start(unsigned int id, void (*main)(void *), void *arg)
{
    long rc = smp_initialise(id, main, arg);

    ap_started[id] = false;
    if (rc == 0)
        rc = smp_up(id);
    if (rc == 0) {
        while (!ap_started[id])
            hc_sched_op(SCHEDOP_yield, NULL);
    }
    return rc;
}
