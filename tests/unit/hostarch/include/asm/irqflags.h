/* SPDX-License-Identifier: MIT */
/*
 * The real asm/irqflags.h, save for what a host program may not do: here the
 * interrupt flag is a variable of the CPU that the test plays.
 */
#ifndef HOSTARCH_ASM_IRQFLAGS_H
#define HOSTARCH_ASM_IRQFLAGS_H

#define irq_enable     real_irq_enable
#define irq_disable    real_irq_disable
#define irq_save       real_irq_save
#define irq_restore    real_irq_restore
#define irq_is_enabled real_irq_is_enabled
#define cpu_relax      real_cpu_relax
#include_next <asm/irqflags.h>
#undef irq_enable
#undef irq_disable
#undef irq_save
#undef irq_restore
#undef irq_is_enabled
#undef cpu_relax

extern bool host_irqs_off;

static inline void irq_enable(void)
{
    host_irqs_off = false;
}

static inline void irq_disable(void)
{
    host_irqs_off = true;
}

static inline bool irq_is_enabled(void)
{
    return !host_irqs_off;
}

static inline unsigned long irq_save(void)
{
    bool off = host_irqs_off;

    host_irqs_off = true;
    return off ? 0 : RFLAGS_IF;
}

/* Somebody waits for another CPU: the test lets the others work, or nobody
 * ever does (smp.c). */
void host_cpu_relax(void);

static inline void cpu_relax(void)
{
    host_cpu_relax();
}

static inline void irq_restore(unsigned long flags)
{
    host_irqs_off = !(flags & RFLAGS_IF);
}

#endif
