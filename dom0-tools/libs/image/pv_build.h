/* SPDX-License-Identifier: MIT */
/*
 * Builds a PV guest into an empty domain: gives it its memory, writes kernel,
 * ramdisk, p2m, page tables and start_info, pins, sets the first vcpu and the
 * grants by which dom0's daemons map its rings. The domain stays paused; undo
 * is destroying it.
 */
#ifndef TOOLS_IMAGE_PV_BUILD_H
#define TOOLS_IMAGE_PV_BUILD_H

#include "libs/image/kernel.h"
#include "libs/image/pv_layout.h"
#include "libs/sys/sys.h"

/* What a guest is made of, read and planned before it exists. */
struct pv_image {
    struct kernel kernel;
    struct bytes initrd;
    struct pv_layout layout;
};

struct pv_build_in {
    uint32_t domid;
    uint64_t max_pages; /* told as the size of its memory map */
    const char *cmdline;
    uint32_t store_port, console_port; /* of the guest */
};

struct pv_build_out {
    uint64_t store_mfn, console_mfn;
};

/*
 * Read the kernel and lay out a guest of nr_pages with it. Both views must
 * outlive the image; initrd.len 0 means none.
 * Returns 0, to be undone by pv_image_close, or -errno with the reason.
 */
int pv_image_open(struct pv_image *image, struct bytes kernel,
                  struct bytes initrd, uint64_t nr_pages, struct errmsg *err);
void pv_image_close(struct pv_image *image);

/* Returns 0 or -errno with the reason; the domain is then half built. */
int pv_build(struct sys *sys, const struct pv_image *image,
             const struct pv_build_in *in, struct pv_build_out *out,
             struct errmsg *err);

#endif
