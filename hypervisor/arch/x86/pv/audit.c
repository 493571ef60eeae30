/* SPDX-License-Identifier: MIT */
/*
 * The audit: all references and types, recounted from what holds them, must be
 * what the frames say. Console key 'A'. No domain runs meanwhile, so no
 * hypercall is half-way except where it was preempted, which is counted too.
 *
 * What holds references (docs/paging.md): a domain's allocation, the guest's
 * pin, a PARTIAL table itself, entries of validated tables, vcpus' roots and
 * descriptor pages, frames registered for events and time, device grants.
 */
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/desc.h>
#include <asm/pv/isolation.h>
#include <asm/pv/m2p_slot.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>
#include <hv/console.h>
#include <hv/evtchn.h>
#include <hv/grant.h>

#define MAX_REPORTS 30
#define STOP_NS     SECONDS(1) /* within which all vcpus leave their CPUs */

struct counts {
    uint32_t refs, trefs;
};

static struct counts *counted; /* by frame number; NULL: no audit now */
static unsigned int errors;
static bool busy;
static s_time_t stop_by;
static bool all_stand; /* nobody has failed to stop in time */

static void report(mfn_t m, const char *what)
{
    const struct page_info *pg = mfn_to_page(m);
    struct counts c = counted[mfn_x(m)];

    if (errors++ >= MAX_REPORTS)
        return;
    printk(LOG_ERR "audit: frame %lx of d%d: %s: state %016lx (refs %lu, type "
                   "refs %lu), counted %u, %u\n",
           mfn_x(m), pg->owner ? pg->owner->id : -1, what, pg->state,
           pgs_refs(pg->state), pgs_trefs(pg->state), c.refs, c.trefs);
}

/* Something holds m, with the given type (NONE: a mere reference). */
static void count(mfn_t m, enum page_type type)
{
    struct counts *c;

    if (!mfn_is_ram(m)) {
        errors++;
        printk(LOG_ERR "audit: %lx is no frame of RAM but held\n", mfn_x(m));
        return;
    }
    c = &counted[mfn_x(m)];
    c->refs++;
    if (type == PGT_NONE)
        return;
    c->trefs++;
    if (pgs_type(mfn_to_page(m)->state) != type)
        report(m, "held with another type");
}

/* ---- what frames hold ---- */

static void count_l1_entry(pte_t e)
{
    mfn_t m = pte_mfn(e);

    if (mfn_is_ram(m) && mfn_to_page(m)->owner != dom_io)
        count(m, e & PTE_RW ? PGT_WRITABLE : PGT_NONE);
}

static void count_table(mfn_t m, enum page_type type, unsigned int nr)
{
    const pte_t *pt = mfn_to_virt(m);

    for (unsigned int i = 0; i < nr; i++) {
        if (!(pt[i] & PTE_P) || (type == PGT_L4 && !l4_slot_is_guests(i)))
            continue;
        if (type == PGT_L1)
            count_l1_entry(pt[i]);
        else
            count(pte_mfn(pt[i]), (enum page_type)(type - 1));
    }
    if (type == PGT_L4 && nr == PT_ENTRIES)
        for (unsigned int i = HV_SLOT_FIRST; i < L4_LINES_SLOT; i++)
            if (pt[i] != hv_l4[i] && (i != M2P_SLOT || pt[i]))
                report(m, "hypervisor slots changed");
}

static void count_frame(mfn_t m)
{
    const struct page_info *pg = mfn_to_page(m);
    uint64_t s = pg->state;
    enum page_type type = pgs_type(s);
    struct counts *c = &counted[mfn_x(m)];

    if (s & PGS_ALLOCATED)
        c->refs++;
    if ((s & (PGS_HV | PGS_ALLOCATED)) == (PGS_HV | PGS_ALLOCATED))
        c->trefs++; /* the hypervisor's own hold on a shared page */
    if (s & PGS_PINNED)
        count(m, type);
    if (s & PGS_PARTIAL)
        count(m, type);
    if (s & PGS_LOCKED)
        report(m, "left locked");
    if (type_is_table(type) && (s & PGS_VALIDATED))
        count_table(m, type, PT_ENTRIES);
    else if (type_is_table(type) && (s & PGS_PARTIAL))
        count_table(m, type, pg->nr_done);
}

/* ---- what domains hold ---- */

static void count_writable(struct page_info *pg, void *arg)
{
    (void)arg;
    count(page_to_mfn(pg), PGT_WRITABLE);
}

static void count_device_map(struct page_info *pg, bool ro, void *arg)
{
    (void)arg;
    count(page_to_mfn(pg), ro ? PGT_NONE : PGT_WRITABLE);
}

static void count_vcpu(struct vcpu *v)
{
    const struct arch_vcpu *a = &v->arch;

    if (!mfn_eq(a->kernel_l4, INVALID_MFN))
        count(a->kernel_l4, PGT_L4);
    if (!mfn_eq(a->user_l4, INVALID_MFN))
        count(a->user_l4, PGT_L4);
    for (unsigned int i = 0; i < ARRAY_SIZE(a->gdt_pages); i++)
        if (a->gdt_pages[i])
            count(page_to_mfn(a->gdt_pages[i]), PGT_SEGDESC);
    for (unsigned int i = 0; a->ldt_mapped && i < WINDOW_LDT_PAGES; i++) {
        pte_t e = *pv_window_pte(v, WINDOW_GDT_PAGES + i);

        if (e & PTE_P)
            count(pte_mfn(e), PGT_SEGDESC);
    }
    if (v->vcpu_info_page)
        count_writable(v->vcpu_info_page, NULL);
}

static void count_domain(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        count_vcpu(v);
    errors += isolation_audit(d);
    evtchn_fifo_each_page(d, count_writable, NULL);
    grant_each_device_map(d, count_device_map, NULL);
    if (d->arch.pirq_eoi_page)
        count_writable(d->arch.pirq_eoi_page, NULL);
}

/* ---- compare ---- */

static void compare(mfn_t m)
{
    const struct page_info *pg = mfn_to_page(m);
    struct counts c = counted[mfn_x(m)];
    uint64_t s = pg->state;

    if (pgs_refs(s) != c.refs)
        report(m, "references differ");
    else if (pgs_trefs(s) != c.trefs)
        report(m, "type references differ");
    else if (!pgs_trefs(s) && (s & (PGS_TYPE_MASK | PGS_VALIDATED)))
        report(m, "a type without references");
    else if (pgs_trefs(s) && !(s & (PGS_VALIDATED | PGS_PARTIAL)))
        report(m, "left unchecked");
    else if (pgs_refs(s) && !pg->owner && !(s & PGS_HV))
        report(m, "held without an owner");
}

static void each_ram_frame(void (*fn)(mfn_t m))
{
    for (uint64_t n = 0; n < max_mfn; n++)
        if (mfn_is_ram(mfn(n)))
            fn(mfn(n));
}

/* ---- stopping the world ---- */

static void each_domain(void (*fn)(struct domain *d))
{
    struct domain *d;
    unsigned int next = 0;

    while ((d = domain_get_first_from((domid_t)next)) != NULL) {
        next = d->id + 1U;
        fn(d);
        domain_put(d);
    }
}

/* The vcpu that asked is in the hypervisor, between two operations. */
static void pause(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        if (v != current)
            vcpu_pause_nosync(v);
}

static void await(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        while (all_stand && v != current &&
               __atomic_load_n(&v->is_running, __ATOMIC_SEQ_CST)) {
            cpu_relax();
            if (now_ns() < stop_by)
                continue;
            printk("audit: d%uv%u does not stop\n", d->id, v->id);
            all_stand = false;
        }
}

static void pause_guest(struct domain *d)
{
    if (d != dom0)
        pause(d);
}

static void unpause(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        if (v != current)
            vcpu_unpause(v);
}

/*
 * The control domain first: what it does to others, vcpus that it creates among
 * them, has an end then. A vcpu of it may be waiting for the very guest on top
 * of which a console key runs: it is not waited for without a limit.
 */
static bool stop_all(void)
{
    stop_by = now_ns() + STOP_NS;
    all_stand = true;
    if (dom0) {
        pause(dom0);
        await(dom0);
    }
    if (!all_stand) {
        unpause(dom0);
        return false;
    }
    each_domain(pause_guest);
    each_domain(await);
    if (!all_stand)
        each_domain(unpause);
    return all_stand;
}

/* Returns the number of errors. */
static unsigned int recount(void)
{
    errors = 0;
    each_ram_frame(count_frame);
    each_domain(count_domain);
    each_ram_frame(compare);
    each_domain(unpause);
    if (errors)
        printk("audit: %u errors\n", errors);
    else
        printk("audit: ok\n");
    return errors;
}

unsigned int pv_audit(void)
{
    uint64_t bytes = max_mfn * sizeof(*counted);
    unsigned int found = 1;

    if (__atomic_exchange_n(&busy, true, __ATOMIC_SEQ_CST)) {
        printk("audit: another is under way\n");
        return 1;
    }
    counted = hv_vmalloc(bytes);
    if (!counted) {
        busy = false;
        printk("audit: no memory for it\n");
        return 1;
    }
    if (stop_all())
        found = recount();
    else
        printk("audit: not done\n");
    hv_vfree(counted, bytes);
    counted = NULL;
    __atomic_store_n(&busy, false, __ATOMIC_SEQ_CST);
    return found;
}

static void audit_key(char key)
{
    (void)key;
    (void)pv_audit();
}

void __init pv_audit_init(void)
{
    key_register_action('A', audit_key,
                        "audit references and types of all frames");
}
