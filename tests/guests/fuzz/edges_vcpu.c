/* SPDX-License-Identifier: MIT */
/*
 * Event channels, scheduling, timers, areas, entries and registers of vcpus,
 * such that no vcpu sleeps for ever or loses its way.
 */
#include "fuzz.h"

#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/time.h>
#include <public/callback.h>
#include <public/physdev.h>

/* Lower ports are the console's, the store's, and the kicks of hostile.c. */
#define FIRST_PORT 24U
#define MAX_ARRAYS 4U /* of the event queue */

static unsigned int any_port(struct fuzzer *f)
{
    unsigned int port = f->ports[below(f, ARRAY_SIZE(f->ports))];

    if (port && below(f, 8))
        return port;
    return below(f, 8) ? FIRST_PORT + below(f, 128)
                       : FIRST_PORT + (unsigned int)(next(f) >> 40);
}

static unsigned int any_vcpu(struct fuzzer *f)
{
    return below(f, 16) ? below(f, nr_cpus) : (unsigned int)any_word(f);
}

/* --- event channels --- */

long op_port_new(struct fuzzer *f)
{
    static const uint8_t virqs[] = {
        VIRQ_TIMER, VIRQ_DEBUG, VIRQ_XENOPROF, VIRQ_CONSOLE, VIRQ_DOM_EXC,
        23,         24};
    unsigned int slot = below(f, ARRAY_SIZE(f->ports));
    long port;

    switch (below(f, 4)) {
    case 0:
        port = event_alloc_unbound(any_domid(f));
        break;
    case 1:
        port = event_bind_interdomain(below(f, 4) ? self : any_domid(f),
                                      any_port(f));
        break;
    case 2:
        port = event_bind_ipi(any_vcpu(f));
        break;
    default:
        port = event_bind_virq(virqs[below(f, ARRAY_SIZE(virqs))], any_vcpu(f));
        break;
    }
    if (port < 0)
        return port;
    /* What was in the slot is found again by its number only. */
    if (f->ports[slot])
        event_close(f->ports[slot]);
    f->ports[slot] = (uint32_t)port;
    return 0;
}

long op_port_send(struct fuzzer *f)
{
    unsigned int port = any_port(f);

    return below(f, 4) ? event_send(port) : event_unmask(port);
}

long op_port_close(struct fuzzer *f)
{
    unsigned int slot = below(f, ARRAY_SIZE(f->ports));
    unsigned int port = below(f, 4) ? f->ports[slot] : any_port(f);

    if (port == f->ports[slot])
        f->ports[slot] = 0;
    return port ? event_close(port) : NOT_TRIED;
}

long op_port_change(struct fuzzer *f)
{
    struct evtchn_bind_vcpu bind = {any_port(f), any_vcpu(f)};
    struct evtchn_set_priority priority = {any_port(f), below(f, 18)};
    struct evtchn_status status;

    switch (below(f, 3)) {
    case 0:
        return hc_event_channel_op(EVTCHNOP_bind_vcpu, &bind);
    case 1:
        return hc_event_channel_op(EVTCHNOP_set_priority, &priority);
    default:
        memset(&status, 0, sizeof(status));
        status.dom = any_domid(f);
        status.port = any_port(f);
        return hc_event_channel_op(EVTCHNOP_status, &status);
    }
}

/* Queues whose event words lie in pages that are stored to at random. */
long op_port_queue(struct fuzzer *f)
{
    static unsigned int arrays;
    struct evtchn_expand_array array = {virt_to_mfn(any_page(f))};
    struct evtchn_init_control control;
    long rc;

    if (below(f, 2)) {
        memset(&control, 0, sizeof(control));
        control.control_gfn = any_mfn(f);
        control.offset = below(f, 5000);
        control.vcpu = any_vcpu(f);
        return hc_event_channel_op(EVTCHNOP_init_control, &control);
    }
    if (arrays >= MAX_ARRAYS)
        return NOT_TRIED;
    rc = hc_event_channel_op(EVTCHNOP_expand_array, &array);
    arrays += rc == 0;
    return rc;
}

/* --- scheduling --- */

static long poll_ports(struct fuzzer *f)
{
    evtchn_port_t ports[4];
    struct sched_poll poll;

    memset(&poll, 0, sizeof(poll));
    for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
        ports[i] = any_port(f);
    HANDLE_SET(poll.ports, ports);
    poll.nr_ports = below(f, 16) ? below(f, 5) : (uint32_t)any_word(f);
    poll.timeout = time_now() + below(f, 50000);
    return hc_sched_op(SCHEDOP_poll, &poll);
}

/* A watchdog that is far away, so that it is dropped before it bites. */
static long watchdog(struct fuzzer *f)
{
    struct sched_watchdog w = {below(f, 4), below(f, 2) ? 100000 : 0};
    long rc = hc_sched_op(SCHEDOP_watchdog, &w);

    if (rc > 0) {
        w.id = (uint32_t)rc;
        w.timeout = 0;
        return hc_sched_op(SCHEDOP_watchdog, &w);
    }
    return rc;
}

long op_sched(struct fuzzer *f)
{
    struct sched_remote_shutdown remote = {any_domid(f), SHUTDOWN_crash};
    struct sched_pin_override pin = {(int32_t)below(f, 4) - 1};
    long rc;

    switch (below(f, 8)) {
    case 0:
        rc = hc_sched_op(SCHEDOP_remote_shutdown, &remote);
        if (rc == 0)
            breach("shut down another", remote.domain_id, 0);
        return rc;
    case 1:
        rc = hc_sched_op(SCHEDOP_pin_override, &pin);
        if (rc == 0)
            breach("pinned", (uint64_t)pin.pcpu, 0);
        return rc;
    case 2:
        return watchdog(f);
    case 3:
        return hc_sched_op(SCHEDOP_yield, NULL);
    default:
        return poll_ports(f);
    }
}

long op_timer(struct fuzzer *f)
{
    struct vcpu_set_singleshot_timer once = {
        time_now() + below(f, 200000), below(f, 2) ? VCPU_SSHOTTMR_future : 0};
    struct vcpu_set_periodic_timer period = {500000 + next(f) % 10000000};

    if (below(f, 8) == 0)
        period.period_ns = any_word(f);
    if (below(f, 8) == 0)
        once.timeout_abs_ns = any_word(f);
    switch (below(f, 5)) {
    case 0:
        return hc_vcpu_op(VCPUOP_set_singleshot_timer, f->vcpu, &once);
    case 1:
        return hc_vcpu_op(VCPUOP_stop_singleshot_timer, f->vcpu, NULL);
    case 2:
        return hc_vcpu_op(VCPUOP_set_periodic_timer, any_vcpu(f), &period);
    case 3:
        return hc_vcpu_op(VCPUOP_stop_periodic_timer, any_vcpu(f), NULL);
    default:
        return hc_set_timer_op(below(f, 2) ? once.timeout_abs_ns : 0);
    }
}

/* Areas that the hypervisor writes by itself; the pages come and go. */
long op_area(struct fuzzer *f)
{
    struct vcpu_register_runstate_memory_area area;
    struct vcpu_register_vcpu_info info = {any_mfn(f), below(f, 4200), 0};
    struct vcpu_runstate_info now;

    area.addr.p =
        below(f, 4) ? addr(any_page(f)) + below(f, 512) * 8UL : any_word(f);
    switch (below(f, 4)) {
    case 0:
        return hc_vcpu_op(VCPUOP_register_runstate_memory_area, any_vcpu(f),
                          &area);
    case 1:
        return hc_vcpu_op(VCPUOP_register_vcpu_time_memory_area, any_vcpu(f),
                          &area);
    case 2:
        return hc_vcpu_op(VCPUOP_register_vcpu_info, below(f, nr_cpus), &info);
    default:
        return hc_vcpu_op(VCPUOP_get_runstate_info, any_vcpu(f), &now);
    }
}

/* Another vcpu goes down and, mostly, up again at once; vcpu 0 looks after the
 * rest (hostile.c). */
long op_down(struct fuzzer *f)
{
    static struct vcpu_guest_context context;
    unsigned int victim = 1 + below(f, nr_cpus);
    long rc;

    if (victim >= nr_cpus)
        return hc_vcpu_op(VCPUOP_initialise, any_vcpu(f), &context);
    rc = hc_vcpu_op(VCPUOP_down, victim, NULL);
    if (below(f, 64))
        hc_vcpu_op(VCPUOP_up, victim, NULL);
    return rc;
}

long op_nmi(struct fuzzer *f)
{
    return hc_vcpu_op(VCPUOP_send_nmi, any_vcpu(f), NULL);
}

/* --- entries and registers --- */

/* Vectors that nothing here raises, and callbacks of user mode, which is never
 * entered: any address will do. */
long op_entry(struct fuzzer *f)
{
    static const uint16_t types[] = {CALLBACKTYPE_syscall,
                                     CALLBACKTYPE_sysenter,
                                     CALLBACKTYPE_syscall32,
                                     3,
                                     6,
                                     8};
    struct callback_register cb = {types[below(f, ARRAY_SIZE(types))],
                                   (uint16_t)below(f, 3), any_word(f)};
    struct trap_info table[3];

    switch (below(f, 4)) {
    case 0:
        return hc_callback_op(CALLBACKOP_register, &cb);
    case 1:
        return hc_callback_op(CALLBACKOP_unregister, &cb);
    case 2:
        return hc_stack_switch(FLAT_KERNEL_SS + below(f, 16), any_word(f));
    default:
        memset(table, 0, sizeof(table));
        for (unsigned int i = 0; i < 2; i++) {
            table[i].vector = (uint8_t)(32 + below(f, 96));
            table[i].flags = (uint8_t)below(f, 8);
            table[i].cs = below(f, 2) ? FLAT_KERNEL_CS : (uint16_t)next(f);
            table[i].address = any_word(f);
        }
        return hc_set_trap_table(table);
    }
}

long op_registers(struct fuzzer *f)
{
    struct physdev_set_iopl iopl = {below(f, 5)};
    struct physdev_set_iobitmap bitmap;

    switch (below(f, 6)) {
    case 0:
        return hc_fpu_taskswitch(below(f, 2));
    case 1:
        return hc_set_segment_base(below(f, 4), any_word(f));
    case 2:
        return hc_set_debugreg(below(f, 9), any_word(f));
    case 3:
        hc_get_debugreg(below(f, 9));
        return 0;
    case 4:
        return hc_physdev_op(PHYSDEVOP_set_iopl, &iopl);
    default:
        memset(&bitmap, 0, sizeof(bitmap));
        HANDLE_SET(bitmap.bitmap, any_argument(f));
        bitmap.nr_ports = below(f, 2) ? 65536 : (uint32_t)any_word(f);
        return hc_physdev_op(PHYSDEVOP_set_iobitmap, &bitmap);
    }
}
