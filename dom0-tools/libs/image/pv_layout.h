/* SPDX-License-Identifier: MIT */
/*
 * Where everything of a new PV guest goes: pure arithmetic, no hypercall.
 *
 *   virt_base                                            mapped_pages
 *   | (gap) kernel [initrd] [p2m] start_info xenstore console tables stack pad
 * | then, unmapped or mapped elsewhere:   [p2m] [p2m tables]   [initrd]
 *
 * pfn 0 is mapped at virt_base and pfns follow addresses up to mapped_pages.
 * With the INIT_P2M note the p2m is mapped at the address the note asks for;
 * with MOD_START_PFN the initrd is not mapped at all.
 */
#ifndef TOOLS_IMAGE_PV_LAYOUT_H
#define TOOLS_IMAGE_PV_LAYOUT_H

#include "libs/image/kernel.h"

#define PV_PAGE_SIZE 4096ull

struct pv_region {
    uint64_t pfn;
    uint64_t nr_pages;
    uint64_t va; /* 0: not mapped */
};

/* Tables that map [va, va + nr_pages) by 4 KiB: L3s, then L2s, then L1s. */
struct pv_tables {
    uint64_t va;
    uint64_t nr_pages;
    uint64_t nr[4]; /* nr[n]: tables of level n; nr[0] unused */
};

struct pv_layout {
    uint64_t virt_base;
    uint64_t nr_pages;     /* all memory of the guest */
    uint64_t mapped_pages; /* pfns [0, this) are mapped at virt_base */
    uint64_t used_pages;   /* pfns from here on are free for the guest */
    uint64_t initrd_len;
    bool initrd_by_pfn;
    struct pv_region kernel, initrd, p2m, p2m_tables;
    struct pv_region start_info, xenstore, console, tables, stack;
    struct pv_tables map;     /* initial region; its L4 precedes its L3s */
    struct pv_tables p2m_map; /* nr_pages 0 unless INIT_P2M */
};

/*
 * Returns 0; -ENOMEM if the guest's memory is too small for it; -EINVAL if the
 * notes ask for what cannot be laid out.
 */
int pv_layout_plan(const struct kernel *k, uint64_t nr_pages,
                   uint64_t initrd_len, struct pv_layout *l,
                   struct errmsg *err);

/*
 * Page tables as they will stand in guest memory: out receives
 * l->tables.nr_pages pages, p2m_out l->p2m_tables.nr_pages pages (unused if
 * that is 0). p2m[pfn] is the machine frame of each of the guest's pages.
 */
void pv_layout_tables(const struct pv_layout *l, const uint64_t *p2m,
                      uint64_t *out, uint64_t *p2m_out);

#endif
