/* SPDX-License-Identifier: MIT */
/*
 * The serial console's interrupt line, by a vector of its own. The control
 * domain does not find the ports (pv/ioport.c), so it never wants the line.
 */
#include <hv/acpi.h>
#include <hv/console_sink.h>
#include <hv/lib.h>

#include <asm/apic.h>
#include <asm/boot.h>
#include <asm/irq.h>

static void serial_vector(struct cpu_regs *regs)
{
    (void)regs;
    uart_interrupt();
}

/* Where an ISA interrupt arrives: usually at the line of its number. */
static unsigned int __init isa_gsi(unsigned int isa_irq)
{
    for (unsigned int i = 0; i < acpi_info.nr_overrides; i++)
        if (acpi_info.override[i].isa_irq == isa_irq)
            return acpi_info.override[i].gsi;
    return isa_irq;
}

static bool __init take_line(unsigned int gsi)
{
    if (!ioapic_has_gsi(gsi))
        return false;
    /* ISA: edge, high. */
    ioapic_route(gsi, VECTOR_SERIAL, apic_id(), false, false);
    ioapic_set_mask(gsi, false);
    return true;
}

/* With a port whose line is not there, all go on being polled. */
void __init uart_irq_init(void)
{
    bool all = true;
    int isa_irq;

    irq_vector_set_handler(VECTOR_SERIAL, serial_vector);
    for (unsigned int i = 0; (isa_irq = uart_isa_irq(i)) >= 0; i++)
        all = take_line(isa_gsi((unsigned int)isa_irq)) && all;
    if (all)
        uart_use_irq();
}
