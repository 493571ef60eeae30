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
#include <hv/trace.h>

#include <asm/pv/decode.h>
#include <asm/pv/iomem.h>
#include <asm/pv/l1e.h>
#include <asm/pv/mm.h>

#include "ptwr_quick.h"
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
    current->perfc.pte_emulated++;
    TRACE(TRC_PV_PTWR_EMULATION | TRC_64_FLAG, TRACE_64(READ_ONCE(*slot)),
          TRACE_64(op->linear), TRACE_64(regs->rip));
    pt_unlock(table);
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

/* Any form of a store. */
static NOINLINE bool store_by_decoder(struct domain *d, mfn_t m,
                                      unsigned long addr, struct cpu_regs *regs)
{
    struct store_op op;
    struct insn in;

    return decode_store(&op, &in, regs, addr) &&
           store_to_l1(d, m, &op, &in, regs);
}

/* A table of a guest that wants its stores to be emulated. */
static ALWAYS_INLINE bool is_wanted(const struct domain *d, mfn_t m)
{
    return likely(d->vm_assist & BIT(VMASST_TYPE_writable_pagetables)) &&
           likely(pgs_type(READ_ONCE(mfn_to_page(m)->state)) == PGT_L1);
}

static NOINLINE bool store_to_mmio(mfn_t m, unsigned long addr,
                                   struct cpu_regs *regs)
{
    struct store_op op;
    struct insn in;

    if (!iomem_is_read_only(m) || !decode_store(&op, &in, regs, addr) ||
        !store_op_is_mov(&op))
        return false;
    regs->rip += in.len;
    return true;
}

bool pv_ptwr_fault(struct vcpu *v, unsigned long addr, struct cpu_regs *regs)
{
    struct domain *d = v->domain;
    const pte_t *l1;
    mfn_t m;
    pte_t e;

    if (!pt_walk_to_l1(v->arch.kernel_l4, addr, &m))
        return false;
    l1 = mfn_to_virt(m);
    e = READ_ONCE(l1[PT_INDEX(addr, 1)]);
    if ((e & (PTE_P | PTE_RW)) != PTE_P)
        return false;
    m = pte_mfn(e);
    if (unlikely(!mfn_is_ram(m)))
        return store_to_mmio(m, addr, regs);
    return is_wanted(d, m) && (likely(pv_ptwr_quick(d, addr, m, regs)) ||
                               store_by_decoder(d, m, addr, regs));
}
