/* SPDX-License-Identifier: MIT */
/*
 * The processors: what they can, and how the hypervisor sets them up.
 */
#ifndef ASM_CPU_H
#define ASM_CPU_H

#include <hv/cpumask.h>
#include <hv/types.h>

enum cpu_vendor {
    VENDOR_OTHER,
    VENDOR_INTEL,
    VENDOR_AMD
};

struct cpu_caps {
    uint8_t vendor; /* enum cpu_vendor; Hygon counts as AMD */
    unsigned int family, model, stepping;
    unsigned int max_leaf, max_ext_leaf;
    unsigned int phys_bits, virt_bits;
    bool x2apic, tsc_deadline, invariant_tsc;
    bool smep, fsgsbase, xsave, mce, hypervisor;
    bool tsc_aux; /* programs can read it: RDTSCP or RDPID */
    char name[49];
};

/* Of CPU 0; all CPUs are taken to be alike. */
extern struct cpu_caps cpu_caps;

/* Where the CPU is: from its APIC id. */
struct cpu_topology {
    uint32_t apic_id;
    unsigned int socket, core, thread;
};
extern struct cpu_topology cpu_topology[MAX_CPUS];
extern unsigned int threads_per_core, cores_per_socket;

/* The hypervisor's own CR4; while a guest runs, some bits are the guest's. */
extern uint64_t hv_cr4;

/*
 * Index of the page attribute table by PAT, PCD, PWT, the ABI's fixed value:
 * WB, WT, UC-, UC, WC, WP, UC, UC.
 */
#define HV_PAT 0x050100070406UL

void cpu_identify(void); /* boot CPU */
void cpu_init(void);     /* this CPU: control registers, NX, PAT */
void cpu_read_topology(unsigned int cpu, uint32_t apic_id);

/* arch/x86/percpu.c: stacks, cpu_info and per-CPU data of a CPU. */
void percpu_init_boot_cpu(void);
/* Everything that cpu needs before it runs; -ENOMEM. */
int percpu_init_cpu(unsigned int cpu) MUST_CHECK;

/* arch/x86/smpboot.c: start all CPUs of the MADT. */
void smp_boot(void);
extern unsigned int nr_present_cpus; /* found, started or not */

#endif
