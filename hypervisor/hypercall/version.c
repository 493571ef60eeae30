/* SPDX-License-Identifier: MIT */
/*
 * xen_version: what the hypervisor is. The version is that of the ABI.
 */
#include <hv/cmdline.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>
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
    return permit(__HYPERVISOR_xen_version, XENVER_commandline) ? "<denied>"
                                                                : saved_cmdline;
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
    if (caller_is_control())
        fi.submap |= BIT(XENFEAT_dom0);
    return copy_to_guest_va(arg, &fi, sizeof(fi));
}

/* Without a buffer, or one that is large enough: how long it is. */
static long get_build_id(unsigned long arg)
{
    struct xen_build_id out;
    size_t len;
    const void *id = build_id(&len);

    if (!id)
        return -ENODATA;
    if (!arg)
        return (long)len;
    if (copy_from_guest_va(&out, arg, sizeof(out)))
        return -EFAULT;
    if (out.len == 0)
        return -EINVAL;
    if (out.len < len)
        return -ENOBUFS;
    if (copy_to_guest_va(arg + sizeof(out), id, len))
        return -EFAULT;
    return (long)len;
}

static NOINLINE long other(unsigned long cmd, unsigned long arg)
{
    struct xen_platform_parameters pp = {.virt_start = HYPERVISOR_VIRT_START};

    switch ((uint32_t)cmd) {
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
        return permit(__HYPERVISOR_xen_version, XENVER_build_id)
                   ?: get_build_id(arg);
    default:
        return -ENOSYS;
    }
}

/* XENVER_version is how a guest asks for nothing but a look at its events, as
 * often as it enables them. */
long do_xen_version(unsigned long cmd, unsigned long arg)
{
    if (likely((uint32_t)cmd == XENVER_version))
        return (4 << 16) | 17;
    return other(cmd, arg);
}
