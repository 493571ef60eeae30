/* SPDX-License-Identifier: MIT */
/*
 * From a vector to its handler: the local APIC's own here, devices' in irq.c.
 */
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/perfc.h>
#include <hv/trace.h>

#include <asm/apic.h>
#include <asm/lockdebug.h>
#include <asm/traps.h>
#include <asm/x86.h>

#define FIRST_OWN (LAST_DEVICE_VECTOR + 1)

static void (*handler[256 - FIRST_OWN])(struct cpu_regs *);

void irq_vector_set_handler(uint8_t vector, void (*fn)(struct cpu_regs *))
{
    ASSERT(vector >= FIRST_OWN);
    handler[vector - FIRST_OWN] = fn;
}

static void own_vector(struct cpu_regs *regs, unsigned int vector)
{
    void (*fn)(struct cpu_regs *) = handler[vector - FIRST_OWN];

    if (vector == VECTOR_SPURIOUS)
        return; /* never in service: an EOI would end another interrupt */
    apic_eoi();
    if (vector == VECTOR_APIC_ERROR) {
        apic_write(APIC_ESR, 0);
        printk(LOG_WARN "APIC error on CPU %u: %#x\n", smp_processor_id(),
               apic_read(APIC_ESR));
    } else if (fn) {
        fn(regs);
    } else {
        printk(LOG_WARN "Interrupt %#x has no handler\n", vector);
    }
}

void do_irq_vector(struct cpu_regs *regs)
{
    unsigned int vector = regs->entry_vector & 0xff;
    unsigned int locks = lock_context_enter();
    uint64_t start = READ_ONCE(trace_active) ? rdtsc() : 0;

    perfc_inc_vector(vector);
    if (vector >= FIRST_OWN)
        own_vector(regs, vector);
    else
        do_irq(regs);
    if (unlikely(start))
        TRACE(TRC_HW_IRQ_HANDLED, vector, (uint32_t)start, (uint32_t)rdtsc());
    lock_context_leave(locks);
}
