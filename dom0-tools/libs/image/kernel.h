/* SPDX-License-Identifier: MIT */
/*
 * A guest kernel, ready to be laid out: bzImage, ELF or packed ELF in, loads
 * and notes out. Everything a file can get wrong is found here.
 */
#ifndef TOOLS_IMAGE_KERNEL_H
#define TOOLS_IMAGE_KERNEL_H

#include "libs/image/elf_image.h"
#include "libs/image/pv_notes.h"
#include "libs/image/unpack.h"

struct kernel {
    uint8_t *unpacked; /* owned; NULL if elf points into the caller's file */
    enum packing packing;
    struct elf_image elf;
    struct pv_notes notes;
};

/*
 * Read the kernel in file, which must outlive it.
 * Returns 0, to be undone by kernel_close; or -EINVAL, -ENOEXEC, -ENOMEM,
 * -EFBIG, -EOPNOTSUPP with the reason in err and nothing to undo.
 */
int kernel_open(struct bytes file, struct kernel *k, struct errmsg *err);
void kernel_close(struct kernel *k);

/* Virtual address at which the builder maps physical address paddr of k. */
static inline uint64_t kernel_va(const struct kernel *k, uint64_t paddr)
{
    return k->notes.virt_base + paddr - k->notes.paddr_offset;
}

#endif
