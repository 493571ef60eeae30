/* SPDX-License-Identifier: MIT */
/*
 * GNTTABOP_copy: bytes within one page to bytes within one page, each end a
 * grant reference or a frame of the caller (of anybody, for the control
 * domain). What network backends move packets with.
 *
 * An end stays held as long as the elements that follow name the same: a
 * backend fills one granted page from many, or cuts one up.
 */
#include "grant_ops.h"

#include <hv/arch.h>
#include <hv/hypercall.h>
#include <hv/permission.h>

/*
 * One end, held for the copy. The source is only read and the destination
 * written, which is not in here: ro, a constant wherever it is passed.
 * Nothing is held: pg, rd and pin are NULL, via is false, and the rest has no
 * meaning.
 */
struct end {
    struct page_info *pg;
    struct domain *rd;        /* referenced if not ours */
    struct grant_active *pin; /* rd's entry */
    bool via;                 /* its frame is not rd's but td's */
    bool is_ref;
    domid_t domid;     /* as named by the guest */
    uint32_t from, to; /* bytes of the page that may be used */
    uint64_t what;     /* its ref or frame */
    struct domain *td; /* via: referenced, owner of the transitive grant */
    uint32_t td_ref;
};

static ALWAYS_INLINE void end_init(struct end *e)
{
    e->pg = NULL;
    e->rd = NULL;
    e->pin = NULL;
    e->via = false;
}

static ALWAYS_INLINE bool is_held(const struct end *e,
                                  const struct gnttab_copy_ptr *p, bool is_ref)
{
    return e->pg && e->is_ref == is_ref && e->domid == p->domid &&
           e->what == (is_ref ? p->u.ref : p->u.gmfn);
}

static ALWAYS_INLINE void release_via(struct end *e, bool ro)
{
    grant_unpin_any(e->td, e->td_ref, ro);
    domain_put(e->td);
    e->via = false;
}

static ALWAYS_INLINE void end_release(struct end *e, bool ro)
{
    if (unlikely(!e->rd))
        return; /* nothing is held, nor was to be */
    if (likely(e->pg))
        arch_grant_drop(page_to_mfn(e->pg), ro);
    if (unlikely(e->via))
        release_via(e, ro);
    if (e->pin)
        grant_unpin(e->rd, (uint32_t)e->what, e->pin, ro);
    gnttab_put_owner(e->rd);
}

/* Between two elements. */
static NOINLINE void end_change(struct end *e, bool ro)
{
    end_release(e, ro);
    end_init(e);
}

/*
 * The entry grants what another domain granted to its owner. Once only: that
 * one must be a page. Returns what is granted there, pinned too.
 */
static ALWAYS_INLINE int follow(struct end *e, unsigned int how,
                                struct grant_active **a)
{
    int rc;

    if (!grant_transitive_ok)
        return GNTST_general_error;
    if ((*a)->trans_domid == e->rd->id)
        return GNTST_general_error;
    e->td_ref = (*a)->trans_ref;
    e->td = domain_get_by_id((*a)->trans_domid);
    if (!e->td)
        return GNTST_general_error;
    rc = grant_pin_any(e->td, e->td_ref, e->rd->id, how, a);
    if (rc == GNTST_okay && (*a)->kind == GRANT_TRANSITIVE) {
        grant_unpin_any(e->td, e->td_ref, how & PIN_READONLY);
        rc = GNTST_general_error;
    }
    if (rc == GNTST_okay)
        e->via = true;
    else
        domain_put(e->td);
    return rc;
}

/* The frame at an end that is a reference. */
static ALWAYS_INLINE int ref_frame(struct end *e, bool ro, mfn_t *m)
{
    unsigned int how = PIN_COPY | (ro ? PIN_READONLY : 0);
    struct grant_active *a;
    int rc = grant_pin(e->rd, (uint32_t)e->what, current->domain->id, how, &a);

    if (unlikely(rc != GNTST_okay))
        return rc;
    e->pin = a;
    if (unlikely(a->kind == GRANT_TRANSITIVE)) {
        rc = follow(e, how, &a);
        if (rc != GNTST_okay)
            return rc;
    }
    *m = a->frame;
    e->from = a->off;
    e->to = e->from + a->len;
    return GNTST_okay;
}

static ALWAYS_INLINE int own_frame(struct end *e, mfn_t *m)
{
    if (unlikely(e->rd != current->domain) &&
        permit_target(__HYPERVISOR_mmu_update, 0, e->rd))
        return GNTST_permission_denied;
    *m = mfn(e->what);
    e->from = 0;
    e->to = PAGE_SIZE;
    return GNTST_okay;
}

static ALWAYS_INLINE int end_hold(struct end *e,
                                  const struct gnttab_copy_ptr *p, bool is_ref,
                                  bool ro)
{
    mfn_t m;
    int rc;

    e->is_ref = is_ref;
    e->domid = p->domid;
    e->what = is_ref ? p->u.ref : p->u.gmfn;
    e->rd = gnttab_get_owner(p->domid);
    if (unlikely(!e->rd))
        return GNTST_bad_domain;
    rc = is_ref ? ref_frame(e, ro, &m) : own_frame(e, &m);
    if (unlikely(rc != GNTST_okay))
        return rc;
    if (unlikely(!arch_grant_hold(e->via ? e->td : e->rd, m, ro)))
        return is_ref ? GNTST_general_error : GNTST_bad_page;
    e->pg = mfn_to_page(m);
    return GNTST_okay;
}

/* fresh: nothing is held before. What is held after an error, or was to be, is
 * not what the next element finds: is_held(). */
static ALWAYS_INLINE int end_ready(struct end *e,
                                   const struct gnttab_copy_ptr *p, bool is_ref,
                                   unsigned int len, bool ro, bool fresh)
{
    if (fresh || !is_held(e, p, is_ref)) {
        int rc;

        if (!fresh)
            end_change(e, ro);
        rc = end_hold(e, p, is_ref, ro);
        if (unlikely(rc != GNTST_okay))
            return rc;
    }
    if (unlikely(p->offset < e->from || p->offset + len > e->to))
        return GNTST_general_error;
    return GNTST_okay;
}

static ALWAYS_INLINE int copy_one(const struct gnttab_copy *op, struct end *src,
                                  struct end *dst, bool fresh)
{
    int rc;

    if (op->source.offset + op->len > PAGE_SIZE ||
        op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    rc = end_ready(src, &op->source, op->flags & GNTCOPY_source_gref, op->len,
                   true, fresh);
    if (likely(rc == GNTST_okay))
        rc = end_ready(dst, &op->dest, op->flags & GNTCOPY_dest_gref, op->len,
                       false, fresh);
    if (likely(rc == GNTST_okay))
        /* Both ends may be in one frame, and overlap. */
        memmove((char *)page_to_virt(dst->pg) + op->dest.offset,
                (const char *)page_to_virt(src->pg) + op->source.offset,
                op->len);
    return rc;
}

static ALWAYS_INLINE long copy_element(guest_va_t at, struct end *src,
                                       struct end *dst, bool fresh)
{
    struct gnttab_copy op;

    if (copy_from_guest_va(&op, at, sizeof(op)))
        return -EFAULT;
    op.status = (int16_t)copy_one(&op, src, dst, fresh);
    return copy_to_guest_va(at + offsetof(struct gnttab_copy, status),
                            &op.status, sizeof(op.status));
}

static ALWAYS_INLINE long copy_all(guest_va_t uop, unsigned int count,
                                   struct end *src, struct end *dst)
{
    long rc = 0;

    for (unsigned int i = 0; i < count && !rc; i++) {
        guest_va_t at = uop + i * sizeof(struct gnttab_copy);

        if (i && hypercall_preempt_check())
            return gnttab_continue(GNTTABOP_copy, at, count - i);
        rc = copy_element(at, src, dst, false);
    }
    return rc;
}

static NOINLINE long copy_many(guest_va_t uop, unsigned int count)
{
    struct end src, dst;
    long rc;

    end_init(&src);
    end_init(&dst);
    rc = copy_all(uop, count, &src, &dst);
    end_release(&dst, false);
    end_release(&src, true);
    return rc;
}

/* The ends of a single element stay in registers. */
long gnttab_copy(guest_va_t uop, unsigned int count)
{
    struct end src, dst;
    long rc;

    if (unlikely(count != 1))
        return copy_many(uop, count);
    end_init(&src);
    end_init(&dst);
    rc = copy_element(uop, &src, &dst, true);
    end_release(&dst, false);
    end_release(&src, true);
    return rc;
}
