/* SPDX-License-Identifier: MIT */
/*
 * Performance counters: what happened how often, by CPU and by domain. Each
 * CPU counts in memory of its own, without atomic operations; nothing on the
 * shortest ways in and out counts (docs/observability.md).
 */
#ifndef HV_PERFC_H
#define HV_PERFC_H

#include <hv/percpu.h>
#include <hv/types.h>

/* With one value for each CPU. */
enum perfc {
    PERFC_CONTEXT_SWITCHES,
    PERFC_IDLE,
    PERFC_CONTINUATIONS,
    PERFC_TYPES_GOT, /* page tables and descriptor pages checked */
    PERFC_TYPES_DROPPED,
    PERFC_TLB_REQUESTS, /* flushes asked of other CPUs */
    PERFC_LOG_DROPPED,  /* messages over their rate */
    PERFC_CLOCK_STEPS,  /* system time corrected by the platform clock */
    PERFC_CLOCK_JUMPS,  /* of these, at once and not bit by bit */
    NR_PERFC
};

/* With one value for each number. */
#define PERFC_NR_HYPERCALLS 64
#define PERFC_NR_EXCEPTIONS 32
#define PERFC_NR_SOFTIRQS   8
#define PERFC_NR_VECTORS    256

struct perfc_cpu {
    uint64_t single[NR_PERFC];
    uint64_t hypercall[PERFC_NR_HYPERCALLS]; /* while they are watched */
    uint64_t exception[PERFC_NR_EXCEPTIONS]; /* the same */
    uint64_t softirq[PERFC_NR_SOFTIRQS];
    uint64_t vector[PERFC_NR_VECTORS]; /* interrupts */
};
DECLARE_PER_CPU(struct perfc_cpu, perfc);

#define perfc_inc(what)         (this_cpu(perfc).single[what]++)
#define perfc_inc_hypercall(nr) (this_cpu(perfc).hypercall[nr]++)
#define perfc_inc_exception(nr) (this_cpu(perfc).exception[nr]++)
#define perfc_inc_softirq(nr)   (this_cpu(perfc).softirq[nr]++)
#define perfc_inc_vector(nr)    (this_cpu(perfc).vector[nr]++)

/* Of a vcpu, by whoever runs it: no atomic operation either. */
struct perfc_vcpu {
    uint64_t switches;
    uint64_t hypercalls, exceptions; /* while they are watched */
    uint64_t emulated, pte_emulated; /* instructions, stores to page tables */
};

struct xen_sysctl_perfc_op;
/* What perfc_op tells: counter i has *nr values and a name; NULL: no more. */
const char *perfc_describe(unsigned int i, unsigned int *nr);
uint64_t perfc_value(unsigned int i, unsigned int n);
void perfc_reset(void);
void perfc_init(void);

#endif
