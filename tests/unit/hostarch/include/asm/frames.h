/* SPDX-License-Identifier: MIT */
/* The host's stand-in for asm/frames.h: the frames of hostarch/frames.c. */
#ifndef ASM_FRAMES_H
#define ASM_FRAMES_H

#include <hv/types.h>

struct page_info;

extern struct page_info *const frame_table;
bool mfn_is_ram(mfn_t m);
static inline bool mfn_is_main_ram(mfn_t m)
{
    return mfn_is_ram(m);
}
void *mfn_to_virt(mfn_t m);
mfn_t virt_to_mfn(const void *va);
#define directmap_to_mfn(va) virt_to_mfn(va)

#endif
