/* SPDX-License-Identifier: MIT */
/*
 * CPUID of this machine and of its guests. The policies themselves are data
 * (cpuid_policy.c); here is what depends on the hardware and on the state of
 * a vcpu: hypervisor leaves, OSXSAVE, sizes.
 */
#include <asm/pv/cpuid.h>

#include <hv/domain.h>
#include <hv/lib.h>

#include <public/arch-x86/cpuid.h>

#include <asm/fpu.h>
#include <asm/spec_ctrl.h>
#include <asm/time.h>

#define C1_XSAVE   (1U << 26)
#define C1_OSXSAVE (1U << 27)
#define E7_ITSC    (1U << 8)
#define HV_LEAVES  5
#define XEN_MAJOR  4
#define XEN_MINOR  17

struct cpuid_policy cpuid_host, cpuid_pv_max, cpuid_pv_default;
static unsigned int paddr_bits;

bool cpuid_is_intel(void)
{
    return cpuid_host.basic[0].c == 0x6c65746e; /* "ntel" */
}

bool cpuid_is_amd(void)
{
    return cpuid_host.basic[0].c == 0x444d4163; /* "cAMD" */
}

static void read_leaves(struct cpuid_leaf *to, uint32_t leaf, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++)
        to[i] = cpuid_count(leaf, i);
}

static void read_host(struct cpuid_policy *p)
{
    uint32_t basic = cpuid(0).a, ext = cpuid(CPUID_EXT_BASE).a;

    for (uint32_t i = 0; i < CPUID_BASIC_NR && i <= basic; i++)
        if (i != 4 && i != 7 && i != 0xb && i != 0xd)
            p->basic[i] = cpuid(i);
    if (basic >= 4)
        read_leaves(p->sub4, 4, CPUID_SUB4_NR);
    if (basic >= 7)
        read_leaves(p->sub7, 7, min_t(uint32_t, cpuid(7).a + 1, CPUID_SUB7_NR));
    if (basic >= 0xb)
        read_leaves(p->subb, 0xb, CPUID_SUBB_NR);
    if (basic >= 0xd)
        read_leaves(p->subd, 0xd, CPUID_SUBD_NR);
    if (ext < CPUID_EXT_BASE)
        return;
    for (uint32_t i = 0; i < CPUID_EXT_NR && i <= ext - CPUID_EXT_BASE; i++)
        p->ext[i] = cpuid(CPUID_EXT_BASE + i);
}

void cpuid_init(void)
{
    read_host(&cpuid_host);
    /* What the hypervisor does not switch, no guest can have. */
    cpuid_host.subd[0].a &= (uint32_t)xcr0_host;
    cpuid_host.subd[0].d &= (uint32_t)(xcr0_host >> 32);
    if (!xcr0_host)
        cpuid_host.basic[1].c &= ~(C1_XSAVE | C1_OSXSAVE);
    paddr_bits = cpuid_host.ext[0].a >= CPUID_EXT_BASE + 8
                     ? cpuid_host.ext[8].a & 0xff
                     : 36;
    if (cpuid_is_amd() && spec_caps.lfence_stops &&
        cpuid_host.ext[0].a >= CPUID_EXT_BASE + 8)
        cpuid_policy_add_lfence(&cpuid_host);
    cpuid_pv_max = cpuid_pv_default = cpuid_host;
    cpuid_policy_make_pv(&cpuid_pv_max, true);
    cpuid_policy_make_pv(&cpuid_pv_default, false);
}

/* The control domain stays on this machine: it may count on its clock, unless
 * we do not. */
int cpuid_domain_create(struct domain *d)
{
    d->arch.cpuid = hv_alloc(sizeof(*d->arch.cpuid));
    if (!d->arch.cpuid)
        return -ENOMEM;
    *d->arch.cpuid = cpuid_pv_default;
    if (d->is_privileged && tsc_is_stable())
        d->arch.cpuid->ext[7].d |= cpuid_host.ext[7].d & E7_ITSC;
    return 0;
}

void cpuid_domain_destroy(struct domain *d)
{
    hv_free(d->arch.cpuid);
    d->arch.cpuid = NULL;
}

/* Time: what rdtsc counts. */
static struct cpuid_leaf time_leaf(const struct vcpu *v, uint32_t sub)
{
    const struct arch_domain *a = &v->domain->arch;
    const struct vcpu_time_info *t = &v->vcpu_info->time;
    struct cpuid_leaf l = {0};

    switch (sub) {
    case 0:
        l.a = (a->tsc_mode == 1) | (t->flags & XEN_PVCLOCK_TSC_STABLE_BIT) << 1;
        l.b = a->tsc_mode;
        l.c = tsc_khz;
        l.d = a->tsc_incarnation;
        break;
    case 1:
        l.c = t->tsc_to_system_mul;
        l.d = (uint8_t)t->tsc_shift;
        break;
    case 2:
        l.a = tsc_khz;
        break;
    default:
        break;
    }
    return l;
}

static struct cpuid_leaf hv_leaf(const struct vcpu *v, uint32_t n, uint32_t sub)
{
    struct cpuid_leaf l = {0};

    switch (n) {
    case 0:
        l.a = XEN_CPUID_FIRST_LEAF + HV_LEAVES;
        l.b = XEN_CPUID_SIGNATURE_EBX;
        l.c = XEN_CPUID_SIGNATURE_ECX;
        l.d = XEN_CPUID_SIGNATURE_EDX;
        break;
    case 1:
        l.a = XEN_MAJOR << 16 | XEN_MINOR;
        break;
    case 2:
        l.a = 1;
        l.b = XEN_CPUID_FIRST_LEAF;
        l.c = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case 3:
        return time_leaf(v, sub);
    case 5:
        l.b = paddr_bits;
        break;
    default:
        break;
    }
    return l;
}

#define D1A_XSAVEC (1U << 1) /* leaf 0xd, sub-leaf 1 */

/* Leaves that are not in the policy alone, and what lies between them. */
#define FIRST_BY_STATE 0xbU
static NOINLINE void by_state(const struct vcpu *v, uint32_t leaf, uint32_t sub,
                              struct cpuid_leaf *l)
{
    uint32_t n = leaf - XEN_CPUID_FIRST_LEAF;

    if (n < 0x100) {
        *l = hv_leaf(v, n, sub);
        return;
    }
    *l = cpuid_policy_read(v->domain->arch.cpuid, leaf, sub);
    if (leaf == 0xb && v->domain->arch.cpuid->basic[0].a >= 0xb &&
        sub < CPUID_SUBB_NR)
        l->d = v->id * 2;
    /* Sizes by the live XCR0. Linux that sees XSAVEC believes the second, and
     * does without all of XSAVE if it makes no sense. */
    if (leaf == 0xd && sub == 0 && l->a)
        l->b = cpuid_count(0xd, 0).b;
    if (leaf == 0xd && sub == 1 && (l->a & D1A_XSAVEC))
        l->b = cpuid_count(0xd, 1).b;
}

void cpuid_guest(const struct vcpu *v, uint32_t leaf, uint32_t sub,
                 struct cpuid_leaf *l)
{
    if (unlikely(leaf >= FIRST_BY_STATE && leaf < CPUID_EXT_BASE)) {
        by_state(v, leaf, sub, l);
        return;
    }
    *l = cpuid_policy_read(v->domain->arch.cpuid, leaf, sub);
    /* A guest that would see OSXSAVE only after setting it in CR4 drops
     * XSAVE altogether; it is set in the real CR4 anyhow. */
    if (leaf == 1 && (l->c & C1_XSAVE))
        l->c |= C1_OSXSAVE;
}
