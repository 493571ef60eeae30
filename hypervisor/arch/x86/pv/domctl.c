/* SPDX-License-Identifier: MIT */
/*
 * domctl: the operations that know of x86 and of PV page tables.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <public/domctl.h>

#include <asm/pv/cpuid.h>
#include <asm/pv/domain.h>
#include <asm/pv/policy_copy.h>
#include <asm/pv/ptype.h>
#include <asm/pv/vcpu_state.h>
#include <asm/time.h>

typedef long (*domctl_fn)(struct xen_domctl *op, struct domain *d);

/* Guests are 64-bit from the start. */
static long op_set_address_size(struct xen_domctl *op, struct domain *d)
{
    (void)d;
    switch (op->u.address_size.size) {
    case 64:
        return 0;
    case 32:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

static long op_get_address_size(struct xen_domctl *op, struct domain *d)
{
    (void)d;
    op->u.address_size.size = 64;
    return 0;
}

static long op_settscinfo(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_tsc_info *t = &op->u.tsc_info;

    if (d == current->domain)
        return -EINVAL;
    if (t->tsc_mode > 2)
        return -EINVAL;
    d->arch.tsc_mode = t->tsc_mode;
    d->arch.tsc_incarnation = t->incarnation;
    return 0;
}

static long op_gettscinfo(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_tsc_info *t = &op->u.tsc_info;

    if (d == current->domain)
        return -EINVAL;
    memset(t, 0, sizeof(*t));
    t->tsc_mode = d->arch.tsc_mode;
    t->gtsc_khz = tsc_khz;
    t->incarnation = d->arch.tsc_incarnation;
    t->elapsed_nsec = (uint64_t)now_ns();
    return 0;
}

/* What one frame is to a domain that is being saved. */
static uint64_t frame_info(struct domain *d, uint64_t m)
{
    static const uint32_t kind[8] = {
        [PGT_L1] = XEN_DOMCTL_PFINFO_L1TAB,
        [PGT_L2] = XEN_DOMCTL_PFINFO_L2TAB,
        [PGT_L3] = XEN_DOMCTL_PFINFO_L3TAB,
        [PGT_L4] = XEN_DOMCTL_PFINFO_L4TAB,
    };
    struct page_info *pg = page_get_from_mfn(mfn(m), d);
    uint64_t state;
    uint32_t info;

    if (!pg)
        return XEN_DOMCTL_PFINFO_XTAB;
    state = READ_ONCE(pg->state);
    info = kind[(state & PGS_TYPE_MASK) >> PGS_TYPE_SHIFT];
    if (!(state & PGS_TREF_MASK))
        info = XEN_DOMCTL_PFINFO_NOTAB;
    else if (info && (state & PGS_PINNED))
        info |= XEN_DOMCTL_PFINFO_LPINTAB;
    page_put(pg);
    return info;
}

#define MAX_FRAMES_INFO 1024

static long op_getpageframeinfo3(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_getpageframeinfo3 *g = &op->u.getpageframeinfo3;

    if (g->num > MAX_FRAMES_INFO)
        return -E2BIG;
    for (uint64_t i = 0; i < g->num; i++) {
        uint64_t m;

        if (copy_from_handle_at(&m, g->array, i))
            return -EFAULT;
        m = frame_info(d, (uint32_t)m);
        if (copy_to_handle_at(g->array, i, &m))
            return -EFAULT;
    }
    return 0;
}

/*
 * Fill a page of the guest with the entries of the hypercall page: 32 bytes
 * each: push rcx and r11, the number to eax, SYSCALL, pop, return. iret is
 * different: it does not return.
 */
void hypercall_page_fill(void *page)
{
    static const uint8_t call[] = {0x51, 0x41, 0x53, 0xb8, 0,    0,    0,
                                   0,    0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
    static const uint8_t iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, 23,
                                   0,    0,    0,    0x0f, 0x05};
    uint8_t *p = page;

    memset(p, 0xcc, PAGE_SIZE);
    for (uint32_t nr = 0; nr < PAGE_SIZE / 32; nr++) {
        memcpy(p + nr * 32, call, sizeof(call));
        memcpy(p + nr * 32 + 4, &nr, sizeof(nr));
    }
    memcpy(p + __HYPERVISOR_iret * 32, iret, sizeof(iret));
}

static long op_hypercall_init(struct xen_domctl *op, struct domain *d)
{
    mfn_t m = mfn(op->u.hypercall_init.gmfn);
    struct page_info *pg;

    if (!mfn_is_ram(m))
        return -EACCES;
    pg = mfn_to_page(m);
    if (page_get_and_type(pg, d, PGT_WRITABLE))
        return -EACCES;
    hypercall_page_fill(mfn_to_virt(m));
    page_put_and_type(pg);
    return 0;
}

/* ---- CPU policy ---- */

static long op_get_cpu_policy(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;

    return cpuid_policy_to_guest(d->arch.cpuid, p->leaves, &p->nr_leaves,
                                 p->msrs, &p->nr_msrs);
}

/* A guest that was shown leaves which this machine lacks, as one restored from
 * a greater one, would miss them: refused, as Xen does. */
static long op_set_cpu_policy(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    struct cpuid_policy *fresh;
    long rc;

    if (d == current->domain)
        return -EINVAL;
    if (d->creation_finished)
        return -EEXIST;
    p->err_leaf = p->err_subleaf = p->err_msr = ~0U;
    fresh = hv_alloc(sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    *fresh = *d->arch.cpuid;
    rc = cpuid_policy_from_guest(fresh, p->leaves, p->nr_leaves, p->msrs,
                                 p->nr_msrs, &p->err_leaf, &p->err_subleaf,
                                 &p->err_msr);
    if (!rc && !cpuid_policy_has_leaves(fresh, &cpuid_pv_max, &p->err_leaf))
        rc = -EINVAL;
    if (!rc) {
        cpuid_policy_clamp(fresh, &cpuid_pv_max);
        *d->arch.cpuid = *fresh;
    }
    hv_free(fresh);
    return rc;
}

/* ---- the rest of a vcpu's context ---- */

static struct vcpu *ext_vcpu(const struct xen_domctl_ext_vcpucontext *e,
                             struct domain *d)
{
    return d == current->domain ? NULL : domain_vcpu(d, e->vcpu);
}

static long op_get_ext_vcpucontext(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    struct vcpu *v = ext_vcpu(e, d);

    if (!v)
        return d == current->domain ? -EINVAL : -ESRCH;
    vcpu_pause(v);
    memset(e, 0, sizeof(*e));
    e->vcpu = v->id;
    e->size = sizeof(*e);
    e->syscall32_callback_eip = v->arch.syscall32_callback;
    e->sysenter_callback_eip = v->arch.sysenter_callback;
    e->syscall32_disables_events = v->arch.syscall32_masks;
    e->sysenter_disables_events = v->arch.sysenter_masks;
    vcpu_unpause(v);
    return 0;
}

static long op_set_ext_vcpucontext(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    struct vcpu *v = ext_vcpu(e, d);

    if (!v)
        return d == current->domain ? -EINVAL : -ESRCH;
    if (e->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap))
        return -EINVAL;
    if (!CANONICAL(e->syscall32_callback_eip) ||
        !CANONICAL(e->sysenter_callback_eip))
        return -EINVAL;
    vcpu_pause(v);
    v->arch.syscall32_callback = e->syscall32_callback_eip;
    v->arch.sysenter_callback = e->sysenter_callback_eip;
    v->arch.syscall32_masks = e->syscall32_disables_events;
    v->arch.sysenter_masks = e->sysenter_disables_events;
    vcpu_unpause(v);
    return 0;
}

static const struct {
    uint32_t cmd;
    domctl_fn fn;
} ops[] = {
    {XEN_DOMCTL_set_address_size, op_set_address_size},
    {XEN_DOMCTL_get_address_size, op_get_address_size},
    {XEN_DOMCTL_settscinfo, op_settscinfo},
    {XEN_DOMCTL_gettscinfo, op_gettscinfo},
    {XEN_DOMCTL_getpageframeinfo3, op_getpageframeinfo3},
    {XEN_DOMCTL_hypercall_init, op_hypercall_init},
    {XEN_DOMCTL_get_cpu_policy, op_get_cpu_policy},
    {XEN_DOMCTL_set_cpu_policy, op_set_cpu_policy},
    {XEN_DOMCTL_get_ext_vcpucontext, op_get_ext_vcpucontext},
    {XEN_DOMCTL_set_ext_vcpucontext, op_set_ext_vcpucontext},
    {XEN_DOMCTL_getvcpuextstate, domctl_getvcpuextstate},
    {XEN_DOMCTL_setvcpuextstate, domctl_setvcpuextstate},
    {XEN_DOMCTL_get_vcpu_msrs, domctl_get_vcpu_msrs},
    {XEN_DOMCTL_set_vcpu_msrs, domctl_set_vcpu_msrs},
    {XEN_DOMCTL_gdbsx_guestmemio, domctl_gdbsx_guestmemio},
};

long arch_do_domctl(struct xen_domctl *op, struct domain *d)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
        if (ops[i].cmd == op->cmd)
            return ops[i].fn(op, d);
    }
    return -ENOSYS;
}
