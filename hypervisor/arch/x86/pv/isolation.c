/* SPDX-License-Identifier: MIT */
/*
 * The isolated roots of vcpus and how they follow the guest's L4 tables.
 *
 * Who changes an entry of an L4 stores it there first and then looks whose
 * copies have that source; who takes a new source notes it first and then
 * copies. So one of both sees the other, and under the lock of the vcpu's
 * copies the later one reads what is in the L4 by then.
 *
 * A copy whose source is a valid L4 is in step with it, loaded or not: so a
 * vcpu that goes back to an L4 takes the copy that it has. A frame that stops
 * being an L4 leaves copies of what it was. They are never loaded, since only
 * a valid L4 is, and forgotten before the frame is one again.
 */
#include <asm/pv/isolation.h>

#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <asm/cpu_info.h>
#include <asm/spec_ctrl.h>
#include <asm/traps.h>
#include <asm/x86.h>

static bool is_isolated(const struct vcpu *v)
{
    return v->arch.isolated[ISOLATED_KERNEL].copy[0].l4 != NULL;
}

static int roots_create(struct isolated_roots *r)
{
    for (unsigned int i = 0; i < ISOLATED_COPIES; i++) {
        struct isolated_copy *c = &r->copy[i];

        c->l4 = hv_alloc_pages(0);
        if (!c->l4)
            return -ENOMEM;
        c->cr3 = mfn_to_maddr(virt_to_mfn(c->l4));
        c->cpu = ~0U;
    }
    return 0;
}

int isolation_vcpu_create(struct vcpu *v)
{
    bool wanted = v->domain->is_privileged ? spec_choice.xpti_dom0
                                           : spec_choice.xpti_domu;
    int rc;

    spin_init(&v->arch.isolation_lock, LOCK_RANK_ISOLATION);
    isolation_forget(v);
    if (!wanted)
        return 0;
    rc = roots_create(&v->arch.isolated[ISOLATED_USER]);
    if (!rc)
        rc = roots_create(&v->arch.isolated[ISOLATED_KERNEL]);
    if (rc)
        isolation_vcpu_destroy(v);
    return rc;
}

void isolation_vcpu_destroy(struct vcpu *v)
{
    for (unsigned int mode = 0; mode < ARRAY_SIZE(v->arch.isolated); mode++)
        for (unsigned int i = 0; i < ISOLATED_COPIES; i++) {
            struct isolated_copy *c = &v->arch.isolated[mode].copy[i];

            if (c->l4)
                hv_free_pages(c->l4, 0);
            c->l4 = NULL;
        }
}

void isolation_forget(struct vcpu *v)
{
    for (unsigned int mode = 0; mode < ARRAY_SIZE(v->arch.isolated); mode++)
        for (unsigned int i = 0; i < ISOLATED_COPIES; i++)
            v->arch.isolated[mode].copy[i].source = INVALID_MFN;
}

static mfn_t guest_root(const struct vcpu *v, unsigned int mode)
{
    return mode == ISOLATED_KERNEL ? v->arch.kernel_l4 : v->arch.user_l4;
}

/* Interrupts may come and go; the lock is no interrupt handler's. */
static struct isolated_copy *copy_root(struct vcpu *v, struct isolated_roots *r,
                                       mfn_t source)
{
    unsigned long flags = spin_lock_irqsave(&v->arch.isolation_lock);
    struct isolated_copy *c = &r->copy[r->next];
    const pte_t *l4 = mfn_to_virt(source);
    uint64_t lines;

    r->next = (r->next + 1) % ISOLATED_COPIES;
    WRITE_ONCE(c->source, source);
    smp_mb(); /* with isolation_l4_changed() */
    lines = READ_ONCE(l4[L4_LINES_SLOT]);
    l4_copy_lines(c->l4, l4, lines, c->lines);
    c->lines = lines;
    spin_unlock_irqrestore(&v->arch.isolation_lock, flags);
    return c;
}

static ALWAYS_INLINE struct isolated_copy *copy_of(struct isolated_roots *r,
                                                   mfn_t source)
{
    for (unsigned int i = 0; i < ISOLATED_COPIES; i++)
        if (mfn_eq(READ_ONCE(r->copy[i].source), source))
            return &r->copy[i];
    return NULL;
}

/* What entry.S loads on the way out and in. */
static ALWAYS_INLINE void note_roots(struct cpu_info *ci, unsigned int mode,
                                     const struct isolated_copy *c, mfn_t l4)
{
    ci->guest_cr3[mode] = c->cr3;
    ci->host_cr3[mode] = mfn_to_maddr(l4);
}

/* There is no copy of l4 yet, or it was used on another CPU. */
static NOINLINE void prepare_root(struct vcpu *v, unsigned int mode, mfn_t l4)
{
    struct isolated_roots *r = &v->arch.isolated[mode];
    struct cpu_info *ci = get_cpu_info();
    struct isolated_copy *c;

    if (mfn_eq(l4, INVALID_MFN)) { /* the mode is not entered without */
        ci->guest_cr3[mode] = ci->host_cr3[mode] = 0;
        return;
    }
    c = copy_of(r, l4);
    if (!c)
        c = copy_root(v, r, l4);
    if (c->cpu != ci->cpu) {
        isolation_install(c->l4, mode, ci->cpu);
        c->cpu = ci->cpu;
    }
    note_roots(ci, mode, c, l4);
}

void isolation_set_root(struct vcpu *v, unsigned int mode, mfn_t l4)
{
    struct cpu_info *ci = get_cpu_info();
    const struct isolated_copy *c;

    if (!isolation_is_on() || !is_isolated(v))
        return;
    ASSERT(v == current);
    c = copy_of(&v->arch.isolated[mode], l4);
    if (likely(c && c->cpu == ci->cpu && !mfn_eq(l4, INVALID_MFN)))
        note_roots(ci, mode, c, l4);
    else
        prepare_root(v, mode, l4);
}

void isolation_load(struct vcpu *v)
{
    struct cpu_info *ci = get_cpu_info();

    if (!isolation_is_on())
        return;
    if (!v->is_idle)
        traps_syscalls_isolated(is_isolated(v));
    if (!is_isolated(v)) {
        memset(ci->guest_cr3, 0, sizeof(ci->guest_cr3));
        memset(ci->host_cr3, 0, sizeof(ci->host_cr3));
        return;
    }
    isolation_show_window(v);
    memset(ci->scratch, 0, sizeof(ci->scratch)); /* of another guest */
    for (unsigned int mode = 0; mode < ARRAY_SIZE(v->arch.isolated); mode++)
        prepare_root(v, mode, guest_root(v, mode));
}

static void follow(struct vcpu *v, struct isolated_copy *c, const pte_t *l4,
                   unsigned int slot)
{
    unsigned long flags = spin_lock_irqsave(&v->arch.isolation_lock);

    if (mfn_eq(c->source, virt_to_mfn(l4))) {
        c->lines |= l4_line_bit(slot);
        WRITE_ONCE(c->l4[slot], READ_ONCE(l4[slot]));
    }
    spin_unlock_irqrestore(&v->arch.isolation_lock, flags);
}

static void forget(struct vcpu *v, struct isolated_copy *c, mfn_t source)
{
    unsigned long flags = spin_lock_irqsave(&v->arch.isolation_lock);

    if (mfn_eq(c->source, source))
        WRITE_ONCE(c->source, INVALID_MFN);
    spin_unlock_irqrestore(&v->arch.isolation_lock, flags);
}

void isolation_l4_made(const struct domain *d, const struct page_info *table)
{
    mfn_t source = page_to_mfn(table);
    struct isolated_copy *c;
    struct vcpu *v;

    if (!isolation_is_on())
        return;
    for_each_vcpu (d, v)
        for (unsigned int mode = 0; mode < ARRAY_SIZE(v->arch.isolated);
             mode++) {
            c = copy_of(&v->arch.isolated[mode], source);
            if (unlikely(c))
                forget(v, c, source);
        }
}

void isolation_l4_changed(const struct domain *d, struct page_info *table,
                          unsigned int slot)
{
    mfn_t source = page_to_mfn(table);
    pte_t *l4 = page_to_virt(table);
    struct isolated_copy *c;
    struct vcpu *v;

    if (!isolation_is_on())
        return;
    ASSERT(READ_ONCE(table->state) & PGS_LOCKED);
    /* First the word that says where to look, then the look around. */
    __atomic_fetch_or(&l4[L4_LINES_SLOT], l4_line_bit(slot), __ATOMIC_SEQ_CST);
    for_each_vcpu (d, v)
        for (unsigned int mode = 0; mode < ARRAY_SIZE(v->arch.isolated);
             mode++) {
            c = copy_of(&v->arch.isolated[mode], source);
            if (c)
                follow(v, c, l4, slot);
        }
}

/* ---- audit ---- */

/* Is it an L4 of d's? What became of a table that was let go is not looked at.
 */
static bool is_l4_of(const struct domain *d, mfn_t m)
{
    const struct page_info *pg = mfn_to_page(m);
    uint64_t state = READ_ONCE(pg->state);

    return pg->owner == d && (state & PGS_VALIDATED) &&
           (state & PGS_TYPE_MASK) >> PGS_TYPE_SHIFT == PGT_L4;
}

static unsigned int check_copy(const struct vcpu *v, const pte_t *copy,
                               const pte_t *l4)
{
    unsigned int errors = 0;

    for (unsigned int i = 0; i < PT_ENTRIES; i++) {
        if ((i >= HV_SLOT_FIRST && i <= HV_SLOT_LAST) ||
            !((l4[i] | copy[i]) & PTE_P))
            continue;
        /* The processor sets A and D where it walks. */
        if (!((l4[i] ^ copy[i]) & ~(PTE_A | PTE_D)))
            continue;
        printk(LOG_ERR "audit: d%dv%u: L4 entry %u is %016lx, its copy "
                       "%016lx\n",
               v->domain->id, v->id, i, l4[i], copy[i]);
        errors++;
    }
    return errors;
}

static unsigned int audit_roots(const struct vcpu *v, unsigned int mode)
{
    const struct isolated_roots *r = &v->arch.isolated[mode];
    unsigned int errors = 0;

    for (unsigned int i = 0; i < ISOLATED_COPIES; i++) {
        const struct isolated_copy *c = &r->copy[i];

        if (c->cpu != ~0U)
            errors += isolation_check_view(v, c->l4, mode, c->cpu);
        if (!mfn_eq(c->source, INVALID_MFN) && is_l4_of(v->domain, c->source))
            errors += check_copy(v, c->l4, mfn_to_virt(c->source));
    }
    return errors;
}

unsigned int isolation_audit(const struct domain *d)
{
    unsigned int errors = 0;
    struct vcpu *v;

    for_each_vcpu (d, v)
        if (is_isolated(v))
            for (unsigned int mode = 0; mode < ARRAY_SIZE(v->arch.isolated);
                 mode++)
                errors += audit_roots(v, mode);
    return errors;
}
