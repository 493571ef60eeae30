/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of everything that changes page types and references, on a
 * small set of pages, by all vcpus at once. What comes back does not matter;
 * that the hypervisor lives, that its audit (the end of every run of tests)
 * finds all counts right, and that every page can be freed again, does.
 *
 * `seed=N`, `rounds=N` and `seconds=N` on the command line choose another
 * sequence and its bounds. `calls=N` makes it a guest that does every other
 * hypercall too, so many in all (hostile.c); that is for a domain without
 * privilege (tests/system/test_hostile.py); `no-iret` leaves out what would
 * make it stray on a hypervisor that does an iret in a multicall. `guest=N
 * seeds=M` builds M such guests with N calls each.
 */
#include "fuzz.h"

#include <kit/console.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/smp.h>
#include <kit/test.h>
#include <kit/time.h>

struct fuzzer fuzzers[KIT_MAX_CPUS];
char *pages[NR_PAGES];
unsigned int self;
unsigned int nr_cpus;
static unsigned int rounds = 20000;
static uint64_t limit_ns = 2 * NS_PER_S;

uint64_t next(struct fuzzer *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return f->seed;
}

unsigned int below(struct fuzzer *f, unsigned int n)
{
    return (unsigned int)((next(f) >> 20) % n);
}

char *any_page(struct fuzzer *f)
{
    return pages[below(f, NR_PAGES)];
}

/* The frame of a page of ours, sometimes of something else. */
uint64_t any_mfn(struct fuzzer *f)
{
    switch (below(f, 24)) {
    case 0:
        return 0xb8;
    case 1:
        return 0x200 + below(f, 64);
    case 2:
        return virt_to_mfn((void *)start_info->pt_base);
    case 3:
        return next(f) >> 12;
    default:
        return virt_to_mfn(any_page(f));
    }
}

uint64_t any_entry(struct fuzzer *f)
{
    static const uint64_t flags[] = {
        KERNEL_RW,
        KERNEL_RO,
        TABLE_FLAGS,
        USER_RW,
        TABLE_FLAGS & ~PTE_RW,
        KERNEL_RW | PTE_PCD,
        PTE_P,
        KERNEL_RW | PTE_NX,
        KERNEL_RW | PTE_PSE,
        TABLE_FLAGS,
        TABLE_FLAGS | PTE_G,
        PTE_RW,
    };

    if (below(f, 5) == 0)
        return 0;
    return pte_make(any_mfn(f), flags[below(f, ARRAY_SIZE(flags))]);
}

static unsigned int choose(struct fuzzer *f, const struct op *ops,
                           unsigned int nr)
{
    unsigned int total = 0, n;

    for (unsigned int i = 0; i < nr; i++)
        total += ops[i].weight;
    n = below(f, total);
    for (unsigned int i = 0;; i++) {
        if (n < ops[i].weight)
            return i;
        n -= ops[i].weight;
    }
}

void run_one(struct fuzzer *f, const struct op *ops, unsigned int nr)
{
    unsigned int op = choose(f, ops, nr);
    long rc;

    f->tried[op]++;
    f->trail[f->trail_next++ % TRAIL] = (uint8_t)op;
    rc = ops[op].run(f);
    f->worked[op] += rc == 0;
    if (rc != NOT_TRIED)
        f->calls += ops[op].calls;
}

static void run_ops(struct fuzzer *f)
{
    /* On a busy machine, each flush of another vcpu's TLB takes its time. */
    uint64_t end = time_now() + limit_ns;

    for (unsigned int i = 0; i < rounds && time_now() < end; i++)
        run_one(f, page_ops, nr_page_ops);
}

static unsigned int sum(unsigned int op, bool worked)
{
    unsigned int n = 0;

    for (unsigned int c = 0; c < KIT_MAX_CPUS; c++)
        n += worked ? fuzzers[c].worked[op] : fuzzers[c].tried[op];
    return n;
}

/* A fuzzer whose every attempt is refused tests little: say what worked. */
void report(const struct op *ops, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++)
        printk("%s %u/%u%s", ops[i].name, sum(i, true), sum(i, false),
               i + 1 < nr && i % 6 != 5 ? ", " : "\n");
}

/* Entries of pages that are still tables by a cycle of theirs. */
static void free_pages(void)
{
    unsigned int stuck = 0;

    for (unsigned int i = 0; i < NR_PAGES; i++) {
        if (page_set_rw(pages[i]))
            stuck++;
    }
    /* Linear tables may hold each other; most pages are free in any case. */
    EXPECT(stuck <= NR_PAGES / 4);
}

static volatile unsigned int finished;

static void other(void *arg)
{
    struct fuzzer *f = arg;

    trap_last()->count = 0;
    run_ops(f);
    let_go(f);
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

static void alone(void)
{
    run_ops(&fuzzers[0]);
    report(page_ops, nr_page_ops);
    for (unsigned int i = 0; i < nr_page_ops; i++)
        EXPECT(sum(i, true) > 0);
}

static void together(void)
{
    uint64_t end = time_now() + limit_ns + 60 * NS_PER_S;

    if (nr_cpus < 2) {
        test_skip("one vcpu only");
        return;
    }
    finished = 0;
    for (unsigned int i = 1; i < nr_cpus; i++)
        EXPECT_EQ(smp_start(i, other, &fuzzers[i]), 0);
    run_ops(&fuzzers[0]);
    while (finished != nr_cpus - 1 && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT_EQ(finished, nr_cpus - 1);
}

static void all_comes_back(void)
{
    unmap_grants();
    let_go(&fuzzers[0]);
    release_all();
    free_pages();
}

static const struct test tests[] = {
    {"alone", alone},
    {"together", together},
    {"all comes back", all_comes_back},
};

/* The same image without privilege, some seeds one after the other. */
static unsigned int passed, failed;

static void hostile_guests(void)
{
    static struct kit_domain guest;
    struct xen_domctl_createdomain cfg = domain_defaults();
    uint64_t seed = option_number("seed", 1);

    cfg.max_vcpus = 4;
    cfg.grant_opts = 2;
    for (uint64_t i = 0; i < option_number("seeds", 4); i++) {
        char line[64];

        format_to(line, sizeof(line), "calls=%lu seed=%lu",
                  option_number("guest", 5000), seed + i);
        EXPECT_EQ(domain_build(&guest, domain_image(), line, &cfg), 0);
        if (test_failed())
            return;
        domain_run_tests(&guest, "attacker", 60, &passed, &failed);
        EXPECT_EQ(domain_destroy(&guest), 0);
    }
}

static const struct test guest_tests[] = {
    {"hostile guests", hostile_guests},
};

uint64_t option_number(const char *key, uint64_t otherwise)
{
    char text[24];
    uint64_t n = 0;

    if (!option(key, text, sizeof(text)))
        return otherwise;
    for (const char *p = text; *p >= '0' && *p <= '9'; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    return n;
}

void kit_main(void)
{
    uint64_t seed = option_number("seed", 1);
    uint64_t calls = option_number("calls", 0);

    rounds = (unsigned int)option_number("rounds", rounds);
    limit_ns = option_number("seconds", 2) * NS_PER_S;
    nr_cpus = smp_count();
    hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    self = event_own_domid();
    grant_init(1);
    for (unsigned int i = 0; i < KIT_MAX_CPUS; i++) {
        fuzzers[i].seed = (seed + i) * 0x9e3779b97f4a7c15UL;
        fuzzers[i].vcpu = i;
    }
    for (unsigned int i = 0; i < NR_PAGES; i++)
        pages[i] = page_alloc();
    if (calls)
        hostile_guest(calls, seed);
    else if (option("guest", NULL, 0))
        tests_run_with(guest_tests, ARRAY_SIZE(guest_tests), &passed, &failed);
    else
        tests_run(tests, ARRAY_SIZE(tests));
}
