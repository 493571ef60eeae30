/* SPDX-License-Identifier: MIT */
/* The store's connections to domains: rings, events, domain states. */
#ifndef XENSTORED_LINK_H
#define XENSTORED_LINK_H

#include "store.h"

/*
 * Open the hypervisor's devices, connect dom0's own ring and let its kernel
 * know that the store is there; sets st->link. 0 or -errno, logged.
 */
int link_start(struct store *st);
void link_stop(struct store *st);

#endif
