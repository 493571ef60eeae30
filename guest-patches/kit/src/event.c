/* SPDX-License-Identifier: MIT */
/*
 * Event channels: binding calls and the 2-level scan of the upcall.
 */
#include <kit/event.h>

#include <kit/cpu.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>

#define NR_PORTS 4096

static event_handler_t handlers[NR_PORTS];
volatile unsigned int event_upcalls;
void (*event_upcall_hook)(void);

void event_init(void)
{
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
}

/* Clear the mask, then ask the hypervisor to deliver what is pending: the
 * version call is the cheapest that ends with a look at pending events. */
void events_on(void)
{
    struct vcpu_info *vi = this_cpu()->info;

    barrier();
    vi->evtchn_upcall_mask = 0;
    barrier();
    if (*(volatile uint8_t *)&vi->evtchn_upcall_pending)
        hc_xen_version(XENVER_version, NULL);
}

static void scan_word(unsigned int word, struct regs *r)
{
    volatile uint64_t *pending =
        (volatile uint64_t *)&shared_info->evtchn_pending[word];
    volatile uint64_t *mask =
        (volatile uint64_t *)&shared_info->evtchn_mask[word];
    uint64_t ready;

    while ((ready = *pending & ~*mask)) {
        unsigned int bit = (unsigned int)__builtin_ctzl(ready);
        unsigned int port = word * 64 + bit;

        __atomic_fetch_and(pending, ~(1UL << bit), __ATOMIC_SEQ_CST);
        if (handlers[port])
            handlers[port](port, r);
    }
}

void event_upcall(struct regs *r)
{
    struct vcpu_info *vi = this_cpu()->info;
    uint64_t selector;

    event_upcalls++;
    if (event_upcall_hook)
        event_upcall_hook();
    do {
        __atomic_store_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
        selector = __atomic_exchange_n((uint64_t *)&vi->evtchn_pending_sel, 0,
                                       __ATOMIC_SEQ_CST);
        for (; selector; selector &= selector - 1)
            scan_word((unsigned int)__builtin_ctzl(selector), r);
    } while (*(volatile uint8_t *)&vi->evtchn_upcall_pending);
}

void event_bind(unsigned int port, event_handler_t handler)
{
    handlers[port] = handler;
    event_unmask(port);
}

long event_alloc_unbound(unsigned int remote_domid)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF,
                                      .remote_dom = (domid_t)remote_domid};
    long rc = hc_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    return rc ? rc : (long)op.port;
}

long event_bind_interdomain(unsigned int domid, unsigned int remote_port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = (domid_t)domid,
                                         .remote_port = remote_port};
    long rc = hc_event_channel_op(EVTCHNOP_bind_interdomain, &op);

    return rc ? rc : (long)op.local_port;
}

long event_bind_virq(unsigned int virq, unsigned int vcpu)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    long rc = hc_event_channel_op(EVTCHNOP_bind_virq, &op);

    return rc ? rc : (long)op.port;
}

long event_bind_ipi(unsigned int vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    long rc = hc_event_channel_op(EVTCHNOP_bind_ipi, &op);

    return rc ? rc : (long)op.port;
}

long event_close(unsigned int port)
{
    struct evtchn_close op = {.port = port};

    event_mask(port);
    return hc_event_channel_op(EVTCHNOP_close, &op);
}

long event_send(unsigned int port)
{
    struct evtchn_send op = {.port = port};

    return hc_event_channel_op(EVTCHNOP_send, &op);
}

long event_unmask(unsigned int port)
{
    struct evtchn_unmask op = {.port = port};

    return hc_event_channel_op(EVTCHNOP_unmask, &op);
}

void event_mask(unsigned int port)
{
    if (port < NR_PORTS)
        __atomic_fetch_or((uint64_t *)&shared_info->evtchn_mask[port / 64],
                          1UL << (port % 64), __ATOMIC_SEQ_CST);
}

bool event_pending(unsigned int port)
{
    volatile uint64_t *word =
        (volatile uint64_t *)&shared_info->evtchn_pending[port / 64];

    return (*word >> (port % 64)) & 1;
}

void event_clear(unsigned int port)
{
    __atomic_fetch_and((uint64_t *)&shared_info->evtchn_pending[port / 64],
                       ~(1UL << (port % 64)), __ATOMIC_SEQ_CST);
}

unsigned int event_own_domid(void)
{
    long a = event_alloc_unbound(DOMID_SELF);
    long b = event_bind_interdomain(DOMID_SELF, (unsigned int)a);
    struct evtchn_status s = {.dom = DOMID_SELF, .port = (unsigned int)a};
    unsigned int domid = DOMID_INVALID;

    if (hc_event_channel_op(EVTCHNOP_status, &s) == 0 &&
        s.status == EVTCHNSTAT_interdomain)
        domid = s.u.interdomain.dom;
    event_close((unsigned int)a);
    event_close((unsigned int)b);
    event_clear((unsigned int)b);
    return domid;
}
