/* SPDX-License-Identifier: MIT */
/*
 * Local APIC access and set-up. The timer in it is apic_timer.c.
 */
#include <asm/apic.h>

#include <hv/acpi.h>
#include <hv/lib.h>
#include <hv/smp.h>

#include <asm/cpu.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/x86.h>

bool x2apic_mode __ro_after_init;
static volatile uint32_t *regs __ro_after_init;

uint32_t apic_read(unsigned int reg)
{
    if (x2apic_mode)
        return (uint32_t)rdmsr(MSR_X2APIC_FIRST + (reg >> 4));
    return regs[reg / 4];
}

void apic_write(unsigned int reg, uint32_t value)
{
    if (x2apic_mode)
        wrmsr(MSR_X2APIC_FIRST + (reg >> 4), value);
    else
        regs[reg / 4] = value;
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);

    return x2apic_mode ? id : id >> 24;
}

/* What this CPU's ICR_HIGH holds: most often it is the same CPU again that is
 * to be woken. Unknown while it is written: an NMI that panics then sends, too.
 */
static DEFINE_PER_CPU(uint32_t, icr_high) = ~0U;

void apic_send(uint32_t dest, uint32_t command)
{
    unsigned long flags;

    if (x2apic_mode) {
        /* Not serialising: what was stored before must be seen first. */
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(MSR_X2APIC_FIRST + (APIC_ICR >> 4),
              (uint64_t)dest << 32 | command);
        return;
    }
    flags = irq_save();
    if (this_cpu(icr_high) != dest << 24) {
        WRITE_ONCE(this_cpu(icr_high), ~0U);
        apic_write(APIC_ICR_HIGH, dest << 24);
        WRITE_ONCE(this_cpu(icr_high), dest << 24);
    }
    apic_write(APIC_ICR, command);
    while (apic_read(APIC_ICR) & ICR_BUSY)
        cpu_relax();
    irq_restore(flags);
}

void apic_send_ipi(unsigned int cpu, uint8_t vector)
{
    apic_send(cpu_topology[cpu].apic_id, ICR_FIXED | ICR_ASSERT | vector);
}

void apic_send_ipi_mask(const cpumask_t *mask, uint8_t vector)
{
    unsigned int cpu;

    for_each_cpu (cpu, mask)
        if (cpu != smp_processor_id())
            apic_send_ipi(cpu, vector);
}

/*
 * On bare metal x2APIC mode wants interrupt remapping, which is not set up
 * here; under a hypervisor it saves exits. Once on, it stays on. Intel SDM
 * vol. 3, "Extended XAPIC (x2APIC)".
 */
static bool __init want_x2apic(uint64_t base)
{
    if ((base & APIC_BASE_EXTD) || cpu_caps.hypervisor)
        return true;
    for (unsigned int i = 0; i < acpi_info.nr_cpus; i++)
        if (acpi_info.cpu_apic_id[i] >= 0xff)
            return true;
    return false;
}

void __init apic_init_boot(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if (!(cpuid(1).d & (1U << 9)))
        panic("This processor has no local APIC");
    x2apic_mode = cpu_caps.x2apic && want_x2apic(base);
    if (x2apic_mode)
        return;
    regs = ioremap(base & PTE_ADDR_MASK, PAGE_SIZE);
    if (!regs)
        panic("Cannot map the local APIC");
}

static void enable(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    wrmsr(MSR_APIC_BASE, base);
    if (x2apic_mode)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_EXTD);
}

static bool any_in_service(void)
{
    uint32_t isr = 0;

    for (unsigned int i = 0; i < 8; i++)
        isr |= apic_read(APIC_ISR + i * 0x10);
    return isr;
}

void apic_init_cpu(void)
{
    unsigned int max_lvt;

    enable();
    this_cpu(icr_high) = ~0U; /* whatever INIT left there */
    max_lvt = (apic_read(APIC_VERSION) >> 16) & 0xff;
    apic_write(APIC_TPR, 0);
    /* Software-enable first: a disabled APIC keeps its LVT masked. */
    apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    apic_write(APIC_LVT_LINT0, LVT_MASKED);
    /* PCs wire the NMI button and the like to LINT1. */
    apic_write(APIC_LVT_LINT1, LVT_NMI);
    if (max_lvt >= 4)
        apic_write(APIC_LVT_PERF, LVT_MASKED);
    if (max_lvt >= 5)
        apic_write(APIC_LVT_THERMAL, LVT_MASKED);
    apic_write(APIC_ESR, 0);
    apic_write(APIC_LVT_ERROR, VECTOR_APIC_ERROR);
    /* What was in service when the firmware left; an EOI ends the highest. */
    for (unsigned int i = 0; i < 256 && any_in_service(); i++)
        apic_eoi();
}

/* Out of x2APIC mode the way leads over the disabled state (Intel SDM vol. 3,
 * "x2APIC State Transitions"). The registers of xAPIC mode were never mapped
 * then: they keep what the reset put there. */
void apic_shutdown_cpu(void)
{
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_TIMER_INIT, 0);
    if (cpu_caps.tsc_deadline)
        wrmsr(MSR_TSC_DEADLINE, 0);
    apic_write(APIC_LVT_ERROR, LVT_MASKED);
    if (x2apic_mode) {
        uint64_t base = rdmsr(MSR_APIC_BASE) &
                        ~(uint64_t)(APIC_BASE_EXTD | APIC_BASE_ENABLE);

        wrmsr(MSR_APIC_BASE, base);
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
        return;
    }
    apic_write(APIC_LVT_LINT0, LVT_EXTINT);
    apic_write(APIC_LVT_LINT1, LVT_NMI);
    apic_write(APIC_SVR, SVR_ENABLE | 0xf);
}

#define PIC1_COMMAND   0x20
#define PIC1_DATA      0x21
#define PIC2_COMMAND   0xa0
#define PIC2_DATA      0xa1
#define ICW1_INIT_ICW4 0x11
#define ICW4_8086      0x01
#define PIC_VECTORS    0x20

void __init pic_disable(void)
{
    if (acpi_info.present && !acpi_info.has_pic)
        return;
    outb(ICW1_INIT_ICW4, PIC1_COMMAND);
    outb(ICW1_INIT_ICW4, PIC2_COMMAND);
    outb(PIC_VECTORS, PIC1_DATA);
    outb(PIC_VECTORS + 8, PIC2_DATA);
    outb(1 << 2, PIC1_DATA); /* cascade on line 2 */
    outb(2, PIC2_DATA);
    outb(ICW4_8086, PIC1_DATA);
    outb(ICW4_8086, PIC2_DATA);
    outb(0xff, PIC1_DATA);
    outb(0xff, PIC2_DATA);
}
