/* SPDX-License-Identifier: MIT */
/*
 * Building and ending the world, and its scheduler's half of arch: a context
 * switch only changes what a CPU believes to run.
 */
#include "hv_world.h"

#include <stdlib.h>

#include <hv/kexec.h>
#include <hv/sched.h>
#include <hv/softirq.h>

#include <asm/pv/domain.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>

#include "hypercall/kexec.h"

#include <public/grant_table.h>
#include <public/sysctl.h>

#define MAX_ROUNDS 10000

struct world world;

static jmp_buf switched[MAX_CPUS];
static uint64_t free_before;
static unsigned int allocs_before;

/* ---- CPUs ---- */

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    unsigned int cpu = smp_processor_id();

    cpumask_set(&next->dirty_cpumask, cpu);
    host_set_current(next);
    cpumask_clear(&prev->dirty_cpumask, cpu);
    sched_context_saved(prev);
    longjmp(switched[cpu], 1);
}

static void cpu_work(unsigned int cpu)
{
    host_run_on(cpu);
    (void)setjmp(switched[cpu]);
    host_irqs_off = false;
    for (unsigned int i = 0; softirq_is_pending(); i++) {
        BUG_ON(i > MAX_ROUNDS);
        softirq_run();
    }
}

void world_settle(void)
{
    unsigned int self = smp_processor_id();

    for (unsigned int round = 0; round < 3; round++)
        for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
            cpu_work(cpu);
    host_run_on(self);
}

/* Code waits for another CPU: all others work. Nobody waits for ever. */
static void others_work(void)
{
    unsigned int self = smp_processor_id();
    bool irqs = host_irqs_off;
    static unsigned int rounds;

    if (++rounds > MAX_ROUNDS) {
        rounds = 0;
        bug(__FILE__, __LINE__, "waits for a CPU that never comes");
    }
    for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
        if (cpu != self)
            cpu_work(cpu);
    host_run_on(self);
    host_irqs_off = irqs;
    rounds = 0;
}

/* ---- domains ---- */

static pte_t map_of(unsigned int dom, unsigned int f, uint64_t flags)
{
    return pte_make(mfn(world.frame[dom][f]), PTE_P | PTE_US | flags);
}

static pte_t *table(unsigned int dom, unsigned int f)
{
    return mfn_to_virt(mfn(world.frame[dom][f]));
}

static void give_frames(struct domain *d, unsigned int dom)
{
    for (unsigned int f = 0; f < PER_DOM; f++) {
        struct page_info *pg = heap_alloc(0, 0);

        BUG_ON(!pg || domain_assign_pages(d, pg, 0));
        world.frame[dom][f] = mfn_x(page_to_mfn(pg));
        m2p_set(page_to_mfn(pg), f);
    }
}

static void fill_tables(unsigned int dom)
{
    table(dom, F_L4)[0] = map_of(dom, F_L3, PTE_RW);
    table(dom, F_USER_L4)[0] = map_of(dom, F_L3, PTE_RW);
    table(dom, F_L3)[0] = map_of(dom, F_L2, PTE_RW);
    table(dom, F_L2)[0] = map_of(dom, F_L1, PTE_RW);
    table(dom, F_L2)[1] = map_of(dom, F_L1_EMPTY, PTE_RW);
    for (unsigned int f = 0; f < PER_DOM; f++)
        table(dom, F_L1)[f] = map_of(dom, f, f >= F_DATA ? PTE_RW : 0);
}

static void start_vcpu(struct vcpu *v, unsigned int dom, unsigned int cpu)
{
    static struct vcpu_guest_context c;
    cpumask_t pin = cpumask_of(cpu);
    int rc;

    memset(&c, 0, sizeof(c));
    c.flags = VGCF_in_kernel | VGCF_online;
    c.ctrlreg[3] = xen_pfn_to_cr3(world.frame[dom][F_L4]);
    do {
        world_settle();
        rc = arch_vcpu_set_context(v, &c);
    } while (rc == -ERESTART);
    if (rc || sched_set_affinity(v, &pin, NULL, true))
        abort();
    v->pause_flags &= ~VPF_DOWN;
}

/* Grants 8..15 of each domain give its data frames to the next one. */
static void fill_grants(struct domain *d, unsigned int dom)
{
    struct grant_entry_v1 *e = (void *)d->grant.shared[0];

    for (unsigned int ref = 8; ref < 16; ref++) {
        e[ref].domid = (domid_t)((dom + 1) % NR_DOMS);
        e[ref].frame = (uint32_t)world.frame[dom][F_DATA + ref];
        e[ref].flags = GTF_permit_access | (ref % 3 ? 0 : GTF_readonly);
    }
}

static void build_domain(unsigned int dom)
{
    static const unsigned int nr_vcpus[NR_DOMS] = {2, 2, 1};
    struct domain_config cfg = {
        .max_vcpus = nr_vcpus[dom],
        .max_evtchn_port = 4095,
        .max_grant_frames = 4,
        .max_maptrack_frames = 2,
        .grant_version = 2,
        .privileged = dom == 0,
    };
    struct domain *d;

    if (domain_create((domid_t)dom, &cfg, &d))
        abort();
    if (dom == 0)
        dom0 = d;
    d->max_pages = 2 * PER_DOM;
    for (unsigned int i = 0; i < nr_vcpus[dom]; i++) {
        if (vcpu_create(d, i))
            abort();
        vcpu_pause_nosync(d->vcpu[i]);
    }
    give_frames(d, dom);
    fill_tables(dom);
    fill_grants(d, dom);
    for (unsigned int i = 0; i < nr_vcpus[dom]; i++)
        start_vcpu(d->vcpu[i], dom, (dom + i * 2) % NR_CPUS);
    d->vm_assist |= BIT(VMASST_TYPE_writable_pagetables);
    if (domain_unpause_by_controller(d))
        abort();
    world_settle();
}

void world_build(void)
{
    world_is_over = false;
    host_run_on(0);
    for (unsigned int dom = 0; dom < NR_DOMS; dom++)
        build_domain(dom);
    memset(world.args, 0, ARGS_SIZE);
    world_settle();
}

/* The control domain cannot be destroyed by hypercall: nobody is left to. */
static void end_domain(struct domain *d)
{
    int rc;

    if (!domain_is_dying(d))
        domain_pause(d);
    do {
        spin_lock(&d->ctl_lock);
        rc = domain_kill(d);
        spin_unlock(&d->ctl_lock);
        world_settle();
    } while (rc == -ERESTART);
    BUG_ON(rc);
}

static void all_idle(void)
{
    struct domain *d;

    for (domid_t id = 0; (d = domain_get_first_from(id)) != NULL;) {
        id = (domid_t)(d->id + 1);
        domain_pause_nosync(d);
        domain_put(d);
    }
    world_settle();
    for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
        BUG_ON(!host_current_of(cpu)->is_idle);
}

/* Frames that were taken out of use go back: those alone may still be marked.
 */
static void frames_online(void)
{
    for (uint64_t n = FRAME_HEAP; n < NR_FRAMES; n++) {
        uint32_t status;

        if (mfn_to_page(mfn(n))->state == PGS_BROKEN)
            BUG_ON(heap_online(mfn(n), &status) ||
                   !(status & PG_ONLINE_ONLINED));
    }
}

static void check_nothing_left(void)
{
    for (uint64_t n = FRAME_HEAP; n < NR_FRAMES; n++)
        BUG_ON(mfn_to_page(mfn(n))->state || mfn_to_page(mfn(n))->owner);
    BUG_ON(domain_claimed_pages() != 0);
    if (allocs_before == 0) { /* tables that stay are made the first time */
        allocs_before = host_allocs_live;
        free_before = heap_free_pages();
    }
    BUG_ON(heap_free_pages() != free_before);
    BUG_ON(host_allocs_live != allocs_before);
}

unsigned int world_nr_domains(void)
{
    struct domain *d;
    unsigned int n = 0;

    for (domid_t id = 0; (d = domain_get_first_from(id)) != NULL; n++) {
        id = (domid_t)(d->id + 1);
        domain_put(d);
    }
    return n;
}

/* The CPUs back where they were, when no domain is left. */
static void reset_pools(void)
{
    struct sched_pool_info info;
    cpumask_t free;

    for (uint32_t id = 1; !sched_pool_info(id, &info); id = info.id + 1) {
        for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++) {
            while (cpumask_test(&info.cpus, cpu) &&
                   sched_pool_remove_cpu(info.id, cpu) == -ERESTART)
                world_settle();
        }
        BUG_ON(sched_pool_destroy(info.id));
    }
    sched_free_cpus(&free);
    for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++) {
        if (cpumask_test(&free, cpu))
            BUG_ON(sched_pool_add_cpu(0, cpu));
    }
}

void world_destroy(void)
{
    struct domain *d;

    host_alloc_fail_in = 0;
    host_run_on(0);
    all_idle();
    /* Those that map others' frames go as well as those whose they are: the
     * last one of them takes its zombies along. */
    for (domid_t id = 1; (d = domain_get_first_from(id)) != NULL;) {
        id = (domid_t)(d->id + 1);
        end_domain(d);
        domain_put(d);
    }
    for (uint8_t type = 0; type < 2; type++) {
        struct kexec_image *img = kexec_set_image(type, NULL);

        kexec_load_cancel(type);
        if (img)
            kexec_image_free(img);
    }
    d = dom0;
    domain_get(d);
    end_domain(d);
    dom0 = NULL;
    domain_put(d);
    world_settle();
    BUG_ON(domain_get_first_from(0) != NULL);
    reset_pools();
    frames_online();
    check_nothing_left();
}

void world_check(void)
{
    BUG_ON(host_locks_held);
    BUG_ON(host_irqs_off);
    BUG_ON(host_warnings);
}

void world_init(void)
{
    host_cpus_init(NR_CPUS);
    host_frames_init(NR_FRAMES);
    host_image_mfn = mfn(FRAME_GDT + NR_CPUS);
    host_on_relax = others_work;
    heap_add_range(mfn(FRAME_HEAP), NR_FRAMES - FRAME_HEAP);
    softirq_init();
    timer_init_subsystem();
    sched_init();
    domain_init();
    domain_kill_init();
    for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++) {
        host_run_on(cpu);
        timer_cpu_init(cpu);
        idle_vcpu_create(cpu);
        host_set_current(idle_vcpu[cpu]);
        sched_cpu_init(cpu);
        sched_cpu_add(cpu);
    }
    host_run_on(0);
    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++)
        hv_l4[i] = 0xabc000 + i;
    world.args = host_guest_alloc(ARGS_SIZE);
    world_build();
    /* Their structures stay for those to come. */
    for (domid_t id = NR_DOMS; id < MAX_DOMS; id++) {
        struct domain_config cfg = {.max_vcpus = 1};
        struct domain *d;

        if (domain_create(id, &cfg, &d))
            abort();
    }
    world_destroy();
}
