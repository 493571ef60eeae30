/* SPDX-License-Identifier: MIT */
/*
 * Every hypercall by number. What is not here is -ENOSYS; docs/abi/ lists all
 * of them with their sub-operations.
 */
#include <hv/hypercall.h>

#include <public/arch-x86/xen-mca.h>
#include <public/xen.h>

static long unknown(void)
{
    return -ENOSYS;
}

/* The table's functions take six words; a handler takes the ones it has. The
 * x86-64 calling convention passes them in registers, extra ones unread. */
#define FN(f)       ((hypercall_fn)(void (*)(void))(f))
#define CALL(nr, f) [__HYPERVISOR_##nr] = FN(f)

/* In a multicall these two make no sense. */
static long refused(void)
{
    return -EINVAL;
}

/* clang-format off */
#define CALLS                                                              \
    CALL(set_trap_table, do_set_trap_table),                               \
    CALL(mmu_update, do_mmu_update),                                       \
    CALL(set_gdt, do_set_gdt),                                             \
    CALL(stack_switch, do_stack_switch),                                   \
    CALL(set_callbacks, do_set_callbacks),                                 \
    CALL(fpu_taskswitch, do_fpu_taskswitch),                               \
    CALL(sched_op_compat, do_sched_op_compat),                             \
    CALL(platform_op, do_platform_op),                                     \
    CALL(set_debugreg, do_set_debugreg),                                   \
    CALL(get_debugreg, do_get_debugreg),                                   \
    CALL(update_descriptor, do_update_descriptor),                         \
    CALL(memory_op, do_memory_op),                                         \
    CALL(update_va_mapping, do_update_va_mapping),                         \
    CALL(set_timer_op, do_set_timer_op),                                   \
    CALL(event_channel_op_compat, do_event_channel_op_compat),             \
    CALL(xen_version, do_xen_version),                                     \
    CALL(console_io, do_console_io),                                       \
    CALL(physdev_op_compat, do_physdev_op_compat),                         \
    CALL(grant_table_op, do_grant_table_op),                               \
    CALL(vm_assist, do_vm_assist),                                         \
    CALL(update_va_mapping_otherdomain, do_update_va_mapping_otherdomain), \
    CALL(vcpu_op, do_vcpu_op),                                             \
    CALL(set_segment_base, do_set_segment_base),                           \
    CALL(mmuext_op, do_mmuext_op),                                         \
    CALL(nmi_op, do_nmi_op),                                               \
    CALL(sched_op, do_sched_op),                                           \
    CALL(callback_op, do_callback_op),                                     \
    CALL(event_channel_op, do_event_channel_op),                           \
    CALL(physdev_op, do_physdev_op),                                       \
    CALL(xenpmu_op, do_xenpmu_op),                                         \
    CALL(hypfs_op, do_hypfs_op),                                           \
    CALL(sysctl, do_sysctl),                                               \
    CALL(domctl, do_domctl),                                               \
    CALL(kexec_op, do_kexec_op),                                           \
    CALL(mca, do_mca)
/* clang-format on */

/* No entry is empty: the entry code does not look. */
#pragma GCC diagnostic ignored "-Woverride-init"
const hypercall_fn hypercall_table[NR_HYPERCALLS] = {
    [0 ... NR_HYPERCALLS - 1] = FN(unknown),
    CALLS,
    CALL(iret, do_iret),
    CALL(multicall, do_multicall),
};

const hypercall_fn multicall_table[NR_HYPERCALLS] = {
    [0 ... NR_HYPERCALLS - 1] = FN(unknown),
    CALLS,
    CALL(iret, refused),
    CALL(multicall, refused),
};
