/* SPDX-License-Identifier: MIT */
/*
 * Event channels: ports of a domain, each bound to a peer port, a virtual
 * interrupt, a physical interrupt or a vcpu. Two delivery ABIs behind one
 * table of operations: 2-level bitmaps and FIFO queues.
 */
#ifndef HV_EVTCHN_H
#define HV_EVTCHN_H

#include <hv/spinlock.h>
#include <hv/types.h>

struct domain;
struct vcpu;
struct page_info;

#define EVTCHN_2L_PORTS   4096
#define EVTCHN_FIFO_PORTS (1U << 17)
#define EVTCHN_PER_BUCKET 64
#define EVTCHN_BUCKETS    (EVTCHN_FIFO_PORTS / EVTCHN_PER_BUCKET)

enum evtchn_state {
    ECS_FREE,
    ECS_RESERVED,
    ECS_UNBOUND,
    ECS_INTERDOMAIN,
    ECS_PIRQ,
    ECS_VIRQ,
    ECS_IPI,
};

struct evtchn {
    spinlock_t lock; /* rank LOCK_RANK_EVTCHN: state and what it implies */
    uint8_t state;   /* enum evtchn_state */
    uint8_t priority;
    uint8_t last_priority; /* FIFO: the queue it was last linked on */
    bool pending_unmapped; /* FIFO: set while its word has no page yet */
    uint16_t last_vcpu_id;
    uint16_t notify_vcpu;
    uint32_t port;
    union {
        struct {
            uint16_t remote_domid;
        } unbound;
        struct {
            struct domain *remote; /* reference held by the binding */
            uint32_t remote_port;
        } interdomain;
        struct {
            uint32_t pirq;
        } pirq;
        uint16_t virq;
    } u;
};

struct evtchn_ops;
struct evtchn_fifo_domain;
struct evtchn_fifo_vcpu;

struct evtchn_domain {
    spinlock_t lock; /* rank LOCK_RANK_EVTCHN_DOM: allocation and binding */
    struct evtchn **bucket; /* EVTCHN_BUCKETS pointers, each NULL or 64 */
    uint8_t *nr_used;       /* ports not free, of each bucket */
    uint32_t nr_ports;      /* ports in allocated buckets */
    uint32_t max_port;      /* limit of the domain, exclusive */
    uint32_t nr_active;     /* ports not free */
    uint32_t next_free;     /* no port below is free */
    uint32_t kill_port;     /* where closing all of them goes on; a hint */
    const struct evtchn_ops *ops;
    struct evtchn_fifo_domain *fifo;
    uint64_t poll_mask[2]; /* vcpus in SCHEDOP_poll, by id; atomic bits */
};

int evtchn_domain_init(struct domain *d, unsigned int max_port);
/* Close every port; -ERESTART when preempted. */
int evtchn_domain_destroy(struct domain *d);
void evtchn_domain_free(struct domain *d);
void evtchn_vcpu_destroy(struct vcpu *v);

/* Returns the port or -Exxx. remote may be any domid, DOMID_SELF resolved. */
int evtchn_alloc_unbound(struct domain *d, uint16_t remote);
int evtchn_close(struct domain *d, uint32_t port, bool guest);
int evtchn_send(struct domain *ld, uint32_t port);
/* Close every port, back to 2-level delivery; -ERESTART when preempted. */
int evtchn_reset(struct domain *d) MUST_CHECK;

/* Hypervisor to guest. Any context, interrupts on or off. */
void evtchn_send_virq(struct vcpu *v, unsigned int virq); /* per vcpu */
/* To dom0, or the domain that was made the virq's handler. */
void evtchn_send_global_virq(unsigned int virq);
/* -EINVAL: a virq of vcpus, or d is dying. The former one loses it. */
int evtchn_set_virq_handler(struct domain *d, unsigned int virq) MUST_CHECK;
void evtchn_drop_virq_handlers(struct domain *d);
bool virq_is_global(unsigned int virq);
void evtchn_send_pirq_port(struct domain *d, uint32_t port, unsigned int pirq);
/* Port events that someone waits for in SCHEDOP_poll. */
bool evtchn_port_is_pending(struct domain *d, uint32_t port);
bool evtchn_port_is_valid(struct domain *d, uint32_t port);
void evtchn_vcpu_mark_pending(struct vcpu *v); /* upcall pending + kick */
void evtchn_dump(struct domain *d);

/* Frames of d that its FIFO queues hold typed references on (the audit). */
void evtchn_fifo_each_page(struct domain *d,
                           void (*fn)(struct page_info *pg, void *arg),
                           void *arg);

#endif
