/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_mmuext_op: pins, base pointers, flushes, LDT, whole pages. One
 * function per operation, one table. ABI: struct mmuext_op in public/xen.h.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>
#include <hv/smp.h>

#include <asm/guest_word.h>
#include <asm/pv/desc.h>
#include <asm/pv/domain.h>
#include <asm/pv/isolation.h>
#include <asm/pv/m2p_slot.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>
#include <asm/x86.h>

#define COUNT_CONTINUED (1UL << 31)

static struct page_info *arg1_page(const struct mmuext_op *op,
                                   const struct domain *pg_owner)
{
    return page_get_from_mfn(mfn(op->arg1.mfn), pg_owner);
}

static int op_pin(const struct mmuext_op *op, struct domain *pg_owner)
{
    enum page_type type =
        (enum page_type)(PGT_L1 + (op->cmd - MMUEXT_PIN_L1_TABLE));
    mfn_t m = mfn(op->arg1.mfn);
    int rc;

    if (!mfn_is_ram(m))
        return -EINVAL;
    rc = page_pin(mfn_to_page(m), pg_owner, type);
    if (unlikely(rc) && rc != -ERESTART)
        pv_drop_refused(mfn_to_page(m));
    return rc;
}

static int op_unpin(const struct mmuext_op *op, struct domain *pg_owner)
{
    struct page_info *pg = arg1_page(op, pg_owner);
    int rc;

    if (!pg)
        return -EINVAL;
    rc = page_unpin(pg);
    if (rc == -ERESTART) { /* unpinned, but not all dropped */
        pv_drop_later(pg);
        rc = 0;
    }
    page_put(pg);
    return rc;
}

/* A reference and type for a new root; INVALID_MFN for frame 0. */
static ALWAYS_INLINE int get_root(struct domain *d, mfn_t m)
{
    if (!mfn_is_ram(m))
        return -EINVAL;
    if (likely(page_try_get_table(mfn_to_page(m), d, PGT_L4)))
        return 0;
    return pv_get_root(d, m);
}

/* The old root is let go only when no CPU has it loaded any more. */
static ALWAYS_INLINE void put_root(mfn_t old)
{
    if (!mfn_eq(old, INVALID_MFN) && !page_try_put_type(mfn_to_page(old)))
        pv_put_or_defer(mfn_to_page(old));
}

/* Hypercalls come from the guest's kernel: its root is the live one. A load of
 * CR3 flushes all that the guest mapped (no entry of theirs is global). */
static void load_kernel_root(const struct vcpu *v)
{
    ASSERT(v->arch.kernel_mode);
    write_cr3(mfn_to_maddr(v->arch.kernel_l4));
}

static int op_new_baseptr(const struct mmuext_op *op, struct domain *pg_owner)
{
    struct vcpu *v = current;
    mfn_t old = v->arch.kernel_l4, new = mfn(op->arg1.mfn);
    int rc;

    if (pg_owner != v->domain)
        return -EPERM;
    if (mfn_eq(old, new)) {
        m2p_slot_kernel(new);
        load_kernel_root(v);
        return 0;
    }
    rc = get_root(v->domain, new);
    if (rc)
        return rc;
    m2p_slot_kernel(new);
    v->arch.kernel_l4 = new;
    load_kernel_root(v);
    isolation_set_root(v, ISOLATED_KERNEL, new);
    put_root(old);
    return 0;
}

static int op_new_user_baseptr(const struct mmuext_op *op,
                               struct domain *pg_owner)
{
    struct vcpu *v = current;
    mfn_t old = v->arch.user_l4, new = mfn(op->arg1.mfn);
    int rc;

    if (pg_owner != v->domain)
        return -EPERM;
    /* The guest may say what we call none. */
    if (mfn_eq(old, new) && !mfn_eq(new, INVALID_MFN)) {
        m2p_slot_user(v->domain, new);
        return 0;
    }
    if (mfn_x(new) == 0) {
        new = INVALID_MFN;
    } else {
        rc = get_root(v->domain, new);
        if (rc)
            return rc;
        m2p_slot_user(v->domain, new);
    }
    v->arch.user_l4 = new;
    isolation_set_root(v, ISOLATED_USER, new);
    put_root(old);
    return 0;
}

static int op_flush_local(const struct mmuext_op *op, struct domain *pg_owner)
{
    (void)op;
    (void)pg_owner;
    tlb_flush_local();
    return 0;
}

static int op_invlpg_local(const struct mmuext_op *op, struct domain *pg_owner)
{
    (void)pg_owner;
    tlb_flush_one_local(op->arg1.linear_addr);
    return 0;
}

static int op_flush_multi(const struct mmuext_op *op, struct domain *pg_owner)
{
    cpumask_t mask;
    int rc = pv_vcpumask_cpus(handle_va(op->arg2.vcpumask), &mask);

    (void)pg_owner;
    if (rc)
        return rc;
    if (op->cmd == MMUEXT_TLB_FLUSH_MULTI)
        tlb_flush_mask(&mask);
    else
        tlb_flush_one_mask(&mask, op->arg1.linear_addr);
    return 0;
}

static int op_flush_all(const struct mmuext_op *op, struct domain *pg_owner)
{
    cpumask_t mask;

    domain_dirty_mask(pg_owner, &mask);
    if (op->cmd == MMUEXT_TLB_FLUSH_ALL)
        tlb_flush_mask(&mask);
    else
        tlb_flush_one_mask(&mask, op->arg1.linear_addr);
    return 0;
}

static void flush_cache(void *unused)
{
    (void)unused;
    wbinvd();
}

static int op_flush_cache(const struct mmuext_op *op, struct domain *pg_owner)
{
    const cpumask_t here = cpumask_of(smp_processor_id());
    int rc = permit(__HYPERVISOR_mmuext_op, op->cmd);

    (void)pg_owner;
    if (rc)
        return rc;
    if (op->cmd == MMUEXT_FLUSH_CACHE)
        smp_call(&here, flush_cache, NULL, true);
    else
        smp_call(&cpu_online_map, flush_cache, NULL, true);
    return 0;
}

static int op_set_ldt(const struct mmuext_op *op, struct domain *pg_owner)
{
    unsigned long base = op->arg1.linear_addr;
    uint32_t ents = op->arg2.nr_ents;
    struct vcpu *v = current;

    if (pg_owner != v->domain)
        return -EPERM;
    if (ents > LDT_MAX_ENTS || (base & ~PAGE_MASK) || !CANONICAL(base) ||
        (ents && !guest_range_ok(base, ents * 8UL)))
        return -EINVAL;
    if (v->arch.ldt_ents == ents && v->arch.ldt_base == base)
        return 0;
    pv_ldt_unmap(v);
    v->arch.ldt_base = base;
    v->arch.ldt_ents = ents;
    pv_load_ldt(v);
    return 0;
}

static int get_writable(const struct mmuext_op *op,
                        const struct domain *pg_owner, struct page_info **pg)
{
    mfn_t m = mfn(op->arg1.mfn);

    if (!mfn_is_ram(m))
        return -EINVAL;
    *pg = mfn_to_page(m);
    return page_get_and_type(*pg, pg_owner, PGT_WRITABLE);
}

static int op_clear_page(const struct mmuext_op *op, struct domain *pg_owner)
{
    struct page_info *pg;
    int rc = get_writable(op, pg_owner, &pg);

    if (rc)
        return rc;
    memset(page_to_virt(pg), 0, PAGE_SIZE);
    page_put_and_type(pg);
    return 0;
}

static int op_copy_page(const struct mmuext_op *op, struct domain *pg_owner)
{
    struct page_info *pg, *src;
    int rc;

    src = page_get_from_mfn(mfn(op->arg2.src_mfn), pg_owner);
    if (!src)
        return -EINVAL;
    rc = get_writable(op, pg_owner, &pg);
    if (!rc) {
        memcpy(page_to_virt(pg), page_to_virt(src), PAGE_SIZE);
        page_put_and_type(pg);
    }
    page_put(src);
    return rc;
}

static int op_unsupported(const struct mmuext_op *op, struct domain *pg_owner)
{
    (void)op;
    (void)pg_owner;
    return -EOPNOTSUPP;
}

static int op_unknown(const struct mmuext_op *op, struct domain *pg_owner)
{
    (void)op;
    (void)pg_owner;
    return -ENOSYS;
}

#define NR_OPS 32U /* a power of two: the index is masked */

#pragma GCC diagnostic ignored "-Woverride-init"
static int (*const op_table[NR_OPS])(const struct mmuext_op *op,
                                     struct domain *pg_owner) = {
    [0 ... NR_OPS - 1] = op_unknown,
    [MMUEXT_PIN_L1_TABLE] = op_pin,
    [MMUEXT_PIN_L2_TABLE] = op_pin,
    [MMUEXT_PIN_L3_TABLE] = op_pin,
    [MMUEXT_PIN_L4_TABLE] = op_pin,
    [MMUEXT_UNPIN_TABLE] = op_unpin,
    [MMUEXT_NEW_BASEPTR] = op_new_baseptr,
    [MMUEXT_TLB_FLUSH_LOCAL] = op_flush_local,
    [MMUEXT_INVLPG_LOCAL] = op_invlpg_local,
    [MMUEXT_TLB_FLUSH_MULTI] = op_flush_multi,
    [MMUEXT_INVLPG_MULTI] = op_flush_multi,
    [MMUEXT_TLB_FLUSH_ALL] = op_flush_all,
    [MMUEXT_INVLPG_ALL] = op_flush_all,
    [MMUEXT_FLUSH_CACHE] = op_flush_cache,
    [MMUEXT_SET_LDT] = op_set_ldt,
    [MMUEXT_NEW_USER_BASEPTR] = op_new_user_baseptr,
    [MMUEXT_CLEAR_PAGE] = op_clear_page,
    [MMUEXT_COPY_PAGE] = op_copy_page,
    [MMUEXT_FLUSH_CACHE_GLOBAL] = op_flush_cache,
    [MMUEXT_MARK_SUPER] = op_unsupported,
    [MMUEXT_UNMARK_SUPER] = op_unsupported,
};

static ALWAYS_INLINE int do_one(const struct mmuext_op *op,
                                struct domain *pg_owner)
{
    uint32_t cmd = op->cmd;

    return likely(cmd < NR_OPS)
               ? op_table[index_nospec_pow2(cmd, NR_OPS)](op, pg_owner)
               : -ENOSYS;
}

static ALWAYS_INLINE bool read_op(guest_va_t va, struct mmuext_op *op)
{
    union {
        uint64_t words[3];
        struct mmuext_op op;
    } u;

    _Static_assert(sizeof(u) == sizeof(u.words), "whole words");
    if (!guest_read_pair(va, &u.words[0], &u.words[1]) ||
        !guest_read_word(va + 16, &u.words[2]))
        return false;
    *op = u.op;
    return true;
}

/* *nr counts those done. */
static ALWAYS_INLINE int do_ops(uint64_t ops, unsigned long count,
                                struct domain *pg_owner, unsigned long *nr)
{
    unsigned long done = 0;
    int rc = 0;

    if (!guest_words_ok(ops, count * sizeof(struct mmuext_op)))
        return -EFAULT;
    ops = outside_hv_slots(ops);
    while (done < count) {
        struct mmuext_op op;

        rc = -EFAULT;
        if (unlikely(!read_op(ops + done * sizeof(op), &op)))
            break;
        rc = do_one(&op, pg_owner);
        if (unlikely(rc))
            break;
        done++;
        if (unlikely(pv_drop_is_pending()) ||
            (done < count && unlikely(hypercall_preempt_check()))) {
            rc = -ERESTART;
            break;
        }
    }
    *nr = done;
    return rc;
}

static NOINLINE long go_on_later(unsigned long ops, unsigned long count,
                                 unsigned long done, unsigned long foreigndom)
{
    return hypercall_continue(__HYPERVISOR_mmuext_op, 4, ops, count, done,
                              foreigndom);
}

/* nr of them are done. */
static long stopped(unsigned long ops, unsigned long count, unsigned long nr,
                    unsigned long done, unsigned long foreigndom)
{
    return go_on_later(ops + nr * sizeof(struct mmuext_op),
                       (count - nr) | COUNT_CONTINUED, done, foreigndom);
}

/* With all that a caller may ask for. */
static NOINLINE long full_mmuext_op(unsigned long ops, unsigned long count,
                                    unsigned long done,
                                    unsigned long foreigndom)
{
    struct domain *pg_owner;
    uint32_t before = 0, after;
    unsigned long nr = 0;
    int rc;

    if (unlikely(pv_drop_is_pending()) && pv_finish_drops() == -ERESTART)
        return go_on_later(ops, count, done, foreigndom);
    if ((count & COUNT_CONTINUED) && done &&
        copy_from_guest_va(&before, done, sizeof(before)))
        return -EFAULT;
    count &= ~COUNT_CONTINUED;

    rc = pv_get_pg_owner((domid_t)foreigndom, &pg_owner);
    if (rc)
        return rc;
    if (pg_owner != current->domain)
        rc = permit_target(__HYPERVISOR_mmuext_op, MMUEXT_PIN_L1_TABLE,
                           pg_owner);
    if (!rc)
        rc = do_ops(ops, count, pg_owner, &nr);
    pv_put_pg_owner(pg_owner);

    after = before + (uint32_t)nr;
    if (done && copy_to_guest_va(done, &after, sizeof(after)))
        return -EFAULT;
    return rc == -ERESTART ? stopped(ops, count, nr, done, foreigndom) : rc;
}

/* The common case: one's own tables, and no wish to know how many. */
long do_mmuext_op(unsigned long ops, unsigned long count, unsigned long done,
                  unsigned long foreigndom)
{
    unsigned long nr = 0;
    int rc;

    count &= 0xffffffffUL;
    if (unlikely(done) || unlikely((domid_t)foreigndom != DOMID_SELF) ||
        unlikely(count >= COUNT_CONTINUED) || unlikely(pv_drop_is_pending()))
        return full_mmuext_op(ops, count, done, foreigndom);
    rc = do_ops(ops, count, current->domain, &nr);
    if (unlikely(rc == -ERESTART))
        return stopped(ops, count, nr, 0, DOMID_SELF);
    return rc;
}
