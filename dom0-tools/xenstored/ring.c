/* SPDX-License-Identifier: MIT */
/* The store's ring page, our side of it: see ring.h. */
#include "ring.h"

#include <errno.h>
#include <string.h>

#define RING XENSTORE_RING_SIZE

/* Read exactly once, whatever the compiler would like. */
static uint32_t read_once(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void publish(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

ssize_t ring_read(struct xenstore_domain_interface *intf, void *buf, size_t len)
{
    /* Pairs with the domain's release of req_prod: data, then index. */
    uint32_t prod = read_once(&intf->req_prod);
    uint32_t cons = read_once(&intf->req_cons);
    uint32_t avail = prod - cons;
    uint32_t at = cons & (RING - 1);
    size_t first;

    if (avail > RING)
        return -EIO;
    if (len > avail)
        len = avail;
    first = RING - at < len ? RING - at : len;
    memcpy(buf, intf->req + at, first);
    memcpy((char *)buf + first, intf->req, len - first);
    if (len > 0)
        publish(&intf->req_cons, cons + (uint32_t)len);
    return (ssize_t)len;
}

ssize_t ring_write(struct xenstore_domain_interface *intf, const void *buf,
                   size_t len)
{
    /* Pairs with the domain's release of rsp_cons: it has read, then freed. */
    uint32_t cons = read_once(&intf->rsp_cons);
    uint32_t prod = read_once(&intf->rsp_prod);
    uint32_t used = prod - cons;
    uint32_t at = prod & (RING - 1);
    size_t first;

    if (used > RING)
        return -EIO;
    if (len > RING - used)
        len = RING - used;
    first = RING - at < len ? RING - at : len;
    memcpy(intf->rsp + at, buf, first);
    memcpy(intf->rsp, (const char *)buf + first, len - first);
    if (len > 0)
        publish(&intf->rsp_prod, prod + (uint32_t)len);
    return (ssize_t)len;
}

void ring_start(struct xenstore_domain_interface *intf)
{
    publish(&intf->server_features, XENSTORE_SERVER_FEATURE_RECONNECTION |
                                        XENSTORE_SERVER_FEATURE_ERROR);
    publish(&intf->error, XENSTORE_ERROR_NONE);
}

void ring_error(struct xenstore_domain_interface *intf, uint32_t error)
{
    publish(&intf->error, error);
}

bool ring_wants_reset(const struct xenstore_domain_interface *intf)
{
    return read_once(&intf->connection) == XENSTORE_RECONNECT;
}

void ring_reset(struct xenstore_domain_interface *intf)
{
    publish(&intf->req_cons, 0);
    publish(&intf->req_prod, 0);
    publish(&intf->rsp_cons, 0);
    publish(&intf->rsp_prod, 0);
    publish(&intf->error, XENSTORE_ERROR_NONE);
    /* Last: the domain goes on when it sees this. */
    publish(&intf->connection, XENSTORE_CONNECTED);
}
