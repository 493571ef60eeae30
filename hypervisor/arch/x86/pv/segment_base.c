/* SPDX-License-Identifier: MIT */
/*
 * Bases of FS and GS of the running vcpu. In kernel mode the kernel's GS base
 * is the active one (MSR GS_BASE), the user's waits in KERNEL_GS_BASE; SWAPGS
 * at each change of mode keeps that so.
 */
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <asm/asm.h>
#include <asm/msr.h>
#include <asm/page.h>

/*
 * Load selector sel as the user's GS: SWAPGS makes the user's base the one
 * that the load replaces. A selector that cannot be loaded becomes 0.
 */
static void load_user_gs(uint16_t sel)
{
    unsigned int s = sel;

    __asm__ volatile("swapgs\n"
                     "1: mov %w0, %%gs\n"
                     "   jmp 3f\n"
                     "2: xor %0, %0\n"
                     "   mov %w0, %%gs\n"
                     "3: swapgs\n" EX_TABLE("1b", "2b")
                     : "+r"(s)
                     :
                     : "memory");
}

long do_set_segment_base(unsigned long which, unsigned long base)
{
    if (which != SEGBASE_GS_USER_SEL && !CANONICAL(base))
        return -EINVAL;
    switch (which) {
    case SEGBASE_FS:
        wrmsr(MSR_FS_BASE, base);
        return 0;
    case SEGBASE_GS_USER:
        wrmsr(MSR_KERNEL_GS_BASE, base);
        return 0;
    case SEGBASE_GS_KERNEL:
        wrmsr(MSR_GS_BASE, base);
        return 0;
    case SEGBASE_GS_USER_SEL:
        load_user_gs((uint16_t)base);
        return 0;
    default:
        return -EINVAL;
    }
}
