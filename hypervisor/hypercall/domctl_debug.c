/* SPDX-License-Identifier: MIT */
/*
 * domctl for a debugger in the control domain (gdbsx): a paused guest's vcpus
 * are held and let go one by one. Its memory is read by arch.
 */
#include "domctl.h"

#include <hv/lib.h>

#define MAX_PAUSES 255

/* Only of a domain that the controller has paused. */
static long with_vcpu(const struct xen_domctl *op, struct domain *d,
                      long (*fn)(struct vcpu *v))
{
    struct vcpu *v = domain_vcpu(d, op->u.gdbsx_pauseunp_vcpu.vcpu);
    long rc;

    if (d == current->domain)
        return -EINVAL;
    spin_lock(&d->ctl_lock);
    if (!d->controller_pauses)
        rc = -EBUSY;
    else
        rc = v && !domain_is_dying(d) ? fn(v) : -EINVAL;
    spin_unlock(&d->ctl_lock);
    return rc;
}

static long hold(struct vcpu *v)
{
    if (v->debug_pauses == MAX_PAUSES)
        return -EOVERFLOW;
    v->debug_pauses++;
    vcpu_pause_nosync(v);
    return 0;
}

static long let_go(struct vcpu *v)
{
    if (!v->debug_pauses)
        return -EINVAL;
    v->debug_pauses--;
    vcpu_unpause(v);
    return 0;
}

long domctl_gdbsx_pausevcpu(struct xen_domctl *op, struct domain *d)
{
    return with_vcpu(op, d, hold);
}

long domctl_gdbsx_unpausevcpu(struct xen_domctl *op, struct domain *d)
{
    return with_vcpu(op, d, let_go);
}

/* No vcpu is ever stopped at a breakpoint: its exceptions are its own. */
long domctl_gdbsx_domstatus(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_gdbsx_domstatus *s = &op->u.gdbsx_domstatus;

    memset(s, 0, sizeof(*s));
    s->paused = READ_ONCE(d->controller_pauses) > 0;
    s->vcpu_id = ~0U;
    return 0;
}
