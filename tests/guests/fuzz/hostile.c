/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest: every vcpu does random hypercalls, most of them with
 * arguments that are nearly right, until `calls` were made in all. It limits
 * itself to what does not end it: a fault of its own is caught, a vcpu that is
 * down is brought up, a page that was lost is replaced. What it prints:
 *
 *     fuzz: seed S goal N vcpus V       at the start
 *     fuzz: at N calls                  now and then
 *     fuzz: done N calls seed S ...     at the end
 *     fuzz: BREACH what                 something that must never succeed did
 *     TEST no breach ok|FAIL, RESULT    for a kit kernel that reads it
 *
 * Odd seeds change to the queues of FIFO events; of every four, two have their
 * vcpu_info moved; of every eight, four use grants of version 2.
 */
#include "fuzz.h"

#include <kit/console.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/nmi.h>

#define BATCH        128U
#define REPORT_CALLS 50000U

/* Where every CPU has to take part in a flush, an operation takes a thousand
 * times as long as others: those get their turn, but not all of the time. */
static const char *const slow[] = {
    "make table",    "protect",     "ldt",   "balloon",
    "exchange",      "down",        "sched", "grant transfer",
    "grant version", "reservation",
};

#define OTHERS 50U /* times as often */

static const struct op edge_ops[] = {
    {"foreign", op_foreign, 2, 1},
    {"exchange", op_exchange, 2, 3},
    {"reservation", op_reservation, 2, 1},
    {"memory question", op_memory_question, 2, 1},
    {"grant size", op_grant_size, 2, 1},
    {"grant version", op_grant_version, 1, 1},
    {"grant swap", op_grant_swap, 2, 1},
    {"grant transfer", op_grant_transfer, 1, 3},
    {"grant of others", op_grant_of_others, 2, 1},
    {"grant replace", op_grant_replace, 1, 1},
    {"port new", op_port_new, 4, 1},
    {"port send", op_port_send, 5, 1},
    {"port close", op_port_close, 3, 1},
    {"port change", op_port_change, 3, 1},
    {"port queue", op_port_queue, 1, 1},
    {"sched", op_sched, 4, 1},
    {"timer", op_timer, 4, 1},
    {"area", op_area, 2, 1},
    {"down", op_down, 1, 1},
    {"nmi", op_nmi, 1, 1},
    {"entry", op_entry, 2, 1},
    {"registers", op_registers, 3, 1},
    {"version", op_version, 2, 1},
    {"multicall", op_multicall, 3, 1},
    {"mmu batch", op_mmu_batch, 3, 1},
    {"privileged", op_privileged, 3, 1},
    {"raw", op_raw, 8, 1},
};

#define NR_CANARIES 8U

static struct op ops[MAX_OPS];
static unsigned int nr_ops;
static bool queues, moved_info;
static volatile bool go, stop;
static volatile unsigned int ended;
static unsigned int faults[KIT_MAX_CPUS];
static unsigned int brought_up, mended;
static uint64_t *canaries[NR_CANARIES];
static char infos[KIT_MAX_CPUS][PAGE_SIZE] PAGE_ALIGNED;
volatile unsigned int breaches;

void breach(const char *what, uint64_t a, uint64_t b)
{
    breaches++;
    printk("fuzz: BREACH %s %lx %lx\n", what, a, b);
}

/* --- the canaries: pages that no operation is told of --- */

static uint64_t canary_word(unsigned int page, unsigned int word)
{
    return (page * 512UL + word) * 0x9e3779b97f4a7c15UL;
}

/* Out of reach: in a block of 64 KiB of their own, because a status of 16 bits
 * that comes to lie on an address in an argument makes another address of that
 * address's block, and the hypervisor may be told to write there. */
static void put_canaries(void)
{
    const uint64_t block = 1UL << 16;

    while (addr(page_alloc()) % block != block - PAGE_SIZE)
        ;
    for (unsigned int i = 0; i < NR_CANARIES; i++) {
        canaries[i] = page_alloc();
        for (unsigned int j = 0; j < PAGE_SIZE / 8; j++)
            canaries[i][j] = canary_word(i, j);
    }
    /* The rest of the block is nobody's: arguments lie on stacks, too. */
    while (addr(page_alloc()) % block != block - PAGE_SIZE)
        ;
}

/* --- the start --- */

static bool is_slow(const char *name)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(slow); i++) {
        if (!strncmp(name, slow[i], 32))
            return true;
    }
    return false;
}

static void add_ops(const struct op *some, unsigned int nr)
{
    for (unsigned int i = 0; i < nr && nr_ops < MAX_OPS; i++) {
        ops[nr_ops] = some[i];
        if (!is_slow(some[i].name))
            ops[nr_ops].weight *= OTHERS;
        if (some[i].run == op_port_queue && !queues)
            ops[nr_ops].weight = 0;
        if (some[i].run == op_area && !moved_info)
            ops[nr_ops].weight = 0;
        nr_ops++;
    }
}

/* NMIs come when op_nmi asks for them, debug traps when op_registers hit. */
static bool take_trap(struct regs *r)
{
    if (r->vector == VEC_DB)
        hc_set_debugreg(7, 0);
    return r->vector == VEC_NMI || r->vector == VEC_DB;
}

static void start_vcpu(struct fuzzer *f)
{
    struct vcpu_register_vcpu_info info;
    struct xennmi_callback nmi = {trap_stub(VEC_NMI), 0};

    if (moved_info) {
        info.mfn = virt_to_mfn(infos[f->vcpu]);
        info.offset = 64 * (f->vcpu + 1);
        info.rsvd = 0;
        if (hc_vcpu_op(VCPUOP_register_vcpu_info, f->vcpu, &info) == 0)
            this_cpu()->info = (void *)(infos[f->vcpu] + info.offset);
    }
    hcall2(__HYPERVISOR_nmi_op, XENNMI_register_callback, addr(&nmi));
}

static void start(uint64_t seed)
{
    struct gnttab_set_version version = {seed & 4 ? 2 : 1};

    queues = seed & 1;
    moved_info = seed & 2;
    grants_v2 =
        hc_grant_table_op(GNTTABOP_set_version, &version, 1) == 0 && seed & 4;
    edge_raw_init();
    put_canaries();
    add_ops(page_ops, nr_page_ops);
    add_ops(edge_ops, ARRAY_SIZE(edge_ops));
    trap_set_hook(take_trap);
}

/* --- the work --- */

static void batch(void *arg)
{
    for (unsigned int i = 0; i < BATCH && !stop; i++)
        run_one(arg, ops, nr_ops);
}

static void other(void *arg)
{
    struct fuzzer *f = arg;

    start_vcpu(f);
    /* An NMI for a vcpu that has no handler yet would be the end. */
    while (!go)
        hc_sched_op(SCHEDOP_yield, NULL);
    while (!stop)
        faults[f->vcpu] += trap_catch(batch, f);
    __atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
}

static uint64_t all_calls(void)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < nr_cpus; i++)
        n += fuzzers[i].calls;
    return n;
}

/* What every vcpu did last, the latest at the end. */
static void print_trails(void)
{
    for (unsigned int c = 0; c < nr_cpus; c++) {
        const struct fuzzer *f = &fuzzers[c];

        printk("fuzz: vcpu %u:", c);
        for (unsigned int i = 0; i < TRAIL; i++)
            printk(" %s,", ops[f->trail[(f->trail_next + i) % TRAIL]].name);
        printk("\n");
    }
}

static void check_canaries(void)
{
    static bool found;

    for (unsigned int i = 0; i < NR_CANARIES && !found; i++) {
        for (unsigned int j = 0; j < PAGE_SIZE / 8; j++) {
            if (canaries[i][j] == canary_word(i, j))
                continue;
            if (!found)
                printk("fuzz: canary %u at %p, pfn %lx mfn %lx, after %lu "
                       "calls\n",
                       i, canaries[i], virt_to_pfn(canaries[i]),
                       virt_to_mfn(canaries[i]), all_calls());
            found = true;
            printk("fuzz: word %u is %lx\n", j, canaries[i][j]);
        }
    }
    if (found && !breaches) {
        print_trails();
        breach("canary", 0, 0);
    }
}

static void bring_up(void)
{
    for (unsigned int i = 1; i < nr_cpus; i++) {
        if (smp_is_up(i) == 0 && smp_up(i) == 0)
            brought_up++;
    }
}

/* A pfn whose frame went away by an operation that did not mean it to gets
 * another one. */
static void mend(void *page)
{
    uint64_t pfn = virt_to_pfn(page), frame = pfn;
    struct xen_memory_reservation r;

    if (mfn_to_pfn(p2m[pfn]) == pfn)
        return;
    map_page(page, 0);
    memset(&r, 0, sizeof(r));
    HANDLE_SET(r.extent_start, &frame);
    r.nr_extents = 1;
    r.domid = DOMID_SELF;
    if (hc_memory_op(XENMEM_populate_physmap, &r) != 1)
        return;
    p2m[pfn] = frame;
    page_set_rw(page);
    mended++;
}

static void work(uint64_t goal)
{
    uint64_t said = 0, calls;
    unsigned int turn = 0;

    while ((calls = all_calls()) < goal) {
        faults[0] += trap_catch(batch, &fuzzers[0]);
        bring_up();
        check_canaries();
        if (++turn % 256 == 0) {
            for (unsigned int i = 0; i < NR_PAGES; i++)
                mend(pages[i]);
        }
        if (calls - said >= REPORT_CALLS) {
            said = calls;
            printk("fuzz: at %lu calls\n", calls);
        }
    }
    stop = true;
}

/* --- the end --- */

static void wait_for_others(void)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    while (ended < nr_cpus - 1 && time_now() < end) {
        bring_up();
        hc_sched_op(SCHEDOP_yield, NULL);
    }
}

void hostile_guest(uint64_t goal, uint64_t seed)
{
    unsigned int all_faults = 0;

    printk("fuzz: seed %lu goal %lu vcpus %u\n", seed, goal, nr_cpus);
    start(seed);
    start_vcpu(&fuzzers[0]);
    for (unsigned int i = 1; i < nr_cpus; i++) {
        if (smp_start(i, other, &fuzzers[i]))
            panic("vcpu %u does not start", i);
    }
    go = true;
    work(goal);
    wait_for_others();
    report(ops, nr_ops);
    for (unsigned int i = 0; i < nr_cpus; i++)
        all_faults += faults[i];
    check_canaries();
    printk("fuzz: %u faults, %u vcpus brought up, %u pages mended, %u vcpus "
           "lost\n",
           all_faults, brought_up, mended, nr_cpus - 1 - ended);
    printk("TEST no breach %s\nRESULT \n", breaches ? "FAIL see above" : "ok");
    printk("fuzz: done %lu calls seed %lu breaches %u\n", all_calls(), seed,
           breaches);
}
