/* SPDX-License-Identifier: MIT */
/*
 * What a CPU finds from its stack pointer: struct cpu_info right above the main
 * stack (asm/config.h draws the area). The guest's frame lies at its start, so
 * that a return to the guest is pops and IRETQ. No %gs: guests own it, and a
 * guest's swap of GS bases is then one SWAPGS. The page is mapped while guests
 * run, isolated ones too: nothing secret belongs here.
 */
#ifndef ASM_CPU_INFO_H
#define ASM_CPU_INFO_H

#include <asm/config.h>
#include <asm/regs.h>

struct vcpu;

struct cpu_info {
    struct cpu_regs guest_regs; /* valid while handling an entry from guest */
    unsigned long softirqs;     /* pending ones: a bit per enum softirq */
    struct vcpu *vcpu;          /* current */
    unsigned long percpu_offset;
    uint32_t cpu;
    bool kernel_mode; /* current's arch.kernel_mode, for the entry code */
    uint8_t pad[3];
    /*
     * Isolation (asm/pv/isolation.h), all by kernel_mode: what CR3 is loaded
     * with on the way out and in; 0: current is not isolated.
     */
    uint64_t guest_cr3[2], host_cr3[2];
    uint64_t hv_cr3;     /* the hypervisor's own root */
    uint64_t scratch[3]; /* registers of the guest, on the way in and out */
};
/* The frame ends where TSS.RSP0 and SYSENTER_ESP point: a processor in 64-bit
 * mode aligns the stack down to 16 before it pushes SS. */
_Static_assert((AREA_CPU_INFO + sizeof(struct cpu_regs)) % 16 == 0, "aligned");
_Static_assert(AREA_CPU_INFO + sizeof(struct cpu_info) <= AREA_IST_SLOT_TOP(0),
               "the entry page has other tenants");

static inline struct cpu_info *get_cpu_info(void)
{
    unsigned long sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_info *)((sp & ~(PERCPU_AREA_SIZE - 1UL)) +
                               AREA_CPU_INFO);
}

static inline struct vcpu *get_current(void)
{
    return get_cpu_info()->vcpu;
}

#define current          get_current()
#define guest_cpu_regs() (&get_cpu_info()->guest_regs)

static inline unsigned int smp_processor_id(void)
{
    return get_cpu_info()->cpu;
}

/* Of any CPU that was prepared. */
static inline struct cpu_info *cpu_info_of(unsigned int cpu)
{
    return (struct cpu_info *)(PERCPU_AREA_START +
                               (unsigned long)cpu * PERCPU_AREA_SIZE +
                               AREA_CPU_INFO);
}

static inline unsigned long this_cpu_offset(void)
{
    return get_cpu_info()->percpu_offset;
}

#endif
