/* SPDX-License-Identifier: MIT */
/*
 * sysctl: what the control domain may know of the processors.
 */
#include <hv/arch.h>
#include <hv/guest_access.h>
#include <hv/lib.h>
#include <hv/numa.h>

#include <public/arch-x86/xen-mca.h>
#include <public/sysctl.h>

#include <asm/cpu.h>
#include <asm/pv/cpuid.h>
#include <asm/pv/policy_copy.h>
#include <asm/time.h>
#include <asm/x86.h>

void arch_fill_physinfo(struct xen_sysctl_physinfo *p)
{
    uint32_t words[CPUID_NR_WORDS];

    p->threads_per_core = threads_per_core;
    p->cores_per_socket = cores_per_socket;
    p->cpu_khz = tsc_khz;
    cpuid_featureset(&cpuid_host, words);
    memcpy(p->hw_cap, words, sizeof(p->hw_cap));
}

void arch_fill_cputopo(unsigned int cpu, struct xen_sysctl_cputopo *t)
{
    t->core = cpu_topology[cpu].core;
    t->socket = cpu_topology[cpu].socket;
    t->node = cpu_node(cpu);
}

void arch_fill_mc_cpu(unsigned int cpu, struct mcinfo_logical_cpu *c)
{
    static const char *const vendor[] = {"", "GenuineIntel", "AuthenticAMD"};
    const struct cpu_topology *t = &cpu_topology[cpu];

    c->mc_cpunr = cpu;
    c->mc_chipid = t->socket;
    c->mc_coreid = (uint16_t)t->core;
    c->mc_threadid = (uint16_t)t->thread;
    c->mc_apicid = t->apic_id;
    c->mc_ncores = c->mc_ncores_active = cores_per_socket;
    c->mc_nthreads = threads_per_core;
    c->mc_cpuid_level = (int32_t)cpuid(0).a;
    c->mc_family = cpu_caps.family;
    c->mc_vendor = cpu_caps.vendor;
    c->mc_model = cpu_caps.model;
    c->mc_step = cpu_caps.stepping;
    strlcpy(c->mc_vendorid, vendor[cpu_caps.vendor], sizeof(c->mc_vendorid));
    strlcpy(c->mc_brandid, cpu_caps.name, sizeof(c->mc_brandid));
    c->mc_cpu_caps[MC_CAPS_STD_EDX] = cpuid(1).d;
    c->mc_cpu_caps[MC_CAPS_STD_ECX] = cpuid(1).c;
    c->mc_cpu_caps[MC_CAPS_AMD_EDX] = cpuid(0x80000001).d;
    c->mc_cpu_caps[MC_CAPS_AMD_ECX] = cpuid(0x80000001).c;
}

static const struct cpuid_policy *policy_of(uint32_t index)
{
    switch (index) {
    case XEN_SYSCTL_cpu_policy_raw:
    case XEN_SYSCTL_cpu_policy_host:
        return &cpuid_host;
    case XEN_SYSCTL_cpu_policy_pv_max:
        return &cpuid_pv_max;
    case XEN_SYSCTL_cpu_policy_pv_default:
        return &cpuid_pv_default;
    default:
        return NULL;
    }
}

static long op_get_cpu_policy(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_policy *p = &op->u.cpu_policy;
    const struct cpuid_policy *policy = policy_of(p->index);

    if (p->_rsvd || p->index > XEN_SYSCTL_cpu_policy_hvm_default)
        return -EINVAL;
    if (!policy)
        return -EOPNOTSUPP; /* no hardware virtualization */
    return cpuid_policy_to_guest(policy, p->leaves, &p->nr_leaves, p->msrs,
                                 &p->nr_msrs);
}

static const struct cpuid_policy *featureset_of(uint32_t index)
{
    switch (index) {
    case XEN_SYSCTL_cpu_featureset_raw:
    case XEN_SYSCTL_cpu_featureset_host:
        return &cpuid_host;
    case XEN_SYSCTL_cpu_featureset_pv:
        return &cpuid_pv_default;
    case XEN_SYSCTL_cpu_featureset_pv_max:
        return &cpuid_pv_max;
    default:
        return NULL;
    }
}

static long op_get_cpu_featureset(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
    const struct cpuid_policy *policy = featureset_of(f->index);
    uint32_t words[CPUID_NR_WORDS];
    uint32_t n = min_t(uint32_t, f->nr_features, CPUID_NR_WORDS);

    if (!policy)
        return -EINVAL;
    if (!handle_is_null(f->features)) {
        cpuid_featureset(policy, words);
        if (copy_to_guest_va(handle_va(f->features), words,
                             n * sizeof(words[0])))
            return -EFAULT;
    } else {
        n = CPUID_NR_WORDS;
    }
    f->nr_features = n;
    return 0;
}

static long op_get_cpu_levelling_caps(struct xen_sysctl *op)
{
    op->u.cpu_levelling_caps.caps = 0;
    return 0;
}

static const struct {
    uint32_t cmd;
    long (*fn)(struct xen_sysctl *op);
} ops[] = {
    {XEN_SYSCTL_get_cpu_policy, op_get_cpu_policy},
    {XEN_SYSCTL_get_cpu_featureset, op_get_cpu_featureset},
    {XEN_SYSCTL_get_cpu_levelling_caps, op_get_cpu_levelling_caps},
};

long arch_do_sysctl(struct xen_sysctl *op)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
        if (ops[i].cmd == op->cmd)
            return ops[i].fn(op);
    }
    return -ENOSYS;
}
