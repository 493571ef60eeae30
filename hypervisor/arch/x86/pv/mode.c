/* SPDX-License-Identifier: MIT */
/*
 * A guest's kernel and user mode are both ring 3: what differs is the root of
 * the page tables and the GS base. The hypervisor's slots are in both roots.
 *
 * An isolated vcpu gets the root of its new mode on the way out. Until then its
 * kernel's is loaded, whose memory we may have to touch; a program's is only
 * touched for a program's exception, and that came in with it.
 */
#include <asm/pv/bounce.h>

#include <hv/domain.h>

#include <asm/pv/desc.h>
#include <asm/pv/isolation.h>
#include <asm/x86.h>

static void load_mode(struct vcpu *v, bool kernel)
{
    mfn_t l4 = kernel ? v->arch.kernel_l4 : v->arch.user_l4;

    v->arch.kernel_mode = kernel;
    get_cpu_info()->kernel_mode = kernel;
    __asm__ volatile("swapgs");
    if (kernel || !isolation_is_on() || !get_cpu_info()->guest_cr3[0])
        write_cr3(mfn_to_maddr(l4));
}

void pv_update_copies(struct vcpu *v)
{
    if (unlikely(v->arch.runstate_pending))
        vcpu_runstate_update_guest(v);
    if (unlikely(v->arch.time_pending))
        pv_time_area_update(v);
}

void pv_enter_kernel(struct vcpu *v)
{
    load_mode(v, true);
    pv_update_copies(v);
}

void pv_enter_user(struct vcpu *v)
{
    load_mode(v, false);
}
