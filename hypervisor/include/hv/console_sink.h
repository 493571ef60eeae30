/* SPDX-License-Identifier: MIT */
/*
 * What a device offers to the console. Sinks are registered at boot only.
 */
#ifndef HV_CONSOLE_SINK_H
#define HV_CONSOLE_SINK_H

#include <hv/types.h>

struct console_sink {
    const char *name; /* as in console= */
    /* Interrupts off, console lock held (or taken by force). */
    void (*write)(const char *buf, size_t len);
    /* Called every few ms while there is no receive interrupt; may be NULL. */
    void (*poll)(void);
    bool enabled;
    bool until_dom0; /* switched off when dom0 takes the screen over */
};

/* It gets all that was logged so far. */
void console_add_sink(struct console_sink *sink);
void console_replay(struct console_sink *sink);

/* The drivers, in the order in which main.c starts them. */
void uart_init_early(void);
void vga_init_early(void);
void vga_init_late(void); /* page tables are in place */
/* ISA interrupt of the i-th serial port that the console uses, -1: no more. */
int uart_isa_irq(unsigned int i);
/* True if the hypervisor keeps any of these I/O ports for its console; which
 * it does from the beginning. */
bool uart_owns_ports(uint16_t first, uint16_t last);
/* Its interrupt came. */
void uart_interrupt(void);
/* Interrupts can be delivered from now on: polling ends. */
void uart_use_irq(void);

#endif
