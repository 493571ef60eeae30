/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers by their manuals' names (Intel SDM vol. 4; AMD APM
 * vol. 2, "MSR Cross-Reference"), and access to them. The _safe forms catch
 * the #GP of a register that the CPU does not have.
 */
#ifndef ASM_MSR_H
#define ASM_MSR_H

#define MSR_TSC                  0x10
#define MSR_PLATFORM_ID          0x17
#define MSR_APIC_BASE            0x1b
#define APIC_BASE_BSP            (1UL << 8)
#define APIC_BASE_EXTD           (1UL << 10)
#define APIC_BASE_ENABLE         (1UL << 11)
#define MSR_FEATURE_CONTROL      0x3a
#define MSR_TSC_ADJUST           0x3b
#define MSR_SPEC_CTRL            0x48
#define MSR_PRED_CMD             0x49
#define MSR_UCODE_REV            0x8b
#define MSR_PLATFORM_INFO        0xce
#define MSR_MTRRCAP              0xfe
#define MSR_ARCH_CAPABILITIES    0x10a
#define MSR_TSX_CTRL             0x122
#define MSR_MCU_OPT_CTRL         0x123
#define MSR_SYSENTER_CS          0x174
#define MSR_SYSENTER_ESP         0x175
#define MSR_SYSENTER_EIP         0x176
#define MSR_MCG_CAP              0x179
#define MSR_MCG_STATUS           0x17a
#define MSR_MCG_CTL              0x17b
#define MCG_CAP_COUNT            0xff
#define MCG_CAP_CTL_P            (1UL << 8)
#define MCG_STATUS_RIPV          (1UL << 0)
#define MCG_STATUS_EIPV          (1UL << 1)
#define MCG_STATUS_MCIP          (1UL << 2)
#define MSR_MISC_ENABLE          0x1a0
#define MISC_ENABLE_FAST_STRINGS (1UL << 0)
#define MISC_ENABLE_XD_DISABLE   (1UL << 34)
#define MSR_DEBUGCTL             0x1d9
#define DEBUGCTL_LBR             (1UL << 0)
#define DEBUGCTL_BTF             (1UL << 1)
#define MSR_MTRR_PHYSBASE0       0x200
#define MSR_MTRR_FIX64K_00000    0x250
#define MSR_MTRR_FIX4K_F8000     0x26f
#define MSR_PAT                  0x277
#define MSR_MTRR_DEF_TYPE        0x2ff
#define MSR_PERF_GLOBAL_CTRL     0x38f
#define MSR_MC0_CTL              0x400
#define MSR_MC0_STATUS           0x401
#define MSR_MC0_ADDR             0x402
#define MSR_MC0_MISC             0x403
#define MC_STATUS_VAL            (1UL << 63)
#define MC_STATUS_OVER           (1UL << 62)
#define MC_STATUS_UC             (1UL << 61)
#define MC_STATUS_EN             (1UL << 60)
#define MC_STATUS_MISCV          (1UL << 59)
#define MC_STATUS_ADDRV          (1UL << 58)
#define MC_STATUS_PCC            (1UL << 57)
#define MSR_TSC_DEADLINE         0x6e0
#define MSR_X2APIC_FIRST         0x800
#define MSR_X2APIC_LAST          0x8ff
#define MSR_XSS                  0xda0

#define MSR_EFER           0xc0000080
#define EFER_SCE           (1UL << 0)
#define EFER_LME           (1UL << 8)
#define EFER_LMA           (1UL << 10)
#define EFER_NX            (1UL << 11)
#define EFER_SVME          (1UL << 12)
#define EFER_FFXSE         (1UL << 14)
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SFMASK         0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103
#define MSR_K8_SYSCFG      0xc0010010
#define MSR_K8_HWCR        0xc0010015
#define HWCR_TSC_FREQ_SEL  (1UL << 24)
#define MSR_PSTATE0        0xc0010064
#define MSR_AMD_DE_CFG     0xc0011029

#ifndef __ASSEMBLY__

#include <hv/errno.h>
#include <hv/types.h>

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return lo | (uint64_t)hi << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* 0, or -EIO if the CPU refused; *value is 0 then. */
int rdmsr_safe(uint32_t msr, uint64_t *value) MUST_CHECK;
int wrmsr_safe(uint32_t msr, uint64_t value) MUST_CHECK;

#endif
#endif
