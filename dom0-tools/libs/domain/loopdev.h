/* SPDX-License-Identifier: MIT */
/* Files as block devices, through Linux's loop driver. */
#ifndef TOOLS_DOMAIN_LOOPDEV_H
#define TOOLS_DOMAIN_LOOPDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Attach the file to a free loop device, to be detached by the kernel when its
 * last user closes it: nothing stays behind if we die. Returns an open
 * descriptor of the device, its path in dev; or -errno.
 */
int loopdev_attach(const char *file, bool readonly, char *dev, size_t room);

#endif
