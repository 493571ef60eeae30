/* SPDX-License-Identifier: MIT */
/*
 * Direct stores of a guest's kernel to its L1 tables. These are mapped
 * read-only, so the store faults; the instruction is emulated as an update of
 * the entry, with all checks. Tables of other levels are not emulated: the
 * guest gets its page fault. (vm_assist type writable_pagetables.)
 *
 * Stores to MMIO that a domain may only read are dropped here too.
 */
#include <asm/pv/fault.h>

#include <hv/bitmap.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/decode.h>
#include <asm/pv/iomem.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>

#include "store_op.h"

/* The bytes of an entry that an access of size at offset covers. */
static uint64_t part_mask(unsigned int size, unsigned int shift)
{
    return (size == 8 ? ~0UL : (1UL << (8 * size)) - 1) << shift;
}

/* With the table locked. Registers change only if it succeeds. */
static bool update(pte_t *slot, const struct store_op *op,
                   const struct insn *in, struct cpu_regs *regs,
                   const struct domain *d)
{
    unsigned int shift = 8 * (op->linear % sizeof(pte_t));
    uint64_t mask = part_mask(op->size, shift);
    int rc;

    do {
        pte_t old = READ_ONCE(*slot);
        struct cpu_regs after = *regs;
        uint64_t part = (old & mask) >> shift;

        rc = 0;
        if (store_op_apply(op, in, &after, &part))
            rc = pt_cmpxchg_l1(slot, old, (old & ~mask) | part << shift, d);
        if (!rc) {
            after.rip += in->len;
            *regs = after;
        }
    } while (rc == -EAGAIN); /* the processor set A or D meanwhile */
    return !rc;
}

static bool store_to_l1(struct domain *d, mfn_t m, const struct store_op *op,
                        const struct insn *in, struct cpu_regs *regs)
{
    struct page_info *table;
    paddr_t at = mfn_to_maddr(m) + (op->linear & ~PAGE_MASK);
    pte_t *slot;
    bool ok;

    slot = pt_entry_lock_maddr(at & ~(sizeof(pte_t) - 1), d, &table);
    if (!slot)
        return false;
    ok = update(slot, op, in, regs, d);
    pt_entry_unlock(table);
    return ok;
}

static bool decode_store(struct store_op *op, struct insn *in,
                         const struct cpu_regs *regs, unsigned long addr)
{
    if (insn_fetch(in, regs->rip, true, NULL) || !store_op_parse(op, in, regs))
        return false;
    /* The access that faulted, within one entry. */
    return op->linear == addr && addr % sizeof(pte_t) + op->size <= 8;
}

/* Worth decoding: a present, read-only mapping of what we may emulate. */
static bool is_candidate(const struct domain *d, const struct pt_walk *w)
{
    mfn_t m = pte_mfn(w->entry);

    if (w->level != 1 || !(w->entry & PTE_P) || (w->entry & PTE_RW))
        return false;
    if (!mfn_is_ram(m))
        return iomem_is_read_only(m);
    return bit_test(&d->vm_assist, VMASST_TYPE_writable_pagetables) &&
           pgs_type(READ_ONCE(mfn_to_page(m)->state)) == PGT_L1;
}

bool pv_ptwr_fault(struct vcpu *v, unsigned long addr, struct cpu_regs *regs)
{
    struct domain *d = v->domain;
    struct store_op op;
    struct pt_walk w;
    struct insn in;

    if (!pt_walk(v->arch.kernel_l4, addr, &w) || !is_candidate(d, &w) ||
        !decode_store(&op, &in, regs, addr))
        return false;
    if (mfn_is_ram(pte_mfn(w.entry)))
        return store_to_l1(d, pte_mfn(w.entry), &op, &in, regs);
    if (!store_op_is_mov(&op))
        return false;
    regs->rip += in.len;
    return true;
}
