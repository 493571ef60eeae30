/* SPDX-License-Identifier: MIT */
/*
 * CPU policies to and from the toolstack's memory, in serialised form.
 */
#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <public/domctl.h>

#include <asm/pv/cpuid.h>
#include <asm/pv/policy_copy.h>

/* More than any policy has. */
#define MAX_LEAVES 128
#define MAX_MSRS   16

union buffer {
    struct xen_cpuid_leaf leaves[MAX_LEAVES];
    struct xen_msr_entry msrs[MAX_MSRS];
};

static long leaves_to_guest(const struct cpuid_policy *p, union buffer *buf,
                            XEN_GUEST_HANDLE(xen_cpuid_leaf_t) leaves,
                            uint32_t *nr_leaves)
{
    int n = cpuid_policy_to_leaves(p, buf->leaves, MAX_LEAVES);

    BUG_ON(n < 0);
    if (!handle_is_null(leaves)) {
        if (*nr_leaves < (uint32_t)n)
            return -ENOBUFS;
        if (copy_to_guest_va(handle_va(leaves), buf->leaves,
                             (size_t)n * sizeof(buf->leaves[0])))
            return -EFAULT;
    }
    *nr_leaves = (uint32_t)n;
    return 0;
}

static long msrs_to_guest(const struct cpuid_policy *p, union buffer *buf,
                          XEN_GUEST_HANDLE(xen_msr_entry_t) msrs,
                          uint32_t *nr_msrs)
{
    int n = cpuid_policy_to_msrs(p, buf->msrs, MAX_MSRS);

    BUG_ON(n < 0);
    if (!handle_is_null(msrs)) {
        if (*nr_msrs < (uint32_t)n)
            return -ENOBUFS;
        if (copy_to_guest_va(handle_va(msrs), buf->msrs,
                             (size_t)n * sizeof(buf->msrs[0])))
            return -EFAULT;
    }
    *nr_msrs = (uint32_t)n;
    return 0;
}

long cpuid_policy_to_guest(const struct cpuid_policy *p,
                           XEN_GUEST_HANDLE(xen_cpuid_leaf_t) leaves,
                           uint32_t *nr_leaves,
                           XEN_GUEST_HANDLE(xen_msr_entry_t) msrs,
                           uint32_t *nr_msrs)
{
    union buffer *buf = hv_alloc(sizeof(*buf));
    long rc;

    if (!buf)
        return -ENOMEM;
    rc = leaves_to_guest(p, buf, leaves, nr_leaves);
    rc = rc ?: msrs_to_guest(p, buf, msrs, nr_msrs);
    hv_free(buf);
    return rc;
}

static long from_guest(struct cpuid_policy *p, union buffer *buf,
                       XEN_GUEST_HANDLE(xen_cpuid_leaf_t) leaves,
                       uint32_t nr_leaves,
                       XEN_GUEST_HANDLE(xen_msr_entry_t) msrs, uint32_t nr_msrs,
                       uint32_t *err_leaf, uint32_t *err_subleaf,
                       uint32_t *err_msr)
{
    long rc;

    if (nr_leaves > MAX_LEAVES || nr_msrs > MAX_MSRS)
        return -E2BIG;
    if (copy_from_guest_va(buf->leaves, handle_va(leaves),
                           nr_leaves * sizeof(buf->leaves[0])))
        return -EFAULT;
    rc = cpuid_policy_from_leaves(p, buf->leaves, nr_leaves, err_leaf,
                                  err_subleaf);
    if (rc)
        return rc;
    if (copy_from_guest_va(buf->msrs, handle_va(msrs),
                           nr_msrs * sizeof(buf->msrs[0])))
        return -EFAULT;
    return cpuid_policy_from_msrs(p, buf->msrs, nr_msrs, err_msr);
}

long cpuid_policy_from_guest(struct cpuid_policy *p,
                             XEN_GUEST_HANDLE(xen_cpuid_leaf_t) leaves,
                             uint32_t nr_leaves,
                             XEN_GUEST_HANDLE(xen_msr_entry_t) msrs,
                             uint32_t nr_msrs, uint32_t *err_leaf,
                             uint32_t *err_subleaf, uint32_t *err_msr)
{
    union buffer *buf = hv_alloc(sizeof(*buf));
    long rc;

    if (!buf)
        return -ENOMEM;
    rc = from_guest(p, buf, leaves, nr_leaves, msrs, nr_msrs, err_leaf,
                    err_subleaf, err_msr);
    hv_free(buf);
    return rc;
}
