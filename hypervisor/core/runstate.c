/* SPDX-License-Identifier: MIT */
/*
 * Run state accounting, and its copy in guest memory (VCPUOP_register_
 * runstate_memory_area). The guest's area is named by a virtual address, so it
 * is written only while the vcpu's kernel page tables are live: otherwise the
 * copy is marked stale and written at the next entry into its kernel.
 */
#include "runstate.h"

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/trace.h>

void runstate_change(struct vcpu *v, int state, s_time_t now)
{
    struct vcpu_runstate_info *r = &v->runstate;
    s_time_t delta = now - (s_time_t)r->state_entry_time;

    if (delta > 0)
        r->time[r->state] += (uint64_t)delta;
    TRACE(TRC_SCHED_RUNSTATE_CHANGE | (uint32_t)r->state << 8 |
              (uint32_t)state << 4,
          TRACE_VCPU(v));
    r->state = state;
    r->state_entry_time = (uint64_t)now;
}

/* Area with the update flag (vm_assist runstate_update_flag): bit 63 of
 * state_entry_time is set while the rest changes. */
static int write_flagged(guest_va_t area, struct vcpu_runstate_info *r)
{
    guest_va_t entry_time =
        area + offsetof(struct vcpu_runstate_info, state_entry_time);
    uint64_t stamp = r->state_entry_time;
    int rc;

    r->state_entry_time |= XEN_RUNSTATE_UPDATE;
    rc = copy_to_guest_va(entry_time, &r->state_entry_time, sizeof(stamp));
    barrier();
    rc = rc ?: copy_to_guest_va(area, r, sizeof(*r));
    barrier();
    return rc ?: copy_to_guest_va(entry_time, &stamp, sizeof(stamp));
}

void vcpu_runstate_update_guest(struct vcpu *v)
{
    struct vcpu_runstate_info r;

    if (!v->runstate_guest)
        return;
    if (!v->arch.kernel_mode) {
        v->arch.runstate_pending = true;
        return;
    }
    v->arch.runstate_pending = false;
    r = v->runstate;
    /* A guest that unmaps its area loses the updates, nothing else. */
    if (v->domain->vm_assist & BIT(VMASST_TYPE_runstate_update_flag))
        (void)!write_flagged(v->runstate_guest, &r);
    else
        (void)!copy_to_guest_va(v->runstate_guest, &r, sizeof(r));
}
