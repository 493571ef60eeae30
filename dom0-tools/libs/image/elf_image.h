/* SPDX-License-Identifier: MIT */
/*
 * Reader of 64-bit x86 ELF executables: which bytes go to which physical
 * address, and where the notes are. Nothing is copied; the views point into
 * the file, which must outlive them.
 */
#ifndef TOOLS_IMAGE_ELF_IMAGE_H
#define TOOLS_IMAGE_ELF_IMAGE_H

#include "libs/image/bytes.h"
#include "libs/image/errmsg.h"

#define ELF_LOADS_MAX 16u
#define ELF_NOTES_MAX 8u
#define ELF_SPAN_MAX  (1ull << 30) /* a kernel over 1 GiB is a mistake */

struct elf_load {
    uint64_t paddr;
    uint64_t memsz; /* >= data.len; the rest is zero */
    struct bytes data;
};

struct elf_image {
    uint64_t entry;
    uint64_t pstart, pend; /* loads lie in [pstart, pend), not overlapping */
    unsigned int nr_loads;
    unsigned int nr_notes;
    struct elf_load loads[ELF_LOADS_MAX]; /* by rising paddr */
    struct bytes notes[ELF_NOTES_MAX];
};

bool elf_magic(struct bytes file);

/* Returns 0, or -EINVAL with the reason in err. */
int elf_parse(struct bytes file, struct elf_image *elf, struct errmsg *err);

#endif
