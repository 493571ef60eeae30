/* SPDX-License-Identifier: MIT */
/* Grant pages of ours to another domain: /dev/xen/gntalloc. */
#ifndef LIBS_SYS_GNTALLOC_H
#define LIBS_SYS_GNTALLOC_H

#include <stdint.h>

struct sys_gntalloc;

int sys_gntalloc_open(struct sys_gntalloc **out);
void sys_gntalloc_close(struct sys_gntalloc *ga);

/*
 * nr fresh zeroed pages, mapped here and granted to domid; their references go
 * to refs[]. Returns 0 and the address.
 */
int sys_gntalloc_share(struct sys_gntalloc *ga, uint32_t domid, unsigned int nr,
                       int writable, uint32_t *refs, void **addr);
/* Unmap and stop granting (the frame stays until the peer unmapped it). */
int sys_gntalloc_unshare(struct sys_gntalloc *ga, void *addr, unsigned int nr);

#endif
