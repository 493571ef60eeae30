/* SPDX-License-Identifier: MIT */
/*
 * The store's ring page, our side of it. The domain may write anything into
 * the page at any time: indices are read once, checked, and used from our
 * copy; the data moved is only ever bytes.
 */
#ifndef XENSTORED_RING_H
#define XENSTORED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <public/io/xs_wire.h>

/*
 * Move bytes; returns how many, 0 when there are none or no room, -EIO when
 * the indices cannot be right. The caller notifies after a non-zero move.
 */
ssize_t ring_read(struct xenstore_domain_interface *intf, void *buf,
                  size_t len);
ssize_t ring_write(struct xenstore_domain_interface *intf, const void *buf,
                   size_t len);

/* Begin: tell the features we have. */
void ring_start(struct xenstore_domain_interface *intf);
/* Tell the domain why its connection is dead. */
void ring_error(struct xenstore_domain_interface *intf, uint32_t error);
/* Did the domain ask for a fresh start? And giving it one. */
bool ring_wants_reset(const struct xenstore_domain_interface *intf);
void ring_reset(struct xenstore_domain_interface *intf);

#endif
