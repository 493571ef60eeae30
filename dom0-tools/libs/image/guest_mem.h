/* SPDX-License-Identifier: MIT */
/*
 * Memory of the guest being built: allocation of all of it, and writes by pfn.
 */
#ifndef TOOLS_IMAGE_GUEST_MEM_H
#define TOOLS_IMAGE_GUEST_MEM_H

#include "libs/image/bytes.h"
#include "libs/image/errmsg.h"
#include "libs/sys/sys.h"

struct guest_mem {
    struct sys *sys;
    uint32_t domid;
    uint64_t nr_pages;
    uint64_t *p2m; /* owned; machine frame of every pfn */
};

/*
 * Give the domain nr_pages: 2 MiB extents while there are any, then pages.
 * Returns 0, to be followed by guest_mem_free; -ENOMEM with the reason.
 */
int guest_mem_populate(struct guest_mem *m, struct sys *sys, uint32_t domid,
                       uint64_t nr_pages, struct errmsg *err);
void guest_mem_free(struct guest_mem *m);

/* Write data at byte offset of pfn, and zeros behind it up to len bytes. */
int guest_mem_write(struct guest_mem *m, uint64_t pfn, uint64_t offset,
                    struct bytes data, uint64_t len, struct errmsg *err);

#endif
