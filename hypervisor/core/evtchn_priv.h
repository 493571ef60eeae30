/* SPDX-License-Identifier: MIT */
/*
 * Inside the event-channel code: the delivery ABIs as a table of operations,
 * and helpers on ports.
 */
#ifndef CORE_EVTCHN_PRIV_H
#define CORE_EVTCHN_PRIV_H

#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/lib.h>

#include <public/event_channel.h>

/*
 * How pending, masked and the upcall are represented in guest memory. All may
 * be called with the channel's lock held and interrupts off.
 */
struct evtchn_ops {
    unsigned int max_ports;
    void (*init)(struct domain *d, struct evtchn *chn);
    void (*set_pending)(struct vcpu *v, struct evtchn *chn);
    void (*clear_pending)(struct domain *d, struct evtchn *chn);
    void (*unmask)(struct domain *d, struct evtchn *chn);
    bool (*is_pending)(const struct domain *d, uint32_t port);
    bool (*is_masked)(const struct domain *d, uint32_t port);
    int (*set_priority)(struct domain *d, struct evtchn *chn, unsigned int p);
};

extern const struct evtchn_ops evtchn_2l_ops;
extern const struct evtchn_ops evtchn_fifo_ops;

/* The channel of a port in use or free, NULL if beyond the allocated ones. */
static inline struct evtchn *evtchn_from_port(const struct domain *d,
                                              uint32_t port)
{
    struct evtchn *bucket;

    if (unlikely(port >=
                 __atomic_load_n(&d->evtchn.nr_ports, __ATOMIC_ACQUIRE)))
        return NULL;
    port = (uint32_t)index_nospec(port, EVTCHN_FIFO_PORTS);
    bucket = d->evtchn.bucket[port / EVTCHN_PER_BUCKET];
    return &bucket[port % EVTCHN_PER_BUCKET];
}

/* A free port, its bucket allocated; caller holds d->evtchn.lock. Returns the
 * port, -ENOSPC or -ENOMEM. The channel stays ECS_FREE. */
int evtchn_get_free_port(struct domain *d);
/* Leave ECS_FREE / return to it; caller holds both locks. */
void evtchn_occupy(struct domain *d, struct evtchn *chn);
void evtchn_release(struct domain *d, struct evtchn *chn);
/* Wake vcpus in SCHEDOP_poll on port, after it was made pending. */
static inline void evtchn_wake_pollers(struct domain *d, uint32_t port)
{
    if (unlikely(READ_ONCE(d->evtchn.poll_mask[0]) |
                 READ_ONCE(d->evtchn.poll_mask[1])))
        vcpu_wake_pollers_of(d, port);
}
/* Set pending towards the channel's vcpu; the channel's lock is held. */
void evtchn_set_pending(struct domain *d, struct evtchn *chn);

/* EVTCHNOP_init_control and expand_array; caller holds d->evtchn.lock. */
int evtchn_fifo_init_control(struct domain *d, uint64_t gfn, uint32_t offset,
                             unsigned int vcpu);
int evtchn_fifo_expand(struct domain *d, uint64_t gfn);
/* No port is open; caller holds d->evtchn.lock. Whatever init_control left
 * behind is freed, also if it failed. */
void evtchn_fifo_destroy(struct domain *d);

#endif
