/* SPDX-License-Identifier: MIT */
/*
 * The grant operations, by file. Each works through an array of the guest's
 * and returns what the hypercall returns; every element has its own status.
 */
#ifndef HYPERCALL_GRANT_OPS_H
#define HYPERCALL_GRANT_OPS_H

#include <hv/guest_access.h>
#include <hv/page.h>
#include <hv/types.h>

#include <public/grant_table.h>

#include "../core/grant_fast.h"

long gnttab_map(guest_va_t uop, unsigned int count);
long gnttab_unmap(guest_va_t uop, unsigned int count);
long gnttab_unmap_and_replace(guest_va_t uop, unsigned int count);
long gnttab_copy(guest_va_t uop, unsigned int count);
long gnttab_transfer(guest_va_t uop, unsigned int count);
long gnttab_set_version(guest_va_t uop, unsigned int count);
long gnttab_get_version(guest_va_t uop, unsigned int count);
long gnttab_get_status_frames(guest_va_t uop, unsigned int count);

/*
 * Whose entry or frame it is: NULL, a domain with a reference, or the caller's
 * own, which needs none: it stays as long as it runs, and what its handles
 * pin of its own table is let go before it is freed.
 */
static ALWAYS_INLINE struct domain *gnttab_get_owner(domid_t id)
{
    struct domain *self = current->domain;

    return id == self->id || id == DOMID_SELF ? self : domain_get_by_id(id);
}

static ALWAYS_INLINE void gnttab_put_owner(struct domain *d)
{
    if (d != current->domain)
        domain_put(d);
}

/* Go on later with the rest of the array. */
long gnttab_continue(unsigned int cmd, guest_va_t rest, unsigned int count);
/* The domain an operation on a table names, referenced: the caller's own, or
 * any for the control domain. NULL: GNTST_* in *rc. */
struct domain *gnttab_table_owner(domid_t domid, int *rc);

#endif
