/* SPDX-License-Identifier: MIT */
/*
 * Machine checks: every bank with a valid record is logged and cleared. If the
 * interrupted context cannot go on, its owner ends: the guest, or all. Intel
 * SDM vol. 3, "Machine-Check Architecture".
 */
#include <asm/mce.h>

#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/msr.h>
#include <asm/traps.h>

#define CPUID1_D_MCE (1U << 7)
#define CPUID1_D_MCA (1U << 14)
#define BANK_STRIDE  4

static unsigned int nr_banks __ro_after_init;

void mce_cpu_init(void)
{
    uint32_t want = CPUID1_D_MCE | CPUID1_D_MCA;
    uint64_t cap;

    if ((cpuid(1).d & want) != want || rdmsr_safe(MSR_MCG_CAP, &cap))
        return;
    if (smp_processor_id() == 0)
        nr_banks = min_t(unsigned int, cap &MCG_CAP_COUNT, 32);
    if (cap & MCG_CAP_CTL_P)
        wrmsr(MSR_MCG_CTL, ~0UL);
    for (unsigned int i = 0; i < nr_banks; i++) {
        if (wrmsr_safe(MSR_MC0_CTL + i * BANK_STRIDE, ~0UL) ||
            wrmsr_safe(MSR_MC0_STATUS + i * BANK_STRIDE, 0))
            printk(LOG_WARN "mce: bank %u cannot be set up\n", i);
    }
    write_cr4(read_cr4() | CR4_MCE);
}

/* Log and clear; returns the status. */
static uint64_t bank_collect(unsigned int i)
{
    uint64_t status = rdmsr(MSR_MC0_STATUS + i * BANK_STRIDE);
    uint64_t addr = 0;

    if (!(status & MC_STATUS_VAL))
        return 0;
    if (status & MC_STATUS_ADDRV)
        addr = rdmsr(MSR_MC0_ADDR + i * BANK_STRIDE);
    printk(LOG_ERR "mce: cpu %u bank %u status %#lx address %#lx\n",
           smp_processor_id(), i, status, addr);
    wrmsr(MSR_MC0_STATUS + i * BANK_STRIDE, 0);
    return status;
}

void mce_handle(struct cpu_regs *regs)
{
    uint64_t mcg = rdmsr(MSR_MCG_STATUS), all = 0;

    for (unsigned int i = 0; i < nr_banks; i++)
        all |= bank_collect(i);
    if ((all & MC_STATUS_PCC) || !(mcg & MCG_STATUS_RIPV)) {
        if (!regs_from_guest(regs) || (all & MC_STATUS_PCC))
            panic("machine check: processor state is lost");
        domain_crash(current->domain, "machine check at %#lx", regs->rip);
    } else if ((all & MC_STATUS_UC) && regs_from_guest(regs)) {
        domain_crash(current->domain,
                     "machine check: uncorrected error at "
                     "%#lx",
                     regs->rip);
    }
    wrmsr(MSR_MCG_STATUS, 0);
}
