/* SPDX-License-Identifier: MIT */
/*
 * The forms of a call to an indirect-branch thunk (asm/patch.h). Knows no
 * machine: runs in host tests as well.
 */
#include <asm/patch.h>

#include <hv/lib.h>

/* Intel SDM vol. 2: CALL, JMP, "REX Prefixes". */
#define OP_CALL      0xe8
#define OP_JMP       0xe9
#define PREFIX_CS    0x2e /* means nothing in 64-bit mode: filler */
#define REX_B        0x41
#define OP_GROUP5    0xff
#define MODRM_CALL   0xd0 /* register form, /2 */
#define MODRM_JMP    0xe0 /* /4 */
#define REG_EXTENDED 8

/* One instruction of five bytes, padded in front, so that it costs nothing. */
static void put_plain(uint8_t code[PATCH_SITE_LEN], unsigned int reg)
{
    uint8_t modrm = code[0] == OP_CALL ? MODRM_CALL : MODRM_JMP;

    code[0] = code[1] = code[2] = PREFIX_CS;
    if (reg & REG_EXTENDED)
        code[2] = REX_B;
    code[3] = OP_GROUP5;
    code[4] = (uint8_t)(modrm | (reg & 7));
}

bool patch_thunk_site(uint8_t code[PATCH_SITE_LEN], unsigned int reg,
                      enum patch_thunk thunk)
{
    int32_t disp;

    if (code[0] != OP_CALL && code[0] != OP_JMP)
        return false;
    switch (thunk) {
    case PATCH_THUNK_JMP:
        put_plain(code, reg);
        break;
    case PATCH_THUNK_LFENCE:
        memcpy(&disp, code + 1, sizeof(disp));
        disp += THUNK_LFENCE_OFF;
        memcpy(code + 1, &disp, sizeof(disp));
        break;
    case PATCH_THUNK_RETPOLINE:
        break;
    }
    return true;
}
