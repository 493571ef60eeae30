/* SPDX-License-Identifier: MIT */
/*
 * Requests to flush between CPUs, under all interleavings: each CPU changes a
 * page-table entry of its own and asks others to forget the old one, all at
 * the same time. Who has asked must find the new entry in everybody's TLB, and
 * nobody may wait for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/percpu.h>

#include <asm/apic.h>
#include <asm/tlb.h>

#include "explore.h"

#define MAX_ENTRIES 3

extern char host_percpu_start[], host_percpu_end[];

static unsigned int entry[MAX_ENTRIES]; /* in memory: how often changed */
static unsigned int tlb[MODEL_MAX_THREADS][MAX_ENTRIES];
static bool interrupt[MODEL_MAX_THREADS]; /* pending */
static unsigned int busy;                 /* CPUs that still want something */
static unsigned int step[MODEL_MAX_THREADS]; /* how far each is */
static unsigned int nr;                      /* CPUs */
static char *pristine;                       /* per-CPU variables at first */

bool host_irqs_off; /* hostarch's irq_save() */

/* ---- the rest of the hypervisor ---- */

static void forget(unsigned int cpu, unsigned int e)
{
    tlb[cpu][e] = entry[e];
}

void tlb_carry_out(const struct tlb_request *r)
{
    unsigned int cpu = smp_processor_id();

    model_step();
    for (unsigned int e = 0; e < MAX_ENTRIES; e++)
        if (r->what != TLB_ONE_PAGE || r->va == e)
            forget(cpu, e);
    model_wrote();
}

/* Between two instructions of a CPU with interrupts on. */
static bool take_interrupt(void)
{
    bool *mine = &interrupt[smp_processor_id()];

    if (!model_saw(*mine))
        return false;
    *mine = false;
    model_wrote();
    tlb_request_serve();
    return true;
}

void apic_send_ipi_mask(const cpumask_t *mask, uint8_t vector)
{
    unsigned int cpu;

    (void)vector;
    model_step();
    (void)take_interrupt();
    for_each_cpu (cpu, mask) {
        model_step();
        interrupt[cpu] = true;
        model_wrote();
    }
}

/* At the moment in which the caller saw that it has to wait; what that is for
 * is all it knows. */
static void relax(void)
{
    if (take_interrupt())
        model_forget(step[smp_processor_id()]);
    else
        model_wait(__builtin_return_address(0));
}

/* ---- what CPUs do ---- */

static void change_and_flush(unsigned int e, enum tlb_what what)
{
    unsigned int cpu, me = smp_processor_id();
    struct tlb_request r = {.what = what, .va = e};
    cpumask_t others = {{BIT(nr) - 1}};
    unsigned int new;

    bit_clear(others.bits, me);
    model_step();
    new = ++entry[e];
    forget(me, e);
    model_wrote();
    tlb_request_send(&others, &r);
    model_step();
    for_each_cpu (cpu, &others)
        if (model_saw(tlb[cpu][e]) < new)
            model_wrong("a CPU kept an old entry");
    model_forget(++step[me]);
}

/* Until all have what they want. */
static void idle(void)
{
    for (;;) {
        model_step();
        if (!model_saw(busy) && !model_saw(interrupt[smp_processor_id()]))
            return;
        relax();
    }
}

static void done(void)
{
    model_step();
    busy--;
    model_wrote();
    model_forget(++step[smp_processor_id()]);
    idle();
}

static void once_0(void)
{
    change_and_flush(0, TLB_ONE_PAGE);
    done();
}

static void once_1(void)
{
    change_and_flush(1, TLB_ONE_PAGE);
    done();
}

static void all_2(void)
{
    change_and_flush(2, TLB_GUEST_ENTRIES);
    done();
}

static void page_0_then_1(void)
{
    change_and_flush(0, TLB_ONE_PAGE);
    change_and_flush(1, TLB_ONE_PAGE);
    done();
}

static void twice_1(void)
{
    change_and_flush(1, TLB_GUEST_ENTRIES);
    change_and_flush(1, TLB_ONE_PAGE);
    done();
}

/* ---- what must hold ---- */

static const char *always(void)
{
    return NULL;
}

static const char *at_the_end(void)
{
    return NULL;
}

static size_t percpu_len(void)
{
    return (size_t)(host_percpu_end - host_percpu_start);
}

static uint64_t hash_bytes(uint64_t h, const void *from, size_t len)
{
    const uint64_t *p = from;

    for (size_t i = 0; i < len / sizeof(*p); i++)
        if (p[i])
            h = model_mix(h, p[i] ^ i << 56);
    return h;
}

static uint64_t hash(void)
{
    uint64_t h = busy;

    for (unsigned int cpu = 0; cpu < nr; cpu++) {
        h = model_mix(h, interrupt[cpu] | cpu << 8);
        for (unsigned int e = 0; e < MAX_ENTRIES; e++)
            h = model_mix(h, tlb[cpu][e]);
        h = hash_bytes(h, host_percpu_start + percpu_offset[cpu], percpu_len());
    }
    return model_mix(h, entry[0] << 16 | entry[1] << 8 | entry[2]);
}

static void reset(unsigned int cpus, unsigned int who_want)
{
    nr = cpus;
    busy = who_want;
    memset(entry, 0, sizeof(entry));
    memset(tlb, 0, sizeof(tlb));
    memset(interrupt, 0, sizeof(interrupt));
    memset(step, 0, sizeof(step));
    for (unsigned int cpu = 0; cpu < MODEL_MAX_THREADS; cpu++)
        memcpy(host_percpu_start + percpu_offset[cpu], pristine, percpu_len());
}

static void reset_2(void)
{
    reset(2, 2);
}

static void reset_3_of_2(void)
{
    reset(3, 2);
}

static void reset_3(void)
{
    reset(3, 3);
}

static struct model models[] = {
    MODEL("two ask each other", reset_2, once_0, once_1),
    MODEL("two ask each other, twice", reset_2, page_0_then_1, twice_1),
    MODEL("two ask a third, too", reset_3_of_2, once_0, all_2, idle),
    MODEL("three ask one another", reset_3, once_0, once_1, all_2),
};

static void set_up(void)
{
    host_cpus_init(MODEL_MAX_THREADS);
    host_on_relax = relax;
    pristine = malloc(percpu_len() + 1);
    memcpy(pristine, host_percpu_start, percpu_len());
}

#include "model_main.inc"
