/* SPDX-License-Identifier: MIT */
/*
 * Another kernel in this one's place: the crash image, which waits in memory
 * reserved at boot for the hypervisor's or the control domain's end, and the
 * default image, to which the machine is rebooted without its firmware.
 * docs/kexec.md.
 */
#ifndef HV_KEXEC_H
#define HV_KEXEC_H

#include <hv/types.h>

#include <public/kexec.h>

struct cpu_regs;

/* Memory reserved by crashkernel=; size 0: none. Constant after boot. */
struct kexec_area {
    paddr_t start;
    uint64_t size;
};
extern struct kexec_area crash_area;

#define KEXEC_MAX_SEGMENTS 16

struct kexec_segment {
    paddr_t dest; /* whole pages */
    uint64_t dest_size;
    uint64_t buf; /* guest virtual address; 0: only to be reachable */
    uint64_t buf_size;
};

/* What to copy before the image is entered: a chain of pages of these. */
#define KEXEC_COPIES_PER_PAGE (PAGE_SIZE / 16 - 1)
struct kexec_copies {
    paddr_t next; /* 0: last */
    uint64_t nr;
    struct {
        paddr_t dest, src;
    } page[KEXEC_COPIES_PER_PAGE];
};
_Static_assert(sizeof(struct kexec_copies) == PAGE_SIZE, "a page");

struct kexec_image {
    uint8_t type; /* KEXEC_TYPE_* */
    bool entry_32bit;
    paddr_t entry;
    unsigned int nr_segments;
    struct kexec_segment segment[KEXEC_MAX_SEGMENTS];

    /* Its own frames, all outside of where segments go, and those that were
     * not: chains through page_info.next. */
    uint32_t pages, refused;
    struct kexec_copies *first_copies, *last_copies;

    /* How far the load has come, and who may go on with it. */
    unsigned int next_segment;
    uint64_t next_offset;
    uint32_t token;

    /* arch: two roots of page tables (the hypervisor's and the image's
     * addresses, then only the image's), and the last code of ours. */
    paddr_t switch_root, root, code;
};

/* ---- images (core/kexec_image.c); callers take turns (hypercall/kexec.c) ---
 */
/* Of the checked segments; -ENOMEM. */
int kexec_image_new(struct kexec_image **out) MUST_CHECK;
void kexec_image_free(struct kexec_image *img);
/* A zeroed page of the image that no segment goes to; NULL without memory. */
void *kexec_image_page(struct kexec_image *img);
/* The same, below 4 GiB. */
void *kexec_image_low_page(struct kexec_image *img);
/* The page that becomes the one at dest: in place for a crash image, to be
 * copied for the other. Contents undefined. NULL without memory. */
void *kexec_image_dest(struct kexec_image *img, paddr_t dest);

/* ---- what is loaded (core/kexec.c) ---- */
/* Replaces what is there; NULL: nothing. Returns the former one. */
struct kexec_image *kexec_set_image(uint8_t type, struct kexec_image *img);
bool kexec_is_loaded(uint8_t type);
/* Into the default image; -ENOENT. Does not return otherwise. */
int kexec_reboot(void);
/* After a panic or the control domain's crash, the other CPUs stopped: into
 * the crash image if there is one. regs: of the failure, NULL for the
 * caller's own. */
void kexec_crash(const struct cpu_regs *regs);
/* The control domain's end is the machine's: into the crash image. Returns if
 * there is none. */
void kexec_dom0_crashed(void);
void kexec_init(void);

/* crashkernel= for a machine with that much RAM (core/crashkernel.c): what to
 * reserve. limit: the area ends below it; fixed: it starts there. */
struct crashkernel_wish {
    uint64_t size, limit, fixed;
};
/* -EINVAL: not readable. size 0: nothing for a machine of that size. */
int crashkernel_parse(const char *s, uint64_t ram_bytes,
                      struct crashkernel_wish *wish);

#endif
