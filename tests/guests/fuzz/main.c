/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of everything that changes page types and references, on a
 * small set of pages, by all vcpus at once. What comes back does not matter;
 * that the hypervisor lives, that its audit (the end of every run of tests)
 * finds all counts right, and that every page can be freed again, does.
 *
 * `seed=N`, `rounds=N` and `seconds=N` on the command line choose another
 * sequence and its bounds.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

#define NR_PAGES   48U
#define NR_SLOTS   8U /* of the kernel L4, from FIRST_SLOT */
#define FIRST_SLOT 40U
#define NR_REFS    16U

struct fuzzer {
    uint64_t seed;
    uint32_t handles[8];
    unsigned int nr_handles;
};

static struct fuzzer fuzzers[KIT_MAX_CPUS];
static char *pages[NR_PAGES];
static unsigned int self; /* the own domid */
static unsigned int rounds = 20000;
static uint64_t limit_ns = 2 * NS_PER_S;

static uint64_t next(struct fuzzer *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return f->seed;
}

static unsigned int below(struct fuzzer *f, unsigned int n)
{
    return (unsigned int)((next(f) >> 20) % n);
}

static char *any_page(struct fuzzer *f)
{
    return pages[below(f, NR_PAGES)];
}

/* The frame of a page of ours, sometimes of something else. */
static uint64_t any_mfn(struct fuzzer *f)
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

static uint64_t any_entry(struct fuzzer *f)
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

/* --- the operations --- */

static long op_map_window(struct fuzzer *f)
{
    static const uint64_t flags[] = {UVMF_NONE, UVMF_INVLPG | UVMF_ALL,
                                     UVMF_TLB_FLUSH | UVMF_LOCAL};

    return hc_update_va_mapping(addr(window(below(f, 6))), any_entry(f),
                                flags[below(f, ARRAY_SIZE(flags))]);
}

static long op_protect(struct fuzzer *f)
{
    const char *page = any_page(f);

    return below(f, 2) ? page_set_ro(page) : page_set_rw(page);
}

static long op_pin(struct fuzzer *f)
{
    if (below(f, 3))
        return pin_table(1 + below(f, 4), any_mfn(f));
    return unpin_table(any_mfn(f));
}

static long op_update(struct fuzzer *f)
{
    struct mmu_update u[4];
    unsigned int n = 1 + below(f, 4);

    for (unsigned int i = 0; i < n; i++) {
        u[i].ptr = (any_mfn(f) << PAGE_SHIFT) | (below(f, 512) * 8);
        u[i].ptr |= below(f, 8) ? 0 : MMU_PT_UPDATE_PRESERVE_AD;
        u[i].val = any_entry(f);
        /* The builder's tables hold what this kernel stands on. */
        if (u[i].ptr >> PAGE_SHIFT == virt_to_mfn((void *)start_info->pt_base))
            u[i].ptr = virt_to_maddr(any_page(f));
    }
    return hc_mmu_update(u, n, NULL, DOMID_SELF);
}

/* A store that may be emulated, be ordinary, or fault. */
static long op_store(struct fuzzer *f)
{
    uint64_t *where = (uint64_t *)any_page(f) + below(f, 512);

    trap_last()->count = 0;
    asm volatile("1: mov %1, (%0)\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(where), "r"(any_entry(f))
                 : "memory");
    return (long)trap_last()->count;
}

static long op_exchange_entry(struct fuzzer *f)
{
    uint64_t *where = (uint64_t *)any_page(f) + below(f, 512);
    uint64_t v = any_entry(f);

    trap_last()->count = 0;
    asm volatile("1: xchg %0, (%1)\n2:\n" EXTABLE("1b", "2b")
                 : "+r"(v)
                 : "r"(where)
                 : "memory");
    return (long)trap_last()->count;
}

static long op_link_root(struct fuzzer *f)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;
    unsigned int slot = FIRST_SLOT + below(f, NR_SLOTS);
    uint64_t entry = below(f, 3) ? any_entry(f) : 0;

    return pte_set(virt_to_maddr(&root[slot]), entry);
}

static long op_user_root(struct fuzzer *f)
{
    return mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, below(f, 2) ? any_mfn(f) : 0);
}

static long op_gdt(struct fuzzer *f)
{
    uint64_t frames[2] = {any_mfn(f), any_mfn(f)};

    return hc_set_gdt(frames, below(f, 3) * 512);
}

static long op_descriptor(struct fuzzer *f)
{
    return hc_update_descriptor(virt_to_maddr(any_page(f)) + below(f, 512) * 8,
                                below(f, 2) ? 0x00cff2000000ffffUL : next(f));
}

/* As good as a page can be made: unpinned, of no type, zero, read-only. */
static char *fresh_page(struct fuzzer *f)
{
    char *page = any_page(f);

    unpin_table(virt_to_mfn(page));
    page_set_rw(page);
    mmuext_mfn(MMUEXT_CLEAR_PAGE, virt_to_mfn(page));
    return page;
}

static long op_make_table(struct fuzzer *f)
{
    const char *page = fresh_page(f);

    page_set_ro(page);
    return pin_table(1 + below(f, 4), virt_to_mfn(page));
}

static long op_ldt(struct fuzzer *f)
{
    char *page = fresh_page(f);
    unsigned int entry = below(f, 512);
    struct mmuext_op op;

    pte_set(virt_to_maddr(page) + entry * 8, 0x00cff2000000ffffUL);
    page_set_ro(page);
    memset(&op, 0, sizeof(op));
    op.cmd = MMUEXT_SET_LDT;
    op.arg1.linear_addr = addr(page);
    op.arg2.nr_ents = below(f, 8) ? 512 : 0;
    hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
    trap_last()->count = 0;
    asm volatile("1: mov %w0, %%es\n2: mov %w1, %%es\n3:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(entry * 8 | 7), "r"(0));
    return (long)trap_last()->count;
}

static long op_page(struct fuzzer *f)
{
    struct mmuext_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = below(f, 2) ? MMUEXT_CLEAR_PAGE : MMUEXT_COPY_PAGE;
    op.arg1.mfn = virt_to_mfn(any_page(f));
    op.arg2.src_mfn = any_mfn(f);
    return hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static long op_flush(struct fuzzer *f)
{
    return mmuext_mfn(
        below(f, 2) ? MMUEXT_TLB_FLUSH_ALL : MMUEXT_TLB_FLUSH_LOCAL, 0);
}

static long op_grant(struct fuzzer *f)
{
    unsigned int ref = GRANT_FIRST + below(f, NR_REFS);

    if (!grant_table)
        return -1;
    if (below(f, 3) == 0)
        return grant_end(ref) ? 0 : -1;
    grant_access(ref, self, any_mfn(f), below(f, 2));
    return 0;
}

static long op_grant_map(struct fuzzer *f)
{
    struct gnttab_map_grant_ref op;

    if (!grant_table || f->nr_handles == ARRAY_SIZE(f->handles))
        return -1;
    memset(&op, 0, sizeof(op));
    op.host_addr = addr(window(below(f, 6)));
    op.flags = GNTMAP_host_map | (below(f, 2) ? GNTMAP_readonly : 0);
    op.ref = GRANT_FIRST + below(f, NR_REFS);
    op.dom = (domid_t)self;
    hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    if (op.status == GNTST_okay)
        f->handles[f->nr_handles++] = op.handle;
    return op.status;
}

static bool unmap_somewhere(uint32_t handle)
{
    for (unsigned int i = 0; i < 6; i++) {
        struct gnttab_unmap_grant_ref op;

        memset(&op, 0, sizeof(op));
        op.host_addr = addr(window(i));
        op.handle = handle;
        hc_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1);
        if (op.status == GNTST_okay)
            return true;
    }
    return false;
}

static long op_grant_unmap(struct fuzzer *f)
{
    unsigned int i;

    if (!f->nr_handles)
        return -1;
    i = below(f, f->nr_handles);
    if (!unmap_somewhere(f->handles[i]))
        return -1;
    f->handles[i] = f->handles[--f->nr_handles];
    return 0;
}

static long op_grant_copy(struct fuzzer *f)
{
    struct gnttab_copy op;

    memset(&op, 0, sizeof(op));
    op.source.domid = (domid_t)self;
    op.source.u.ref = GRANT_FIRST + below(f, NR_REFS);
    op.flags = GNTCOPY_source_gref;
    op.dest.domid = DOMID_SELF;
    op.dest.u.gmfn = any_mfn(f);
    if (op.dest.u.gmfn == virt_to_mfn((void *)start_info->pt_base))
        return -1;
    op.len = (uint16_t)below(f, 4097);
    hc_grant_table_op(GNTTABOP_copy, &op, 1);
    return op.status;
}

/* Give a frame back, in whatever use it is, and take another for its pfn. */
static long op_balloon(struct fuzzer *f)
{
    char *page = any_page(f);
    uint64_t frame = virt_to_mfn(page);
    struct xen_memory_reservation r;

    if (below(f, 2))
        map_page(page, 0);
    memset(&r, 0, sizeof(r));
    HANDLE_SET(r.extent_start, &frame);
    r.nr_extents = 1;
    r.domid = DOMID_SELF;
    if (hc_memory_op(XENMEM_decrease_reservation, &r) != 1)
        return -1;
    frame = virt_to_pfn(page);
    if (hc_memory_op(XENMEM_populate_physmap, &r) != 1)
        return -1;
    p2m[virt_to_pfn(page)] = frame;
    return page_set_rw(page);
}

/* 0: it was done; else it was refused, or not tried. */
typedef long (*op_t)(struct fuzzer *f);

static const struct {
    const char *name;
    op_t run;
    unsigned int weight;
} ops[] = {
    {"map", op_map_window, 2},
    {"protect", op_protect, 2},
    {"pin", op_pin, 2},
    {"make table", op_make_table, 2},
    {"update", op_update, 4},
    {"store", op_store, 3},
    {"xchg", op_exchange_entry, 1},
    {"root", op_link_root, 1},
    {"user root", op_user_root, 1},
    {"gdt", op_gdt, 1},
    {"descriptor", op_descriptor, 1},
    {"ldt", op_ldt, 1},
    {"page", op_page, 1},
    {"flush", op_flush, 1},
    {"grant", op_grant, 2},
    {"grant map", op_grant_map, 1},
    {"grant unmap", op_grant_unmap, 1},
    {"grant copy", op_grant_copy, 1},
    {"balloon", op_balloon, 1},
};

static unsigned int tried[ARRAY_SIZE(ops)], worked[ARRAY_SIZE(ops)];

static unsigned int choose(struct fuzzer *f)
{
    unsigned int total = 0, n;

    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
        total += ops[i].weight;
    n = below(f, total);
    for (unsigned int i = 0;; i++) {
        if (n < ops[i].weight)
            return i;
        n -= ops[i].weight;
    }
}

static void run_ops(struct fuzzer *f)
{
    /* On a busy machine, each flush of another vcpu's TLB takes its time. */
    uint64_t end = time_now() + limit_ns;

    for (unsigned int i = 0; i < rounds && time_now() < end; i++) {
        unsigned int op = choose(f);

        tried[op]++;
        worked[op] += ops[op].run(f) == 0;
    }
}

/* A fuzzer whose every attempt is refused tests little: say what worked. */
static void report(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
        printk("%s %u/%u%s", ops[i].name, worked[i], tried[i],
               i + 1 < ARRAY_SIZE(ops) ? ", " : "\n");
}

/* --- the end: everything is let go --- */

static void let_go(struct fuzzer *f)
{
    hc_set_gdt(NULL, 0);
    mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, 0);
    f->nr_handles = 0;
    {
        struct mmuext_op op;

        memset(&op, 0, sizeof(op));
        op.cmd = MMUEXT_SET_LDT;
        hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
    }
}

static void unmap_grants(void)
{
    for (unsigned int c = 0; c < KIT_MAX_CPUS; c++) {
        for (unsigned int i = 0; i < fuzzers[c].nr_handles; i++)
            unmap_somewhere(fuzzers[c].handles[i]);
    }
    /* A mapping whose PTE was overwritten ends with its handle, whatever the
     * status says of the PTE. */
}

static void release_all(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;

    for (unsigned int i = 0; i < NR_SLOTS; i++)
        EXPECT_EQ(pte_set(virt_to_maddr(&root[FIRST_SLOT + i]), 0), 0);
    for (unsigned int i = 0; i < 6; i++)
        EXPECT_EQ(map_page(window(i), 0), 0);
    for (unsigned int i = 0; i < NR_PAGES; i++)
        unpin_table(virt_to_mfn(pages[i]));
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

static unsigned int nr_cpus;

static void alone(void)
{
    run_ops(&fuzzers[0]);
    report();
    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
        EXPECT(worked[i] > 0);
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

static uint64_t option_number(const char *key, uint64_t otherwise)
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

    rounds = (unsigned int)option_number("rounds", rounds);
    limit_ns = option_number("seconds", 2) * NS_PER_S;
    nr_cpus = smp_count();
    hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    self = event_own_domid();
    grant_init(1);
    for (unsigned int i = 0; i < KIT_MAX_CPUS; i++)
        fuzzers[i].seed = (seed + i) * 0x9e3779b97f4a7c15UL;
    for (unsigned int i = 0; i < NR_PAGES; i++)
        pages[i] = page_alloc();
    tests_run(tests, ARRAY_SIZE(tests));
}
