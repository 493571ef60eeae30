/* SPDX-License-Identifier: MIT */
/*
 * The direct stores to L1 entries that kernels make all the time, without the
 * decoder: MOV, XCHG and CMPXCHG of a register and a whole entry. What is not
 * recognised at first sight is not done here; ptwr.c knows all forms.
 */
#include "ptwr_quick.h"

#include <hv/domain.h>

#include <asm/guest_word.h>
#include <asm/pv/decode.h>
#include <asm/pv/l1e.h>
#include <asm/x86.h>

#define PREFIX_LOCK 0xf0
#define REX_W       0x48
#define REX_R       0x04

/* Intel SDM vol. 2, "Opcode Map". */
enum {
    XCHG = 0x87,
    MOV = 0x89,
    CMPXCHG = 0xb1, /* after 0F */
};

#define FLAGS_ARITH \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

struct quick {
    uint8_t opcode; /* one of the above */
    uint8_t reg;
    uint8_t len;
};

/* ModRM, SIB and displacement; they are not needed: the processor has said
 * where the operand is. 0: the operand is a register. */
static unsigned int operand_len(uint64_t bytes)
{
    unsigned int mod = (bytes >> 6) & 3, rm = bytes & 7;
    unsigned int base = rm == 4 ? (bytes >> 8) & 7 : rm;
    unsigned int len = rm == 4 ? 2 : 1;

    if (mod == 3)
        return 0;
    if (mod == 1)
        return len + 1;
    return mod == 2 || base == 5 ? len + 4 : len;
}

/* [LOCK] REX.W opcode operand, from the first bytes of the instruction. */
static bool quick_decode(struct quick *q, uint64_t bytes)
{
    bool lock = (bytes & 0xff) == PREFIX_LOCK, two;
    unsigned int rex, operand;

    if (lock)
        bytes >>= 8;
    rex = bytes & 0xff;
    two = (bytes >> 8 & 0xff) == 0x0f;
    bytes >>= two ? 16 : 8;
    q->opcode = bytes & 0xff;
    bytes >>= 8;
    operand = operand_len(bytes);
    q->reg = (uint8_t)((bytes >> 3 & 7) | (rex & REX_R ? 8 : 0));
    q->len = (uint8_t)(2 + lock + two + operand);
    if ((rex & 0xf8) != REX_W || !operand)
        return false;
    return two ? q->opcode == CMPXCHG
               : q->opcode == XCHG || (q->opcode == MOV && !lock);
}

/* With the table locked. False: nothing has changed. */
static bool apply(pte_t *slot, const struct quick *q, struct cpu_regs *regs,
                  const struct domain *d)
{
    uint64_t *reg = insn_reg(regs, q->reg);
    pte_t old;

    if (q->opcode == MOV)
        return !pt_set_l1(slot, *reg, d, d, PTU_OWN);
    old = READ_ONCE(*slot);
    if (q->opcode == CMPXCHG && old != regs->rax)
        return false;
    if (pt_cmpxchg_l1(slot, old, *reg, d))
        return false;
    if (q->opcode == XCHG)
        *reg = old;
    else /* equal */
        regs->rflags = (regs->rflags & ~FLAGS_ARITH) | RFLAGS_ZF | RFLAGS_PF;
    return true;
}

bool pv_ptwr_quick(const struct domain *d, unsigned long addr, mfn_t m,
                   struct cpu_regs *regs)
{
    struct page_info *pg = mfn_to_page(m);
    struct quick q;
    uint64_t bytes;
    pte_t *slot;
    bool done;

    /* At the start of a page, the fault may be of an access that began on the
     * page before; everywhere else addr is the operand's. */
    if (addr % sizeof(pte_t) || !(addr & ~PAGE_MASK))
        return false;
    if (!guest_words_ok(regs->rip, sizeof(bytes)) ||
        !guest_read_word(regs->rip, &bytes) || !quick_decode(&q, bytes) ||
        !pt_try_lock_l1(pg, d))
        return false;
    slot = (pte_t *)page_to_virt(pg) + (addr & ~PAGE_MASK) / sizeof(pte_t);
    done = apply(slot, &q, regs, d);
    pt_unlock(pg);
    if (done)
        regs->rip += q.len;
    return done;
}
