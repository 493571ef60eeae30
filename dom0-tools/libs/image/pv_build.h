/* SPDX-License-Identifier: MIT */
/*
 * Builds a PV guest into an empty domain: gives it its memory, writes kernel,
 * ramdisk, p2m, page tables and start_info, pins, sets the first vcpu and the
 * grants by which dom0's daemons map its rings. The domain stays paused; undo
 * is destroying it.
 */
#ifndef TOOLS_IMAGE_PV_BUILD_H
#define TOOLS_IMAGE_PV_BUILD_H

#include "libs/image/bytes.h"
#include "libs/image/errmsg.h"
#include "libs/sys/sys.h"

struct pv_build_in {
    uint32_t domid;
    uint64_t nr_pages;  /* given now */
    uint64_t max_pages; /* told as the size of its memory map */
    struct bytes kernel;
    struct bytes initrd; /* len 0: none */
    const char *cmdline;
    uint32_t store_port, console_port; /* of the guest */
};

struct pv_build_out {
    uint64_t store_mfn, console_mfn;
};

/*
 * Read the kernel alone, to refuse a bad one before anything is created.
 * Returns 0 or -errno with the reason.
 */
int pv_build_check(struct bytes kernel, struct bytes initrd, uint64_t nr_pages,
                   struct errmsg *err);

/* Returns 0 or -errno with the reason; the domain is then half built. */
int pv_build(struct sys *sys, const struct pv_build_in *in,
             struct pv_build_out *out, struct errmsg *err);

#endif
