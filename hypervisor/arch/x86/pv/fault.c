/* SPDX-License-Identifier: MIT */
/*
 * Sorting page faults: which of them have a cause that can be removed, before
 * they go to the guest (traps.c) or are looked up as expected.
 */
#include <asm/pv/fault.h>

#include <hv/domain.h>

#include <asm/guest_store.h>
#include <asm/pv/bounce.h>
#include <asm/pv/desc.h>

/* The processor reads descriptors with its own rights, so a missing page of
 * the LDT window shows as a fault there, whatever ring loaded the selector. */
static bool in_ldt_window(const struct vcpu *v, unsigned long addr,
                          unsigned long *offset)
{
    *offset = addr - v->arch.desc_window - WINDOW_GDT_PAGES * PAGE_SIZE;
    return v->arch.desc_window && *offset < WINDOW_LDT_PAGES * PAGE_SIZE;
}

unsigned long pv_guest_fault_address(const struct vcpu *v, unsigned long addr)
{
    unsigned long offset;

    return in_ldt_window(v, addr, &offset) ? v->arch.ldt_base + offset : addr;
}

/* If no page can be put behind the window, the guest gets the fault that it
 * would have had on its own LDT. */
static NOINLINE bool ldt_load_fault(struct vcpu *v, unsigned long addr,
                                    uint32_t pfec)
{
    unsigned long offset;

    if ((pfec & (PFEC_P | PFEC_U)) || !in_ldt_window(v, addr, &offset))
        return false;
    if (!pv_ldt_fault(v, (unsigned int)(offset / PAGE_SIZE)))
        pv_inject_page_fault(pfec, pv_guest_fault_address(v, addr));
    return true;
}

/* Faults by rights that are only stale TLB entries are left to the guest:
 * kernels deal with those on bare metal too. */
bool pv_fixup_guest_fault(struct vcpu *v, struct cpu_regs *regs,
                          unsigned long addr)
{
    uint32_t pfec = regs->error_code;

    if (unlikely(in_hv_slots(addr)))
        return ldt_load_fault(v, addr, pfec);
    return pfec_may_be_page_table(v, pfec) && pv_ptwr_fault(v, addr, regs);
}

/*
 * The processor wants a descriptor for a selector of the guest's that the
 * hypervisor loads: in IRETQ, at the end of a context switch, for
 * set_segment_base. To give the page its type may take a flush of other CPUs,
 * hence interrupts; none of these places minds them.
 */
static bool ldt_fault_in_hv(struct vcpu *v, unsigned int nr)
{
    bool done;

    irq_enable();
    done = pv_ldt_fault(v, nr);
    irq_disable();
    return done;
}

bool pv_fixup_hv_fault(struct cpu_regs *regs, unsigned long addr)
{
    struct vcpu *v = current;
    unsigned long offset;

    if (v->is_idle)
        return false;
    if (in_hv_slots(addr))
        return in_ldt_window(v, addr, &offset) &&
               ldt_fault_in_hv(v, (unsigned int)(offset / PAGE_SIZE));
    return pv_spurious_fault(v, addr, regs->error_code);
}
