/* SPDX-License-Identifier: MIT */
/*
 * The choice of speculation controls, for processors of which we have none: a
 * control that is not there must not be chosen (its MSR would fault), a hole
 * must not stay open by default, and a processor that needs nothing must pay
 * nothing. Also the words of the command line, and the forms of a patched call.
 */
#include <hostarch.h>

#include <asm/cpu.h>
#include <asm/spec_ctrl.h>

static const struct spec_caps skylake_old = {
    .vendor = VENDOR_INTEL,
    .smep = true,
    .smt = true,
    .lfence_stops = true,
    .meltdown = true,
    .l1tf = true,
    .mds = true,
    .taa = true,
    .rtm = true,
    .rsb_underflow = true,
    .bhi = true,
};
static const struct spec_caps zen1 = {
    .vendor = VENDOR_AMD,
    .smep = true,
    .smt = true,
    .ibpb = true,
    .lfence_stops = true,
    .ret_mispredicted = true,
};
static const struct spec_caps zen4 = {
    .vendor = VENDOR_AMD,
    .smep = true,
    .smt = true,
    .ibrs = true,
    .ibpb = true,
    .stibp = true,
    .ssbd = true,
    .auto_ibrs = true,
    .lfence_stops = true,
};
static const struct spec_caps icelake = {
    .vendor = VENDOR_INTEL,
    .smep = true,
    .smt = true,
    .ibrs = true,
    .ibpb = true,
    .stibp = true,
    .ssbd = true,
    .ibrs_all = true,
    .lfence_stops = true,
    .md_clear = true,
};

static struct spec_caps skylake_updated(void)
{
    struct spec_caps c = skylake_old;

    c.ibrs = c.ibpb = c.stibp = c.ssbd = c.md_clear = true;
    return c;
}

static struct spec_choice choose(struct spec_caps c, const char *words)
{
    struct spec_options o = spec_options_default;
    struct spec_choice out;

    assert_int_equal(spec_parse(&o, words), 0);
    spec_choose(&c, &o, &out);
    return out;
}

static void meltdown_asks_for_isolation(void **state)
{
    (void)state;
    struct spec_choice c = choose(skylake_old, "");

    assert_true(c.xpti_dom0 && c.xpti_domu);
    assert_true(c.l1tf_domu);
    assert_false(c.l1tf_dom0);
    c = choose(zen1, "");
    assert_false(c.xpti_dom0 || c.xpti_domu || c.l1tf_dom0 || c.l1tf_domu);
    c = choose(icelake, "");
    assert_false(c.xpti_dom0 || c.xpti_domu || c.l1tf_dom0 || c.l1tf_domu);
}

static void old_skylake_without_microcode_gets_retpolines(void **state)
{
    (void)state;
    struct spec_choice c = choose(skylake_old, "");

    assert_int_equal(c.thunk, PATCH_THUNK_RETPOLINE);
    assert_false(c.ibrs_entry || c.ibrs_all || c.ibpb_switch || c.verw);
    assert_int_equal(c.spec_ctrl, 0);
}

static void skylake_with_microcode_gets_ibrs(void **state)
{
    (void)state;
    struct spec_choice c = choose(skylake_updated(), "");

    assert_int_equal(c.thunk, PATCH_THUNK_JMP);
    assert_true(c.ibrs_entry && c.ibpb_switch && c.verw);
    assert_false(c.ibrs_all || c.tsx_off || c.rsb_entry || c.ibpb_entry);
    assert_int_equal(c.spec_ctrl, SPEC_CTRL_IBRS | SPEC_CTRL_STIBP);
    c = choose(skylake_updated(), "no-ibrs,no-stibp");
    assert_int_equal(c.thunk, PATCH_THUNK_RETPOLINE);
    assert_false(c.ibrs_entry);
    assert_int_equal(c.spec_ctrl, 0);
}

static void set_once_controls_cost_no_entry(void **state)
{
    (void)state;
    struct spec_choice c = choose(icelake, "");

    assert_true(c.ibrs_all);
    assert_int_equal(c.thunk, PATCH_THUNK_JMP);
    assert_true(c.spec_ctrl & SPEC_CTRL_IBRS);
    assert_int_equal(spec_features(&c), 1U << PATCH_PREDICT);
    c = choose(zen4, "");
    assert_true(c.auto_ibrs);
    assert_false(c.ibrs_all || c.ibrs_entry);
    assert_int_equal(c.thunk, PATCH_THUNK_JMP);
    assert_int_equal(spec_features(&c), 1U << PATCH_PREDICT);
}

static void returns_of_zen1_are_cut_off_from_guests(void **state)
{
    (void)state;
    struct spec_choice c = choose(zen1, "");

    assert_int_equal(c.thunk, PATCH_THUNK_RETPOLINE);
    assert_true(c.ibpb_entry && c.ibpb_switch);
    c = choose(zen1, "ibpb-entry=off");
    assert_false(c.ibpb_entry);
    assert_int_equal(spec_features(&c),
                     1U << PATCH_PREDICT | 1U << PATCH_RETPOLINE);
}

static struct spec_caps amd(unsigned int family, unsigned int model,
                            uint32_t leaf21, bool is_guest, bool takes_sbpb)
{
    struct spec_caps c = zen4;

    c.family = family;
    c.model = model;
    c.ret_mispredicted = true; /* BTC_NO came later than Zen 3 */
    spec_amd_holes(&c, leaf21, is_guest, takes_sbpb);
    return c;
}

/* Bits of leaf 0x80000021 by the manual's numbers. */
#define BRTYPE     (1U << 28)
#define SRSO_NO    (1U << 29)
#define SRSO_US_NO (1U << 30)

/* Where IBPB forgets too little, it is no help and not paid for. */
static void returns_after_calls_that_are_none(void **state)
{
    (void)state;
    static const struct {
        unsigned int family;
        uint32_t leaf21;
        bool is_guest, takes_sbpb, srso, barrier;
    } cases[] = {
        {0x17, 0, false, false, true, true},
        {0x17, 0, true, false, true, true},
        {0x19, 0, false, true, true, true},
        {0x19, 0, false, false, true, false}, /* old microcode */
        {0x19, BRTYPE, false, false, true, true},
        {0x19, BRTYPE, true, false, true, true},
        {0x19, 0, true, true, true, false}, /* the one below did not say */
        {0x19, BRTYPE | SRSO_NO, false, true, false, false},
        {0x19, BRTYPE | SRSO_US_NO, false, true, false, false},
        {0x1a, BRTYPE | SRSO_US_NO, false, false, false, false},
        {0x1a, 0, false, false, false, false},
        {0x15, 0, false, false, false, false},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct spec_caps c = amd(cases[i].family, 1, cases[i].leaf21,
                                 cases[i].is_guest, cases[i].takes_sbpb);

        assert_int_equal(c.srso, cases[i].srso);
        assert_int_equal(choose(c, "").ibpb_entry, cases[i].barrier);
        assert_false(choose(c, "ibpb-entry=no").ibpb_entry);
        assert_true(choose(c, "ibpb-entry").ibpb_entry);
        assert_int_equal(c.ret_mispredicted, cases[i].family == 0x17);
        c.ibpb = false;
        spec_amd_holes(&c, cases[i].leaf21, cases[i].is_guest,
                       cases[i].takes_sbpb);
        assert_false(choose(c, "ibpb-entry").ibpb_entry);
    }
}

static void vector_registers_of_zen2(void **state)
{
    (void)state;
    static const struct {
        unsigned int family, model;
        bool hole;
    } cases[] = {
        {0x17, 0x01, false}, {0x17, 0x08, false}, {0x17, 0x20, false},
        {0x17, 0x2f, false}, {0x17, 0x30, true},  {0x17, 0x31, true},
        {0x17, 0x4f, true},  {0x17, 0x50, false}, {0x17, 0x60, true},
        {0x17, 0x71, true},  {0x17, 0x7f, true},  {0x17, 0x80, false},
        {0x17, 0x90, true},  {0x17, 0x91, true},  {0x17, 0x92, false},
        {0x17, 0xa0, true},  {0x17, 0xaf, true},  {0x17, 0xb0, false},
        {0x19, 0x61, false}, {0x16, 0x30, false},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct spec_caps c =
            amd(cases[i].family, cases[i].model, 0, false, false);

        assert_int_equal(c.zenbleed, cases[i].hole);
        assert_int_equal(choose(c, "").zen2_backup, cases[i].hole);
        /* The bit is the machine's, not a guest's. */
        c = amd(cases[i].family, cases[i].model, 0, true, false);
        assert_false(choose(c, "").zen2_backup);
    }
}

static void without_smep_returns_are_guarded(void **state)
{
    (void)state;
    struct spec_caps c = skylake_old;

    c.smep = false;
    assert_true(choose(c, "").rsb_entry);
    assert_false(choose(c, "no-rsb").rsb_entry);
    assert_true(choose(skylake_old, "rsb").rsb_entry);
}

static void transactions_go_where_they_leak_and_can(void **state)
{
    (void)state;
    struct spec_caps c = icelake;

    c.rtm = c.taa = c.tsx_ctrl = true;
    assert_true(choose(c, "").tsx_off);
    assert_false(choose(c, "").verw); /* nothing else leaks */
    c.mds = true;
    assert_true(choose(c, "").verw);
}

/* Every control that is not there, asked for by name. */
static void asking_does_not_make_a_control_appear(void **state)
{
    (void)state;
    struct spec_caps none = {.vendor = VENDOR_INTEL};
    struct spec_choice c =
        choose(none, "ibrs,ibpb,ibpb-entry,stibp,ssbd,md-clear,srb-lock,"
                     "bti-thunk=lfence");

    assert_false(c.ibrs_entry || c.ibrs_all || c.auto_ibrs || c.ibpb_switch ||
                 c.ibpb_entry || c.verw || c.srb_lock || c.tsx_off);
    assert_int_equal(c.spec_ctrl, 0);
    /* A fence that does not stop speculation is no thunk. */
    assert_int_equal(c.thunk, PATCH_THUNK_RETPOLINE);
}

static void no_means_nothing_at_all(void **state)
{
    (void)state;
    struct spec_choice c = choose(skylake_updated(), "no");

    assert_int_equal(c.thunk, PATCH_THUNK_JMP);
    assert_int_equal(spec_features(&c), 0);
    assert_int_equal(c.spec_ctrl, 0);
    assert_false(c.tsx_off);
    /* A later word wins. */
    c = choose(skylake_updated(), "no,md-clear");
    assert_true(c.verw);
    c = choose(skylake_updated(), "no,yes");
    assert_true(c.ibrs_entry && c.xpti_domu);
    /* The stubs branch before IBRS is on. */
    assert_int_equal(c.thunk, PATCH_THUNK_JMP);
    assert_true(spec_features(&c) & 1U << PATCH_RETPOLINE);
}

static bool has(const struct spec_choice *c, unsigned int feature)
{
    return spec_features(c) >> feature & 1;
}

/* Of the ways in and out there is one each, by all that is wanted. */
static void short_ways_only_for_isolation_of_all(void **state)
{
    (void)state;
    struct spec_choice c = {.thunk = PATCH_THUNK_JMP};

    assert_false(has(&c, PATCH_ENTER) || has(&c, PATCH_ENTER_ISOLATED) ||
                 has(&c, PATCH_LEAVE) || has(&c, PATCH_LEAVE_ISOLATED));
    c.xpti_domu = true;
    assert_true(has(&c, PATCH_ISOLATED_SOME) && has(&c, PATCH_ENTER) &&
                has(&c, PATCH_LEAVE));
    assert_false(has(&c, PATCH_ISOLATED_ALL) || has(&c, PATCH_ENTER_ISOLATED) ||
                 has(&c, PATCH_LEAVE_ISOLATED));
    c.xpti_dom0 = true;
    assert_true(has(&c, PATCH_ISOLATED_ALL) && has(&c, PATCH_ENTER_ISOLATED) &&
                has(&c, PATCH_LEAVE_ISOLATED));
    assert_false(has(&c, PATCH_ISOLATED_SOME) || has(&c, PATCH_ENTER) ||
                 has(&c, PATCH_LEAVE));
    c.verw = true;
    assert_true(has(&c, PATCH_ENTER_ISOLATED) && has(&c, PATCH_LEAVE));
    assert_false(has(&c, PATCH_LEAVE_ISOLATED));
    c.verw = false;
    c.rsb_entry = true;
    assert_true(has(&c, PATCH_ENTER) && has(&c, PATCH_LEAVE_ISOLATED));
    assert_false(has(&c, PATCH_ENTER_ISOLATED));
}

static void unknown_words_are_errors_and_the_rest_holds(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "foo",
        "ibrs=perhaps",
        "bti-thunk",
        "bti-thunk=",
        "bti-thunk=ibrs",
        "no-no-ibrs",
        ",",
        "=",
        "ibrs=yes=no",
        "a-word-that-is-much-longer-than-any-that-we-know-and-goes-on",
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        struct spec_options o = spec_options_default;

        assert_int_equal(spec_parse(&o, bad[i]), -EINVAL);
        assert_memory_equal(&o, &spec_options_default, sizeof(o));
    }
    struct spec_options o = spec_options_default;

    assert_int_equal(spec_parse(&o, "foo,ssbd=1,bar"), -EINVAL);
    assert_int_equal(o.ssbd, 1);
}

static void lists_of_domains(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        int dom0, domu, rc;
    } cases[] = {
        {"", 1, 1, 0},
        {"on", 1, 1, 0},
        {"no", 0, 0, 0},
        {"default", SPEC_DEFAULT, SPEC_DEFAULT, 0},
        {"dom0", 1, SPEC_DEFAULT, 0},
        {"dom0=off,domu=on", 0, 1, 0},
        {"no-dom0", 0, SPEC_DEFAULT, 0},
        {"off,domu", 0, 1, 0},
        {"dom1", SPEC_DEFAULT, SPEC_DEFAULT, -EINVAL},
        {"dom0=maybe", SPEC_DEFAULT, SPEC_DEFAULT, -EINVAL},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        int dom0 = SPEC_DEFAULT, domu = SPEC_DEFAULT;

        assert_int_equal(spec_parse_domains(&dom0, &domu, cases[i].list),
                         cases[i].rc);
        assert_int_equal(dom0, cases[i].dom0);
        assert_int_equal(domu, cases[i].domu);
    }
}

/* ---- patched calls ---- */

static void a_plain_call_is_one_instruction_of_five_bytes(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        unsigned int reg;
        uint8_t want[PATCH_SITE_LEN];
    } cases[] = {
        {0xe8, 0, {0x2e, 0x2e, 0x2e, 0xff, 0xd0}},  /* call *%rax */
        {0xe9, 0, {0x2e, 0x2e, 0x2e, 0xff, 0xe0}},  /* jmp *%rax */
        {0xe8, 5, {0x2e, 0x2e, 0x2e, 0xff, 0xd5}},  /* call *%rbp */
        {0xe8, 8, {0x2e, 0x2e, 0x41, 0xff, 0xd0}},  /* call *%r8 */
        {0xe9, 15, {0x2e, 0x2e, 0x41, 0xff, 0xe7}}, /* jmp *%r15 */
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t code[PATCH_SITE_LEN] = {cases[i].opcode, 1, 2, 3, 4};

        assert_true(
            patch_thunk_site(code, cases[i].reg, PATCH_THUNK_RETPOLINE));
        assert_int_equal(code[1], 1);
        assert_true(patch_thunk_site(code, cases[i].reg, PATCH_THUNK_JMP));
        assert_memory_equal(code, cases[i].want, sizeof(code));
    }
}

static void the_fence_row_lies_behind_the_retpolines(void **state)
{
    (void)state;
    uint8_t code[PATCH_SITE_LEN] = {0xe8, 0x00, 0xff, 0xff, 0xff};
    int32_t disp;

    assert_true(patch_thunk_site(code, 3, PATCH_THUNK_LFENCE));
    memcpy(&disp, code + 1, sizeof(disp));
    assert_int_equal(disp, -256 + THUNK_LFENCE_OFF);
    assert_int_equal(code[0], 0xe8);
}

static void what_is_no_call_stays(void **state)
{
    (void)state;
    uint8_t code[PATCH_SITE_LEN] = {0x90, 1, 2, 3, 4};
    const uint8_t same[PATCH_SITE_LEN] = {0x90, 1, 2, 3, 4};

    assert_false(patch_thunk_site(code, 0, PATCH_THUNK_JMP));
    assert_memory_equal(code, same, sizeof(code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meltdown_asks_for_isolation),
        cmocka_unit_test(old_skylake_without_microcode_gets_retpolines),
        cmocka_unit_test(skylake_with_microcode_gets_ibrs),
        cmocka_unit_test(set_once_controls_cost_no_entry),
        cmocka_unit_test(returns_of_zen1_are_cut_off_from_guests),
        cmocka_unit_test(returns_after_calls_that_are_none),
        cmocka_unit_test(vector_registers_of_zen2),
        cmocka_unit_test(without_smep_returns_are_guarded),
        cmocka_unit_test(transactions_go_where_they_leak_and_can),
        cmocka_unit_test(asking_does_not_make_a_control_appear),
        cmocka_unit_test(no_means_nothing_at_all),
        cmocka_unit_test(short_ways_only_for_isolation_of_all),
        cmocka_unit_test(unknown_words_are_errors_and_the_rest_holds),
        cmocka_unit_test(lists_of_domains),
        cmocka_unit_test(a_plain_call_is_one_instruction_of_five_bytes),
        cmocka_unit_test(the_fence_row_lies_behind_the_retpolines),
        cmocka_unit_test(what_is_no_call_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
