/* SPDX-License-Identifier: MIT */
/*
 * A small machine for the fuzzer of hypercalls: four CPUs, a control domain
 * and two guests with page tables, descriptors, grants and ports as a kernel
 * would have set them up. Hypervisor code runs unchanged on hostarch.
 */
#ifndef FUZZ_HV_WORLD_H
#define FUZZ_HV_WORLD_H

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <asm/page.h>

#define NR_CPUS      4
#define NR_FRAMES    512 /* of the machine */
#define FRAME_GDT    1   /* one per CPU */
#define FRAME_M2P    8
#define FRAME_CRASH  12UL /* memory for a crash kernel */
#define CRASH_FRAMES 4UL
#define FRAME_HEAP   16 /* from here on the allocator's */
#define NR_DOMS      3
#define MAX_DOMS     8  /* with those that the control domain makes */
#define PER_DOM      32 /* frames each domain starts with */

/* What the first frames of a domain are to begin with. */
enum {
    F_L4,
    F_L3,
    F_L2,
    F_L1,       /* maps frame i at page i, tables read-only */
    F_L1_EMPTY, /* at the second 2 MiB */
    F_USER_L4,
    F_GDT,
    F_LDT,
    F_DATA,
};

struct world {
    uint64_t frame[NR_DOMS][PER_DOM];
    char *args; /* memory of whoever calls: ARGS_SIZE bytes, then a hole */
};
#define ARGS_SIZE (4 * PAGE_SIZE)
extern struct world world;

/* Once per process. */
void world_init(void);
/* The three domains, as they are at the start of each input. */
void world_build(void);
unsigned int world_nr_domains(void);
/* End all domains, and check that nothing of them is left. */
void world_destroy(void);

/* The control domain asked for the end of the machine. */
extern bool world_is_over;

/* Let every CPU do its softirqs until there are none. */
void world_settle(void);
/* Interrupt line pirq fires. */
void line_fire(unsigned int pirq);

/* Every check that holds between two hypercalls. */
void world_check(void);

#endif
