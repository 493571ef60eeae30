/* SPDX-License-Identifier: MIT */
/*
 * What is done against which speculation, as a function of the processor and
 * the command line. No hardware is touched here: tests/unit/spec_choose.c runs
 * it for processors that we do not have.
 */
#include <asm/spec_ctrl.h>

#include <hv/lib.h>

#include <asm/cpu.h>

const struct spec_options spec_options_default = {
    .thunk = SPEC_DEFAULT,
    .ibrs = SPEC_DEFAULT,
    .ibpb = SPEC_DEFAULT,
    .ibpb_entry = SPEC_DEFAULT,
    .stibp = SPEC_DEFAULT,
    .ssbd = SPEC_DEFAULT,
    .rsb = SPEC_DEFAULT,
    .md_clear = SPEC_DEFAULT,
    .srb_lock = SPEC_DEFAULT,
    .tsx = SPEC_DEFAULT,
    .xpti_dom0 = SPEC_DEFAULT,
    .xpti_domu = SPEC_DEFAULT,
    .l1tf_dom0 = SPEC_DEFAULT,
    .l1tf_domu = SPEC_DEFAULT,
};

static bool is_zen2(const struct spec_caps *c)
{
    static const struct {
        uint8_t first, last;
    } models[] = {{0x30, 0x4f}, {0x60, 0x7f}, {0x90, 0x91}, {0xa0, 0xaf}};

    if (c->vendor != VENDOR_AMD || c->family != 0x17)
        return false;
    for (unsigned int i = 0; i < ARRAY_SIZE(models); i++)
        if (c->model >= models[i].first && c->model <= models[i].last)
            return true;
    return false;
}

/*
 * Whether IBPB forgets branch types, without which it does not help against
 * SRSO, is not told by processors that got it by microcode: Zen 1 and 2 always
 * do, of Zen 3 and 4 those that take the other barrier, which came with it
 * (AMD, "Technical Update Regarding Speculative Return Stack Overflow"). A
 * hypervisor below us has its own ideas of both registers, and tells.
 */
void spec_amd_holes(struct spec_caps *c, uint32_t leaf21, bool is_guest,
                    bool takes_sbpb)
{
    bool zen12 = c->family == 0x17, zen34 = c->family == 0x19;

    /* Later ones are said not to need it. */
    c->ret_mispredicted &= zen12;
    c->srso =
        (zen12 || zen34) && !(leaf21 & (E21_A_SRSO_NO | E21_A_SRSO_US_NO));
    c->ibpb_types = c->ibpb && (leaf21 & E21_A_IBPB_BRTYPE || zen12 ||
                                (zen34 && takes_sbpb && !is_guest));
    c->zenbleed = is_zen2(c) && !is_guest;
}

static bool pick(int option, bool by_default)
{
    return option == SPEC_DEFAULT ? by_default : option;
}

/*
 * Branch targets trained by a guest. Enhanced IBRS keeps them out by itself.
 * A return that falls back to them (Skylake) makes retpolines unsafe: there
 * the old IBRS, dear as it is. Everywhere else a retpoline.
 */
static void choose_branches(const struct spec_caps *c,
                            const struct spec_options *o,
                            struct spec_choice *out)
{
    bool set_once = c->ibrs_all || c->auto_ibrs;

    if (pick(o->ibrs, set_once || (c->rsb_underflow && c->ibrs))) {
        out->auto_ibrs = c->auto_ibrs;
        out->ibrs_all = c->ibrs_all && !c->auto_ibrs;
        out->ibrs_entry = c->ibrs && !set_once;
    }
    if (o->thunk != SPEC_DEFAULT)
        out->thunk = (enum patch_thunk)o->thunk;
    else if (out->auto_ibrs || out->ibrs_all || out->ibrs_entry)
        out->thunk = PATCH_THUNK_JMP;
    else
        out->thunk = PATCH_THUNK_RETPOLINE;
    /* A LFENCE that does not wait is no protection. */
    if (out->thunk == PATCH_THUNK_LFENCE && !c->lfence_stops)
        out->thunk = PATCH_THUNK_RETPOLINE;
}

/*
 * Returns. What a guest leaves in the return predictor are addresses behind
 * its own calls, all in pages of ring 3: with SMEP nothing there is executed,
 * not even for a moment.
 */
static void choose_returns(const struct spec_caps *c,
                           const struct spec_options *o,
                           struct spec_choice *out)
{
    out->rsb_entry = pick(o->rsb, !c->smep);
    out->ibpb_switch = c->ibpb && pick(o->ibpb, true);
    out->ibpb_entry =
        c->ibpb &&
        pick(o->ibpb_entry, c->ret_mispredicted || (c->srso && c->ibpb_types));
}

static void choose_register(const struct spec_caps *c,
                            const struct spec_options *o,
                            struct spec_choice *out)
{
    uint64_t v = 0;

    if (out->ibrs_entry || out->ibrs_all)
        v |= SPEC_CTRL_IBRS;
    if (c->stibp && c->smt && pick(o->stibp, out->ibrs_entry || out->ibrs_all))
        v |= SPEC_CTRL_STIBP;
    if (c->ssbd && pick(o->ssbd, false))
        v |= SPEC_CTRL_SSBD;
    if (c->bhi_ctrl && c->bhi && out->ibrs_all)
        v |= SPEC_CTRL_BHI_S;
    out->spec_ctrl = v;
}

/* Data of others in buffers of the core, and in the first-level cache. */
static void choose_data(const struct spec_caps *c, const struct spec_options *o,
                        struct spec_choice *out)
{
    bool leaks;

    out->tsx_off = c->tsx_ctrl && !pick(o->tsx, !c->taa);
    leaks = c->mds || c->mmio || (c->taa && !out->tsx_off);
    out->verw = c->md_clear && pick(o->md_clear, leaks);
    out->zen2_backup = c->zenbleed;
    out->srb_lock = c->srbds_ctrl && pick(o->srb_lock, true);
    out->xpti_dom0 = pick(o->xpti_dom0, c->meltdown);
    out->xpti_domu = pick(o->xpti_domu, c->meltdown);
    out->l1tf_dom0 = pick(o->l1tf_dom0, false);
    out->l1tf_domu = pick(o->l1tf_domu, c->l1tf);
}

void spec_choose(const struct spec_caps *c, const struct spec_options *o,
                 struct spec_choice *out)
{
    *out = (struct spec_choice){0};
    choose_branches(c, o, out);
    choose_returns(c, o, out);
    choose_register(c, o, out);
    choose_data(c, o, out);
}

uint32_t spec_features(const struct spec_choice *c)
{
    uint32_t f = 0;

    if (c->ibpb_entry)
        f |= 1U << PATCH_SPEC_ENTER | 1U << PATCH_IBPB_ENTER;
    if (c->ibrs_entry)
        f |= 1U << PATCH_SPEC_ENTER | 1U << PATCH_IBRS_ENTER |
             1U << PATCH_SPEC_LEAVE;
    if (c->rsb_entry)
        f |= 1U << PATCH_SPEC_ENTER | 1U << PATCH_RSB_ENTER;
    if (c->verw)
        f |= 1U << PATCH_SPEC_LEAVE | 1U << PATCH_VERW_LEAVE;
    if (c->ibpb_switch || c->spec_ctrl)
        f |= 1U << PATCH_PREDICT;
    if (c->xpti_dom0 || c->xpti_domu)
        f |= 1U << PATCH_ISOLATION |
             1U << (c->xpti_dom0 && c->xpti_domu ? PATCH_ISOLATED_ALL
                                                 : PATCH_ISOLATED_SOME);
    if (c->l1tf_dom0 || c->l1tf_domu)
        f |= 1U << PATCH_L1TF;
    /* A stub branches before IBRS is set, and has no LFENCE. */
    if (c->thunk != PATCH_THUNK_JMP || c->ibrs_entry)
        f |= 1U << PATCH_RETPOLINE;
    if (f & (1U << PATCH_SPEC_ENTER | 1U << PATCH_ISOLATED_SOME))
        f |= 1U << PATCH_ENTER;
    else if (f & 1U << PATCH_ISOLATED_ALL)
        f |= 1U << PATCH_ENTER_ISOLATED;
    if (f & (1U << PATCH_SPEC_LEAVE | 1U << PATCH_ISOLATED_SOME))
        f |= 1U << PATCH_LEAVE;
    else if (f & 1U << PATCH_ISOLATED_ALL)
        f |= 1U << PATCH_LEAVE_ISOLATED;
    return f;
}
