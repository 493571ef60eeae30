/* SPDX-License-Identifier: MIT */
/*
 * CPUID policies. A feature shown that is not there kills a guest; one that
 * is shown but must not be (PCID, SMEP, PSE...) lets its kernel do what a PV
 * kernel cannot; and toolstacks may send any leaves at all.
 */
#include <stdlib.h>

#include <hostarch.h>

#include <asm/msr.h>
#include <asm/pv/cpuid.h>

#define PCID       (1U << 17) /* 1.c */
#define OSXSAVE    (1U << 27)
#define XSAVE      (1U << 26)
#define AVX        (1U << 28)
#define HYPERVISOR (1U << 31)
#define PSE        (1U << 3) /* 1.d */
#define SEP        (1U << 11)
#define SMEP       (1U << 7) /* 7.b */
#define AVX2       (1U << 5)
#define AVX512F    (1U << 16)
#define IBRSB      (1U << 26) /* 7.d */
#define SVM        (1U << 2)  /* e1.c */
#define LFENCE     (1U << 2)

/* A processor that can do everything, with state up to AVX-512. */
static struct cpuid_policy everything(bool amd)
{
    struct cpuid_policy p;

    memset(&p, 0xff, sizeof(p));
    p.basic[0] =
        amd ? (struct cpuid_leaf){0x10, 0x68747541, 0x444d4163, 0x69746e65}
            : (struct cpuid_leaf){0x1f, 0x756e6547, 0x6c65746e, 0x49656e69};
    p.ext[0].a = 0x80000021;
    p.sub7[0].a = 2;
    memset(p.subd, 0, sizeof(p.subd));
    p.subd[0] = (struct cpuid_leaf){0xe7, 0xa88, 0xa88, 0};
    p.subd[1] = (struct cpuid_leaf){0xf, 0xa88, 0x100, 0};
    p.subd[2] = (struct cpuid_leaf){256, 576, 0, 0};
    p.subd[5] = (struct cpuid_leaf){64, 1088, 0, 0};
    p.subd[6] = (struct cpuid_leaf){512, 1152, 0, 0};
    p.subd[7] = (struct cpuid_leaf){1024, 1664, 0, 0};
    return p;
}

static struct cpuid_policy pv_of(bool amd)
{
    struct cpuid_policy p = everything(amd);

    cpuid_policy_make_pv(&p, false);
    return p;
}

static void hides_what_a_pv_kernel_must_not_use(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(false);

    assert_int_equal(p.basic[1].c & (PCID | OSXSAVE), 0);
    assert_int_equal(p.basic[1].d & PSE, 0);
    assert_int_equal(p.sub7[0].b & SMEP, 0);
    assert_int_equal(p.sub7[0].d & IBRSB, 0);
    assert_int_equal(p.ext[1].c & SVM, 0);
    assert_int_equal(p.basic[5].a | p.basic[6].a | p.basic[0xa].a, 0);
    assert_int_equal(p.platform_info, 0);
}

static void shows_what_is_harmless(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(false);

    assert_true(p.basic[1].c & HYPERVISOR);
    assert_true(p.basic[1].c & XSAVE);
    assert_true(p.sub7[0].b & AVX2);
    assert_true(p.basic[1].d & SEP);
}

static void sysenter_is_not_for_amd(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(true);

    assert_false(p.basic[1].d & SEP);
    /* AMD's copy of leaf 1 EDX agrees with it. */
    assert_int_equal(p.ext[1].d & 0x0183f3ff, p.basic[1].d & 0x0183f3ff);
}

static void hypervisor_bit_is_set_on_bare_metal_too(void **state)
{
    (void)state;
    struct cpuid_policy p = everything(false);

    p.basic[1].c &= ~HYPERVISOR;
    cpuid_policy_make_pv(&p, false);
    assert_true(p.basic[1].c & HYPERVISOR);
}

/* A guest that was saved where the leaf is said must find it here. */
static void lfence_has_a_leaf_on_older_processors_too(void **state)
{
    (void)state;
    struct cpuid_policy p = everything(true), newer = pv_of(true);
    uint32_t err = 0;

    p.ext[0].a = 0x8000000a;
    memset(&p.ext[0xb], 0, sizeof(p.ext) - 0xb * sizeof(p.ext[0]));
    assert_false(cpuid_policy_has_leaves(&newer, &p, &err));
    cpuid_policy_add_lfence(&p);
    cpuid_policy_make_pv(&p, false);
    assert_true(cpuid_policy_has_leaves(&newer, &p, &err));
    assert_int_equal(cpuid_policy_read(&p, 0x80000021, 0).a, LFENCE);
    assert_int_equal(cpuid_policy_read(&p, 0x8000001f, 0).a, 0);
    newer.ext[0].a = 0x80000022;
    cpuid_policy_add_lfence(&newer);
    assert_int_equal(newer.ext[0].a, 0x80000022);
}

static void leaves_beyond_the_maximum_are_empty(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(false);
    struct cpuid_leaf l;

    assert_int_equal(p.basic[0].a, 0xd);
    l = cpuid_policy_read(&p, 0xe, 0);
    assert_int_equal(l.a | l.b | l.c | l.d, 0);
    l = cpuid_policy_read(&p, 0x80000100, 0);
    assert_int_equal(l.a | l.b | l.c | l.d, 0);
    l = cpuid_policy_read(&p, 0xd, 200);
    assert_int_equal(l.a | l.b | l.c | l.d, 0);
    p.basic[0].a = 1;
    l = cpuid_policy_read(&p, 7, 0);
    assert_int_equal(l.b, 0);
}

static void without_avx_no_avx512(void **state)
{
    (void)state;
    struct cpuid_policy max = pv_of(false), p = max;

    p.basic[1].c &= ~AVX;
    cpuid_policy_clamp(&p, &max);
    assert_int_equal(p.sub7[0].b & (AVX2 | AVX512F), 0);
    assert_int_equal(p.subd[0].a, 3);
    assert_int_equal(p.subd[0].c, 576);
    assert_int_equal(p.subd[2].a, 0);
}

static void without_xsave_no_state_leaf(void **state)
{
    (void)state;
    struct cpuid_policy max = pv_of(false), p = max;

    p.basic[1].c &= ~XSAVE;
    cpuid_policy_clamp(&p, &max);
    assert_int_equal(p.basic[1].c & AVX, 0);
    assert_int_equal(p.subd[0].a | p.subd[0].c | p.subd[1].a, 0);
}

static void state_size_covers_all_components(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(false);

    assert_int_equal(p.subd[0].a, 0xe7);
    assert_int_equal(p.subd[0].c, 1664 + 1024);
    /* XSAVES stays hidden, and its state with it. */
    assert_int_equal(p.subd[1].a & 8, 0);
    assert_int_equal(p.subd[1].c | p.subd[1].d, 0);
}

static void serialised_and_back(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(false), q;
    int nr = cpuid_policy_to_leaves(&p, NULL, 0);
    struct xen_cpuid_leaf *l = calloc((size_t)nr, sizeof(*l));
    uint32_t el = 0, es = 0;

    assert_true(nr > 30);
    assert_int_equal(cpuid_policy_to_leaves(&p, l, (unsigned int)nr - 1),
                     -ENOBUFS);
    assert_int_equal(cpuid_policy_to_leaves(&p, l, (unsigned int)nr), nr);
    memset(&q, 0, sizeof(q));
    assert_int_equal(
        cpuid_policy_from_leaves(&q, l, (unsigned int)nr, &el, &es), 0);
    assert_memory_equal(&q.basic[1], &p.basic[1], sizeof(q.basic[1]));
    assert_memory_equal(q.subd, p.subd, sizeof(q.subd));
    assert_memory_equal(q.ext, p.ext, sizeof(q.ext));
    free(l);
}

static void unknown_leaf_is_named_and_changes_nothing(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(false), old = p;
    const struct xen_cpuid_leaf l[] = {
        {1, XEN_CPUID_NO_SUBLEAF, 0, 0, 0, 0},
        {0x40000000, XEN_CPUID_NO_SUBLEAF, 9, 9, 9, 9}, /* ours: ignored */
        {0xd, 99, 1, 2, 3, 4},
    };
    uint32_t el = 0, es = 0;

    assert_int_equal(cpuid_policy_from_leaves(&p, l, 3, &el, &es), -ERANGE);
    assert_int_equal(el, 0xd);
    assert_int_equal(es, 99);
    assert_memory_equal(&p, &old, sizeof(p));
}

static void more_leaves_than_there_are_are_named(void **state)
{
    (void)state;
    struct cpuid_policy max = pv_of(false), p = max;
    uint32_t leaf = ~0U;

    assert_true(cpuid_policy_has_leaves(&p, &max, &leaf));
    p.basic[0].a--;
    p.ext[0].a--;
    assert_true(cpuid_policy_has_leaves(&p, &max, &leaf));
    assert_int_equal(leaf, ~0U);
    p.ext[0].a += 2;
    assert_false(cpuid_policy_has_leaves(&p, &max, &leaf));
    assert_int_equal(leaf, CPUID_EXT_BASE);
    p.basic[0].a += 2;
    assert_false(cpuid_policy_has_leaves(&p, &max, &leaf));
    assert_int_equal(leaf, 0);
}

/* Whatever a toolstack sends, after the clamp nothing is left that the
 * maximum lacks. */
static void clamp_against_random_policies(void **state)
{
    (void)state;
    struct cpuid_policy max = pv_of(false);
    uint32_t have[CPUID_NR_WORDS], may[CPUID_NR_WORDS];

    cpuid_featureset(&max, may);
    srand(1);
    for (unsigned int n = 0; n < 2000; n++) {
        struct cpuid_policy p;

        for (size_t i = 0; i < sizeof(p); i++)
            ((uint8_t *)&p)[i] = (uint8_t)rand();
        cpuid_policy_clamp(&p, &max);
        cpuid_featureset(&p, have);
        for (unsigned int w = 0; w < CPUID_NR_WORDS; w++)
            assert_int_equal(have[w] & ~may[w], 0);
        assert_true(p.basic[0].a <= max.basic[0].a);
        assert_int_equal(p.subd[0].a & ~max.subd[0].a, 0);
        if (!(p.basic[1].c & AVX))
            assert_int_equal(p.sub7[0].b & (AVX2 | AVX512F), 0);
    }
}

static void msrs(void **state)
{
    (void)state;
    struct cpuid_policy p = pv_of(false);
    struct xen_msr_entry m[2];
    uint32_t err = 0;

    /* Both that the tools know, whatever the values. */
    assert_int_equal(cpuid_policy_to_msrs(&p, NULL, 0), 2);
    assert_int_equal(cpuid_policy_to_msrs(&p, m, 1), -ENOBUFS);
    assert_int_equal(cpuid_policy_to_msrs(&p, m, 2), 2);
    assert_int_equal(m[0].idx, MSR_PLATFORM_INFO);
    assert_int_equal(m[1].idx, MSR_ARCH_CAPABILITIES);
    assert_int_equal(cpuid_policy_from_msrs(&p, m, 2, &err), 0);
    m[1].val = 1;
    assert_int_equal(cpuid_policy_from_msrs(&p, m, 2, &err), -ERANGE);
    assert_int_equal(err, MSR_ARCH_CAPABILITIES);
    m[0].idx = MSR_LSTAR;
    assert_int_equal(cpuid_policy_from_msrs(&p, m, 1, &err), -ERANGE);
    assert_int_equal(err, MSR_LSTAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_what_a_pv_kernel_must_not_use),
        cmocka_unit_test(shows_what_is_harmless),
        cmocka_unit_test(sysenter_is_not_for_amd),
        cmocka_unit_test(hypervisor_bit_is_set_on_bare_metal_too),
        cmocka_unit_test(lfence_has_a_leaf_on_older_processors_too),
        cmocka_unit_test(leaves_beyond_the_maximum_are_empty),
        cmocka_unit_test(without_avx_no_avx512),
        cmocka_unit_test(without_xsave_no_state_leaf),
        cmocka_unit_test(state_size_covers_all_components),
        cmocka_unit_test(serialised_and_back),
        cmocka_unit_test(unknown_leaf_is_named_and_changes_nothing),
        cmocka_unit_test(more_leaves_than_there_are_are_named),
        cmocka_unit_test(clamp_against_random_policies),
        cmocka_unit_test(msrs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
