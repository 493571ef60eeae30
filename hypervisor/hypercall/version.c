/* SPDX-License-Identifier: MIT */
/*
 * xen_version: what the hypervisor is. The version is that of the ABI.
 */
#include <hv/cmdline.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/version.h>

#include <public/features.h>
#include <public/version.h>

static const char capabilities[] = "xen-3.0-x86_64 ";

/* Copy a string into a fixed-size field, the rest zeroed. */
static long put_string(unsigned long arg, const char *s, size_t field)
{
    char buf[1024] = {0};

    ASSERT(field <= sizeof(buf));
    strlcpy(buf, s, field);
    return copy_to_guest_va(arg, buf, field);
}

/* How the machine was set up is the control domain's to know. */
static const char *visible_cmdline(void)
{
    return current->domain->is_privileged ? saved_cmdline : "<denied>";
}

static long compile_info(unsigned long arg)
{
    struct xen_compile_info info;

    memset(&info, 0, sizeof(info));
    strlcpy(info.compiler, TRELLIS_COMPILER, sizeof(info.compiler));
    strlcpy(info.compile_by, "trellis", sizeof(info.compile_by));
    strlcpy(info.compile_domain, "", sizeof(info.compile_domain));
    strlcpy(info.compile_date, TRELLIS_DATE, sizeof(info.compile_date));
    return copy_to_guest_va(arg, &info, sizeof(info));
}

static long get_features(unsigned long arg)
{
    const struct domain *d = current->domain;
    struct xen_feature_info fi;

    if (copy_from_guest_va(&fi, arg, sizeof(fi)))
        return -EFAULT;
    if (fi.submap_idx != 0)
        return -EINVAL;
    fi.submap =
        BIT(XENFEAT_mmu_pt_update_preserve_ad) | BIT(XENFEAT_highmem_assist) |
        BIT(XENFEAT_gnttab_map_avail_bits) |
        BIT(XENFEAT_memory_op_vnode_supported) | BIT(XENFEAT_direct_mapped);
    if (d->vm_assist & BIT(VMASST_TYPE_pae_extended_cr3))
        fi.submap |= BIT(XENFEAT_pae_pgdir_above_4gb);
    if (d->is_privileged)
        fi.submap |= BIT(XENFEAT_dom0);
    return copy_to_guest_va(arg, &fi, sizeof(fi));
}

long do_xen_version(unsigned long cmd, unsigned long arg)
{
    struct xen_platform_parameters pp = {.virt_start = HYPERVISOR_VIRT_START};

    switch ((uint32_t)cmd) {
    case XENVER_version:
        return (4 << 16) | 17;
    case XENVER_extraversion:
        return put_string(arg, TRELLIS_EXTRAVERSION, XEN_EXTRAVERSION_LEN);
    case XENVER_compile_info:
        return compile_info(arg);
    case XENVER_capabilities:
        return put_string(arg, capabilities, XEN_CAPABILITIES_INFO_LEN);
    case XENVER_changeset:
        return put_string(arg, TRELLIS_CHANGESET, XEN_CHANGESET_INFO_LEN);
    case XENVER_platform_parameters:
        return copy_to_guest_va(arg, &pp, sizeof(pp));
    case XENVER_get_features:
        return get_features(arg);
    case XENVER_pagesize:
        return arg ? -EINVAL : (long)PAGE_SIZE;
    case XENVER_guest_handle:
        return copy_to_guest_va(arg, current->domain->handle,
                                sizeof(current->domain->handle));
    case XENVER_commandline:
        return put_string(arg, visible_cmdline(), sizeof(xen_commandline_t));
    case XENVER_build_id:
        return -ENODATA;
    default:
        return -ENOSYS;
    }
}
