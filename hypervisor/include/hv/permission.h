/* SPDX-License-Identifier: MIT */
/*
 * Who may do what to whom. One table (hypercall/permission_rows.def) has a row
 * for each operation of each hypercall; handlers ask here before they do
 * anything, and test no privilege by themselves.
 */
#ifndef HV_PERMISSION_H
#define HV_PERMISSION_H

#include <hv/types.h>

#include <public/xen.h>

struct domain;

/*
 * May current's domain do operation `op` of that hypercall (__HYPERVISOR_*) at
 * all? 0, or what the table says it is refused with. An operation that names a
 * target passes if any target might do; ask permit_target() about the one.
 */
int permit(unsigned int hypercall, unsigned int op) MUST_CHECK;

/* The same with the target known. */
int permit_target(unsigned int hypercall, unsigned int op,
                  const struct domain *d) MUST_CHECK;

/*
 * The domain that an argument names (DOMID_SELF: the caller), with a reference,
 * if the caller may do the operation to it. Else NULL and *rc: -ESRCH if there
 * is no such domain, or the table's refusal.
 */
struct domain *permit_domain(unsigned int hypercall, unsigned int op,
                             domid_t id, long *rc) MUST_CHECK;

/* The caller is the control domain: for limits and identities that the ABI
 * ties to it, not for permission. */
bool caller_is_control(void);

#endif
