/* SPDX-License-Identifier: MIT */
/*
 * One caller for each shape of hypercall. Arguments are zero but for versions
 * and domains: refused, they are not looked at; let through, they are wrong or
 * harmless.
 */
#include "rows.h"

#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <public/arch-x86/xen-mca.h>
#include <public/callback.h>
#include <public/domctl.h>
#include <public/errno.h>
#include <public/hypfs.h>
#include <public/kexec.h>
#include <public/nmi.h>
#include <public/physdev.h>
#include <public/platform.h>
#include <public/sysctl.h>

/* The rows name errors as the hypervisor does. */
#define EPERM      XEN_EPERM
#define EACCES     XEN_EACCES
#define EINVAL     XEN_EINVAL
#define ENOSYS     XEN_ENOSYS
#define EOPNOTSUPP XEN_EOPNOTSUPP

#define NONE        -1
#define AT(type, f) (int)offsetof(type, f)
#define ROW(hc, nr, w, error, where)                    \
    {.name = #hc " " #nr,                               \
     .hypercall = __HYPERVISOR_##hc,                    \
     .op = (nr),                                        \
     .who = (w),                                        \
     .refusal = (error) > 0 ? -(long)(error) : (error), \
     .target_at = (where)},

const struct row rows[] = {
#include "../../../hypervisor/hypercall/permission_rows.def"
};
const unsigned int nr_rows = ARRAY_SIZE(rows);

/* Larger than any argument. */
static union {
    uint8_t bytes[512];
    uint64_t words[64];
} arg;

static void set_target(const struct row *r, unsigned int domid)
{
    domid_t id = (domid_t)domid;

    if (r->target_at >= 0)
        memcpy(arg.bytes + r->target_at, &id, sizeof(id));
}

static long versioned(const struct row *r, uint32_t version)
{
    uint32_t *word = (void *)arg.bytes;

    word[0] = r->op;
    word[1] = version;
    return hcall1(r->hypercall, addr(&arg));
}

static long mmuext(const struct row *r, unsigned int domid)
{
    struct mmuext_op *op = (void *)arg.bytes;

    op->cmd = r->op;
    return hc_mmuext_op(op, 1, NULL, r->who == OWN ? domid : DOMID_SELF);
}

/* The status of the one element: each structure has it elsewhere. */
static long grant(const struct row *r)
{
    long rc = hc_grant_table_op(r->op, &arg, 1);
    int16_t status = 0;

    if (rc)
        return rc;
    switch (r->op) {
    case GNTTABOP_setup_table:
        status = ((struct gnttab_setup_table *)&arg)->status;
        break;
    case GNTTABOP_dump_table:
        status = ((struct gnttab_dump_table *)&arg)->status;
        break;
    case GNTTABOP_query_size:
        status = ((struct gnttab_query_size *)&arg)->status;
        break;
    case GNTTABOP_get_status_frames:
        status = ((struct gnttab_get_status_frames *)&arg)->status;
        break;
    }
    return status;
}

static long version(const struct row *r)
{
    static char text[1100];
    long rc;

    memset(text, 0, sizeof(text));
    rc = hc_xen_version(r->op, r->op == XENVER_pagesize ? NULL : text);
    /* Refused in a friendly way. */
    if (r->op == XENVER_commandline && !rc && !strncmp(text, "<denied>", 9))
        return -XEN_EPERM;
    return rc;
}

static long mmu(unsigned int domid)
{
    struct mmu_update *u = (void *)arg.bytes;

    u->ptr = pte_maddr(window(0), 1);
    return hc_mmu_update(u, 1, NULL, domid);
}

bool row_is_callable(const struct row *r)
{
    switch (r->hypercall) {
    case __HYPERVISOR_iret:
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_stack_switch:
    case __HYPERVISOR_sched_op_compat:
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_nmi_op:
        return false;
    case __HYPERVISOR_sched_op:
        return r->op != SCHEDOP_shutdown && r->op != SCHEDOP_block &&
               r->op != SCHEDOP_poll && r->op != SCHEDOP_watchdog;
    case __HYPERVISOR_vcpu_op:
        return r->op != VCPUOP_down && r->op != VCPUOP_send_nmi &&
               r->op != VCPUOP_initialise;
    default:
        return true;
    }
}

long row_call(const struct row *r, unsigned int domid)
{
    memset(&arg, 0, sizeof(arg));
    set_target(r, domid);
    switch (r->hypercall) {
    case __HYPERVISOR_mmu_update:
        return mmu(domid);
    case __HYPERVISOR_update_va_mapping_otherdomain:
        return hcall4(r->hypercall, addr(window(0)), 0, 0, domid);
    case __HYPERVISOR_mmuext_op:
        return mmuext(r, domid);
    case __HYPERVISOR_grant_table_op:
        return grant(r);
    case __HYPERVISOR_domctl:
        return versioned(r, XEN_DOMCTL_INTERFACE_VERSION);
    case __HYPERVISOR_sysctl:
        return versioned(r, XEN_SYSCTL_INTERFACE_VERSION);
    case __HYPERVISOR_platform_op:
        return versioned(r, XENPF_INTERFACE_VERSION);
    case __HYPERVISOR_mca:
        return versioned(r, XEN_MCA_INTERFACE_VERSION);
    case __HYPERVISOR_xen_version:
        return version(r);
    case __HYPERVISOR_vcpu_op:
    case __HYPERVISOR_console_io:
        return hcall3(r->hypercall, r->op, 0, addr(&arg));
    case __HYPERVISOR_hypfs_op:
    case __HYPERVISOR_argo_op:
        return hcall5(r->hypercall, r->op, addr(&arg), 0, 0, 0);
    default:
        return hcall2(r->hypercall, r->op, addr(&arg));
    }
}

/* Operations that look at no argument; a pointer is a number to others. */
bool row_takes_pointer(const struct row *r)
{
    switch (r->hypercall) {
    case __HYPERVISOR_fpu_taskswitch:
    case __HYPERVISOR_set_debugreg:
    case __HYPERVISOR_get_debugreg:
    case __HYPERVISOR_update_descriptor:
    case __HYPERVISOR_update_va_mapping:
    case __HYPERVISOR_update_va_mapping_otherdomain:
    case __HYPERVISOR_set_timer_op:
    case __HYPERVISOR_set_segment_base:
    case __HYPERVISOR_vm_assist:
        return false;
    case __HYPERVISOR_memory_op:
        /* Those that are not there, but with a target, look for that. */
        return (r->who != NOBODY || r->target_at >= 0) &&
               r->op != XENMEM_maximum_ram_page &&
               r->op != XENMEM_get_sharing_freed_pages &&
               r->op != XENMEM_get_sharing_shared_pages;
    case __HYPERVISOR_xen_version:
        return r->op != XENVER_version && r->op != XENVER_pagesize;
    case __HYPERVISOR_sched_op:
        return r->op != SCHEDOP_yield;
    case __HYPERVISOR_vcpu_op:
        return r->op != VCPUOP_up && r->op != VCPUOP_is_up &&
               r->op != VCPUOP_stop_periodic_timer &&
               r->op != VCPUOP_stop_singleshot_timer;
    case __HYPERVISOR_hypfs_op:
        return r->op != XEN_HYPFS_OP_get_version;
    case __HYPERVISOR_kexec_op:
        return r->op != KEXEC_CMD_kexec_load_v1;
    case __HYPERVISOR_physdev_op:
        return r->op != PHYSDEVOP_free_irq_vector;
    default:
        /* Where the whole is not there, nobody looks. */
        return r->who != NOBODY || r->hypercall == __HYPERVISOR_mmuext_op;
    }
}

long row_call_at(const struct row *r, uint64_t at)
{
    switch (r->hypercall) {
    case __HYPERVISOR_mmu_update:
    case __HYPERVISOR_mmuext_op:
        return hcall4(r->hypercall, at, 1, 0, DOMID_SELF);
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_platform_op:
    case __HYPERVISOR_mca:
    case __HYPERVISOR_event_channel_op_compat:
    case __HYPERVISOR_physdev_op_compat:
        return hcall1(r->hypercall, at);
    case __HYPERVISOR_set_gdt:
    case __HYPERVISOR_multicall:
        return hcall2(r->hypercall, at, 1);
    case __HYPERVISOR_vcpu_op:
        return hcall3(r->hypercall, r->op, 0, at);
    case __HYPERVISOR_console_io:
        return hcall3(r->hypercall, r->op, 16, at);
    case __HYPERVISOR_grant_table_op:
        return hcall3(r->hypercall, r->op, at, 1);
    case __HYPERVISOR_hypfs_op:
        return hcall5(r->hypercall, r->op, at, 8, at, 64);
    default:
        return hcall2(r->hypercall, r->op, at);
    }
}
