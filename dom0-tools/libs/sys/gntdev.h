/* SPDX-License-Identifier: MIT */
/* Map pages another domain granted to us: /dev/xen/gntdev. */
#ifndef LIBS_SYS_GNTDEV_H
#define LIBS_SYS_GNTDEV_H

#include <stdint.h>

struct sys_gntdev;

int sys_gntdev_open(struct sys_gntdev **out);
/* Mappings outlive the handle until unmapped. */
void sys_gntdev_close(struct sys_gntdev *gd);

/*
 * Map refs[0..nr) of domid side by side, PROT_READ or PROT_READ|PROT_WRITE.
 * Returns 0 and the address; -EINVAL and the like when any ref is refused.
 */
int sys_gntdev_map(struct sys_gntdev *gd, uint32_t domid, const uint32_t *refs,
                   unsigned int nr, int prot, void **addr);
int sys_gntdev_unmap(struct sys_gntdev *gd, void *addr, unsigned int nr);

/*
 * When the mapping at addr goes away, even by our death: clear the byte at
 * offset (if >= 0), notify the local port (if >= 0).
 */
int sys_gntdev_set_notify(struct sys_gntdev *gd, void *addr, int offset,
                          int port);

#endif
