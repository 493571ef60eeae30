/* SPDX-License-Identifier: MIT */
/*
 * Where the frame table and the frames themselves are: fixed addresses
 * (asm/config.h), so that finding either is arithmetic. Every page-table
 * update comes by here; include it through hv/page.h.
 */
#ifndef ASM_FRAMES_H
#define ASM_FRAMES_H

#include <asm/config.h>
#include <hv/types.h>

struct page_info;

#define frame_table ((struct page_info *)FRAME_TABLE_START)

/* The largest range of RAM; the others are looked up. Constant after boot. */
extern uint64_t main_ram_start, main_ram_nr;
bool mfn_is_other_ram(mfn_t m);

static inline bool mfn_is_main_ram(mfn_t m)
{
    return mfn_x(m) - main_ram_start < main_ram_nr;
}

/* True if m is a frame of RAM with a page_info (any owner). */
static inline bool mfn_is_ram(mfn_t m)
{
    return likely(mfn_is_main_ram(m)) || mfn_is_other_ram(m);
}

/* Every frame of RAM is mapped for the hypervisor: */
static inline void *mfn_to_virt(mfn_t m)
{
    return (void *)(DIRECTMAP_START + mfn_to_maddr(m));
}

/* Of an address that mfn_to_virt() gave, or inside its page. */
static inline mfn_t directmap_to_mfn(const void *va)
{
    return maddr_to_mfn((uintptr_t)va - DIRECTMAP_START);
}

#endif
