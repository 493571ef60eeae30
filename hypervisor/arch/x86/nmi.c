/* SPDX-License-Identifier: MIT */
/*
 * Non-maskable interrupts. From inside the hypervisor they run on their own
 * stack; the handler must not fault, since the IRET of a fault would let the
 * next NMI in, onto the same stack (docs/entry.md).
 */
#include <asm/mce.h>

#include <hv/lib.h>
#include <hv/percpu.h>

#include <asm/cpu_info.h>
#include <asm/x86.h>

/* System control port B: why the board raised an NMI. */
#define PORT_B        0x61
#define PORT_B_IOCHK  0x40
#define PORT_B_SERR   0x80
#define PORT_B_CLEARS 0x0c

DEFINE_PER_CPU(unsigned long, nmi_count);

static bool (*owner)(struct cpu_regs *regs);

void nmi_set_handler(bool (*fn)(struct cpu_regs *regs))
{
    owner = fn;
}

void nmi_handle(struct cpu_regs *regs)
{
    bool (*fn)(struct cpu_regs *) = READ_ONCE(owner);
    uint8_t reason;

    this_cpu(nmi_count)++;

    if (fn && fn(regs))
        return;
    reason = inb(PORT_B);
    if (reason & (PORT_B_IOCHK | PORT_B_SERR)) {
        printk(LOG_ERR "NMI on cpu %u: %s\n", smp_processor_id(),
               reason & PORT_B_SERR ? "PCI system error" : "I/O check");
        outb((reason & 0xf) | PORT_B_CLEARS, PORT_B);
        outb((uint8_t)(reason & 0xf & ~PORT_B_CLEARS), PORT_B);
        return;
    }
    printk(LOG_WARN "NMI on cpu %u without a known reason, at %pS\n",
           smp_processor_id(), (void *)regs->rip);
}
