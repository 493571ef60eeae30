/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts as the control domain sees them. GSIs are pirqs of the
 * same number; message-signalled ones are numbered above nr_gsis.
 * Implemented in arch/x86/{irq,ioapic,msi}.c; event channels call in here.
 */
#ifndef HV_IRQ_H
#define HV_IRQ_H

#include <hv/types.h>

struct domain;
struct vcpu;

#define MAX_PIRQS 1024

extern unsigned int nr_gsis;

/* EVTCHNOP_bind_pirq: route the line to d and unmask it. -EINVAL: d has no
 * such pirq mapped; -EBUSY: bound and not shared. */
int pirq_bind(struct domain *d, unsigned int pirq, uint32_t port,
              bool will_share);
/* Take it back if it is bound to that port (0: whichever): the number may have
 * a new user by the time the old one's port is closed. */
void pirq_unbind(struct domain *d, unsigned int pirq, uint32_t port);
/* The event for pirq moved to v (bind_vcpu); a hint for routing. */
void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v);
/* The guest unmasked the port of pirq: EOI if one is due and the guest asked
 * for that (pirq_eoi_gmfn v1). */
void pirq_guest_unmask(struct domain *d, unsigned int pirq);
/* No interrupt of a device goes to cpu any more. */
void irq_cpu_leave(unsigned int cpu);
/* Unmap everything of a dying domain. */
void pirq_domain_destroy(struct domain *d);
void irq_dump(char key);

#endif
