/* SPDX-License-Identifier: MIT */
/*
 * CPUID policies as data: which features a PV guest may see, and the form in
 * which toolstacks exchange them. Knows no domain and reads no hardware.
 * Which feature is for PV guests: docs/entry.md, "CPUID".
 */
#include <asm/pv/cpuid.h>

#include <hv/bitmap.h>
#include <hv/errno.h>
#include <hv/lib.h>

#include <asm/msr.h>

#define BASIC_MAX (CPUID_BASIC_NR - 1)

/* Features by default, and those only on demand. What would need a register
 * that is not virtualised (speculation controls, debug address masks) is in
 * neither. */
static const struct {
    uint32_t by_default, on_demand;
} pv_features[CPUID_NR_WORDS] = {
    [CPUID_1_D] = {0x1fc9cbf5, 0},  [CPUID_1_C] = {0xf6d83203, 0},
    [CPUID_E1_D] = {0xea500800, 0}, [CPUID_E1_C] = {0x002109e3, 0},
    [CPUID_D1_A] = {0x00000007, 0}, [CPUID_70_B] = {0xfdaf0b29, 0x10},
    [CPUID_70_C] = {0x02405f43, 0}, [CPUID_E7_D] = {0, 0x100},
    [CPUID_E8_B] = {0x24000005, 0}, [CPUID_70_D] = {0x0000441c, 0x10100},
    [CPUID_71_A] = {0x00001c30, 0}, [CPUID_E21_A] = {0x60000064, 0},
    [CPUID_71_B] = {0, 0},          [CPUID_72_D] = {0x00000020, 0},
    [CPUID_71_C] = {0, 0},          [CPUID_71_D] = {0, 0},
};

/* AMD repeats these of leaf 1 EDX in leaf 0x80000001 EDX. */
#define E1_D_COMMON 0x0183f3ffU
#define D1_APIC     (1U << 9)
#define D1_SEP      (1U << 11)
#define C1_XSAVE    (1U << 26)
#define C1_AVX      (1U << 28)
#define C1_F16C     (1U << 29)
#define C1_FMA      (1U << 12)
#define C1_HYPERV   (1U << 31)
#define EC_XOP_FMA4 (1U << 11 | 1U << 16)
#define B7_AVX2     (1U << 5)
#define B7_AVX512   0xdc230000U
#define C7_AVX512   0x00005842U
#define C7_VAES     (3U << 9)
#define D7_AVX512   0x0080010cU
#define A71_AVX     (1U << 4)
#define A71_AVX512  (1U << 5)
#define E21_LFENCE  (1U << 2)

static uint32_t *word_of(struct cpuid_policy *p, enum cpuid_word w)
{
    switch (w) {
    case CPUID_1_D:
        return &p->basic[1].d;
    case CPUID_1_C:
        return &p->basic[1].c;
    case CPUID_E1_D:
        return &p->ext[1].d;
    case CPUID_E1_C:
        return &p->ext[1].c;
    case CPUID_D1_A:
        return &p->subd[1].a;
    case CPUID_70_B:
        return &p->sub7[0].b;
    case CPUID_70_C:
        return &p->sub7[0].c;
    case CPUID_70_D:
        return &p->sub7[0].d;
    case CPUID_E7_D:
        return &p->ext[7].d;
    case CPUID_E8_B:
        return &p->ext[8].b;
    case CPUID_71_A:
        return &p->sub7[1].a;
    case CPUID_71_B:
        return &p->sub7[1].b;
    case CPUID_71_C:
        return &p->sub7[1].c;
    case CPUID_71_D:
        return &p->sub7[1].d;
    case CPUID_72_D:
        return &p->sub7[2].d;
    default:
        return &p->ext[0x21].a;
    }
}

uint32_t *cpuid_word(struct cpuid_policy *p, enum cpuid_word w)
{
    return word_of(p, w);
}

void cpuid_featureset(const struct cpuid_policy *p,
                      uint32_t words[CPUID_NR_WORDS])
{
    struct cpuid_policy copy = *p;

    for (unsigned int w = 0; w < CPUID_NR_WORDS; w++)
        words[w] = *word_of(&copy, w);
}

/* Those below CPUID_BASIC_NR. */
#define LEAVES_WITH_SUB (1U << 4 | 1U << 7 | 1U << 0xb | 1U << 0xd)

struct cpuid_leaf cpuid_policy_read(const struct cpuid_policy *p, uint32_t leaf,
                                    uint32_t sub)
{
    static const struct cpuid_leaf none;
    uint32_t ext = leaf - CPUID_EXT_BASE;

    if (leaf < CPUID_BASIC_NR) {
        if (leaf > p->basic[0].a)
            return none;
        if (likely(!(LEAVES_WITH_SUB >> leaf & 1)))
            return p->basic[index_nospec(leaf, CPUID_BASIC_NR)];
        switch (leaf) {
        case 4:
            return sub < CPUID_SUB4_NR ? p->sub4[sub] : none;
        case 7:
            return sub < CPUID_SUB7_NR ? p->sub7[sub] : none;
        case 0xb:
            return sub < CPUID_SUBB_NR ? p->subb[sub] : none;
        case 0xd:
            return sub < CPUID_SUBD_NR ? p->subd[sub] : none;
        default:
            return none;
        }
    }
    if (ext < CPUID_EXT_NR && leaf <= p->ext[0].a)
        return p->ext[index_nospec(ext, CPUID_EXT_NR)];
    return none;
}

/* XCR0 components that the features of p make sense of. */
static uint64_t xstate_of(struct cpuid_policy *p)
{
    uint64_t x = XCR0_X87 | XCR0_SSE;

    if (!(p->basic[1].c & C1_XSAVE))
        return 0;
    if (p->basic[1].c & C1_AVX)
        x |= XCR0_AVX;
    if (p->sub7[0].b & (1U << 16))
        x |= XCR0_AVX512;
    return x & (p->subd[0].a | (uint64_t)p->subd[0].d << 32);
}

/* Leaf 0xd for the components in x: bitmap, size of all, each one's place. */
static void set_xstate(struct cpuid_policy *p, uint64_t x)
{
    uint32_t size = 512 + 64;

    for (unsigned int i = 2; i < CPUID_SUBD_NR; i++) {
        struct cpuid_leaf *l = &p->subd[i];

        if (!(x >> i & 1))
            *l = (struct cpuid_leaf){0};
        else
            size = max_t(uint32_t, size, l->a + l->b);
    }
    p->subd[0] = (struct cpuid_leaf){
        .a = (uint32_t)x,
        .b = x ? size : 0,
        .c = x ? size : 0,
        .d = (uint32_t)(x >> 32),
    };
    /* No supervisor state: XSAVES is hidden. */
    p->subd[1].b = p->subd[1].c = p->subd[1].d = 0;
    if (!x)
        p->subd[1].a = 0;
}

/* Vector features want the state that holds them. */
static void clear_dependents(struct cpuid_policy *p)
{
    if (!(p->basic[1].c & C1_XSAVE))
        p->basic[1].c &= ~C1_AVX;
    if (!(p->basic[1].c & C1_AVX)) {
        p->basic[1].c &= ~(C1_F16C | C1_FMA);
        p->ext[1].c &= ~EC_XOP_FMA4;
        p->sub7[0].b &= ~(B7_AVX2 | B7_AVX512);
        p->sub7[0].c &= ~C7_VAES;
        p->sub7[1].a &= ~A71_AVX;
    }
    if (!(p->sub7[0].b & (1U << 16))) {
        p->sub7[0].b &= ~B7_AVX512;
        p->sub7[0].c &= ~C7_AVX512;
        p->sub7[0].d &= ~D7_AVX512;
        p->sub7[1].a &= ~A71_AVX512;
    }
}

bool cpuid_policy_has_leaves(const struct cpuid_policy *p,
                             const struct cpuid_policy *max, uint32_t *err_leaf)
{
    if (p->basic[0].a > max->basic[0].a)
        *err_leaf = 0;
    else if (p->ext[0].a > max->ext[0].a)
        *err_leaf = CPUID_EXT_BASE;
    else
        return true;
    return false;
}

void cpuid_policy_clamp(struct cpuid_policy *p, const struct cpuid_policy *max)
{
    struct cpuid_policy m = *max;

    p->basic[0].a = min_t(uint32_t, p->basic[0].a, m.basic[0].a);
    p->ext[0].a = min_t(uint32_t, p->ext[0].a, m.ext[0].a);
    p->sub7[0].a = min_t(uint32_t, p->sub7[0].a, m.sub7[0].a);
    for (unsigned int w = 0; w < CPUID_NR_WORDS; w++)
        *word_of(p, w) &= *word_of(&m, w);
    /* The layout of state is the hardware's. */
    memcpy(&p->subd[2], &m.subd[2], sizeof(p->subd) - 2 * sizeof(p->subd[0]));
    p->subd[0].a &= m.subd[0].a;
    p->subd[0].d &= m.subd[0].d;
    clear_dependents(p);
    set_xstate(p, xstate_of(p));
    p->platform_info &= m.platform_info;
}

void cpuid_policy_add_lfence(struct cpuid_policy *p)
{
    p->ext[0].a = max_t(uint32_t, p->ext[0].a, CPUID_EXT_BASE + 0x21);
    p->ext[0x21].a |= E21_LFENCE;
}

void cpuid_policy_make_pv(struct cpuid_policy *p, bool optional)
{
    bool amd = p->basic[0].c == 0x444d4163; /* "cAMD" */

    p->basic[0].a = min_t(uint32_t, p->basic[0].a, BASIC_MAX);
    p->ext[0].a =
        min_t(uint32_t, p->ext[0].a, CPUID_EXT_BASE + CPUID_EXT_NR - 1);
    p->sub7[0].a = min_t(uint32_t, p->sub7[0].a, CPUID_SUB7_NR - 1);
    for (unsigned int w = 0; w < CPUID_NR_WORDS; w++)
        *word_of(p, w) &= pv_features[w].by_default |
                          (optional ? pv_features[w].on_demand : 0);
    p->basic[1].c |= C1_HYPERV;
    /* AMD: SYSENTER does not work in 64-bit mode; the common bits mirror. */
    if (amd) {
        p->basic[1].d &= ~D1_SEP;
        p->ext[1].d |= p->basic[1].d & E1_D_COMMON;
    }
    p->basic[1].b &= 0x00ffff00; /* APIC id and CPU count: 0 */
    p->basic[5] = p->basic[6] = p->basic[0xa] = (struct cpuid_leaf){0};
    p->basic[2] = amd ? (struct cpuid_leaf){0} : p->basic[2];
    p->basic[3] = p->basic[8] = p->basic[9] = p->basic[0xc] = p->basic[5];
    memset(p->subb, 0, sizeof(p->subb));
    p->ext[7].a = p->ext[7].b = p->ext[7].c = 0;
    p->ext[8].c = p->ext[8].d = 0;
    p->ext[0xa] = (struct cpuid_leaf){0}; /* SVM */
    for (unsigned int i = 0xb; i < CPUID_EXT_NR; i++)
        if (i < 0x19 || (i > 0x1a && i != 0x21))
            p->ext[i] = (struct cpuid_leaf){0};
    p->ext[0x21].b = p->ext[0x21].c = p->ext[0x21].d = 0;
    p->platform_info = 0;
    clear_dependents(p);
    set_xstate(p, xstate_of(p));
}

/* ---- serialised ---- */

struct writer {
    struct xen_cpuid_leaf *leaves;
    unsigned int nr, used;
};

static void put_leaf(struct writer *w, uint32_t leaf, uint32_t sub,
                     const struct cpuid_leaf *l)
{
    if (w->leaves && w->used < w->nr)
        w->leaves[w->used] = (struct xen_cpuid_leaf){
            .leaf = leaf,
            .subleaf = sub,
            .a = l->a,
            .b = l->b,
            .c = l->c,
            .d = l->d,
        };
    w->used++;
}

static void put_subleaves(struct writer *w, uint32_t leaf,
                          const struct cpuid_leaf *l, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++)
        put_leaf(w, leaf, i, &l[i]);
}

int cpuid_policy_to_leaves(const struct cpuid_policy *p,
                           struct xen_cpuid_leaf *leaves, unsigned int nr)
{
    struct writer w = {nr ? leaves : NULL, nr, 0};

    for (uint32_t i = 0; i <= BASIC_MAX; i++) {
        if (i == 4)
            put_subleaves(&w, i, p->sub4, CPUID_SUB4_NR - 2);
        else if (i == 7)
            put_subleaves(&w, i, p->sub7, 2);
        else if (i == 0xb)
            put_subleaves(&w, i, p->subb, CPUID_SUBB_NR);
        else if (i == 0xd)
            put_subleaves(&w, i, p->subd, CPUID_SUBD_NR);
        else
            put_leaf(&w, i, XEN_CPUID_NO_SUBLEAF, &p->basic[i]);
    }
    for (uint32_t i = 0; i < CPUID_EXT_NR; i++)
        put_leaf(&w, CPUID_EXT_BASE + i, XEN_CPUID_NO_SUBLEAF, &p->ext[i]);
    if (w.leaves && w.used > nr)
        return -ENOBUFS;
    return (int)w.used;
}

int cpuid_policy_to_msrs(const struct cpuid_policy *p,
                         struct xen_msr_entry *msrs, unsigned int nr)
{
    /* Tools write both whatever their values, and make room for as many as
     * the hypervisor says it has. */
    const struct xen_msr_entry all[] = {
        {.idx = MSR_PLATFORM_INFO, .val = p->platform_info},
        {.idx = MSR_ARCH_CAPABILITIES, .val = 0},
    };

    if (!msrs || !nr)
        return ARRAY_SIZE(all);
    if (nr < ARRAY_SIZE(all))
        return -ENOBUFS;
    memcpy(msrs, all, sizeof(all));
    return ARRAY_SIZE(all);
}

/* Where leaf/sub is kept, NULL if nowhere. */
static struct cpuid_leaf *slot_of(struct cpuid_policy *p, uint32_t leaf,
                                  uint32_t sub)
{
    uint32_t ext = leaf - CPUID_EXT_BASE;

    switch (leaf) {
    case 4:
        return sub < CPUID_SUB4_NR ? &p->sub4[sub] : NULL;
    case 7:
        return sub < CPUID_SUB7_NR ? &p->sub7[sub] : NULL;
    case 0xb:
        return sub < CPUID_SUBB_NR ? &p->subb[sub] : NULL;
    case 0xd:
        return sub < CPUID_SUBD_NR ? &p->subd[sub] : NULL;
    default:
        break;
    }
    if (sub != XEN_CPUID_NO_SUBLEAF)
        return NULL;
    if (leaf < CPUID_BASIC_NR)
        return &p->basic[leaf];
    return ext < CPUID_EXT_NR ? &p->ext[ext] : NULL;
}

/* The hypervisor's own leaves are not a toolstack's to set. */
static bool is_ignored(uint32_t leaf)
{
    return leaf >> 16 == 0x4000;
}

int cpuid_policy_from_leaves(struct cpuid_policy *p,
                             const struct xen_cpuid_leaf *leaves,
                             unsigned int nr, uint32_t *err_leaf,
                             uint32_t *err_subleaf)
{
    struct cpuid_policy n = *p;

    for (unsigned int i = 0; i < nr; i++) {
        const struct xen_cpuid_leaf *l = &leaves[i];
        struct cpuid_leaf *slot;

        if (is_ignored(l->leaf))
            continue;
        slot = slot_of(&n, l->leaf, l->subleaf);
        if (!slot) {
            *err_leaf = l->leaf;
            *err_subleaf = l->subleaf;
            return -ERANGE;
        }
        *slot = (struct cpuid_leaf){l->a, l->b, l->c, l->d};
    }
    *p = n;
    return 0;
}

int cpuid_policy_from_msrs(struct cpuid_policy *p,
                           const struct xen_msr_entry *msrs, unsigned int nr,
                           uint32_t *err_msr)
{
    for (unsigned int i = 0; i < nr; i++) {
        const struct xen_msr_entry *m = &msrs[i];

        if (m->flags == 0 && m->idx == MSR_PLATFORM_INFO) {
            p->platform_info = m->val;
        } else if (m->flags || m->idx != MSR_ARCH_CAPABILITIES || m->val) {
            *err_msr = m->idx;
            return -ERANGE;
        }
    }
    return 0;
}
