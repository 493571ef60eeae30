/* SPDX-License-Identifier: MIT */
/*
 * What CPUID says to a guest: a policy per domain, made from the host's by
 * masks of the features that a PV guest may see. Plain CPUID of a program
 * still reads the hardware; the policy answers guest kernels, which ask by
 * the forced-emulation prefix, and toolstacks.
 */
#ifndef ASM_PV_CPUID_H
#define ASM_PV_CPUID_H

#include <asm/x86.h>
#include <hv/types.h>
#include <public/xen.h>

struct domain;
struct vcpu;

#define CPUID_BASIC_NR 14
#define CPUID_SUB4_NR  8
#define CPUID_SUB7_NR  3
#define CPUID_SUBB_NR  2
#define CPUID_SUBD_NR  17
#define CPUID_EXT_BASE 0x80000000U
#define CPUID_EXT_NR   0x22

/* Feature words in the ABI's order (sysctl get_cpu_featureset). */
enum cpuid_word {
    CPUID_1_D,
    CPUID_1_C,
    CPUID_E1_D,
    CPUID_E1_C,
    CPUID_D1_A,
    CPUID_70_B,
    CPUID_70_C,
    CPUID_E7_D,
    CPUID_E8_B,
    CPUID_70_D,
    CPUID_71_A,
    CPUID_E21_A,
    CPUID_71_B,
    CPUID_72_D,
    CPUID_71_C,
    CPUID_71_D,
    CPUID_NR_WORDS
};

struct cpuid_policy {
    /* Indexed by leaf; the counts are in basic[0].a and ext[0].a. Entries 4,
     * 7, 0xb and 0xd of basic are unused. */
    struct cpuid_leaf basic[CPUID_BASIC_NR];
    struct cpuid_leaf sub4[CPUID_SUB4_NR], sub7[CPUID_SUB7_NR];
    struct cpuid_leaf subb[CPUID_SUBB_NR], subd[CPUID_SUBD_NR];
    struct cpuid_leaf ext[CPUID_EXT_NR];
    uint64_t platform_info; /* MSR 0xce */
};

/* host: what the hardware says, and that LFENCE waits, if it does (also given
 * out as raw); pv_max: what may be asked for. */
extern struct cpuid_policy cpuid_host, cpuid_pv_max, cpuid_pv_default;

/* ---- cpuid_policy.c: pure functions on policies ---- */
struct cpuid_leaf cpuid_policy_read(const struct cpuid_policy *p, uint32_t leaf,
                                    uint32_t sub);
uint32_t *cpuid_word(struct cpuid_policy *p, enum cpuid_word w);
void cpuid_featureset(const struct cpuid_policy *p,
                      uint32_t words[CPUID_NR_WORDS]);
/* Tells whether max has all of p's leaves; else *err_leaf says where p claims
 * more. Features are not looked at: the clamp takes those away. */
bool cpuid_policy_has_leaves(const struct cpuid_policy *p,
                             const struct cpuid_policy *max,
                             uint32_t *err_leaf);
/* Clear what max does not have, then what depends on something cleared; keep
 * sizes of the state components consistent. */
void cpuid_policy_clamp(struct cpuid_policy *p, const struct cpuid_policy *max);
/* Say that LFENCE waits for all before it, with the leaf for it: AMD's older
 * processors do so too, but have no leaf to say it. */
void cpuid_policy_add_lfence(struct cpuid_policy *p);
/* Reduce the host's policy to what PV guests see (optional: what they may be
 * given on demand too). */
void cpuid_policy_make_pv(struct cpuid_policy *p, bool optional);

/*
 * Serialised form. leaves NULL or nr 0: only the count is wanted. Returns the
 * number of entries, or -ENOBUFS if nr is too small.
 */
int cpuid_policy_to_leaves(const struct cpuid_policy *p,
                           struct xen_cpuid_leaf *leaves, unsigned int nr);
int cpuid_policy_to_msrs(const struct cpuid_policy *p,
                         struct xen_msr_entry *msrs, unsigned int nr);
/* Merge into p (then clamp it). -ERANGE: no such leaf; *err_leaf and
 * *err_subleaf say which. */
int cpuid_policy_from_leaves(struct cpuid_policy *p,
                             const struct xen_cpuid_leaf *leaves,
                             unsigned int nr, uint32_t *err_leaf,
                             uint32_t *err_subleaf);
int cpuid_policy_from_msrs(struct cpuid_policy *p,
                           const struct xen_msr_entry *msrs, unsigned int nr,
                           uint32_t *err_msr);

/* ---- cpuid.c: the machine and its guests ---- */
void cpuid_init(void); /* boot CPU, after fpu_cpu_init() */
int cpuid_domain_create(struct domain *d) MUST_CHECK;
void cpuid_domain_destroy(struct domain *d);
/* What v's kernel reads now. */
void cpuid_guest(const struct vcpu *v, uint32_t leaf, uint32_t sub,
                 struct cpuid_leaf *l);
bool cpuid_is_intel(void);
bool cpuid_is_amd(void);

#endif
