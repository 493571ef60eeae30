/* SPDX-License-Identifier: MIT */
/*
 * The machine's part of creating and ending domains and vcpus.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/fpu.h>
#include <asm/pv/cpuid.h>
#include <asm/pv/desc.h>
#include <asm/pv/domain.h>
#include <asm/pv/isolation.h>
#include <asm/pv/mm.h>
#include <asm/spec_ctrl.h>
#include <asm/x86.h>

int arch_domain_create(struct domain *d)
{
    if (d->is_idle)
        return 0;
    spec_forget(d->id);
    return cpuid_domain_create(d);
}

void arch_domain_destroy(struct domain *d)
{
    cpuid_domain_destroy(d);
    hv_free(d->arch.e820);
    d->arch.e820 = NULL;
    d->arch.nr_e820 = 0;
}

static void put_l4(mfn_t *l4)
{
    if (!mfn_eq(*l4, INVALID_MFN))
        pv_put_or_defer(mfn_to_page(*l4));
    *l4 = INVALID_MFN;
}

/* Half-way too: arch_page_relinquish() comes by. */
static void give_up_l4(mfn_t *l4)
{
    if (!mfn_eq(*l4, INVALID_MFN))
        page_put_and_type(mfn_to_page(*l4));
    *l4 = INVALID_MFN;
}

/* The vcpus run no more and their registers are in memory. */
int arch_domain_relinquish(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        pv_drop_gdt(v);
        pv_ldt_unmap(v);
        v->arch.ldt_ents = 0;
        give_up_l4(&v->arch.user_l4);
        give_up_l4(&v->arch.kernel_l4);
        v->arch.drop_pending[0] = v->arch.drop_pending[1] = INVALID_MFN;
        isolation_forget(v);
        v->is_initialised = false;
    }
    return 0;
}

int arch_vcpu_create(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;
    int rc;

    a->kernel_l4 = a->user_l4 = INVALID_MFN;
    a->drop_pending[0] = a->drop_pending[1] = INVALID_MFN;
    a->kernel_mode = true;
    a->dr6 = DR6_DEFAULT;
    a->dr7 = DR7_DEFAULT;
    /* A page type is taken while it is held. */
    spin_init(&a->ldt_lock, LOCK_RANK_GRANT_ENTRY);
    if (v->is_idle)
        return 0;
    a->trap_table = hv_alloc(256 * sizeof(*a->trap_table));
    if (!a->trap_table)
        return -ENOMEM;
    rc = fpu_vcpu_create(v);
    if (!rc)
        rc = isolation_vcpu_create(v);
    if (!rc)
        rc = pv_window_create(v);
    if (rc)
        arch_vcpu_destroy(v);
    return rc;
}

void arch_vcpu_destroy(struct vcpu *v)
{
    pv_window_destroy(v);
    isolation_vcpu_destroy(v);
    fpu_vcpu_destroy(v);
    hv_free(v->arch.trap_table);
    v->arch.trap_table = NULL;
}

void arch_vcpu_reset(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;

    pv_drop_gdt(v);
    pv_ldt_unmap(v);
    a->ldt_base = a->ldt_ents = 0;
    put_l4(&a->user_l4);
    put_l4(&a->kernel_l4);
    isolation_forget(v);
    memset(a->trap_table, 0, 256 * sizeof(*a->trap_table));
    a->event_callback = a->failsafe_callback = a->syscall_callback = 0;
    a->syscall32_callback = a->sysenter_callback = a->nmi_callback = 0;
    a->time_area = 0;
    v->runstate_guest = 0;
    a->nmi_pending = a->nmi_masked = a->mce_pending = a->mce_masked = 0;
    fpu_vcpu_reset(v);
    v->is_initialised = false;
}
