/* SPDX-License-Identifier: MIT */
/*
 * Processor identification and control registers. SMAP stays off: guests'
 * pages are all user pages, and QEMU's software emulation of it is wrong in a
 * way that kills Linux guests.
 */
#include <asm/cpu.h>

#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/lib.h>

#include <asm/msr.h>
#include <asm/x86.h>

struct cpu_caps cpu_caps __ro_after_init;
struct cpu_topology cpu_topology[MAX_CPUS];
unsigned int threads_per_core = 1, cores_per_socket = 1;
uint64_t hv_cr4 __ro_after_init;

#define EXT_LEAF 0x80000000U

/* Leaf 1. */
#define L1_D_MCE          (1U << 7)
#define L1_D_HTT          (1U << 28)
#define L1_C_X2APIC       (1U << 21)
#define L1_C_TSC_DEADLINE (1U << 24)
#define L1_C_XSAVE        (1U << 26)
#define L1_C_HYPERVISOR   (1U << 31)
/* Leaf 7. */
#define L7_B_FSGSBASE (1U << 0)
#define L7_B_SMEP     (1U << 7)
#define L7_C_RDPID    (1U << 22)
/* Leaf 0x80000001. */
#define X1_D_RDTSCP (1U << 27)
/* Leaf 0x80000007. */
#define X7_D_INVARIANT_TSC (1U << 8)

static void __init read_vendor(struct cpu_caps *c)
{
    struct cpuid_leaf l = cpuid(0);

    c->max_leaf = l.a;
    if (l.b == 0x756e6547 && l.d == 0x49656e69 && l.c == 0x6c65746e)
        c->vendor = VENDOR_INTEL; /* GenuineIntel */
    else if ((l.b == 0x68747541 && l.d == 0x69746e65 && l.c == 0x444d4163) ||
             (l.b == 0x6f677948 && l.d == 0x6e65476e && l.c == 0x656e6975))
        c->vendor = VENDOR_AMD; /* AuthenticAMD, HygonGenuine */
    c->max_ext_leaf = cpuid(EXT_LEAF).a;
}

static void __init read_model(struct cpu_caps *c)
{
    uint32_t a = cpuid(1).a;

    c->family = (a >> 8) & 0xf;
    c->model = (a >> 4) & 0xf;
    c->stepping = a & 0xf;
    if (c->family == 0xf)
        c->family += (a >> 20) & 0xff;
    if (c->family == 6 || c->family >= 0xf)
        c->model |= ((a >> 16) & 0xf) << 4;
}

static void __init read_name(struct cpu_caps *c)
{
    struct cpuid_leaf l[3];

    if (c->max_ext_leaf < EXT_LEAF + 4)
        return;
    for (unsigned int i = 0; i < 3; i++)
        l[i] = cpuid(EXT_LEAF + 2 + i);
    memcpy(c->name, l, sizeof(l));
}

void __init cpu_identify(void)
{
    struct cpu_caps *c = &cpu_caps;
    struct cpuid_leaf l = cpuid(1);

    read_vendor(c);
    read_model(c);
    read_name(c);
    c->mce = l.d & L1_D_MCE;
    c->x2apic = l.c & L1_C_X2APIC;
    c->tsc_deadline = l.c & L1_C_TSC_DEADLINE;
    c->xsave = l.c & L1_C_XSAVE;
    c->hypervisor = l.c & L1_C_HYPERVISOR;
    if (c->max_leaf >= 7) {
        l = cpuid_count(7, 0);
        c->fsgsbase = l.b & L7_B_FSGSBASE;
        c->smep = l.b & L7_B_SMEP;
        c->tsc_aux = l.c & L7_C_RDPID;
    }
    if (c->max_ext_leaf >= EXT_LEAF + 1)
        c->tsc_aux |= !!(cpuid(EXT_LEAF + 1).d & X1_D_RDTSCP);
    if (c->max_ext_leaf >= EXT_LEAF + 7)
        c->invariant_tsc = cpuid(EXT_LEAF + 7).d & X7_D_INVARIANT_TSC;
    c->phys_bits = 36;
    c->virt_bits = 48;
    if (c->max_ext_leaf >= EXT_LEAF + 8) {
        l = cpuid(EXT_LEAF + 8);
        c->phys_bits = l.a & 0xff;
        c->virt_bits = (l.a >> 8) & 0xff;
    }

    hv_cr4 = CR4_DE | CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (c->mce)
        hv_cr4 |= CR4_MCE;
    if (c->smep)
        hv_cr4 |= CR4_SMEP;
    if (c->fsgsbase)
        hv_cr4 |= CR4_FSGSBASE;
    if (c->xsave)
        hv_cr4 |= CR4_OSXSAVE;
}

void cpu_init(void)
{
    /* Intel: firmware may have switched NX off. */
    if (cpu_caps.vendor == VENDOR_INTEL) {
        uint64_t misc;

        if (!rdmsr_safe(MSR_MISC_ENABLE, &misc) &&
            (misc & MISC_ENABLE_XD_DISABLE))
            wrmsr(MSR_MISC_ENABLE, misc & ~MISC_ENABLE_XD_DISABLE);
    }
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NX);
    /* AM: programs may ask for alignment checks. */
    write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    write_cr4(hv_cr4);
    wrmsr(MSR_PAT, HV_PAT);
    write_dr7(DR7_DEFAULT);
}

/* Width of an APIC id's lowest part with room for n values. */
static unsigned int bits_for(unsigned int n)
{
    unsigned int bits = 0;

    while ((1U << bits) < n)
        bits++;
    return bits;
}

/* Threads per core and per socket from the leaves that the vendor keeps. */
static void topology_widths(unsigned int *thread_bits, unsigned int *core_bits)
{
    struct cpuid_leaf l;
    unsigned int threads = 1, logical;

    if (cpu_caps.max_leaf >= 0xb && cpuid_count(0xb, 0).b) {
        *thread_bits = cpuid_count(0xb, 0).a & 0x1f;
        *core_bits = (cpuid_count(0xb, 1).a & 0x1f) - *thread_bits;
        return;
    }
    l = cpuid(1);
    logical = l.d & L1_D_HTT ? (l.b >> 16) & 0xff : 1;
    if (cpu_caps.vendor == VENDOR_INTEL && cpu_caps.max_leaf >= 4)
        threads =
            max_t(unsigned int, 1, logical / ((cpuid_count(4, 0).a >> 26) + 1));
    *thread_bits = bits_for(threads);
    *core_bits = bits_for(max_t(unsigned int, 1, logical)) - *thread_bits;
}

void cpu_read_topology(unsigned int cpu, uint32_t apic_id)
{
    struct cpu_topology *t = &cpu_topology[cpu];
    unsigned int thread_bits, core_bits;

    topology_widths(&thread_bits, &core_bits);
    t->apic_id = apic_id;
    t->thread = apic_id & ((1U << thread_bits) - 1);
    t->core = (apic_id >> thread_bits) & ((1U << core_bits) - 1);
    t->socket = apic_id >> (thread_bits + core_bits);
    threads_per_core = max_t(unsigned int, threads_per_core, t->thread + 1);
    cores_per_socket = max_t(unsigned int, cores_per_socket, t->core + 1);
}

bool arch_cpu_is_sibling(unsigned int cpu)
{
    return cpu_topology[cpu].thread != 0;
}

uint64_t arch_cpu_physid(unsigned int cpu)
{
    uint32_t apic_id = cpu_topology[cpu].apic_id;

    for (unsigned int i = 0; i < acpi_info.nr_cpus; i++)
        if (acpi_info.cpu_apic_id[i] == apic_id)
            return (uint64_t)acpi_info.cpu_acpi_id[i] << 32 | apic_id;
    return apic_id;
}
