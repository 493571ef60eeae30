/* SPDX-License-Identifier: MIT */
/*
 * Event channels with the 2-level bitmap. Handlers run in the upcall, with
 * events masked.
 */
#ifndef KIT_EVENT_H
#define KIT_EVENT_H

#include <kit/trap.h>

typedef void (*event_handler_t)(unsigned int port, struct regs *r);

void event_init(void);
void event_upcall(struct regs *r);

/* A port gets its handler and is unmasked. */
void event_bind(unsigned int port, event_handler_t handler);

/* Each returns the port, or the negative error of the hypercall. */
long event_alloc_unbound(unsigned int remote_domid);
long event_bind_interdomain(unsigned int domid, unsigned int remote_port);
long event_bind_virq(unsigned int virq, unsigned int vcpu);
long event_bind_ipi(unsigned int vcpu);

long event_close(unsigned int port);
long event_send(unsigned int port);
long event_unmask(unsigned int port);

void event_mask(unsigned int port);
bool event_pending(unsigned int port);
void event_clear(unsigned int port);

/* The domain's own id, as the other end of a looped back channel names it. */
unsigned int event_own_domid(void);

/* Upcalls seen so far. */
extern volatile unsigned int event_upcalls;

/* Called at the beginning of each upcall, whatever the ABI of delivery. */
extern void (*event_upcall_hook)(void);

#endif
