/* SPDX-License-Identifier: MIT */
/*
 * Micro-benchmarks: what each operation costs a guest, in instructions.
 *
 * Run under QEMU's -icount shift=0, where the TSC counts instructions; a run of
 * NOPs measures ticks per instruction. Each operation is repeated in a loop,
 * the best of several rounds counts, the cost of the empty loop is taken off.
 * Output: `BENCH <thousandths of an instruction> <name>`.
 */
#include <kit/console.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/user.h>
#include <public/callback.h>
#include <public/physdev.h>

#define ROUNDS 5U
#define LOOPS  200U
#define STEPS  8U /* loops when somebody looks at every instruction */

void bench_syscall(void);
void bench_fault2(void);
void bench_trap(void);
void bench_page_fault(void);
void bench_upcall(void);
extern const char bench_user_syscalls[], bench_user_syscalls_end[];
extern const char bench_user_faults[], bench_user_faults_end[];
extern const char bench_user_nothing[], bench_user_nothing_end[];
uint64_t *bench_pending_word;

static uint64_t ticks_per_1000; /* instructions */
static uint64_t empty_loop;     /* ticks of LOOPS empty rounds */

static unsigned int rounds = ROUNDS, loops = LOOPS;
static bool stepping;

/* tests/bench/steps.py stops here: what is between STEP_BEGIN and STEP_END is
 * counted, for the operation that the next STEP_REPORT names; STEP_BASELINE:
 * what was counted is to be taken off from now on. */
enum step_mark {
    STEP_BEGIN,
    STEP_END,
    STEP_REPORT,
    STEP_BASELINE
};
void bench_step_mark(enum step_mark mark, const char *name, uint64_t units);
NOINLINE void bench_step_mark(enum step_mark mark, const char *name,
                              uint64_t units)
{
    asm volatile("" : : "D"(mark), "S"(name), "d"(units) : "memory");
}

static void mark(enum step_mark m, const char *name, uint64_t units)
{
    if (stepping)
        bench_step_mark(m, name, units);
}

typedef void (*body_t)(unsigned int loops);

static uint64_t best_of(body_t body, body_t undo, unsigned int n)
{
    uint64_t best = ~0UL;

    for (unsigned int i = 0; i < rounds; i++) {
        uint64_t start, ticks;

        mark(STEP_BEGIN, "", 0);
        start = rdtsc();
        body(n);
        ticks = rdtsc() - start;
        mark(STEP_END, "", 0);
        if (ticks < best)
            best = ticks;
        if (undo)
            undo(loops);
    }
    return best;
}

/* In thousandths of an instruction, per one of `units`. */
static void report(const char *name, uint64_t ticks, uint64_t units)
{
    mark(STEP_REPORT, name, units);
    printk("BENCH %lu %s\n", ticks * 1000000 / ticks_per_1000 / units, name);
}

static void measure(const char *name, body_t body, unsigned int units_per_loop)
{
    uint64_t ticks = best_of(body, NULL, loops);

    report(name, ticks > empty_loop ? ticks - empty_loop : 0,
           (uint64_t)loops * units_per_loop);
}

static NOINLINE void body_empty(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        barrier();
}

/* What the measuring itself costs. */
static void step_baseline(void)
{
    if (!stepping)
        return;
    best_of(body_empty, NULL, loops);
    mark(STEP_BASELINE, "", 0);
}

static NOINLINE void body_nops(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile(".rept 1000; nop; .endr" ::: "memory");
}

static void calibrate(void)
{
    empty_loop = best_of(body_empty, NULL, loops);
    ticks_per_1000 = (best_of(body_nops, NULL, loops) - empty_loop) / loops;
    printk("CALIBRATION %lu ticks per 1000 instructions, loop %lu\n",
           ticks_per_1000, empty_loop / loops);
    if (ticks_per_1000 == 0)
        panic("the TSC does not count instructions");
}

/* --- hypercalls --- */

static NOINLINE void body_null(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        hc_xen_version(XENVER_version, NULL);
}

static struct multicall_entry calls[32];

static NOINLINE void body_multicall(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        hc_multicall(calls, 32);
}

static void prepare_multicall(void)
{
    memset(calls, 0, sizeof(calls));
    for (unsigned int i = 0; i < 32; i++)
        calls[i].op = __HYPERVISOR_xen_version;
}

static NOINLINE void body_segment_base(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        hc_set_segment_base(SEGBASE_FS, 0x1000);
}

static NOINLINE void body_stack_switch(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        hc_stack_switch(FLAT_KERNEL_SS, this_cpu()->trap_stack_top);
}

static NOINLINE void body_runstate(unsigned int n)
{
    struct vcpu_runstate_info info;

    for (unsigned int i = 0; i < n; i++)
        hc_vcpu_op(VCPUOP_get_runstate_info, 0, &info);
}

static NOINLINE void body_yield(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        hc_sched_op(SCHEDOP_yield, NULL);
}

static NOINLINE void body_set_timer(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        hc_set_timer_op(1UL << 62);
}

static NOINLINE void body_oneshot(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        timer_set_oneshot(1UL << 62, 0);
}

static void hypercalls(void)
{
    prepare_multicall();
    measure("null hypercall", body_null, 1);
    measure("multicall, per null call", body_multicall, 32);
    measure("set_segment_base", body_segment_base, 1);
    measure("stack_switch", body_stack_switch, 1);
    measure("get runstate", body_runstate, 1);
    measure("yield, nothing else to run", body_yield, 1);
    measure("set_timer_op", body_set_timer, 1);
    hc_set_timer_op(0);
    measure("singleshot timer", body_oneshot, 1);
    timer_stop_oneshot();
}

/* --- exceptions --- */

static void gate(unsigned int vector, void (*entry)(void), unsigned int dpl)
{
    struct trap_info t[2];

    memset(t, 0, sizeof(t));
    t[0].vector = (uint8_t)vector;
    t[0].flags = (uint8_t)dpl;
    t[0].cs = FLAT_KERNEL_CS;
    t[0].address = addr((void *)entry);
    hc_set_trap_table(t);
}

static NOINLINE void body_ud2(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile("ud2" ::: "memory");
}

static NOINLINE void body_int3(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile("int3" ::: "memory");
}

static NOINLINE void body_page_fault(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile("mov (%%rdi), %%eax" : : "D"(0x1000) : "rax", "memory");
}

static void exceptions(void)
{
    gate(VEC_UD, bench_fault2, 0);
    gate(VEC_BP, bench_trap, 3);
    gate(VEC_PF, bench_page_fault, 0);
    measure("kernel #UD and back", body_ud2, 1);
    measure("kernel int3 and back", body_int3, 1);
    measure("kernel #PF and back", body_page_fault, 1);
    trap_init();
}

/* --- user mode --- */

static uint64_t user_loops(const char *code, const char *end, unsigned int n)
{
    uint64_t best = ~0UL;

    for (unsigned int i = 0; i < rounds; i++) {
        struct regs r = user_regs(user_load(0, code, (size_t)(end - code)));
        uint64_t start, ticks;

        r.rbx = n;
        r.rdi = USER_BASE - PAGE_SIZE; /* not mapped */
        mark(STEP_BEGIN, "", 0);
        start = rdtsc();
        user_run(&r);
        ticks = rdtsc() - start;
        mark(STEP_END, "", 0);
        if (ticks < best)
            best = ticks;
    }
    return best;
}

static void user_mode(void)
{
    uint64_t none, calls_ticks, faults;

    callback_register(CALLBACKTYPE_syscall, 0, addr((void *)bench_syscall));
    gate(VEC_PF, bench_page_fault, 0);
    none = user_loops(bench_user_nothing, bench_user_nothing_end, loops);
    mark(STEP_BASELINE, "", 0);
    calls_ticks =
        user_loops(bench_user_syscalls, bench_user_syscalls_end, loops);
    report("user system call and back", calls_ticks - none, loops);
    faults = user_loops(bench_user_faults, bench_user_faults_end, loops);
    report("user #PF to kernel and back", faults - none, loops);
    step_baseline();
    trap_init();
}

/* --- events --- */

static unsigned int event_port;

static NOINLINE void body_event(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        event_send(event_port);
}

static void ignore(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
}

static void events(void)
{
    events_off();
    event_port = (unsigned int)event_bind_ipi(0);
    event_bind(event_port, ignore);
    bench_pending_word =
        (uint64_t *)&shared_info->evtchn_pending[event_port / 64];
    callback_register(CALLBACKTYPE_event, 0, addr((void *)bench_upcall));
    events_on();
    measure("event to self, upcall, return", body_event, 1);
    events_off();
    trap_init();
    event_close(event_port);
}

/* --- page tables --- */

static uint64_t *table; /* a pinned L1 */
static struct mmu_update batch[128];
static unsigned int batch_size;
static uint64_t pte_a, pte_b;

static NOINLINE void body_mmu_update(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        for (unsigned int k = 0; k < batch_size; k++)
            batch[k].val = i & 1 ? pte_a : pte_b;
        hc_mmu_update(batch, batch_size, NULL, DOMID_SELF);
    }
}

static NOINLINE void body_fill_batch(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        for (unsigned int k = 0; k < batch_size; k++)
            batch[k].val = i & 1 ? pte_a : pte_b;
        barrier();
    }
}

static void mmu_updates(void)
{
    static const unsigned int sizes[] = {1, 8, 32, 128};

    for (unsigned int s = 0; s < ARRAY_SIZE(sizes); s++) {
        char name[40];
        uint64_t ticks, fill;

        batch_size = sizes[s];
        for (unsigned int k = 0; k < batch_size; k++)
            batch[k].ptr = virt_to_maddr(&table[k]);
        fill = best_of(body_fill_batch, NULL, loops);
        ticks = best_of(body_mmu_update, NULL, loops);
        format_to(name, sizeof(name), "mmu_update per PTE, batch of %u",
                  batch_size);
        report(name, ticks - fill, (uint64_t)loops * batch_size);
    }
    for (unsigned int k = 0; k < 128; k++)
        pte_set(virt_to_maddr(&table[k]), 0);
}

static NOINLINE void body_va_mapping(unsigned int n)
{
    char *w = window(0);

    for (unsigned int i = 0; i < n; i++)
        hc_update_va_mapping(addr(w), i & 1 ? pte_a : pte_b, UVMF_NONE);
}

static NOINLINE void body_ptwr_mov(unsigned int n)
{
    volatile uint64_t *entry = &table[200];

    for (unsigned int i = 0; i < n; i++)
        *entry = i & 1 ? pte_a : pte_b;
}

static NOINLINE void body_ptwr_cmpxchg(unsigned int n)
{
    uint64_t *entry = &table[201];

    for (unsigned int i = 0; i < n; i++) {
        uint64_t old = *(volatile uint64_t *)entry;

        asm volatile("lock cmpxchg %2, (%1)"
                     : "+a"(old)
                     : "r"(entry), "r"(i & 1 ? pte_a : pte_b)
                     : "memory", "cc");
    }
}

static uint64_t *fresh; /* a read-only page that is no table yet */

static NOINLINE void body_pin(unsigned int n)
{
    (void)n;
    pin_table(1, virt_to_mfn(fresh));
}

static NOINLINE void body_unpin(unsigned int n)
{
    (void)n;
    unpin_table(virt_to_mfn(fresh));
}

static void measure_pin(const char *pin, const char *unpin, unsigned int units,
                        uint64_t less_pin, uint64_t less_unpin,
                        uint64_t *pin_ticks, uint64_t *unpin_ticks)
{
    uint64_t p, u;

    p = best_of(body_pin, body_unpin, 1);
    report(pin, p - less_pin, units);
    body_pin(1);
    u = best_of(body_unpin, body_pin, 1);
    body_unpin(1);
    report(unpin, u - less_unpin, units);
    *pin_ticks = p;
    *unpin_ticks = u;
}

static void pins(void)
{
    uint64_t p, u, p2, u2;

    fresh = page_alloc();
    page_set_ro(fresh);
    measure_pin("pin an empty L1", "unpin an empty L1", 1, 0, 0, &p, &u);
    page_set_rw(fresh);
    for (unsigned int i = 0; i < 512; i++)
        fresh[i] = pte_a;
    page_set_ro(fresh);
    measure_pin("pin a full L1, per entry", "unpin a full L1, per entry", 512,
                0, 0, &p2, &u2);
    page_set_rw(fresh);
    page_free(fresh);
}

static void page_tables(void)
{
    void *a = page_alloc(), *b = page_alloc();

    hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    pte_a = pte_make(virt_to_mfn(a), KERNEL_RW);
    pte_b = pte_make(virt_to_mfn(b), KERNEL_RW);
    table = page_alloc();
    page_set_ro(table);
    pin_table(1, virt_to_mfn(table));
    measure("update_va_mapping, no flush", body_va_mapping, 1);
    mmu_updates();
    measure("direct PTE write, mov", body_ptwr_mov, 1);
    measure("direct PTE write, cmpxchg", body_ptwr_cmpxchg, 1);
    unpin_table(virt_to_mfn(table));
    page_set_rw(table);
    page_free(table);
    pins();
}

/* --- address spaces --- */

#define TREE_L1S 16U

static uint64_t *tree_l4, *tree_parts[TREE_L1S + 2];
static unsigned int tree_l1s = TREE_L1S;

static NOINLINE void tree_pin(unsigned int n)
{
    (void)n;
    pin_table(4, virt_to_mfn(tree_l4));
}

static NOINLINE void tree_unpin(unsigned int n)
{
    (void)n;
    unpin_table(virt_to_mfn(tree_l4));
}

/* A process of 16 full L1s. */
static void tree(void)
{
    uint64_t pages, p, u;
    uint64_t *l3 = page_alloc(), *l2 = page_alloc();

    if (stepping)
        tree_l1s = 1;
    pages = tree_l1s * 512;
    tree_l4 = page_alloc();
    for (unsigned int i = 0; i < tree_l1s; i++) {
        tree_parts[i] = page_alloc();
        for (unsigned int k = 0; k < 512; k++)
            tree_parts[i][k] = pte_a;
        l2[i] = pte_make(virt_to_mfn(tree_parts[i]), TABLE_FLAGS);
    }
    l3[0] = pte_make(virt_to_mfn(l2), TABLE_FLAGS);
    tree_l4[0] = pte_make(virt_to_mfn(l3), TABLE_FLAGS);
    tree_parts[tree_l1s] = l2;
    tree_parts[tree_l1s + 1] = l3;
    for (unsigned int i = 0; i < tree_l1s + 2; i++)
        page_set_ro(tree_parts[i]);
    page_set_ro(tree_l4);
    p = best_of(tree_pin, tree_unpin, 1);
    report("pin a new L4 tree, per mapped page", p, pages);
    tree_pin(1);
    u = best_of(tree_unpin, tree_pin, 1);
    tree_unpin(1);
    report("unpin it, per mapped page", u, pages);
}

static uint64_t roots[2];

static NOINLINE void body_base_pointer(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        mmuext_mfn(MMUEXT_NEW_BASEPTR, roots[i & 1]);
}

static struct mmuext_op switch_ops[2];
static struct multicall_entry switch_calls[3];

static NOINLINE void body_switch(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        switch_ops[0].arg1.mfn = roots[i & 1];
        hc_multicall(switch_calls, 3);
    }
}

static void address_spaces(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base, *second = page_alloc();
    uint64_t *gdt = page_alloc();
    uint64_t frame = virt_to_mfn(gdt);

    memcpy(second, root, PAGE_SIZE);
    page_set_ro(second);
    pin_table(4, virt_to_mfn(second));
    roots[0] = virt_to_mfn(second);
    roots[1] = virt_to_mfn(root);
    measure("new base pointer", body_base_pointer, 1);

    page_set_ro(gdt);
    hc_set_gdt(&frame, 512);
    memset(switch_ops, 0, sizeof(switch_ops));
    memset(switch_calls, 0, sizeof(switch_calls));
    switch_ops[0].cmd = MMUEXT_NEW_BASEPTR;
    switch_ops[1].cmd = MMUEXT_NEW_USER_BASEPTR;
    switch_ops[1].arg1.mfn = user_root_mfn();
    switch_calls[0].op = __HYPERVISOR_stack_switch;
    switch_calls[0].args[0] = FLAT_KERNEL_SS;
    switch_calls[0].args[1] = this_cpu()->trap_stack_top;
    switch_calls[1].op = __HYPERVISOR_update_descriptor;
    switch_calls[1].args[0] = virt_to_maddr(&gdt[12]);
    switch_calls[1].args[1] = 0x00cff2000000ffffUL;
    switch_calls[2].op = __HYPERVISOR_mmuext_op;
    switch_calls[2].args[0] = addr(switch_ops);
    switch_calls[2].args[1] = 2;
    switch_calls[2].args[3] = DOMID_SELF;
    measure("context switch, one multicall", body_switch, 1);
    mmuext_mfn(MMUEXT_NEW_BASEPTR, roots[1]);
    hc_set_gdt(NULL, 0);
    tree();
}

/* --- emulation --- */

static NOINLINE void body_rdmsr(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile("rdmsr" : : "c"(0xc0000102) : "rax", "rdx", "memory");
}

static NOINLINE void body_cr0(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile("mov %%cr0, %%rax" : : : "rax", "memory");
}

static NOINLINE void body_clts(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile("clts" ::: "memory");
}

static NOINLINE void body_out(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        asm volatile("outb %%al, $0x80" : : "a"(0) : "memory");
}

static NOINLINE void body_cpuid(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        uint32_t leaf = 1, sub = 0;

        asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
                     : "+a"(leaf), "+c"(sub)
                     :
                     : "rbx", "rdx", "memory");
    }
}

static void emulation(void)
{
    struct physdev_set_iopl op = {.iopl = 1};

    hc_physdev_op(PHYSDEVOP_set_iopl, &op);
    measure("emulated RDMSR", body_rdmsr, 1);
    measure("emulated CR0 read", body_cr0, 1);
    measure("emulated CLTS", body_clts, 1);
    measure("emulated OUT", body_out, 1);
    measure("forced-emulation CPUID", body_cpuid, 1);
}

/* --- grants and memory --- */

static struct gnttab_map_grant_ref map_op;
static struct gnttab_unmap_grant_ref unmap_op;

static void grant_map(unsigned int n)
{
    (void)n;
    hc_grant_table_op(GNTTABOP_map_grant_ref, &map_op, 1);
}

static void grant_unmap(unsigned int n)
{
    (void)n;
    unmap_op.handle = map_op.handle;
    unmap_op.dev_bus_addr = 0;
    hc_grant_table_op(GNTTABOP_unmap_grant_ref, &unmap_op, 1);
}

static struct gnttab_copy copy_op;

static NOINLINE void body_copy(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        hc_grant_table_op(GNTTABOP_copy, &copy_op, 1);
}

static void grants(void)
{
    void *page = page_alloc();

    if (grant_init(1))
        return;
    grant_access(GRANT_FIRST, 0, virt_to_mfn(page), false);
    memset(&map_op, 0, sizeof(map_op));
    map_op.host_addr = addr(window(1));
    map_op.flags = GNTMAP_host_map;
    map_op.ref = GRANT_FIRST;
    memset(&unmap_op, 0, sizeof(unmap_op));
    unmap_op.host_addr = map_op.host_addr;
    map_page(window(1), 0);
    report("grant map", best_of(grant_map, grant_unmap, 1), 1);
    grant_map(1);
    report("grant unmap", best_of(grant_unmap, grant_map, 1), 1);
    grant_unmap(1);
    memset(&copy_op, 0, sizeof(copy_op));
    copy_op.source.domid = 0;
    copy_op.source.u.ref = GRANT_FIRST;
    copy_op.dest.domid = DOMID_SELF;
    copy_op.dest.u.gmfn = virt_to_mfn(page_alloc());
    copy_op.len = PAGE_SIZE;
    copy_op.flags = GNTCOPY_source_gref;
    measure("grant copy of 4 KiB", body_copy, 1);
}

static struct xen_memory_reservation one_page;
static uint64_t one_frame, one_pfn;

static NOINLINE void body_populate(unsigned int n)
{
    (void)n;
    one_frame = one_pfn;
    hc_memory_op(XENMEM_populate_physmap, &one_page);
}

static NOINLINE void body_decrease(unsigned int n)
{
    (void)n;
    hc_memory_op(XENMEM_decrease_reservation, &one_page);
}

static void memory(void)
{
    void *page = page_alloc();

    one_pfn = virt_to_pfn(page);
    one_frame = virt_to_mfn(page);
    memset(&one_page, 0, sizeof(one_page));
    HANDLE_SET(one_page.extent_start, &one_frame);
    one_page.nr_extents = 1;
    one_page.domid = DOMID_SELF;
    map_page(page, 0);
    report("decrease by one page", best_of(body_decrease, body_populate, 1), 1);
    body_decrease(1);
    report("populate one page", best_of(body_populate, body_decrease, 1), 1);
}

void kit_main(void)
{
    events_off();
    timer_stop_periodic();
    user_init();
    calibrate();
    if (option("steps", NULL, 0)) {
        stepping = true;
        rounds = 1;
        loops = STEPS;
        step_baseline();
    }
    hypercalls();
    exceptions();
    user_mode();
    events();
    page_tables();
    address_spaces();
    emulation();
    grants();
    memory();
    mark(STEP_REPORT, "", 0);
    printk("BENCH END\n");
}
