/* SPDX-License-Identifier: MIT */
/*
 * Of a vcpu: what the ways in and out (entry.S, bounce.c) need at hand, derived
 * from what the guest set. Each value has its one writer here.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <asm/guest_word.h>
#include <asm/pv/bounce.h>
#include <asm/pv/desc.h>

/* Not canonical, and far from where it is again. */
#define NO_STACK        0x8000000000000000
#define FRAME_BYTES_MAX 88 /* of the failsafe callback */

void pv_set_kernel_stack(struct vcpu *v, uint64_t ss, uint64_t sp)
{
    uint64_t top = sp & ~15UL;

    v->arch.kernel_ss = pv_fix_sel((uint16_t)ss);
    v->arch.kernel_sp = sp;
    if (!guest_words_ok(top - FRAME_BYTES_MAX, FRAME_BYTES_MAX))
        top = NO_STACK;
    v->arch.kernel_stack = top;
}

long do_stack_switch(unsigned long ss, unsigned long sp)
{
    pv_set_kernel_stack(current, ss, sp);
    return 0;
}

void arch_set_iopl(struct vcpu *v, unsigned int iopl)
{
    v->arch.iopl = (uint8_t)iopl;
    v->arch.shown_iopl =
        v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl)
            ? (uint64_t)iopl << RFLAGS_IOPL_SHIFT
            : 0;
}

void arch_vm_assist_changed(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        arch_set_iopl(v, v->arch.iopl);
}
