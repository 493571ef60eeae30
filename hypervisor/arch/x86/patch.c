/* SPDX-License-Identifier: MIT */
/*
 * Choosing code at boot (asm/patch.h).
 */
#include <asm/patch.h>

#include <hv/lib.h>

#include <asm/image.h>
#include <asm/x86.h>

#define OP_JMP 0xe9

extern const struct patch_site patch_sites_start[], patch_sites_end[];
/* Found by the linker's second pass: offsets from image_start. */
extern const uint32_t thunk_sites[], thunk_sites_count;
extern char thunks_start[]; /* thunk.S */

uint32_t patch_features __ro_after_init;

static void __init patch_thunk_sites(enum patch_thunk thunk)
{
    for (uint32_t i = 0; i < thunk_sites_count; i++) {
        uint8_t *code = (uint8_t *)image_start + thunk_sites[i];
        int32_t disp;
        ptrdiff_t off;

        memcpy(&disp, code + 1, sizeof(disp));
        off = (char *)code + PATCH_SITE_LEN + disp - thunks_start;
        if (off < 0 || off >= THUNK_LFENCE_OFF || off % THUNK_SIZE ||
            !patch_thunk_site(code, (unsigned int)off / THUNK_SIZE, thunk))
            panic("Bad thunk site at %p", (void *)code);
    }
}

static void __init patch_branches(uint32_t features)
{
    for (const struct patch_site *s = patch_sites_start; s < patch_sites_end;
         s++) {
        uint8_t *code = (uint8_t *)&s->site + s->site;
        const uint8_t *to = (const uint8_t *)&s->target + s->target;
        int32_t disp = (int32_t)(to - (code + PATCH_SITE_LEN));

        if (s->feature >= PATCH_NR)
            panic("Bad branch site at %p", (void *)code);
        if (!(features >> s->feature & 1))
            continue;
        code[0] = OP_JMP;
        memcpy(code + 1, &disp, sizeof(disp));
    }
}

void __init patch_code(uint32_t features, enum patch_thunk thunk)
{
    patch_features = features;
    patch_branches(features);
    patch_thunk_sites(thunk);
    /* CPUID serialises: nothing of the old bytes is executed any more. */
    (void)cpuid(0);
}
