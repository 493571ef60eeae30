/* SPDX-License-Identifier: MIT */
/*
 * Sorting page faults: which of them have a cause that can be removed, before
 * they go to the guest (traps.c) or are looked up as expected.
 */
#include <asm/pv/fault.h>

#include <hv/domain.h>

#include <asm/pv/desc.h>

/* The processor reads descriptors with its own rights, so a missing page of
 * the LDT window shows as a fault there, whatever ring loaded the selector. */
static bool ldt_window_fault(struct vcpu *v, unsigned long addr)
{
    unsigned long off =
        addr - v->arch.desc_window - WINDOW_GDT_PAGES * PAGE_SIZE;

    if (!v->arch.desc_window || off >= WINDOW_LDT_PAGES * PAGE_SIZE)
        return false;
    return pv_ldt_fault(v, (unsigned int)(off / PAGE_SIZE));
}

static bool in_hv_slots(unsigned long addr)
{
    return addr >= HV_VIRT_START && addr < HV_VIRT_END;
}

/*
 * A fault by a selector load from the LDT is reported at an address of the
 * window. If there is no page behind it, what the processor would have
 * raised against real memory is a fault at that address of the LDT.
 */
bool pv_fixup_guest_fault(struct vcpu *v, struct cpu_regs *regs,
                          unsigned long addr)
{
    uint32_t pfec = regs->error_code;

    if (unlikely(in_hv_slots(addr)))
        return !(pfec & (PFEC_P | PFEC_U)) && ldt_window_fault(v, addr);
    if (v->arch.kernel_mode &&
        (pfec & (PFEC_P | PFEC_W | PFEC_RSVD)) == (PFEC_P | PFEC_W) &&
        pv_ptwr_fault(v, addr, regs))
        return true;
    return pv_spurious_fault(v, addr, pfec);
}

bool pv_fixup_hv_fault(struct cpu_regs *regs, unsigned long addr)
{
    struct vcpu *v = current;

    if (v->is_idle)
        return false;
    if (in_hv_slots(addr))
        return ldt_window_fault(v, addr);
    return pv_spurious_fault(v, addr, regs->error_code);
}
