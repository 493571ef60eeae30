/* SPDX-License-Identifier: MIT */
/*
 * CPU policies to and from the toolstack's memory.
 */
#ifndef ASM_PV_POLICY_COPY_H
#define ASM_PV_POLICY_COPY_H

#include <public/domctl.h>

struct cpuid_policy;

/* A NULL handle asks for the count only. -ENOBUFS: too little room. */
long cpuid_policy_to_guest(const struct cpuid_policy *p,
                           XEN_GUEST_HANDLE(xen_cpuid_leaf_t) leaves,
                           uint32_t *nr_leaves,
                           XEN_GUEST_HANDLE(xen_msr_entry_t) msrs,
                           uint32_t *nr_msrs);
/* Merge into p, which the caller clamps. The err_ values say what failed. */
long cpuid_policy_from_guest(struct cpuid_policy *p,
                             XEN_GUEST_HANDLE(xen_cpuid_leaf_t) leaves,
                             uint32_t nr_leaves,
                             XEN_GUEST_HANDLE(xen_msr_entry_t) msrs,
                             uint32_t nr_msrs, uint32_t *err_leaf,
                             uint32_t *err_subleaf, uint32_t *err_msr);

#endif
