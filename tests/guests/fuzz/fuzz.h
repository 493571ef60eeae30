/* SPDX-License-Identifier: MIT */
/*
 * What the operations of the random kernel share: a source of random numbers
 * per vcpu, the pages that everything is done to, tables of operations.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <kit/cpu.h>
#include <kit/mm.h>

#define NR_PAGES 48U
#define NR_REFS  16U /* of the grant table, from GRANT_FIRST */
#define MAX_OPS  64U
#define TRAIL    32U /* operations that a vcpu remembers */

/* What one vcpu holds; no other vcpu touches it while it runs. */
struct fuzzer {
    uint64_t seed;
    unsigned int vcpu;
    uint32_t handles[8]; /* of grant mappings */
    unsigned int nr_handles;
    uint32_t ports[8]; /* event channels; 0: none */
    volatile uint64_t calls;
    unsigned int tried[MAX_OPS];
    unsigned int worked[MAX_OPS];
    uint8_t trail[TRAIL]; /* the latest operations, around trail_next */
    unsigned int trail_next;
};

/* Of an operation: there was nothing to do it with. */
#define NOT_TRIED (-1000L)

/* run(): 0: it was done; an error of the ABI: refused; or NOT_TRIED. */
struct op {
    const char *name;
    long (*run)(struct fuzzer *f);
    unsigned int weight;
    unsigned int calls; /* hypercalls that every run makes at least */
};

extern struct fuzzer fuzzers[KIT_MAX_CPUS];
extern char *pages[NR_PAGES];
extern unsigned int self; /* the own domid */
extern unsigned int nr_cpus;

uint64_t next(struct fuzzer *f);
unsigned int below(struct fuzzer *f, unsigned int n);
char *any_page(struct fuzzer *f);
uint64_t any_mfn(struct fuzzer *f);
uint64_t any_entry(struct fuzzer *f);

/* Run one operation of the table, chosen by weight, and count it. */
void run_one(struct fuzzer *f, const struct op *ops, unsigned int nr);
/* "name worked/tried, ..." over all vcpus, a few on each line. */
void report(const struct op *ops, unsigned int nr);
uint64_t option_number(const char *key, uint64_t otherwise);

/* Page types and references (pages.c), grants between the own pages (main.c
 * runs these in a control domain too, with nobody to hurt). */
extern const struct op page_ops[];
extern const unsigned int nr_page_ops;
/* An entry of the grant table in the form of its version; to ourselves. */
void grant_write(unsigned int ref, unsigned int flags, uint64_t frame);
extern volatile bool grants_v2;
void let_go(struct fuzzer *f);
void unmap_grants(void);
void release_all(void);

/* All hypercalls that page_ops leave out, for a guest without privilege only:
 * as a control domain it would switch the machine off. */
void edge_raw_init(void);
domid_t any_domid(struct fuzzer *f);
/* A number or an address, usual or at an edge; an argument in memory that is
 * filled with such. */
uint64_t any_word(struct fuzzer *f);
void *any_argument(struct fuzzer *f);

/* edges_memory.c */
long op_foreign(struct fuzzer *f);
long op_exchange(struct fuzzer *f);
long op_reservation(struct fuzzer *f);
long op_memory_question(struct fuzzer *f);
long op_grant_size(struct fuzzer *f);
long op_grant_version(struct fuzzer *f);
long op_grant_swap(struct fuzzer *f);
long op_grant_transfer(struct fuzzer *f);
long op_grant_of_others(struct fuzzer *f);
long op_grant_replace(struct fuzzer *f);

/* edges_vcpu.c */
long op_port_new(struct fuzzer *f);
long op_port_send(struct fuzzer *f);
long op_port_close(struct fuzzer *f);
long op_port_change(struct fuzzer *f);
long op_port_queue(struct fuzzer *f);
long op_sched(struct fuzzer *f);
long op_timer(struct fuzzer *f);
long op_area(struct fuzzer *f);
long op_down(struct fuzzer *f);
long op_nmi(struct fuzzer *f);
long op_entry(struct fuzzer *f);
long op_registers(struct fuzzer *f);

/* edges_raw.c */
long op_version(struct fuzzer *f);
long op_multicall(struct fuzzer *f);
long op_privileged(struct fuzzer *f);
long op_mmu_batch(struct fuzzer *f);
long op_raw(struct fuzzer *f);

/* What must never succeed did. */
void breach(const char *what, uint64_t a, uint64_t b);
extern volatile unsigned int breaches;

/* The guest that `calls=N` on the command line makes of this kernel. */
void hostile_guest(uint64_t goal, uint64_t seed);

#endif
