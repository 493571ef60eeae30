/* SPDX-License-Identifier: MIT */
/*
 * RFLAGS, the interrupt flag, and the pause of a waiting loop: the part of the
 * machine that core uses directly. Intel SDM vol. 1, "EFLAGS Register".
 */
#ifndef ASM_IRQFLAGS_H
#define ASM_IRQFLAGS_H

#define RFLAGS_CF         (1UL << 0)
#define RFLAGS_ONE        (1UL << 1)
#define RFLAGS_PF         (1UL << 2)
#define RFLAGS_AF         (1UL << 4)
#define RFLAGS_ZF         (1UL << 6)
#define RFLAGS_SF         (1UL << 7)
#define RFLAGS_TF         (1UL << 8)
#define RFLAGS_IF         (1UL << 9)
#define RFLAGS_DF         (1UL << 10)
#define RFLAGS_OF         (1UL << 11)
#define RFLAGS_IOPL       (3UL << 12)
#define RFLAGS_IOPL_SHIFT 12
#define RFLAGS_NT         (1UL << 14)
#define RFLAGS_RF         (1UL << 16)
#define RFLAGS_VM         (1UL << 17)
#define RFLAGS_AC         (1UL << 18)
#define RFLAGS_VIF        (1UL << 19)
#define RFLAGS_VIP        (1UL << 20)
#define RFLAGS_ID         (1UL << 21)

#ifndef __ASSEMBLY__

#include <hv/types.h>

static inline uint64_t read_rflags(void)
{
    uint64_t f;

    __asm__ volatile("pushfq; popq %0" : "=r"(f)::"memory");
    return f;
}

static inline void irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline unsigned long irq_save(void)
{
    unsigned long f = read_rflags();

    irq_disable();
    return f;
}

static inline void irq_restore(unsigned long flags)
{
    if (flags & RFLAGS_IF)
        irq_enable();
    else
        irq_disable();
}

static inline bool irq_is_enabled(void)
{
    return read_rflags() & RFLAGS_IF;
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

#endif
#endif
