/* SPDX-License-Identifier: MIT */
/*
 * A guest's kernel and user mode are both ring 3: what differs is the root of
 * the page tables and the GS base. The hypervisor's slots are in both roots.
 *
 * An isolated vcpu gets the root of its new mode on the way out. Until then its
 * kernel's is loaded, whose memory we may have to touch, and most ways in have
 * loaded it already; a program's memory is only touched for an exception of
 * the program's, and entry.S has loaded its root then.
 */
#ifndef ASM_PV_MODE_H
#define ASM_PV_MODE_H

#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/pv/isolation.h>
#include <asm/x86.h>

static ALWAYS_INLINE bool mode_is_loaded(bool kernel, uint64_t cr3)
{
    if (!isolation_is_on())
        return false;
    return kernel ? read_cr3() == cr3
                  : get_cpu_info()->guest_cr3[ISOLATED_USER] != 0;
}

static ALWAYS_INLINE void load_mode(struct vcpu *v, bool kernel)
{
    uint64_t cr3 = mfn_to_maddr(kernel ? v->arch.kernel_l4 : v->arch.user_l4);

    v->arch.kernel_mode = kernel;
    get_cpu_info()->kernel_mode = kernel;
    __asm__ volatile("swapgs");
    if (!mode_is_loaded(kernel, cr3))
        write_cr3(cr3);
}

/*
 * Change between the modes of v, which is current; interrupts on or off. What
 * waits for its kernel's page tables (guest_exit_work()) is looked for on the
 * way out.
 */
static ALWAYS_INLINE void pv_enter_kernel(struct vcpu *v)
{
    load_mode(v, true);
}

static ALWAYS_INLINE void pv_enter_user(struct vcpu *v)
{
    load_mode(v, false);
}

#endif
