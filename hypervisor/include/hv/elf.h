/* SPDX-License-Identifier: MIT */
/*
 * Reader of ELF64 x86-64 executables and of the "Xen" notes in them (ABI:
 * public/elfnote.h). The image is not trusted: every offset and size is
 * checked against its end.
 */
#ifndef HV_ELF_H
#define HV_ELF_H

#include <hv/types.h>

#define ELF_MAX_SEGMENTS 16

struct elf_segment {
    uint64_t vaddr, paddr;
    uint64_t mem_bytes;
    const void *data; /* within the image */
    uint64_t file_bytes;
    uint32_t flags;
};

struct elf_image {
    const uint8_t *base;
    uint64_t size;
    uint64_t entry;
    unsigned int nr_segments; /* PT_LOAD only */
    struct elf_segment segment[ELF_MAX_SEGMENTS];
    unsigned int nr_notes; /* PT_NOTE segments */
    struct {
        const uint8_t *start;
        uint64_t size;
    } note[ELF_MAX_SEGMENTS];
};

/* Returns NULL, or what is wrong with the image. */
const char *elf_parse(const void *data, uint64_t size, struct elf_image *out);
/* Contents of the note of that name and type; NULL if there is none. */
const void *elf_note(const struct elf_image *elf, const char *name,
                     uint32_t type, uint64_t *size);
/* A note that holds a number of 4 or 8 bytes. False: absent or another size. */
bool elf_note_number(const struct elf_image *elf, const char *name,
                     uint32_t type, uint64_t *value);

#endif
