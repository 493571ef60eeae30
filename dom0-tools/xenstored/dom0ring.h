/* SPDX-License-Identifier: MIT */
/* Where dom0's kernel keeps its ring to the store. */
#ifndef XENSTORED_DOM0RING_H
#define XENSTORED_DOM0RING_H

#include <stdint.h>

/* Map the ring page; *port is the kernel's port to bind. 0 or -errno. */
int dom0ring_find(void **page, uint32_t *port);

#endif
