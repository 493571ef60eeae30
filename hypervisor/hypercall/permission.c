/* SPDX-License-Identifier: MIT */
/*
 * The table of permissions, and the one function that reads it.
 */
#include <hv/permission.h>

#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <public/arch-x86/xen-mca.h>
#include <public/callback.h>
#include <public/domctl.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/hypfs.h>
#include <public/kexec.h>
#include <public/memory.h>
#include <public/nmi.h>
#include <public/physdev.h>
#include <public/platform.h>
#include <public/sysctl.h>
#include <public/version.h>

enum who {
    UNKNOWN, /* no row */
    ANYONE,
    OWN,
    MODEL,
    DRIVER,
    STORE,
    CONTROL,
    NOBODY
};

struct rule {
    uint8_t who;
    int8_t refusal; /* negative: an error, or a status of the ABI */
};

/* Numbers of operations are small, but for those of the debugger (gdbsx). */
#define NR_OPS     128
#define FIRST_HIGH 1000
#define HIGH_SLOT  120
#define SLOT(op)   ((op) < FIRST_HIGH ? (op) : (op)-FIRST_HIGH + HIGH_SLOT)

#define ROW(hc, op, w, error, target) \
    [__HYPERVISOR_##hc][SLOT(op)] = { \
        .who = (w), .refusal = (error) > 0 ? -(error) : (error)},

static const struct rule rules[NR_HYPERCALLS][NR_OPS] = {
#include "permission_rows.def"
};

/* What is not in the table is nobody's; the handler will not know it either. */
static const struct rule no_rule = {.who = UNKNOWN, .refusal = -ENOSYS};

static const struct rule *rule_of(unsigned int hypercall, unsigned int op)
{
    const struct rule *r;
    unsigned int slot = SLOT(op);

    if (hypercall >= NR_HYPERCALLS || slot >= NR_OPS ||
        (op < FIRST_HIGH && op >= HIGH_SLOT))
        return &no_rule;
    r = &rules[index_nospec(hypercall, NR_HYPERCALLS)]
              [index_nospec(slot, NR_OPS)];
    return r->who == UNKNOWN ? &no_rule : r;
}

bool caller_is_control(void)
{
    return current->domain->is_privileged;
}

/* d NULL: some target that is the best for the caller. */
static bool allowed(const struct rule *r, const struct domain *d)
{
    const struct domain *self = current->domain;

    if (r->who == NOBODY || r->who == UNKNOWN)
        return false;
    if (r->who == ANYONE || self->is_privileged)
        return true;
    switch (r->who) {
    case OWN:
        return !d || d == self || d == READ_ONCE(self->target);
    case MODEL:
        return !d || d == READ_ONCE(self->target);
    case DRIVER:
        return domain_drives_devices(self);
    case STORE:
        return self->createflags & XEN_DOMCTL_CDF_xs_domain;
    default:
        return false;
    }
}

int permit(unsigned int hypercall, unsigned int op)
{
    return permit_target(hypercall, op, NULL);
}

int permit_target(unsigned int hypercall, unsigned int op,
                  const struct domain *d)
{
    const struct rule *r = rule_of(hypercall, op);

    return allowed(r, d) ? 0 : r->refusal;
}

struct domain *permit_domain(unsigned int hypercall, unsigned int op,
                             domid_t id, long *rc)
{
    struct domain *d = domain_get_any(id);

    *rc = d ? permit_target(hypercall, op, d) : -ESRCH;
    if (d && *rc) {
        domain_put(d);
        d = NULL;
    }
    return d;
}
