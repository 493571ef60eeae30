/* SPDX-License-Identifier: MIT */
/*
 * Operations on one domain: create, size, run, look at, destroy.
 * Typed forms of HYPERVISOR_domctl, plus the scheduling and event calls that
 * a builder needs for another domain. Structures are the public ABI's.
 *
 * All return 0 (or what is said) or -errno. Common to all: -ESRCH no such
 * domain, -EPERM not the control domain, -EACCES interface version mismatch.
 */
#ifndef LIBS_SYS_DOMCTL_H
#define LIBS_SYS_DOMCTL_H

#include <stdint.h>

#include <public/xen.h>

#include <public/domctl.h>
#include <public/sched.h>

#include "libs/sys/sys.h"

/* Any domctl: version filled in, whole structure copied both ways. */
int sys_domctl(struct sys *sys, struct xen_domctl *op);

/*
 * Create a domain, paused, without memory or vcpus. *domid: the wanted id, or
 * 0 for the next free one; on success the id given. -EEXIST: id taken.
 */
int sys_domain_create(struct sys *sys, const struct xen_domctl_createdomain *c,
                      uint32_t *domid);
int sys_domain_max_vcpus(struct sys *sys, uint32_t domid, uint32_t max);
int sys_domain_max_mem(struct sys *sys, uint32_t domid, uint64_t max_kib);
/* Guest width in bits (64); before any memory is given to the domain. */
int sys_domain_set_address_size(struct sys *sys, uint32_t domid, uint32_t bits);
int sys_domain_get_address_size(struct sys *sys, uint32_t domid);
int sys_domain_set_handle(struct sys *sys, uint32_t domid,
                          const uint8_t handle[16]);
int sys_domain_set_tsc(struct sys *sys, uint32_t domid,
                       const struct xen_domctl_tsc_info *tsc);
int sys_domain_get_tsc(struct sys *sys, uint32_t domid,
                       struct xen_domctl_tsc_info *tsc);
int sys_domain_set_time_offset(struct sys *sys, uint32_t domid,
                               int64_t seconds);

/* Exactly this domain; -ESRCH if it does not exist. */
int sys_domain_info(struct sys *sys, uint32_t domid,
                    struct xen_domctl_getdomaininfo *info);
/*
 * Up to max domains with id >= first, ascending. Returns how many; fewer than
 * max means there are no more.
 */
int sys_domain_list(struct sys *sys, uint32_t first, uint32_t max,
                    struct xen_domctl_getdomaininfo *list);
/* Code given to SCHEDOP_shutdown; info must have XEN_DOMINF_shutdown set. */
static inline unsigned int sys_domain_shutdown_code(
    const struct xen_domctl_getdomaininfo *info)
{
    return (info->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
}

/* Pauses count; unpause at count zero is -EINVAL. */
int sys_domain_pause(struct sys *sys, uint32_t domid);
int sys_domain_unpause(struct sys *sys, uint32_t domid);
/* Returns when the domain is gone, or dying with only references left. */
int sys_domain_destroy(struct sys *sys, uint32_t domid);
/* Clears the shutdown state after a cancelled suspend. */
int sys_domain_resume(struct sys *sys, uint32_t domid);
/* Mark as shut down with SHUTDOWN_x, as if the guest had asked. */
int sys_domain_shutdown(struct sys *sys, uint32_t domid, unsigned int reason);
/* XEN_DOMCTL_SENDTRIGGER_x to a vcpu. */
int sys_domain_trigger(struct sys *sys, uint32_t domid, uint32_t vcpu,
                       uint32_t trigger);

/*
 * Scheduler parameters, any cmd. Fill sched_id, cmd, u; results come back in
 * place. -EINVAL when sched_id is not the running scheduler.
 */
int sys_domain_sched_op(struct sys *sys, uint32_t domid,
                        struct xen_domctl_scheduler_op *op);

/* VCPUs. -ENOENT: no such vcpu; get_context of one never brought up: -ENODATA.
 */
int sys_vcpu_info(struct sys *sys, uint32_t domid, uint32_t vcpu,
                  struct xen_domctl_getvcpuinfo *info);
int sys_vcpu_get_context(struct sys *sys, uint32_t domid, uint32_t vcpu,
                         struct vcpu_guest_context *ctxt);
int sys_vcpu_set_context(struct sys *sys, uint32_t domid, uint32_t vcpu,
                         const struct vcpu_guest_context *ctxt);
/*
 * Affinity: flags XEN_VCPUAFFINITY_HARD and/or _SOFT; map[] holds nr_bits
 * bits, lowest cpu first, and gets the effective value back on set.
 */
int sys_vcpu_set_affinity(struct sys *sys, uint32_t domid, uint32_t vcpu,
                          uint32_t flags, uint8_t *map, uint32_t nr_bits);
int sys_vcpu_get_affinity(struct sys *sys, uint32_t domid, uint32_t vcpu,
                          uint32_t flags, uint8_t *map, uint32_t nr_bits);

/*
 * The domain's CPUID and MSR policy. Get: counts in = room, out = filled.
 * Set: on -EINVAL err_leaf/err_subleaf/err_msr (each may be NULL) name what
 * was refused, ~0 where they do not apply.
 */
int sys_domain_get_cpu_policy(struct sys *sys, uint32_t domid,
                              xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                              xen_msr_entry_t *msrs, uint32_t *nr_msrs);
int sys_domain_set_cpu_policy(struct sys *sys, uint32_t domid,
                              const xen_cpuid_leaf_t *leaves,
                              uint32_t nr_leaves, const xen_msr_entry_t *msrs,
                              uint32_t nr_msrs, uint32_t *err_leaf,
                              uint32_t *err_subleaf, uint32_t *err_msr);

/*
 * Event channels of another domain. alloc returns the new port of domid which
 * remote may bind (>= 1).
 */
int sys_evtchn_alloc_unbound(struct sys *sys, uint32_t domid, uint32_t remote);
int sys_evtchn_reset(struct sys *sys, uint32_t domid);

#endif
