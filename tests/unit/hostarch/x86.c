/* SPDX-License-Identifier: MIT */
/* The registers behind the host's asm/x86.h and asm/msr.h. */
#include <hostarch.h>

#include <asm/msr.h>
#include <asm/page.h>
#include <asm/patch.h>
#include <asm/x86.h>

uint64_t host_cr[5] = {CR0_PE | CR0_PG | CR0_WP};
uint64_t host_dr[8];
uint32_t host_patches;

uint64_t rdmsr(uint32_t msr)
{
    (void)msr;
    return 0;
}

/* Intel SDM vol. 2, WRMSR: the bases must be canonical. */
void wrmsr(uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_SYSENTER_EIP:
    case MSR_SYSENTER_ESP:
        BUG_ON(!CANONICAL(value));
        break;
    default:
        break;
    }
}
