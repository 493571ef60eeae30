/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers as a PV kernel sees them. Anything that is not
 * named raises #GP, which Linux survives; until a kernel has a handler for
 * that, unknown registers read as 0.
 */
#include <asm/pv/emulate.h>

#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/context.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/pv/cpuid.h>
#include <asm/x86.h>

#define PV_APIC_BASE           0xfee00000UL
#define PV_PAT                 0x050100070406UL /* WB WT UC- UC WC WP UC UC */
#define PV_DE_CFG              2UL              /* LFENCE serialises */
#define FEATURE_CONTROL_LOCKED 1UL

#define MSR_MISC_FEATURES     0x140
#define MSR_PERF_STATUS       0x198
#define MSR_PERF_CTL          0x199
#define MSR_THERM_STATUS      0x19c
#define MSR_PERF_CAPS         0x345
#define MSR_UCODE_WRITE       0x79
#define MSR_AMD_NB_CFG        0xc001001f
#define MSR_AMD_MMIO_CONF     0xc0010058
#define MSR_AMD_PSTATE_LIMIT  0xc0010061
#define MSR_AMD_PSTATE_STATUS 0xc0010063

#define MISC_PERF_AVAIL   (1UL << 7)
#define MISC_BTS_UNAVAIL  (1UL << 11)
#define MISC_PEBS_UNAVAIL (1UL << 12)
#define MISC_MONITOR      (1UL << 18)
#define MISC_XTPR_DISABLE (1UL << 23)

#define E1_D_RDTSCP (1U << 27)
#define C7_RDPID    (1U << 22)

static bool has_tsc_aux(const struct vcpu *v)
{
    struct cpuid_policy *p = v->domain->arch.cpuid;

    return (p->ext[1].d & E1_D_RDTSCP) || (p->sub7[0].c & C7_RDPID);
}

static uint64_t misc_enable(void)
{
    uint64_t real;

    if (rdmsr_safe(MSR_MISC_ENABLE, &real))
        real = 0;
    real &= ~(MISC_PERF_AVAIL | MISC_MONITOR);
    return real | MISC_BTS_UNAVAIL | MISC_PEBS_UNAVAIL | MISC_XTPR_DISABLE;
}

/* Early in its start a kernel has no handler to survive #GP with. */
static bool before_handlers(const struct vcpu *v)
{
    return !v->arch.trap_table[X86_TRAP_GP].address;
}

static bool read_intel(uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_PLATFORM_ID:
        return rdmsr_safe(msr, value) == 0;
    case MSR_FEATURE_CONTROL:
        *value = FEATURE_CONTROL_LOCKED;
        return true;
    case MSR_PERF_STATUS:
    case MSR_PERF_CTL:
    case MSR_THERM_STATUS:
    case MSR_PERF_CAPS:
    case MSR_MISC_FEATURES:
        *value = 0;
        return true;
    case MSR_MISC_ENABLE:
        *value = misc_enable();
        return true;
    default:
        return false;
    }
}

static bool read_amd(uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_AMD_DE_CFG:
        *value = PV_DE_CFG;
        return true;
    case MSR_K8_HWCR:
    case MSR_K8_SYSCFG:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_MMIO_CONF:
    case MSR_AMD_PSTATE_LIMIT ... MSR_AMD_PSTATE_STATUS:
        *value = 0;
        return true;
    default:
        return false;
    }
}

bool emul_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        *value = rdmsr(msr);
        return true;
    case MSR_EFER:
        *value = rdmsr(msr) & ~EFER_SVME;
        return true;
    case MSR_TSC:
        *value = rdtsc();
        return true;
    case MSR_TSC_AUX:
        *value = v->arch.tsc_aux;
        return has_tsc_aux(v);
    case MSR_APIC_BASE:
        *value =
            PV_APIC_BASE | APIC_BASE_ENABLE | (v->id == 0 ? APIC_BASE_BSP : 0);
        return true;
    case MSR_UCODE_REV:
        return rdmsr_safe(msr, value) == 0;
    case MSR_PLATFORM_INFO:
        *value = v->domain->arch.cpuid->platform_info;
        return true;
    case MSR_PAT:
        *value = PV_PAT;
        return true;
    case MSR_MCG_CAP: /* no banks */
    case MSR_MCG_STATUS:
        *value = 0;
        return true;
    default:
        break;
    }
    *value = 0;
    if (cpuid_is_amd() ? read_amd(msr, value) : read_intel(msr, value))
        return true;
    if (before_handlers(v))
        return true;
    printk(LOG_GUEST_DEBUG "d%dv%u: RDMSR %#x refused\n", v->domain->id, v->id,
           msr);
    return false;
}

/* Writes that change nothing, or that we have a reason to swallow. */
static bool write_ignored(const struct vcpu *v, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_EFER:
        return value == (rdmsr(MSR_EFER) & ~EFER_SVME);
    case MSR_PAT:
        return value == PV_PAT;
    case MSR_UCODE_REV:
    case MSR_MISC_FEATURES:
        return value == 0;
    case MSR_MCG_STATUS:
        return true;
    case MSR_MISC_ENABLE:
    case MSR_PERF_CTL:
        return !cpuid_is_amd();
    case MSR_AMD_DE_CFG:
    case MSR_K8_HWCR:
    case MSR_AMD_NB_CFG:
        return cpuid_is_amd();
    default:
        return before_handlers(v);
    }
}

bool emul_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!CANONICAL(value))
            return false;
        wrmsr(msr, value);
        return true;
    case MSR_TSC_AUX:
        if (!has_tsc_aux(v) || value >> 32)
            return false;
        v->arch.tsc_aux = value;
        vcpu_load_tsc_aux(v);
        return true;
    default:
        break;
    }
    if (write_ignored(v, msr, value))
        return true;
    printk(LOG_GUEST_DEBUG "d%dv%u: WRMSR %#x := %#lx refused\n", v->domain->id,
           v->id, msr, value);
    return false;
}
