/* SPDX-License-Identifier: MIT */
/*
 * domctl: the parts of a vcpu's state that vcpu_guest_context has no room for:
 * the extended FPU state and registers of its own (MSRs). What a toolstack
 * gives is checked like a guest's: XRSTOR of a bad image faults, and an XCR0
 * that does not fit the image shows registers of others.
 */
#include <asm/pv/vcpu_state.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <public/domctl.h>

#include <asm/fpu.h>
#include <asm/pv/cpuid.h>
#include <asm/x86.h>

/* ---- extended state: XCR0, all bits that were ever set in it, the image ----
 */

struct extstate_head {
    uint64_t xcr0, xcr0_accum;
};

/* Intel SDM vol. 1, "XSAVE Header": which parts are there; the form, which is
 * the standard one if 0; the rest is reserved. */
struct xsave_header {
    uint64_t xstate_bv, xcomp_bv, reserved[6];
};
#define XSAVE_LEGACY 512
#define XSAVE_MIN    (XSAVE_LEGACY + sizeof(struct xsave_header))

static uint64_t extstate_size(void)
{
    return xcr0_host ? sizeof(struct extstate_head) + xsave_size : 0;
}

static long ext_target(const struct domain *d, unsigned int vcpu,
                       struct vcpu **v)
{
    *v = domain_vcpu(d, vcpu);
    if (!*v)
        return -ESRCH;
    return d == current->domain ? -EINVAL : 0;
}

/* No buffer: how much there is to read, of which parts. */
long domctl_getvcpuextstate(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    guest_va_t to = handle_va(e->buffer);
    struct extstate_head head;
    struct vcpu *v;
    long rc = ext_target(d, e->vcpu, &v);

    if (rc)
        return rc;
    if (!e->size || !to) {
        e->size = extstate_size();
        e->xfeature_mask = xcr0_host;
        return 0;
    }
    if (e->size != extstate_size() || e->xfeature_mask != xcr0_host)
        return -EINVAL;
    vcpu_pause(v);
    head = (struct extstate_head){v->arch.xcr0, v->arch.xcr0_accum};
    rc = copy_to_guest_va(to, &head, sizeof(head));
    rc = rc ?: copy_to_guest_va(to + sizeof(head), v->arch.xsave, xsave_size);
    vcpu_unpause(v);
    return rc;
}

/* The legacy parts may be in every image: a vcpu has them before it ever sets
 * XCR0. */
static bool image_ok(const struct extstate_head *head, const char *image)
{
    struct xsave_header h;

    memcpy(&h, image + XSAVE_LEGACY, sizeof(h));
    for (unsigned int i = 0; i < ARRAY_SIZE(h.reserved); i++)
        if (h.reserved[i])
            return false;
    return !h.xcomp_bv &&
           !(h.xstate_bv & ~(head->xcr0_accum | XCR0_X87 | XCR0_SSE));
}

/* The image may be shorter than ours: of a processor with fewer parts. */
static long set_extstate(struct vcpu *v, const struct extstate_head *head,
                         const char *image, size_t len)
{
    if ((head->xcr0 & ~head->xcr0_accum) ||
        (head->xcr0_accum & ~fpu_xcr0_offered(v->domain)) ||
        !image_ok(head, image) || fpu_set_xcr0(v, head->xcr0))
        return -EINVAL;
    v->arch.xcr0_accum = head->xcr0_accum;
    fpu_set_image(v, image, len);
    return 0;
}

long domctl_setvcpuextstate(struct xen_domctl *op, struct domain *d)
{
    const struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct extstate_head head;
    size_t len = e->size - sizeof(head);
    struct vcpu *v;
    char *image;
    long rc = ext_target(d, e->vcpu, &v);

    if (rc)
        return rc;
    if (e->size < sizeof(head) + XSAVE_MIN || e->size > extstate_size())
        return -EINVAL;
    image = hv_alloc(len);
    if (!image)
        return -ENOMEM;
    rc = copy_from_guest_va(&head, handle_va(e->buffer), sizeof(head));
    rc = rc
             ?: copy_from_guest_va(image, handle_va(e->buffer) + sizeof(head),
                                   len);
    if (!rc) {
        vcpu_pause(v);
        rc = set_extstate(v, &head, image, len);
        vcpu_unpause(v);
    }
    hv_free(image);
    return rc;
}

/* ---- MSRs ---- */

#define MSR_TSC_AUX 0xc0000103U

static uint64_t get_tsc_aux(const struct vcpu *v)
{
    return v->arch.tsc_aux;
}

/* Intel SDM vol. 4, IA32_TSC_AUX: 32 bits. */
static int set_tsc_aux(struct vcpu *v, uint64_t value)
{
    if (value >> 32)
        return -EINVAL;
    v->arch.tsc_aux = value;
    return 0;
}

static const struct {
    uint32_t index;
    uint64_t (*get)(const struct vcpu *v);
    int (*set)(struct vcpu *v, uint64_t value);
} msrs[] = {
    {MSR_TSC_AUX, get_tsc_aux, set_tsc_aux},
};

static long put_msrs(const struct vcpu *v, struct xen_domctl_vcpu_msrs *m)
{
    uint32_t n = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
        struct xen_domctl_vcpu_msr msr = {.index = msrs[i].index,
                                          .value = msrs[i].get(v)};

        if (!msr.value)
            continue; /* as it is after a reset */
        if (n == m->msr_count)
            return -ENOBUFS;
        if (copy_to_handle_at(m->msrs, n, &msr))
            return -EFAULT;
        n++;
    }
    m->msr_count = n;
    return 0;
}

/* No buffer: how many there may be at most. */
long domctl_get_vcpu_msrs(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    struct vcpu *v = domain_vcpu(d, m->vcpu);
    long rc;

    if (!v || d == current->domain)
        return -EINVAL;
    if (handle_is_null(m->msrs)) {
        m->msr_count = ARRAY_SIZE(msrs);
        return 0;
    }
    vcpu_pause(v);
    rc = put_msrs(v, m);
    vcpu_unpause(v);
    return rc;
}

static int set_msr(struct vcpu *v, const struct xen_domctl_vcpu_msr *msr)
{
    if (msr->reserved)
        return -EINVAL;
    for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
        if (msrs[i].index == msr->index)
            return msrs[i].set(v, msr->value);
    }
    return -EINVAL;
}

/* At the first one that is refused, msr_count says which. */
long domctl_set_vcpu_msrs(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    struct vcpu *v = domain_vcpu(d, m->vcpu);
    uint32_t i;
    long rc = 0;

    if (!v || d == current->domain || m->msr_count > ARRAY_SIZE(msrs))
        return -EINVAL;
    vcpu_pause(v);
    for (i = 0; i < m->msr_count && !rc; i++) {
        struct xen_domctl_vcpu_msr msr;

        rc = copy_from_handle_at(&msr, m->msrs, i);
        rc = rc ?: set_msr(v, &msr);
    }
    vcpu_unpause(v);
    if (rc)
        m->msr_count = i - 1;
    return rc;
}
