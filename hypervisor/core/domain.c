/* SPDX-License-Identifier: MIT */
/*
 * A domain's beginning: built from a configuration, step by step, and undone
 * if a step fails. Its end is domain_kill.c, pausing and shutting down are
 * domain_state.c.
 */
#include <hv/domain.h>

#include <hv/arch.h>
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/trace.h>
#include <hv/vnuma.h>

#include "domain_init.h"
#include "domain_table.h"
#include "dump.h"

struct domain *dom0, *dom_io, *dom_hv;
static struct domain *idle_domain;

static int shared_info_create(struct domain *d)
{
    d->shared_info = hv_alloc_pages(0);
    if (!d->shared_info)
        return -ENOMEM;
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        d->shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
    page_share_with(virt_to_page(d->shared_info), d, true);
    return 0;
}

static int vcpu_array_create(struct domain *d, unsigned int max_vcpus)
{
    d->vcpu = hv_alloc(max_vcpus * sizeof(d->vcpu[0]));
    if (!d->vcpu)
        return -ENOMEM;
    d->max_vcpus = max_vcpus;
    return 0;
}

static void watchdog_fired(void *arg)
{
    struct domain *d = arg;

    if (domain_is_dying(d) || d->is_shutting_down)
        return;
    printk(LOG_GUEST_WARN "d%u: watchdog timer expired\n", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

static void domain_fields_init(struct domain *d,
                               const struct domain_config *cfg)
{
    memcpy(d->handle, cfg->handle, sizeof(d->handle));
    d->is_privileged = cfg->privileged;
    d->createflags = cfg->flags;
    d->page_list = d->held_list = PAGE_LINK_NONE;
    d->node_affinity = NODEMASK_ALL;
    d->refs = 1;
    d->created_ns = now_ns();
    d->shutdown_code = SHUTDOWN_poweroff;
    d->controller_pauses = 1;
    spin_init(&d->ctl_lock, LOCK_RANK_DOMCTL);
    spin_init(&d->shutdown_lock, LOCK_RANK_SHUTDOWN);
    spin_init(&d->page_list_lock, LOCK_RANK_PAGE_LIST);
    for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
        timer_init(&d->watchdog[i].timer, watchdog_fired, d,
                   smp_processor_id());
}

/*
 * The steps a domain is built of, in order; on failure the finished ones are
 * undone in reverse. None may leave anything behind that holds a reference.
 */
static int step_vcpus(struct domain *d, const struct domain_config *cfg)
{
    return vcpu_array_create(d, cfg->max_vcpus);
}

static void undo_vcpus(struct domain *d)
{
    hv_free(d->vcpu);
}

static int step_shared_info(struct domain *d, const struct domain_config *cfg)
{
    (void)cfg;
    return shared_info_create(d);
}

void domain_shared_info_free(struct domain *d)
{
    page_unshare(virt_to_page(d->shared_info));
    d->shared_info = NULL;
}

static int step_evtchn(struct domain *d, const struct domain_config *cfg)
{
    return evtchn_domain_init(d, cfg->max_evtchn_port);
}

static int step_grant(struct domain *d, const struct domain_config *cfg)
{
    return grant_domain_init(d, cfg->max_grant_frames, cfg->max_maptrack_frames,
                             cfg->grant_version);
}

static int step_sched(struct domain *d, const struct domain_config *cfg)
{
    return sched_domain_init(d, cfg->cpupool);
}

static int step_arch(struct domain *d, const struct domain_config *cfg)
{
    (void)cfg;
    return arch_domain_create(d);
}

/* The control domain drives the machine: all that is not the hypervisor's own,
 * which is kept apart (arch). Others are given what they need later. */
static int step_rights(struct domain *d, const struct domain_config *cfg)
{
    int rc;

    rangeset_init(&d->ioports);
    rangeset_init(&d->iomem);
    rangeset_init(&d->irqs);
    if (!cfg->privileged)
        return 0;
    rc = arch_ioports_change(d, true, 0, 0xffff);
    rc = rc ?: rangeset_add(&d->iomem, 0, UINT64_MAX >> PAGE_SHIFT);
    return rc ?: rangeset_add(&d->irqs, 0, UINT32_MAX);
}

static void undo_given(struct domain *d)
{
    arch_ioports_free(d);
    rangeset_free(&d->ioports);
    rangeset_free(&d->iomem);
    rangeset_free(&d->irqs);
    vnuma_free(d->vnuma);
    d->vnuma = NULL;
}

static const struct {
    int (*make)(struct domain *d, const struct domain_config *cfg);
    void (*undo)(struct domain *d);
} steps[] = {
    {step_vcpus, undo_vcpus},
    {step_rights, undo_given},
    {step_shared_info, domain_shared_info_free},
    {step_evtchn, evtchn_domain_free},
    {step_grant, grant_domain_free},
    {step_sched, sched_domain_destroy},
    {step_arch, arch_domain_destroy},
};

static void undo_steps(struct domain *d, unsigned int nr)
{
    while (nr--)
        steps[nr].undo(d);
}

int domain_create(domid_t id, const struct domain_config *cfg,
                  struct domain **out)
{
    static uint64_t nr_created;
    struct domain *d = domain_struct_alloc();
    unsigned int done;
    int rc = 0;

    if (!d)
        return -ENOMEM;
    d->id = DOMID_INVALID;
    d->serial = __atomic_add_fetch(&nr_created, 1, __ATOMIC_RELAXED);
    domain_fields_init(d, cfg);
    /* Not in the table yet: nobody else can see it. */
    for (done = 0; done < ARRAY_SIZE(steps) && !rc; done++)
        rc = steps[done].make(d, cfg);
    if (rc)
        done--;
    else
        rc = domain_table_insert(d, id);
    if (rc) {
        undo_steps(d, done);
        d->refs = 0;
        domain_struct_free(d);
        return rc;
    }
    TRACE(TRC_DOM0_DOM_ADD, d->id);
    arch_wallclock_update(d);
    *out = d;
    return 0;
}

/* Everything that no longer refers to others; called with no reference left. */
void domain_memory_free(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        arch_vcpu_destroy(v);
        evtchn_vcpu_destroy(v);
        hv_free(v);
    }
    undo_steps(d, ARRAY_SIZE(steps));
}

/* Owners of frames that belong to no guest; never in the table. */
static struct domain *__init special_domain(domid_t id)
{
    struct domain *d = domain_struct_alloc();

    BUG_ON(!d);
    d->id = id;
    d->refs = 1;
    d->page_list = d->held_list = PAGE_LINK_NONE;
    d->node_affinity = NODEMASK_ALL;
    d->max_pages = UINT64_MAX;
    spin_init(&d->ctl_lock, LOCK_RANK_DOMCTL);
    spin_init(&d->shutdown_lock, LOCK_RANK_SHUTDOWN);
    spin_init(&d->page_list_lock, LOCK_RANK_PAGE_LIST);
    return d;
}

void __init domain_init(void)
{
    dom_io = special_domain(DOMID_IO);
    dom_hv = special_domain(DOMID_XEN);
    dump_init();
}

/* The idle vcpu of a CPU; the first call makes the idle domain. */
void __init idle_vcpu_create(unsigned int cpu)
{
    int rc;

    if (!idle_domain) {
        idle_domain = special_domain(DOMID_IDLE);
        idle_domain->is_idle = true;
        rc = vcpu_array_create(idle_domain, MAX_CPUS);
        BUG_ON(rc);
    }
    rc = vcpu_create(idle_domain, cpu);
    BUG_ON(rc);
    idle_vcpu[cpu] = idle_domain->vcpu[cpu];
}

/* The control domain: built, given its kernel, let run. */
void __init dom0_create(unsigned int max_vcpus)
{
    struct domain_config cfg = {
        .max_vcpus = max_vcpus,
        .max_evtchn_port = UINT32_MAX,
        .max_grant_frames = grant_default_frames,
        .max_maptrack_frames = grant_default_maptrack,
        .grant_version = grant_max_version,
        .privileged = true,
    };
    int rc = domain_create(0, &cfg, &dom0);

    if (rc)
        panic("no memory for the control domain (%d)", rc);
    dom0->max_pages = UINT32_MAX;
    for (unsigned int i = 0; i < max_vcpus; i++) {
        rc = vcpu_create(dom0, i);
        if (rc)
            panic("no memory for vcpu %u of the control domain", i);
        /* Held, as all of a new domain is, until it is unpaused. */
        vcpu_pause_nosync(dom0->vcpu[i]);
    }
}
