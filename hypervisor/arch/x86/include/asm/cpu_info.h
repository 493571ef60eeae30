/* SPDX-License-Identifier: MIT */
/*
 * What a CPU finds from its stack pointer: struct cpu_info at the top of the
 * main stack (asm/config.h draws the area). The guest's frame lies right at
 * its start, so that a return to the guest is pops and IRETQ. No %gs: guests
 * own it, and a guest's swap of GS bases is then one SWAPGS.
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
    uint64_t hot[4]; /* entry code's own: cached values of current */
};
/* The frame ends where TSS.RSP0 and SYSENTER_ESP point: a processor in 64-bit
 * mode aligns the stack down to 16 before it pushes SS. What follows the frame
 * is one cache line. */
#define CPU_INFO_FRAME_END                                                    \
    (sizeof(struct cpu_info) - sizeof(struct cpu_regs)) /* below the area end \
                                                         */
_Static_assert(CPU_INFO_FRAME_END == 64, "aligned, one cache line");

static inline struct cpu_info *get_cpu_info(void)
{
    unsigned long sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_info *)((sp & ~(PERCPU_AREA_SIZE - 1UL)) +
                               PERCPU_AREA_SIZE - sizeof(struct cpu_info));
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
                               (cpu + 1UL) * PERCPU_AREA_SIZE) -
           1;
}

static inline unsigned long this_cpu_offset(void)
{
    return get_cpu_info()->percpu_offset;
}

#endif
