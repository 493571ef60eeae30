/* SPDX-License-Identifier: MIT */
/*
 * The isolated roots of vcpus and how they follow the guest's L4 tables.
 *
 * Who changes an entry of an L4 stores it there first and then looks whose
 * copies have that source; who takes a new source notes it first and then
 * copies. So one of both sees the other, and under the lock of the vcpu's
 * copies the later one reads what is in the L4 by then.
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
    return v->arch.isolated[ISOLATED_KERNEL].l4 != NULL;
}

int isolation_vcpu_create(struct vcpu *v)
{
    bool wanted = v->domain->is_privileged ? spec_choice.xpti_dom0
                                           : spec_choice.xpti_domu;

    spin_init(&v->arch.isolation_lock, LOCK_RANK_ISOLATION);
    v->arch.isolated_cpu = ~0U;
    isolation_forget(v);
    if (!wanted)
        return 0;
    for (unsigned int i = 0; i < ARRAY_SIZE(v->arch.isolated); i++) {
        v->arch.isolated[i].l4 = hv_alloc_pages(0);
        if (!v->arch.isolated[i].l4) {
            isolation_vcpu_destroy(v);
            return -ENOMEM;
        }
    }
    return 0;
}

void isolation_vcpu_destroy(struct vcpu *v)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(v->arch.isolated); i++) {
        if (v->arch.isolated[i].l4)
            hv_free_pages(v->arch.isolated[i].l4, 0);
        v->arch.isolated[i].l4 = NULL;
    }
}

void isolation_forget(struct vcpu *v)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(v->arch.isolated); i++)
        v->arch.isolated[i].source = INVALID_MFN;
}

static mfn_t guest_root(const struct vcpu *v, unsigned int mode)
{
    return mode == ISOLATED_KERNEL ? v->arch.kernel_l4 : v->arch.user_l4;
}

/* Interrupts may come and go; the lock is no interrupt handler's. */
static void copy_root(struct vcpu *v, struct isolated_root *r, mfn_t source)
{
    unsigned long flags = spin_lock_irqsave(&v->arch.isolation_lock);
    const pte_t *l4;
    uint64_t lines;

    WRITE_ONCE(r->source, source);
    smp_mb(); /* with isolation_l4_changed() */
    if (!mfn_eq(source, INVALID_MFN)) {
        l4 = mfn_to_virt(source);
        lines = READ_ONCE(l4[L4_LINES_SLOT]);
        l4_copy_lines(r->l4, l4, lines, r->lines);
        r->lines = lines;
    }
    spin_unlock_irqrestore(&v->arch.isolation_lock, flags);
}

/* What entry.S loads on the way out and in. */
static void note_roots(const struct vcpu *v, struct cpu_info *ci,
                       unsigned int mode)
{
    mfn_t l4 = guest_root(v, mode);
    const struct isolated_root *r = &v->arch.isolated[mode];

    if (mfn_eq(l4, INVALID_MFN)) {
        ci->guest_cr3[mode] = ci->host_cr3[mode] = 0;
        return;
    }
    ci->guest_cr3[mode] = mfn_to_maddr(virt_to_mfn(r->l4));
    ci->host_cr3[mode] = mfn_to_maddr(l4);
}

void isolation_set_root(struct vcpu *v, unsigned int mode, mfn_t l4)
{
    if (!isolation_is_on() || !is_isolated(v))
        return;
    ASSERT(v == current);
    copy_root(v, &v->arch.isolated[mode], l4);
    note_roots(v, get_cpu_info(), mode);
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
    for (unsigned int mode = 0; mode < ARRAY_SIZE(v->arch.isolated); mode++) {
        struct isolated_root *r = &v->arch.isolated[mode];

        if (v->arch.isolated_cpu != ci->cpu)
            isolation_install(r->l4, ci->cpu);
        if (!mfn_eq(r->source, guest_root(v, mode)))
            copy_root(v, r, guest_root(v, mode));
        note_roots(v, ci, mode);
    }
    v->arch.isolated_cpu = ci->cpu;
}

static void follow(struct vcpu *v, struct isolated_root *r, mfn_t source,
                   const pte_t *l4, unsigned int slot)
{
    unsigned long flags;

    if (!r->l4 || !mfn_eq(READ_ONCE(r->source), source))
        return;
    flags = spin_lock_irqsave(&v->arch.isolation_lock);
    if (mfn_eq(r->source, source)) {
        r->lines |= l4_line_bit(slot);
        WRITE_ONCE(r->l4[slot], READ_ONCE(l4[slot]));
    }
    spin_unlock_irqrestore(&v->arch.isolation_lock, flags);
}

void isolation_l4_changed(const struct domain *d, struct page_info *table,
                          unsigned int slot)
{
    mfn_t source = page_to_mfn(table);
    pte_t *l4 = page_to_virt(table);
    struct vcpu *v;

    if (!isolation_is_on())
        return;
    /* First the word that says where to look, then the look around. */
    __atomic_fetch_or(&l4[L4_LINES_SLOT], l4_line_bit(slot), __ATOMIC_SEQ_CST);
    for_each_vcpu (d, v)
        for (unsigned int i = 0; i < ARRAY_SIZE(v->arch.isolated); i++)
            follow(v, &v->arch.isolated[i], source, l4, slot);
}

/* ---- audit ---- */

static unsigned int check_copy(const struct vcpu *v, unsigned int mode)
{
    const struct isolated_root *r = &v->arch.isolated[mode];
    unsigned int errors = 0;
    const pte_t *l4;

    if (mfn_eq(r->source, INVALID_MFN))
        return 0;
    if (!mfn_eq(r->source, guest_root(v, mode))) {
        printk(LOG_ERR "audit: d%dv%u: copy of another L4\n", v->domain->id,
               v->id);
        return 1;
    }
    l4 = mfn_to_virt(r->source);
    for (unsigned int i = 0; i < PT_ENTRIES; i++) {
        if ((i >= HV_SLOT_FIRST && i <= HV_SLOT_LAST) ||
            !((l4[i] | r->l4[i]) & PTE_P))
            continue;
        /* The processor sets A and D where it walks. */
        if (!((l4[i] ^ r->l4[i]) & ~(PTE_A | PTE_D)))
            continue;
        printk(LOG_ERR "audit: d%dv%u: L4 entry %u is %016lx, its copy "
                       "%016lx\n",
               v->domain->id, v->id, i, l4[i], r->l4[i]);
        errors++;
    }
    return errors;
}

unsigned int isolation_audit(const struct domain *d)
{
    unsigned int errors = 0;
    struct vcpu *v;

    for_each_vcpu (d, v) {
        if (!is_isolated(v) || v->arch.isolated_cpu == ~0U)
            continue;
        for (unsigned int i = 0; i < ARRAY_SIZE(v->arch.isolated); i++) {
            errors += check_copy(v, i);
            errors += isolation_check_view(v, v->arch.isolated[i].l4);
        }
    }
    return errors;
}
