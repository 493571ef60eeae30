/* SPDX-License-Identifier: MIT */
/*
 * Type references: the state machine drawn in asm/pv/ptype.h. A frame has one
 * type at a time, and the type changes only while its count is zero, so a
 * frame is never at once writable by a guest and read by the processor as
 * page table or descriptors.
 */
#include <asm/pv/ptype.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/trace.h>

#include <asm/pv/desc.h>
#include <asm/x86.h>

static uint64_t type_bits(enum page_type type)
{
    return (uint64_t)type << PGS_TYPE_SHIFT;
}

static bool count_full(uint64_t state)
{
    return pgs_refs(state) == PGS_REF_MASK ||
           (state & PGS_TREF_MASK) == PGS_TREF_MASK;
}

/*
 * Before the contents of a frame are trusted, no CPU may be able to write it
 * by a stale translation. Those flushed since the last writable reference was
 * dropped hold none. Writable by its owner only: the owner's CPUs suffice.
 */
static void flush_writers(struct page_info *pg, const struct domain *d)
{
    cpumask_t mask;

    if (READ_ONCE(pg->state) & PGS_FOREIGN) {
        mask = cpu_online_map;
        __atomic_fetch_and(&pg->state, ~PGS_FOREIGN, __ATOMIC_SEQ_CST);
    } else {
        domain_dirty_mask(d, &mask);
    }
    tlb_filter_mask(&mask, READ_ONCE(pg->tlb_stamp));
    if (!cpumask_empty(&mask))
        tlb_flush_mask(&mask);
}

/* The type is dropped; new general count 0: free. Claimer only. */
static void finish_drop(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state), new;

    do {
        ASSERT(pgs_trefs(old) == 1 && !(old & (PGS_VALIDATED | PGS_PINNED)));
        new = (old - PGS_TREF_ONE) & ~PGS_TYPE_MASK;
        if (pgs_refs(old) > 1) /* the last one is for page_put() */
            new -= PGS_REF_ONE;
    } while (!pgs_cmpxchg(pg, &old, new));
    if (unlikely(pgs_refs(old) == 1))
        page_put(pg);
}

/* Claimer: drop entries below nr_done, then the type and the reference. */
static int drop_busy(struct page_info *pg)
{
    enum page_type type = pgs_type(READ_ONCE(pg->state));
    int rc = table_devalidate(pg, type);

    perfc_inc(PERFC_TYPES_DROPPED);
    TRACE(TRC_MEM_TYPE_PUT, TRACE_64(mfn_x(page_to_mfn(pg))), type);
    if (rc == -ERESTART)
        __atomic_fetch_or(&pg->state, PGS_PARTIAL, __ATOMIC_SEQ_CST);
    else
        finish_drop(pg);
    return rc;
}

/*
 * Claimer: check the contents. On success the frame is VALIDATED with the
 * references that the claimer brought; on failure these are dropped. A guest
 * can have a tree over all its memory refused at its last entry: dropping what
 * was taken until then stops half-way too. The tables above, if there are any,
 * are refused with it and find it; the one on top is pv_drop_refused()'s.
 */
static int validate_busy(struct page_info *pg, enum page_type type)
{
    int rc;

    if (type == PGT_SEGDESC) {
        pg->nr_done = 0;
        rc = pv_segdesc_validate(page_to_virt(pg));
    } else {
        rc = table_validate(pg, type);
    }
    if (!rc) {
        __atomic_fetch_or(&pg->state, PGS_VALIDATED, __ATOMIC_SEQ_CST);
        perfc_inc(PERFC_TYPES_GOT);
        TRACE(TRC_MEM_TYPE_GET, TRACE_64(mfn_x(page_to_mfn(pg))), type);
        return 0;
    }
    if (rc == -ERESTART) {
        __atomic_fetch_or(&pg->state, PGS_PARTIAL, __ATOMIC_SEQ_CST);
        return rc;
    }
    if (type == PGT_SEGDESC)
        finish_drop(pg);
    else
        (void)drop_busy(pg);
    return rc;
}

/* The state of a frame without a type, as the claimer makes it. */
static uint64_t claimed(uint64_t old, enum page_type type)
{
    ASSERT(!(old & (PGS_TYPE_MASK | PGS_PARTIAL | PGS_PINNED)));
    return (old | type_bits(type)) + PGS_TREF_ONE;
}

static int validate_claimed(struct page_info *pg, const struct domain *d,
                            enum page_type type)
{
    pg->nr_done = 0;
    flush_writers(pg, d);
    return validate_busy(pg, type);
}

/* A frame whose type is not simply counted up. */
static int get_type_slow(struct page_info *pg, const struct domain *d,
                         enum page_type type)
{
    uint64_t old;

    if (!page_get(pg, d))
        return -EINVAL;
    for (;;) {
        old = READ_ONCE(pg->state);
        if (pgs_trefs(old) == 0) {
            if (!pgs_cmpxchg(pg, &old, claimed(old, type)))
                continue;
            return validate_claimed(pg, d, type);
        }
        if (pgs_type(old) != type || count_full(old)) {
            page_put(pg);
            return -EBUSY;
        }
        if (old & PGS_VALIDATED) {
            if (pgs_cmpxchg(pg, &old, old + PGS_TREF_ONE))
                return 0;
        } else if (old & PGS_PARTIAL) {
            if (!pgs_cmpxchg(pg, &old, old & ~PGS_PARTIAL))
                continue;
            page_put(pg); /* the frame's own references are ours now */
            return validate_busy(pg, type);
        } else {
            cpu_relax();
        }
    }
}

/* The first type reference, and a general one, in one step if nothing has
 * changed since old was read. */
static int get_first(struct page_info *pg, const struct domain *d,
                     enum page_type type, uint64_t old)
{
    if (!pgs_cmpxchg(pg, &old, claimed(old, type) + PGS_REF_ONE))
        return get_type_slow(pg, d, type);
    if (likely(READ_ONCE(pg->owner) == d))
        return validate_claimed(pg, d, type);
    finish_drop(pg); /* it has changed hands meanwhile */
    return -EINVAL;
}

/* A writable reference more for old, which can be had: the state, or 0 if the
 * last one is just being let go (close_writable()). */
static uint64_t add_writable(uint64_t old, const struct domain *d)
{
    if (pgs_trefs(old) && !(old & PGS_VALIDATED))
        return 0;
    old |= type_bits(PGT_WRITABLE) | PGS_VALIDATED;
    if (unlikely(current->domain != d))
        old |= PGS_FOREIGN;
    return old + PGS_REF_ONE + PGS_TREF_ONE;
}

int page_get_and_type(struct page_info *pg, const struct domain *d,
                      enum page_type type)
{
    uint64_t old, new;

    do {
        if (READ_ONCE(pg->owner) != d)
            return -EINVAL;
        old = READ_ONCE(pg->state);
        if (!pgs_refs(old) || count_full(old))
            return -EINVAL;
        if (type == PGT_WRITABLE) {
            if (pgs_trefs(old) && pgs_type(old) != PGT_WRITABLE)
                return -EBUSY;
            new = add_writable(old, d);
            if (unlikely(!new))
                cpu_relax();
        } else if (!pgs_trefs(old)) {
            return get_first(pg, d, type, old);
        } else if (pgs_type(old) != type || !(old & PGS_VALIDATED)) {
            return get_type_slow(pg, d, type);
        } else {
            new = old + PGS_REF_ONE + PGS_TREF_ONE;
        }
    } while (!new || !pgs_cmpxchg(pg, &old, new));

    if (likely(READ_ONCE(pg->owner) == d))
        return 0;
    page_put_and_type(pg);
    return -EINVAL;
}

/* Last type reference of a table: claim it, wait for updaters to leave. */
static int put_table(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state);

    for (;;) {
        if (pgs_trefs(old) > 1) {
            if (pgs_cmpxchg(pg, &old, old - PGS_TREF_ONE))
                break;
        } else if (old & PGS_LOCKED) {
            cpu_relax();
            old = READ_ONCE(pg->state);
        } else if (pgs_cmpxchg(pg, &old, old & ~PGS_VALIDATED)) {
            pg->nr_done = PT_ENTRIES;
            return drop_busy(pg);
        }
    }
    page_put(pg);
    return 0;
}

/*
 * If *old, with one type reference, is WRITABLE: with VALIDATED gone nobody
 * gets another one. Only then the clock is read, for it must be later than all
 * that was written by any of them: read earlier, others could come and go until
 * the count is changed, and leave the state as it was.
 */
static void close_writable(struct page_info *pg, uint64_t *old)
{
    const uint64_t open = type_bits(PGT_WRITABLE) | PGS_VALIDATED;

    while (pgs_trefs(*old) == 1 && (*old & open) == open) {
        if (!pgs_cmpxchg(pg, old, *old & ~PGS_VALIDATED))
            continue;
        *old &= ~PGS_VALIDATED;
        WRITE_ONCE(pg->tlb_stamp, tlb_clock());
    }
}

static int put_and_type(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state), new;

    do {
        ASSERT(pgs_trefs(old) > 0 && pgs_refs(old) > 0);
        if (pgs_trefs(old) == 1) {
            if (type_is_table(pgs_type(old)))
                return put_table(pg);
            close_writable(pg, &old);
        }
        new = old - PGS_REF_ONE - PGS_TREF_ONE;
        if (pgs_trefs(new) == 0)
            new &= ~(PGS_TYPE_MASK | PGS_VALIDATED);
        if (pgs_refs(new) == 0) /* the last one: keep it for page_put() */
            new += PGS_REF_ONE;
    } while (!pgs_cmpxchg(pg, &old, new));
    if (unlikely(pgs_refs(old) == 1))
        page_put(pg);
    return 0;
}

void page_put_and_type(struct page_info *pg)
{
    (void)put_and_type(pg);
}

int page_put_and_type_preemptible(struct page_info *pg)
{
    return put_and_type(pg);
}

/* Types: a set of those that may be dropped. */
static int resume_drop(struct page_info *pg, unsigned int types)
{
    uint64_t old = READ_ONCE(pg->state);

    do {
        if (!(old & PGS_PARTIAL) || !(types >> pgs_type(old) & 1))
            return 0; /* somebody else has finished it, either way */
    } while (!pgs_cmpxchg(pg, &old, old & ~PGS_PARTIAL));
    return drop_busy(pg);
}

int page_type_resume_drop(struct page_info *pg)
{
    return resume_drop(pg, ~0U);
}

int page_type_resume_drop_of(struct page_info *pg, enum page_type type)
{
    return resume_drop(pg, 1U << type);
}

int page_pin(struct page_info *pg, const struct domain *d, enum page_type type)
{
    int rc = page_get_and_type(pg, d, type);
    uint64_t old = READ_ONCE(pg->state);

    if (rc)
        return rc;
    /* Who gives a frame back takes its pin away: afterwards nobody would. */
    while ((old & (PGS_PINNED | PGS_ALLOCATED)) == PGS_ALLOCATED)
        if (pgs_cmpxchg(pg, &old, old | PGS_PINNED))
            return 0;
    /* Not the last one, the pin is: unless it went meanwhile. */
    page_put_and_type(pg);
    return -EINVAL;
}

int page_unpin(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state);

    do {
        if (!(old & PGS_PINNED))
            return -EINVAL;
    } while (!pgs_cmpxchg(pg, &old, old & ~PGS_PINNED));
    return put_and_type(pg);
}

enum page_type pt_lock(struct page_info *pg)
{
    uint64_t old = READ_ONCE(pg->state);

    for (;;) {
        if (!type_is_table(pgs_type(old)) || !(old & PGS_VALIDATED))
            return PGT_NONE;
        if (old & PGS_LOCKED) {
            cpu_relax();
            old = READ_ONCE(pg->state);
        } else if (pgs_cmpxchg(pg, &old, old | PGS_LOCKED)) {
            return pgs_type(old);
        }
    }
}

void domain_dirty_mask(const struct domain *d, cpumask_t *out)
{
    struct vcpu *v;

    cpumask_zero(out);
    for_each_vcpu (d, v)
        cpumask_or(out, out, &v->dirty_cpumask);
}
