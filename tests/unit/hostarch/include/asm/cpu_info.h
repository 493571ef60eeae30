/* SPDX-License-Identifier: MIT */
/*
 * The host's stand-in for asm/cpu_info.h: which CPU and which vcpu the code
 * under test believes to run on is what the test says (hostarch.h).
 */
#ifndef ASM_CPU_INFO_H
#define ASM_CPU_INFO_H

#include <asm/config.h>
#include <asm/regs.h>

struct vcpu;

struct cpu_info {
    struct cpu_regs guest_regs;
    unsigned long softirqs;
    struct vcpu *current;
    unsigned long percpu_offset;
    uint32_t cpu;
    bool kernel_mode;
    uint64_t guest_cr3[2], host_cr3[2];
    uint64_t hv_cr3;
    uint64_t scratch[3];
};

extern struct cpu_info *host_cpu_info; /* of the CPU that the test plays */

struct cpu_info *cpu_info_of(unsigned int cpu);

static inline struct cpu_info *get_cpu_info(void)
{
    return host_cpu_info;
}

#define current          (get_cpu_info()->current)
#define guest_cpu_regs() (&get_cpu_info()->guest_regs)

static inline unsigned int smp_processor_id(void)
{
    return get_cpu_info()->cpu;
}

static inline unsigned long this_cpu_offset(void)
{
    return get_cpu_info()->percpu_offset;
}

#endif
