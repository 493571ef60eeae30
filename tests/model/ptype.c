/* SPDX-License-Identifier: MIT */
/*
 * The state machine of page types (asm/pv/ptype.h) under all interleavings of
 * two or three CPUs: ptype.c, page_ref.c and the tables' code themselves run.
 *
 * What holds between any two steps:
 *   a frame is never writable to somebody and a validated table at once, nor
 *   read as a table while a CPU may still write it by a stale translation.
 * What holds when all CPUs are done:
 *   every frame's counts are what is held, nobody waits for ever, a frame that
 *   nobody holds is free, once.
 */
#include <stdio.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <asm/cpu.h>
#include <asm/pv/l1e.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>
#include <asm/spec_ctrl.h>

#include "explore.h"

#define FIRST     8 /* frame number of frame 0 of the model */
#define NR_FRAMES 6
#define MAX_CPUS_ 3

/* What frames are used as; each scenario has its own contents. */
enum {
    A,
    B,
    C,
    D
};

static struct domain self_domain, other_domain, io_domain, hv_domain;
static struct vcpu vcpus[MAX_CPUS_];
static struct vcpu *self_vcpus[MAX_CPUS_];
struct domain *dom0 = &other_domain, *dom_io = &io_domain, *dom_hv = &hv_domain;
pte_t *hv_l4;
struct cpu_caps cpu_caps;
struct spec_choice spec_choice;

/* ---- what is held, as the threads know ---- */

static unsigned int writers[NR_FRAMES]; /* writable references */
static unsigned int tables[NR_FRAMES];  /* of a table type */
static unsigned int others[NR_FRAMES];  /* general references */
/* CPUs that may still have a writable translation. */
static unsigned int stale[NR_FRAMES];
static unsigned int freed[NR_FRAMES];
static bool may_preempt;
static uint32_t flush_clock, flushed_at[MAX_CPUS_];

static struct page_info *page(int f)
{
    return mfn_to_page(mfn((uint64_t)(FIRST + f)));
}

static pte_t *table_of(int f)
{
    return page_to_virt(page(f));
}

static int frame_of(const struct page_info *pg)
{
    return (int)mfn_x(page_to_mfn(pg)) - FIRST;
}

/* ---- the rest of the hypervisor ---- */

void host_cpu_relax(void)
{
    model_wait(__builtin_return_address(0));
}

bool hypercall_preempt_check(void)
{
    return may_preempt && model_choose(2);
}

void l4_install_hv_slots(pte_t *l4)
{
    (void)l4;
}

bool arch_iomem_permitted(const struct domain *d, mfn_t m)
{
    (void)d;
    (void)m;
    return false;
}

bool mfn_is_addressable(mfn_t m)
{
    (void)m;
    return false;
}

bool iomem_is_read_only(mfn_t m)
{
    (void)m;
    return false;
}

bool iomem_is_memory(mfn_t m)
{
    (void)m;
    return false;
}

int pv_segdesc_validate(uint64_t *descs)
{
    return descs[1] == 0xbad ? -EINVAL : 0;
}

void domain_page_free(struct page_info *pg)
{
    freed[frame_of(pg)]++;
    pg->owner = NULL;
}

/* A flush is a step: what was remembered is gone afterwards. */
void tlb_flush_mask(const cpumask_t *mask)
{
    model_step();
    for (unsigned int c = 0; c < MAX_CPUS_; c++) {
        if (!cpumask_test(mask, c))
            continue;
        flushed_at[c] = ++flush_clock;
        for (int f = 0; f < NR_FRAMES; f++)
            stale[f] &= ~(1U << c);
    }
}

uint32_t tlb_clock(void)
{
    model_step();
    return (uint32_t)model_saw(flush_clock);
}

void tlb_filter_mask(cpumask_t *mask, uint32_t stamp)
{
    for (unsigned int c = 0; c < MAX_CPUS_; c++)
        if (cpumask_test(mask, c) && flushed_at[c] > stamp)
            cpumask_clear(mask, c);
}

/* ---- operations of the threads ---- */

/* All that is known from here on is where we are and this result. */
#define FORGET(rc) model_forget(__LINE__ * 256UL + (uint8_t)(rc))

static unsigned int cpu(void)
{
    return smp_processor_id();
}

/* Take a writable mapping, write, let it go; it stays in the TLB. */
static void write_frame(int f, unsigned int slot, pte_t e)
{
    if (page_get_and_type(page(f), &self_domain, PGT_WRITABLE))
        return;
    FORGET(f);
    writers[f]++;
    stale[f] |= 1U << cpu();
    model_step();
    table_of(f)[slot] = e;
    model_step();
    writers[f]--;
    page_put_and_type(page(f));
}

/* As every caller does whose table was refused. */
static void finish_refused(int f)
{
    pv_drop_refused(page(f));
    while (pv_finish_drops() == -ERESTART)
        ;
    FORGET(0);
}

static int get_table(int f, enum page_type type)
{
    int rc = page_get_and_type(page(f), &self_domain, type);

    if (!rc)
        tables[f]++;
    FORGET(rc);
    if (rc && rc != -ERESTART)
        finish_refused(f);
    return rc;
}

static void put_table(int f)
{
    tables[f]--;
    FORGET(0);
    page_put_and_type(page(f));
    FORGET(0);
}

/* As a hypercall does that is continued until it is over. */
static int get_table_to_the_end(int f, enum page_type type)
{
    int rc;

    do
        rc = get_table(f, type);
    while (rc == -ERESTART);
    return rc;
}

static void put_table_preemptible(int f)
{
    int rc;

    tables[f]--;
    rc = page_put_and_type_preemptible(page(f));
    while (rc == -ERESTART)
        rc = page_type_resume_drop(page(f));
}

static void pin_unpin(int f, enum page_type type)
{
    int rc;

    do
        rc = page_pin(page(f), &self_domain, type);
    while (rc == -ERESTART);
    if (rc) {
        finish_refused(f);
        return;
    }
    FORGET(0);
    rc = page_unpin(page(f)); /* -EINVAL: another one has */
    while (rc == -ERESTART)
        rc = page_type_resume_drop(page(f));
}

static void change_entry(int f, unsigned int slot, pte_t e)
{
    enum page_type type;

    if (!page_get(page(f), &self_domain))
        return;
    FORGET(0);
    type = pt_lock(page(f));
    FORGET(type);
    if (type == PGT_L1)
        (void)!pt_set_l1(&table_of(f)[slot], e, &self_domain, &self_domain,
                         PTU_OWN);
    if (type != PGT_NONE)
        pt_unlock(page(f));
    FORGET(0);
    page_put(page(f));
}

static void give_back(int f)
{
    if (!page_get(page(f), &self_domain))
        return;
    FORGET(0);
    (void)page_put_alloc_once(page(f));
    FORGET(0);
    page_put(page(f));
}

static pte_t maps(int f, uint64_t flags)
{
    return pte_make(mfn((uint64_t)(FIRST + f)), PTE_P | PTE_US | flags);
}

/* ---- invariants ---- */

static const char *always(void)
{
    for (int f = 0; f < NR_FRAMES; f++) {
        uint64_t s = page(f)->state;
        bool is_table =
            type_is_table(pgs_type(s)) || pgs_type(s) == PGT_SEGDESC;

        if (tables[f] && writers[f])
            return "writable and a table";
        if (tables[f] && !(is_table && (s & PGS_VALIDATED)))
            return "held as a table, but not validated";
        if (tables[f] && stale[f] && !writers[f])
            return "a table that a CPU may still write by its TLB";
        if (writers[f] && pgs_type(s) != PGT_WRITABLE)
            return "written while of another type";
        if (freed[f] > 1 || (freed[f] && (tables[f] || writers[f])))
            return "freed while held";
    }
    return NULL;
}

/* What entries of validated tables hold. */
static void count_entries(unsigned int *refs, unsigned int *trefs)
{
    for (int f = 0; f < NR_FRAMES; f++) {
        uint64_t s = page(f)->state;

        if (!type_is_table(pgs_type(s)) || !(s & PGS_VALIDATED))
            continue;
        for (unsigned int i = 0; i < PT_ENTRIES; i++) {
            pte_t e = table_of(f)[i];
            int n = (int)mfn_x(pte_mfn(e)) - FIRST;

            if (!(e & PTE_P))
                continue;
            refs[n]++;
            trefs[n] += pgs_type(s) > PGT_L1 || (e & PTE_RW);
        }
    }
}

static const char *at_the_end(void)
{
    unsigned int refs[NR_FRAMES] = {0}, trefs[NR_FRAMES] = {0};

    count_entries(refs, trefs);
    for (int f = 0; f < NR_FRAMES; f++) {
        uint64_t s = page(f)->state;

        refs[f] += tables[f] + writers[f] + others[f];
        trefs[f] += tables[f] + writers[f];
        refs[f] += !!(s & PGS_ALLOCATED) + !!(s & PGS_PINNED);
        trefs[f] += !!(s & PGS_PINNED);
        if (s & (PGS_LOCKED | PGS_PARTIAL))
            return "left locked or half-way";
        if (pgs_refs(s) != refs[f])
            return "references are not what is held";
        if (pgs_trefs(s) != trefs[f])
            return "type references are not what is held";
        if (!trefs[f] && (s & (PGS_TYPE_MASK | PGS_VALIDATED)))
            return "a type that nobody holds";
        if ((refs[f] == 0) != freed[f])
            return "free is not what it is";
    }
    return NULL;
}

static uint64_t hash(void)
{
    uint64_t h = flush_clock;

    for (int f = 0; f < NR_FRAMES; f++) {
        const struct page_info *pg = page(f);
        const pte_t *pt = table_of(f);

        h = model_mix(h, pg->state);
        h = model_mix(h, pg->tlb_stamp * 1024UL + pg->nr_done);
        h = model_mix(h, stale[f] | writers[f] << 8 | tables[f] << 16 |
                             freed[f] << 24);
        h = model_mix(h, pt[0] ^ pt[1] * 3 ^ pt[2] * 5);
    }
    for (unsigned int c = 0; c < MAX_CPUS_; c++)
        h = model_mix(h, flushed_at[c]);
    return h;
}

/* ---- scenarios ---- */

static void reset(void)
{
    memset(writers, 0, sizeof(writers));
    memset(tables, 0, sizeof(tables));
    memset(others, 0, sizeof(others));
    memset(stale, 0, sizeof(stale));
    memset(freed, 0, sizeof(freed));
    memset(flushed_at, 0, sizeof(flushed_at));
    flush_clock = 1;
    may_preempt = false;
    for (int f = 0; f < NR_FRAMES; f++) {
        *page(f) = (struct page_info){.state = PGS_ALLOCATED | 1,
                                      .owner = &self_domain};
        memset(table_of(f), 0, 3 * sizeof(pte_t));
    }
    for (unsigned int c = 0; c < MAX_CPUS_; c++) {
        vcpus[c].arch.drop_pending[0] = INVALID_MFN;
        vcpus[c].arch.drop_pending[1] = INVALID_MFN;
    }
}

/* A page-table page comes and goes while another CPU writes the frame. */
static void write_a(void)
{
    write_frame(A, 0, maps(B, PTE_RW));
}

static void write_a_twice(void)
{
    write_frame(A, 0, maps(B, PTE_RW));
    write_frame(A, 0, maps(C, 0));
}

/* What it had in its TLB goes first: later than the other writer's stamp. */
static void flush_and_write_a(void)
{
    const cpumask_t here = cpumask_of(cpu());

    tlb_flush_mask(&here);
    FORGET(0);
    write_a();
}

/* Twice: so that nothing is left to see of it. */
static void flush_and_write_a_twice(void)
{
    flush_and_write_a();
    write_a();
}

static void get_put_a(void)
{
    if (get_table(A, PGT_L1) == 0) {
        model_step();
        put_table(A);
    }
}

static void get_put_a_twice(void)
{
    get_put_a();
    get_put_a();
}

static void pin_a(void)
{
    pin_unpin(A, PGT_L1);
}

static void pin_a_as_l2(void)
{
    pin_unpin(A, PGT_L2);
}

/* A maps B: entries change while the table is let go. */
static void reset_l1(void)
{
    reset();
    table_of(A)[0] = maps(B, PTE_RW);
    table_of(A)[1] = maps(C, 0);
}

static void change_a(void)
{
    change_entry(A, 0, maps(C, PTE_RW));
}

static void change_a_to_itself(void)
{
    change_entry(A, 0, maps(A, PTE_RW));
}

static void write_b(void)
{
    write_frame(B, 0, maps(C, PTE_RW));
}

/* A -> B -> C, with preemption wherever it may be. */
static void reset_l2(void)
{
    reset();
    may_preempt = true;
    table_of(A)[0] = maps(B, PTE_RW);
    table_of(A)[1] = maps(D, PTE_RW);
    table_of(B)[0] = maps(C, PTE_RW);
}

static void get_put_l2(void)
{
    if (get_table_to_the_end(A, PGT_L2) == 0) {
        model_step();
        put_table_preemptible(A);
    }
}

static void get_put_b(void)
{
    if (get_table_to_the_end(B, PGT_L1) == 0) {
        model_step();
        put_table_preemptible(B);
    }
}

static void pin_l2(void)
{
    pin_unpin(A, PGT_L2);
}

/* The owner gives the frame back while others want it. */
static void give_back_a(void)
{
    give_back(A);
}

static struct model models[] = {
    MODEL("write, get as L1", reset, write_a, get_put_a),
    MODEL("write twice, get as L1", reset, write_a_twice, get_put_a),
    MODEL("write, get twice", reset, write_a, get_put_a_twice),
    MODEL("two writers, get as L1", reset, write_a, write_a, get_put_a),
    MODEL("two get", reset, get_put_a, get_put_a),
    MODEL("pins of two levels", reset, pin_a, pin_a_as_l2),
    MODEL("pin, write", reset, pin_a, write_a),
    MODEL("change an entry, let the table go", reset_l1, change_a, get_put_a),
    MODEL("change an entry, pin and unpin", reset_l1, change_a, pin_a),
    MODEL("map itself", reset_l1, change_a_to_itself, get_put_a),
    MODEL("mapped frame is written", reset_l1, write_b, get_put_a),
    MODEL("L2, its L1, preempted", reset_l2, get_put_l2, get_put_b),
    MODEL("L2 pinned, its L1 written", reset_l2, pin_l2, write_b),
    MODEL("given back, pinned", reset, give_back_a, pin_a),
    MODEL("given back twice", reset, give_back_a, give_back_a),
    MODEL("given back, written", reset, give_back_a, write_a),
    MODEL("two writers, one flushes first", reset, write_a, flush_and_write_a,
          get_put_a),
    MODEL("the same, and writes twice", reset, write_a, flush_and_write_a_twice,
          get_put_a),
};

static void set_up(void)
{
    host_cpus_init(MAX_CPUS_);
    host_frames_init(64);
    self_domain.id = 1;
    self_domain.max_vcpus = MAX_CPUS_;
    self_domain.vcpu = self_vcpus;
    for (unsigned int c = 0; c < MAX_CPUS_; c++) {
        vcpus[c].domain = &self_domain;
        vcpus[c].id = c;
        vcpus[c].dirty_cpumask = cpumask_of(c);
        self_vcpus[c] = &vcpus[c];
        host_run_on(c);
        host_set_current(&vcpus[c]);
    }
}

#include "model_main.inc"
