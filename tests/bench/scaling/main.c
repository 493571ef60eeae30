/* SPDX-License-Identifier: MIT */
/*
 * Operations on several CPUs at once, each vcpu with objects of its own: what
 * they still share is the hypervisor's. The vcpus are this domain's, or the
 * first one and those of other domains that run the same kernel (boot module
 * 1). Says for each operation and 1, 2 and 4 vcpus (tests/bench/system/
 * scaling.py takes the time):
 *
 *   SCALE BEGINS
 *   SCALE ENDS VCPUS OPERATIONS NAME     operations of each vcpu; after NAME
 *                                        ", in domains" if they are of several
 *   LOCK TAKEN WAITED OPERATIONS NAME OF LOCK, of all vcpus, if there are
 *                                        lock profiles (make lockprof)
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/sysctl.h>

#define MAX_CPUS 4U

/* What one vcpu works on. */
struct own {
    uint64_t *table; /* a pinned L1 */
    uint64_t *fresh; /* a read-only page that is no table yet */
    uint64_t pte[2];
    uint64_t roots[2];
    unsigned int port;
    struct mmu_update batch[32];
    struct gnttab_map_grant_ref map;
    struct gnttab_copy copy;
    struct xen_memory_reservation one_page;
    uint64_t frame, pfn; /* of that page */
};

static struct own own[MAX_CPUS];

/* --- one operation each --- */

static void null_call(struct own *o, unsigned int i)
{
    (void)o, (void)i;
    hc_xen_version(XENVER_version, NULL);
}

static void emulated_rdmsr(struct own *o, unsigned int i)
{
    (void)o, (void)i;
    asm volatile("rdmsr" : : "c"(0xc0000102) : "rax", "rdx", "memory");
}

static void timer(struct own *o, unsigned int i)
{
    (void)o;
    hc_set_timer_op((1UL << 62) + i);
}

static void yield(struct own *o, unsigned int i)
{
    (void)o, (void)i;
    hc_sched_op(SCHEDOP_yield, NULL);
}

static void event(struct own *o, unsigned int i)
{
    (void)i;
    event_send(o->port);
    event_clear(o->port);
}

static void update_one(struct own *o, unsigned int i)
{
    o->batch[0].val = o->pte[i & 1];
    hc_mmu_update(o->batch, 1, NULL, DOMID_SELF);
}

static void update_many(struct own *o, unsigned int i)
{
    for (unsigned int k = 0; k < ARRAY_SIZE(o->batch); k++)
        o->batch[k].val = o->pte[i & 1];
    hc_mmu_update(o->batch, ARRAY_SIZE(o->batch), NULL, DOMID_SELF);
}

static void direct_write(struct own *o, unsigned int i)
{
    *(volatile uint64_t *)&o->table[200] = o->pte[i & 1];
}

static void va_mapping(struct own *o, unsigned int i)
{
    /* The windows are in one L1: its lock is shared. */
    hc_update_va_mapping(addr(window((unsigned int)(o - own))), o->pte[i & 1],
                         UVMF_NONE);
}

static void pin_unpin(struct own *o, unsigned int i)
{
    (void)i;
    pin_table(1, virt_to_mfn(o->fresh));
    unpin_table(virt_to_mfn(o->fresh));
}

static void base_pointer(struct own *o, unsigned int i)
{
    mmuext_mfn(MMUEXT_NEW_BASEPTR, o->roots[i & 1]);
}

static void map_unmap(struct own *o, unsigned int i)
{
    struct gnttab_unmap_grant_ref unmap = {.host_addr = o->map.host_addr};

    (void)i;
    hc_grant_table_op(GNTTABOP_map_grant_ref, &o->map, 1);
    unmap.handle = o->map.handle;
    hc_grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
}

static void copy(struct own *o, unsigned int i)
{
    (void)i;
    hc_grant_table_op(GNTTABOP_copy, &o->copy, 1);
}

static void decrease_populate(struct own *o, unsigned int i)
{
    (void)i;
    o->frame = p2m[o->pfn];
    hc_memory_op(XENMEM_decrease_reservation, &o->one_page);
    o->frame = o->pfn;
    hc_memory_op(XENMEM_populate_physmap, &o->one_page);
    p2m[o->pfn] = o->frame;
}

static const struct operation {
    const char *name;
    void (*run)(struct own *o, unsigned int i);
    unsigned int times;
} operations[] = {
    {"null hypercall", null_call, 400000},
    {"emulated RDMSR", emulated_rdmsr, 60000},
    {"set_timer_op", timer, 80000},
    {"yield, nothing else to run", yield, 20000},
    {"event to self", event, 80000},
    {"mmu_update, batch of 1", update_one, 100000},
    {"mmu_update, batch of 32", update_many, 8000},
    {"direct PTE write", direct_write, 40000},
    {"update_va_mapping, one table for all", va_mapping, 150000},
    {"pin and unpin an empty L1", pin_unpin, 10000},
    {"new base pointer", base_pointer, 8000},
    {"grant map and unmap", map_unmap, 500},
    {"grant copy of 4 KiB", copy, 20000},
    {"decrease and populate one page", decrease_populate, 3000},
};

/* --- all at once --- */

/* How a domain's vcpus are told what to do, in a page that the control domain
 * maps; vcpus below first and from end on take no part. */
static union together {
    struct {
        unsigned int round, operation, ready, done, first, end;
        bool go;
    };
    char page[PAGE_SIZE];
} here __attribute__((aligned(PAGE_SIZE)));

static volatile union together *const my = &here;
/* Of the domains that take part in this round. */
static volatile union together *part[MAX_CPUS];
static unsigned int nr_parts;

static void work(unsigned int cpu)
{
    const struct operation *operation = &operations[my->operation];
    struct own *o = &own[cpu];

    for (unsigned int i = 0; i < operation->times / 10; i++)
        operation->run(o, i);
    __atomic_add_fetch(&my->ready, 1, __ATOMIC_SEQ_CST);
    while (!my->go)
        cpu_relax();
    for (unsigned int i = 0; i < operation->times; i++)
        operation->run(o, i);
    __atomic_add_fetch(&my->done, 1, __ATOMIC_SEQ_CST);
}

static void nap(uint64_t ns)
{
    struct sched_poll op = {.timeout = time_now() + ns};

    hc_sched_op(SCHEDOP_poll, &op);
}

static void worker(void *arg)
{
    unsigned int seen = 0;

    (void)arg;
    events_off();
    timer_stop_periodic();
    for (;;) {
        while (my->round == seen)
            nap(20000000);
        seen = my->round;
        if (this_cpu()->id >= my->first && this_cpu()->id < my->end)
            work(this_cpu()->id);
    }
}

/* --- profiles of locks --- */

static struct xen_sysctl_lockprof_data locks[64];

static unsigned int lock_profiles(uint32_t cmd)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_lockprof_op,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    op.u.lockprof_op.cmd = cmd;
    op.u.lockprof_op.max_elem = ARRAY_SIZE(locks);
    HANDLE_SET(op.u.lockprof_op.data, locks);
    if (hcall1(__HYPERVISOR_sysctl, addr(&op)))
        return 0;
    return op.u.lockprof_op.nr_elem;
}

static void show_locks(unsigned int times)
{
    unsigned int n = lock_profiles(XEN_SYSCTL_LOCKPROF_query);

    for (unsigned int i = 0; i < n && i < ARRAY_SIZE(locks); i++)
        if (locks[i].lock_cnt)
            printk("LOCK %lu %lu %u %s\n", locks[i].lock_cnt,
                   locks[i].block_cnt, times, locks[i].name);
}

static void begin(volatile union together *t, unsigned int operation,
                  unsigned int first, unsigned int end)
{
    t->operation = operation;
    t->ready = t->done = 0;
    t->go = false;
    t->first = first;
    t->end = end;
    __atomic_add_fetch(&t->round, 1, __ATOMIC_SEQ_CST);
    part[nr_parts++] = t;
}

static unsigned int nr_ready(void)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < nr_parts; i++)
        n += part[i]->ready;
    return n;
}

static unsigned int nr_done(void)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < nr_parts; i++)
        n += part[i]->done;
    return n;
}

/* This vcpu and `others`, which were told. */
static void run(const struct operation *op, unsigned int others,
                const char *whose)
{
    for (unsigned int i = 0; i < op->times / 10; i++)
        op->run(&own[0], i);
    while (nr_ready() != others)
        cpu_relax();
    printk("SCALE BEGINS\n");
    lock_profiles(XEN_SYSCTL_LOCKPROF_reset);
    for (unsigned int i = 0; i < nr_parts; i++)
        part[i]->go = true;
    for (unsigned int i = 0; i < op->times; i++)
        op->run(&own[0], i);
    while (nr_done() != others)
        cpu_relax();
    printk("SCALE ENDS %u %u %s%s\n", others + 1, op->times, op->name, whose);
    show_locks(op->times * (others + 1));
    nr_parts = 0;
}

/* --- other domains --- */

static struct kit_domain domain[MAX_CPUS];
static volatile union together *theirs[MAX_CPUS]; /* from 1 on */
#define WINDOW 8U /* first of those that stay mapped */

static void start_domains(unsigned int nr)
{
    for (unsigned int i = 1; i < nr; i++) {
        if (domain_build(&domain[i], domain_image(), "guest", NULL))
            panic("no domain");
        theirs[i] = domain_map(&domain[i], (unsigned int)virt_to_pfn(&here),
                               WINDOW + i);
        if (!theirs[i] || domain_unpause(&domain[i]))
            panic("domain %u does not start", i);
    }
}

static void run_all(unsigned int cpus)
{
    bool domains = domain_image();

    if (domains)
        start_domains(cpus);
    for (unsigned int k = 0; k < ARRAY_SIZE(operations); k++)
        for (unsigned int again = 0; again < 3; again++)
            for (unsigned int n = 1; n <= cpus; n *= 2) {
                begin(my, k, 1, n);
                run(&operations[k], n - 1, "");
                if (!domains)
                    continue;
                for (unsigned int i = 1; i < n; i++)
                    begin(theirs[i], k, 0, 1);
                run(&operations[k], n - 1, ", in domains");
            }
}

/* --- what each works on --- */

static uint64_t second_root(void)
{
    void *root = page_alloc();

    memcpy(root, (void *)start_info->pt_base, PAGE_SIZE);
    page_set_ro(root);
    pin_table(4, virt_to_mfn(root));
    return virt_to_mfn(root);
}

static void prepare(unsigned int cpu)
{
    struct own *o = &own[cpu];
    void *granted = page_alloc(), *page = page_alloc();

    o->pte[0] = pte_make(virt_to_mfn(page_alloc()), KERNEL_RW);
    o->pte[1] = pte_make(virt_to_mfn(page_alloc()), KERNEL_RW);
    o->table = page_alloc();
    page_set_ro(o->table);
    pin_table(1, virt_to_mfn(o->table));
    o->fresh = page_alloc();
    page_set_ro(o->fresh);
    for (unsigned int i = 0; i < ARRAY_SIZE(o->batch); i++)
        o->batch[i].ptr = virt_to_maddr(&o->table[i]);
    o->port = (unsigned int)event_bind_ipi(cpu);
    /* The grant is mapped by an entry of the table. */
    grant_access(GRANT_FIRST + cpu, event_own_domid(), virt_to_mfn(granted),
                 false);
    o->map.host_addr = virt_to_maddr(&o->table[300]);
    o->map.flags = GNTMAP_host_map | GNTMAP_contains_pte;
    o->map.dom = DOMID_SELF;
    o->map.ref = GRANT_FIRST + cpu;
    o->copy.source.domid = DOMID_SELF;
    o->copy.source.u.ref = GRANT_FIRST + cpu;
    o->copy.dest.domid = DOMID_SELF;
    o->copy.dest.u.gmfn = virt_to_mfn(page_alloc());
    o->copy.len = PAGE_SIZE;
    o->copy.flags = GNTCOPY_source_gref;
    o->pfn = virt_to_pfn(page);
    map_page(page, 0);
    HANDLE_SET(o->one_page.extent_start, &o->frame);
    o->one_page.nr_extents = 1;
    o->one_page.domid = DOMID_SELF;
    o->roots[0] = second_root();
    o->roots[1] = second_root();
}

void kit_main(void)
{
    unsigned int cpus = smp_count();
    char value[8];

    if (cpus > MAX_CPUS)
        cpus = MAX_CPUS;
    events_off();
    timer_stop_periodic();
    hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    if (grant_init(1))
        panic("no grants");
    for (unsigned int i = 0; i < cpus; i++)
        prepare(i);
    for (unsigned int i = 1; i < cpus; i++)
        if (smp_start(i, worker, NULL))
            panic("vcpu %u does not start", i);
    if (option("guest", value, sizeof(value)))
        worker(NULL);
    run_all(cpus);
    printk("SCALE END\n");
}
