/* SPDX-License-Identifier: MIT */
/* CPUID and MSR policies, of the machine and of one domain. */
#include "libs/sys/domctl.h"
#include "libs/sys/sysctl.h"

#include <errno.h>

#include "private.h"

struct policy_bufs {
    struct bounce leaves;
    struct bounce msrs;
};

static int policy_in(struct policy_bufs *p, struct sys *sys,
                     const xen_cpuid_leaf_t *leaves, uint32_t nr_leaves,
                     const xen_msr_entry_t *msrs, uint32_t nr_msrs)
{
    int rc = bounce_in(&p->leaves, sys, leaves, nr_leaves * sizeof(*leaves));

    if (rc != 0)
        return rc;
    rc = bounce_in(&p->msrs, sys, msrs, nr_msrs * sizeof(*msrs));
    if (rc != 0)
        bounce_free(&p->leaves);
    return rc;
}

static void policy_out(struct policy_bufs *p, uint32_t nr_leaves,
                       uint32_t nr_msrs)
{
    bounce_out(&p->leaves, nr_leaves * sizeof(xen_cpuid_leaf_t));
    bounce_out(&p->msrs, nr_msrs * sizeof(xen_msr_entry_t));
}

static void policy_free(struct policy_bufs *p)
{
    bounce_free(&p->msrs);
    bounce_free(&p->leaves);
}

int sys_get_cpu_policy(struct sys *sys, uint32_t index,
                       xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                       xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_get_cpu_policy};
    struct policy_bufs p;
    int rc = policy_in(&p, sys, leaves, *nr_leaves, msrs, *nr_msrs);

    if (rc != 0)
        return rc;
    op.u.cpu_policy.index = index;
    op.u.cpu_policy.nr_leaves = *nr_leaves;
    op.u.cpu_policy.nr_msrs = *nr_msrs;
    set_xen_guest_handle(op.u.cpu_policy.leaves, p.leaves.safe);
    set_xen_guest_handle(op.u.cpu_policy.msrs, p.msrs.safe);
    rc = sys_sysctl(sys, &op);
    if (rc == 0) {
        *nr_leaves = op.u.cpu_policy.nr_leaves;
        *nr_msrs = op.u.cpu_policy.nr_msrs;
        policy_out(&p, *nr_leaves, *nr_msrs);
    }
    policy_free(&p);
    return rc;
}

int sys_domain_get_cpu_policy(struct sys *sys, uint32_t domid,
                              xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                              xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_get_cpu_policy,
        .domain = (domid_t)domid,
    };
    struct policy_bufs p;
    int rc = policy_in(&p, sys, leaves, *nr_leaves, msrs, *nr_msrs);

    if (rc != 0)
        return rc;
    op.u.cpu_policy.nr_leaves = *nr_leaves;
    op.u.cpu_policy.nr_msrs = *nr_msrs;
    set_xen_guest_handle(op.u.cpu_policy.leaves, p.leaves.safe);
    set_xen_guest_handle(op.u.cpu_policy.msrs, p.msrs.safe);
    rc = sys_domctl(sys, &op);
    if (rc == 0) {
        *nr_leaves = op.u.cpu_policy.nr_leaves;
        *nr_msrs = op.u.cpu_policy.nr_msrs;
        policy_out(&p, *nr_leaves, *nr_msrs);
    }
    policy_free(&p);
    return rc;
}

static void tell(uint32_t *where, uint32_t what)
{
    if (where != NULL)
        *where = what;
}

int sys_domain_set_cpu_policy(struct sys *sys, uint32_t domid,
                              const xen_cpuid_leaf_t *leaves,
                              uint32_t nr_leaves, const xen_msr_entry_t *msrs,
                              uint32_t nr_msrs, uint32_t *err_leaf,
                              uint32_t *err_subleaf, uint32_t *err_msr)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_set_cpu_policy,
        .domain = (domid_t)domid,
    };
    struct policy_bufs p;
    int rc = policy_in(&p, sys, leaves, nr_leaves, msrs, nr_msrs);

    if (rc != 0)
        return rc;
    op.u.cpu_policy.nr_leaves = nr_leaves;
    op.u.cpu_policy.nr_msrs = nr_msrs;
    op.u.cpu_policy.err_leaf = ~0U;
    op.u.cpu_policy.err_subleaf = ~0U;
    op.u.cpu_policy.err_msr = ~0U;
    set_xen_guest_handle(op.u.cpu_policy.leaves, p.leaves.safe);
    set_xen_guest_handle(op.u.cpu_policy.msrs, p.msrs.safe);
    rc = sys_domctl(sys, &op);
    tell(err_leaf, op.u.cpu_policy.err_leaf);
    tell(err_subleaf, op.u.cpu_policy.err_subleaf);
    tell(err_msr, op.u.cpu_policy.err_msr);
    policy_free(&p);
    return rc;
}

int sys_get_cpu_featureset(struct sys *sys, uint32_t index, uint32_t *words,
                           uint32_t *nr)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_get_cpu_featureset};
    struct bounce b;
    int rc = bounce_in(&b, sys, words, *nr * sizeof(*words));

    if (rc != 0)
        return rc;
    op.u.cpu_featureset.index = index;
    op.u.cpu_featureset.nr_features = *nr;
    set_xen_guest_handle(op.u.cpu_featureset.features, b.safe);
    rc = sys_sysctl(sys, &op);
    if (rc == 0) {
        *nr = op.u.cpu_featureset.nr_features;
        bounce_out(&b, *nr * sizeof(*words));
    }
    bounce_free(&b);
    return rc;
}
