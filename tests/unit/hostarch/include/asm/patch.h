/* SPDX-License-Identifier: MIT */
/*
 * The real asm/patch.h, save that a branch site is a look at a variable: tests
 * choose code as they go.
 */
#ifndef HOSTARCH_ASM_PATCH_H
#define HOSTARCH_ASM_PATCH_H

#define patch_is_set real_patch_is_set
#include_next <asm/patch.h>
#undef patch_is_set

extern uint32_t host_patches; /* set of PATCH_* bits, none at first */

static inline bool patch_is_set(unsigned int nr)
{
    return host_patches >> nr & 1;
}

#endif
