/* SPDX-License-Identifier: MIT */
/*
 * Code that is chosen once, at boot, by what the processor needs. Two kinds of
 * places, each kept in a table:
 *
 *   a branch site: a NOP of five bytes, or a jump to code that lies elsewhere.
 *   What is not needed costs one NOP, and no load, flag or predictor entry.
 *
 *   a thunk site: a call or jump of the compiler's to an indirect-branch thunk
 *   (thunk.S), which stays, or becomes the plain indirect branch in its place.
 *
 * Patched on the boot page tables (main.c); when the final ones are loaded, the
 * code is read-only.
 */
#ifndef ASM_PATCH_H
#define ASM_PATCH_H

/* What a branch site waits for: bit numbers of patch_features. */
#define PATCH_SPEC_ENTER    0 /* any work on the way in from a guest */
#define PATCH_IBPB_ENTER    1 /*   barrier against its branch predictions */
#define PATCH_IBRS_ENTER    2 /*   its SPEC_CTRL replaced by ours, and back */
#define PATCH_RSB_ENTER     3 /*   return predictor filled with harmless ones */
#define PATCH_SPEC_LEAVE    4 /* any work on the way out to a guest */
#define PATCH_VERW_LEAVE    5 /*   buffers overwritten */
#define PATCH_ISOLATION     6 /* guests run on page tables without us: */
#define PATCH_ISOLATED_SOME 7 /*   one of two: not all of them do, */
#define PATCH_ISOLATED_ALL  8 /*   or all */
#define PATCH_PREDICT       9 /* barriers and fences when vcpus are switched */
#define PATCH_L1TF          10 /* entries that are not present are looked at */
#define PATCH_RETPOLINE     11 /* entry stubs: no plain indirect branch */
/* On the way in resp. out, one of two at most, by the above: */
#define PATCH_ENTER          12 /* something, or page tables for some */
#define PATCH_ENTER_ISOLATED 13 /* page tables for all, and nothing else */
#define PATCH_LEAVE          14
#define PATCH_LEAVE_ISOLATED 15
#define PATCH_NR             16

#ifdef __ASSEMBLY__

/* clang-format off */
/* A branch site: jumps to label `to` if feature bit `nr` is set. */
#define PATCH_BRANCH(nr, to)                                                   \
    99: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00;                                    \
    .pushsection .patch_sites, "a";                                            \
    .balign 4;                                                                 \
    .long 99b - ., to - ., nr;                                                 \
    .popsection
    .macro PATCH_SITE at:req, to:req, nr:req
    .pushsection .patch_sites, "a"
    .balign 4
    .long \at - ., \to - ., \nr
    .popsection
    .endm
/* A branch site where an instruction stands, of five bytes at least, which
 * label `to` does itself before it goes on at `back`, defined here. */
    .macro PATCH_PLACE at:req, back:req, insn:vararg
\at:
    \insn
    .if . - \at < 5
    .error "no room for a jump"
    .endif
\back:
    .endm
    .macro PATCH_OVER nr:req, to:req, back:req, insn:vararg
    PATCH_PLACE .Lover\@, \back, \insn
    PATCH_SITE .Lover\@, \to, \nr
    .endm
/* To one label or another, by two bits of which one is set at most. */
    .macro PATCH_OVER_EITHER nr:req, to:req, nr2:req, to2:req, back:req, \
        insn:vararg
    PATCH_PLACE .Lover\@, \back, \insn
    PATCH_SITE .Lover\@, \to, \nr
    PATCH_SITE .Lover\@, \to2, \nr2
    .endm
/* clang-format on */

#else

#include <hv/types.h>

/* Address fields are relative to themselves. */
struct patch_site {
    int32_t site, target;
    uint32_t feature;
};

enum patch_thunk {
    PATCH_THUNK_RETPOLINE, /* as linked */
    PATCH_THUNK_LFENCE,
    PATCH_THUNK_JMP,
};

/*
 * Boot CPU, on the boot page tables, once: features is the set of PATCH_*
 * bits.
 */
void patch_code(uint32_t features, enum patch_thunk thunk);
extern uint32_t patch_features;

/* True if feature `nr`, a constant, is set: a branch site. False before
 * patch_code(). */
static inline __attribute__((always_inline)) bool patch_is_set(
    const unsigned int nr)
{
    __asm__ goto("1: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
                 ".pushsection .patch_sites, \"a\"\n"
                 ".balign 4\n"
                 ".long 1b - ., %l[yes] - ., %c0\n"
                 ".popsection\n"
                 :
                 : "i"(nr)
                 :
                 : yes);
    return false;
yes:
    return true;
}

/* ---- what the tables hold, for the patcher and its test ---- */

#define PATCH_SITE_LEN   5
/* thunk.S: thunks are this far apart, the LFENCE kind this far behind. */
#define THUNK_SIZE       32
#define THUNK_NR         16
#define THUNK_LFENCE_OFF (THUNK_SIZE * THUNK_NR)

/*
 * The five bytes at code[], a call or jump to the thunk of register reg (the
 * processor's number), in the form that thunk wants. False: not a call or
 * jump, nothing changed.
 */
bool patch_thunk_site(uint8_t code[PATCH_SITE_LEN], unsigned int reg,
                      enum patch_thunk thunk);

#endif
#endif
