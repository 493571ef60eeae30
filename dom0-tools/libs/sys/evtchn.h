/* SPDX-License-Identifier: MIT */
/*
 * Event channels of this domain for a user process: /dev/xen/evtchn.
 *
 * A port that fired is masked until unmasked: wait for fd readable, take the
 * ports with sys_evtchn_pending(), sys_evtchn_unmask() each, then look at the
 * shared ring (in this order, or an event is lost).
 */
#ifndef LIBS_SYS_EVTCHN_H
#define LIBS_SYS_EVTCHN_H

#include <stdint.h>

struct sys_evtchn;

int sys_evtchn_open(struct sys_evtchn **out);
/* Unbinds every port bound through it. */
void sys_evtchn_close(struct sys_evtchn *ec);
/* For poll(); non-blocking. */
int sys_evtchn_fd(const struct sys_evtchn *ec);

/* Each returns a local port (>= 1) or -errno. */
int sys_evtchn_bind_interdomain(struct sys_evtchn *ec, uint32_t domid,
                                uint32_t remote_port);
int sys_evtchn_bind_unbound(struct sys_evtchn *ec, uint32_t remote_domid);
int sys_evtchn_bind_virq(struct sys_evtchn *ec, uint32_t virq);

int sys_evtchn_unbind(struct sys_evtchn *ec, uint32_t port);
int sys_evtchn_notify(struct sys_evtchn *ec, uint32_t port);
/* Fill ports[] with what fired; returns how many, 0 if nothing is pending. */
int sys_evtchn_pending(struct sys_evtchn *ec, uint32_t *ports,
                       unsigned int max);
int sys_evtchn_unmask(struct sys_evtchn *ec, uint32_t port);

#endif
