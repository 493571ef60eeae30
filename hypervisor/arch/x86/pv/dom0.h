/* SPDX-License-Identifier: MIT */
/*
 * Building the control domain, in pieces: its kernel out of a boot module,
 * what the kernel's notes ask for, the layout of its first addresses.
 */
#ifndef PV_DOM0_H
#define PV_DOM0_H

#include <hv/elf.h>
#include <hv/types.h>

struct domain;

/* A kernel as an ELF image in memory. */
struct dom0_kernel {
    struct elf_image elf;
    void *unpacked; /* from hv_vmalloc(), or NULL: the module itself */
    uint64_t unpacked_bytes;
};

/*
 * dom0_kernel.c: take a bzImage or ELF apart. Returns NULL, or one line that
 * says what is wrong with it.
 */
const char *dom0_kernel_open(const void *module, uint64_t size,
                             struct dom0_kernel *k);
void dom0_kernel_close(struct dom0_kernel *k);

/*
 * dom0_unpack.c: one compressed stream to memory, by what it begins with. out
 * has room for exactly the size that the image states; anything else is an
 * error. NULL, or what is wrong.
 */
const char *dom0_unpack(const void *in, uint64_t in_bytes, void *out,
                        uint64_t out_bytes);
/* Whether the start of a payload is a format dom0_unpack() knows; its name. */
const char *dom0_unpack_format(const void *in, uint64_t in_bytes);

/* What the notes say (abi-notes: ELF notes), checked. */
struct dom0_params {
    uint64_t virt_base, paddr_offset, entry;
    uint64_t hypercall_page; /* VA, 0: none */
    uint64_t init_p2m;       /* VA, 0: the list goes behind the kernel */
    bool mod_start_pfn;
    uint64_t first, end; /* VA: what the segments cover */
};
const char *dom0_params_read(const struct dom0_kernel *k,
                             struct dom0_params *p);

/* Where things are, by frame number from virt_base up and by address. */
struct dom0_layout {
    uint64_t nr_pages;          /* of the domain */
    uint64_t region_pages;      /* mapped from virt_base on */
    uint64_t initrd, nr_initrd; /* pfn; frames. VA if !mod_start_pfn */
    uint64_t p2m_va;
    uint64_t p2m_pfn, nr_p2m_list, nr_p2m;         /* list; with its tables */
    uint64_t start_info, tables, nr_tables, stack; /* VA; count of tables */
};
/* Pure arithmetic; NULL, or why it cannot be. */
const char *dom0_layout_make(const struct dom0_params *p, uint64_t nr_pages,
                             uint64_t initrd_bytes, struct dom0_layout *l);

#endif
