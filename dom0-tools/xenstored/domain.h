/* SPDX-License-Identifier: MIT */
/*
 * Domains that were introduced, and their life as the store sees it.
 *
 *   (unknown) --introduce--> connected --shut down--> connected, shut down
 *       ^                        |                        |
 *       +-------- release, or gone from the hypervisor ---+
 *
 * @introduceDomain fires on the first arrow, @releaseDomain on the others.
 */
#ifndef XENSTORED_DOMAIN_H
#define XENSTORED_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"

struct domain {
    struct domain *next;
    uint32_t domid;
    uint64_t mfn;
    uint32_t port; /* the domain's own */
    bool shutdown;
    struct conn *conn; /* NULL: no ring (without a hypervisor) */
};

/* What the store needs of the hypervisor; see link.h. */
struct link_ops {
    /* Map the ring, bind the port, make the connection. */
    int (*connect)(struct store *st, struct domain *d, struct conn **conn);
    /* The domain's port is another one now. */
    int (*rebind)(struct conn *c, uint32_t port);
    /* Ask the hypervisor for all domains; state() then looks there. */
    int (*refresh)(void);
    /* 0 and whether it is shut down; -ESRCH: gone or dying. */
    int (*state)(uint32_t domid, bool *shutdown);
};

struct domain *domain_find(const struct store *st, uint32_t domid);
/*
 * Returns 1 if the domain is new, 0 if it was known with this page (its port
 * is bound anew); -EINVAL if it was known with another page.
 */
int domain_introduce(struct store *st, uint32_t domid, uint64_t mfn,
                     uint32_t port);
/* -ENOENT: not introduced. gone: its id will mean another domain. */
int domain_release(struct store *st, uint32_t domid, bool gone);
/* Something happened to some domain: find out which, tell watchers. */
void domains_update(struct store *st);
/* End of the daemon. */
void domains_free(struct store *st);

#endif
