/* SPDX-License-Identifier: MIT */
/*
 * What a PV kernel says about itself in its "Xen" ELF notes.
 * ABI: public elfnote.h; source of the facts: docs/abi.
 */
#ifndef TOOLS_IMAGE_PV_NOTES_H
#define TOOLS_IMAGE_PV_NOTES_H

#include "libs/image/elf_image.h"

#define PV_NOTE_MAX 20u

struct pv_notes {
    uint32_t present; /* bit n: note type n was there */
    uint64_t entry;
    uint64_t hypercall_page;
    uint64_t virt_base;
    uint64_t paddr_offset;
    uint64_t init_p2m;
    uint64_t mod_start_pfn;
    char guest_os[32];
    char guest_version[32];
    char loader[32];
    char xen_version[32];
};

static inline bool pv_note_has(const struct pv_notes *n, unsigned int type)
{
    return type < PV_NOTE_MAX && (n->present >> type & 1u) != 0;
}

/*
 * Read all note segments and check that they describe a PV kernel.
 * Returns 0; -EINVAL for damaged notes; -ENOEXEC if this is no PV kernel.
 */
int pv_notes_parse(const struct elf_image *elf, struct pv_notes *notes,
                   struct errmsg *err);

#endif
