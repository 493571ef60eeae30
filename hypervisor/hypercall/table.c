/* SPDX-License-Identifier: MIT */
/*
 * Every hypercall by number. What is not here is -ENOSYS; docs/abi/ lists all
 * of them with their sub-operations.
 */
#include <hv/hypercall.h>

#include <public/arch-x86/xen-mca.h>
#include <public/xen.h>

/* The table's functions take six words; a handler takes the ones it has. The
 * x86-64 calling convention passes them in registers, extra ones unread. */
#define CALL(nr, f, n) \
    [__HYPERVISOR_##   \
        nr] = {.fn = (hypercall_fn)(void (*)(void))(f), .nr_args = (n)}

const struct hypercall hypercall_table[NR_HYPERCALLS] = {
    CALL(set_trap_table, do_set_trap_table, 1),
    CALL(mmu_update, do_mmu_update, 4),
    CALL(set_gdt, do_set_gdt, 2),
    CALL(stack_switch, do_stack_switch, 2),
    CALL(set_callbacks, do_set_callbacks, 3),
    CALL(fpu_taskswitch, do_fpu_taskswitch, 1),
    CALL(sched_op_compat, do_sched_op_compat, 2),
    CALL(platform_op, do_platform_op, 1),
    CALL(set_debugreg, do_set_debugreg, 2),
    CALL(get_debugreg, do_get_debugreg, 1),
    CALL(update_descriptor, do_update_descriptor, 2),
    CALL(memory_op, do_memory_op, 2),
    CALL(multicall, do_multicall, 2),
    CALL(update_va_mapping, do_update_va_mapping, 3),
    CALL(set_timer_op, do_set_timer_op, 1),
    CALL(event_channel_op_compat, do_event_channel_op_compat, 1),
    CALL(xen_version, do_xen_version, 2),
    CALL(console_io, do_console_io, 3),
    CALL(physdev_op_compat, do_physdev_op_compat, 1),
    CALL(grant_table_op, do_grant_table_op, 3),
    CALL(vm_assist, do_vm_assist, 2),
    CALL(update_va_mapping_otherdomain, do_update_va_mapping_otherdomain, 4),
    [__HYPERVISOR_iret] = {.fn = (hypercall_fn)(void (*)(void))do_iret,
                           .nr_args = 0,
                           .no_multicall = true},
    CALL(vcpu_op, do_vcpu_op, 3),
    CALL(set_segment_base, do_set_segment_base, 2),
    CALL(mmuext_op, do_mmuext_op, 4),
    CALL(nmi_op, do_nmi_op, 2),
    CALL(sched_op, do_sched_op, 2),
    CALL(callback_op, do_callback_op, 2),
    CALL(event_channel_op, do_event_channel_op, 2),
    CALL(physdev_op, do_physdev_op, 2),
    CALL(sysctl, do_sysctl, 1),
    CALL(domctl, do_domctl, 1),
    CALL(mca, do_mca, 1),
};
