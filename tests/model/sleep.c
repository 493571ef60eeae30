/* SPDX-License-Identifier: MIT */
/*
 * How vcpus sleep and are woken, under all interleavings: a vcpu blocks, or
 * polls one port after the other as a spinlock of Linux does, while others send
 * to these ports. Whoever sleeps for ever while what it waits for is there is
 * found out: nobody can go on then. So is one that runs and is not interrupted
 * for an event that came after it looked.
 */
#include <stdio.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/permission.h>
#include <hv/spinlock.h>

#include <public/sched.h>

#include "core/evtchn_priv.h"
#include "core/halt_poll.h"
#include "explore.h"

#define NR_PORTS 4
#define SLEEPER  0 /* its thread's and vcpu's number */

static struct domain domain;
static struct vcpu vcpus[MODEL_MAX_THREADS], *vcpu_list[1] = {&vcpus[SLEEPER]};
static struct vcpu_info info;
static struct shared_info shared;
static struct evtchn channels[NR_PORTS], *bucket[1] = {channels};
static unsigned int handled;
static bool interrupted;

/* ---- the rest of the hypervisor ---- */

struct domain *dom0;
#include "model_lock.inc"

/* A vcpu sleeps for its flags alone: being awake is that they are 0. */
void sched_wake(struct vcpu *v)
{
    (void)v;
}

/* One look at the flags, or none: the scheduler may do as well. */
bool halt_poll(struct vcpu *v)
{
    model_step();
    return !(model_saw(v->pause_flags) & VPF_BLOCKED);
}

void smp_send_event_check(unsigned int cpu)
{
    (void)cpu;
    WRITE_ONCE(interrupted, true);
}

void timer_set(struct timer *t, s_time_t when)
{
    (void)t;
    (void)when;
}

void timer_stop(struct timer *t)
{
    (void)t;
}

bool evtchn_port_is_valid(struct domain *d, uint32_t port)
{
    (void)d;
    return port < NR_PORTS;
}

bool evtchn_port_is_pending(struct domain *d, uint32_t port)
{
    return d->evtchn.ops->is_pending(d, port);
}

/* What the model's guest does not ask for. */

struct domain *permit_domain(unsigned int nr, unsigned int op, domid_t id,
                             long *rc)
{
    (void)nr;
    (void)op;
    (void)id;
    *rc = -EPERM;
    return NULL;
}

int permit(unsigned int nr, unsigned int op)
{
    (void)nr;
    (void)op;
    return -EPERM;
}

void domain_put(struct domain *d)
{
    (void)d;
}

int domain_shutdown(struct domain *d, uint8_t reason)
{
    (void)d;
    (void)reason;
    return 0;
}

int sched_pin_override(int pcpu)
{
    (void)pcpu;
    return -EPERM;
}

void sched_yield(void)
{
}

struct vcpu *domain_vcpu(const struct domain *d, unsigned int id)
{
    (void)d;
    return id == SLEEPER ? &vcpus[SLEEPER] : NULL;
}

/* ---- the guest ---- */

/* The scheduler's part of a hypercall that sleeps. */
static void sleep_here(void)
{
    for (;;) {
        model_step();
        if (!model_saw(vcpus[SLEEPER].pause_flags))
            break;
        if (vcpus[SLEEPER].is_running) {
            WRITE_ONCE(vcpus[SLEEPER].is_running, false);
            continue; /* another look, as sched_context_saved() does */
        }
        model_wait(__builtin_return_address(0));
    }
    WRITE_ONCE(vcpus[SLEEPER].is_running, true);
}

/* What it hands to the hypercall. */
static struct guest_page {
    struct sched_poll op;
    evtchn_port_t ports[2];
} * page;

static bool is_pending(uint32_t port)
{
    return bit_test(shared.evtchn_pending, port);
}

/* As a ticket lock waits: nothing else than this port's bit ends it. */
static void poll_for(const uint32_t *ports, unsigned int nr)
{
    memcpy(page->ports, ports, nr * sizeof(ports[0]));
    page->op.nr_ports = nr;
    page->op.ports.p = page->ports;
    for (;;) {
        for (unsigned int i = 0; i < nr; i++) {
            if (is_pending(ports[i])) {
                bit_clear_atomic(shared.evtchn_pending, ports[i]);
                handled++;
                model_forget(handled);
                return;
            }
        }
        if (do_sched_op(SCHEDOP_poll, (unsigned long)&page->op))
            model_wrong("poll failed");
        sleep_here();
        model_forget(handled);
    }
}

static void poll_1(void)
{
    poll_for((uint32_t[]){1}, 1);
}

static void poll_1_then_2(void)
{
    poll_for((uint32_t[]){1}, 1);
    poll_for((uint32_t[]){2}, 1);
}

static void poll_1_or_2_then_2_or_1(void)
{
    poll_for((uint32_t[]){1, 2}, 2);
    poll_for((uint32_t[]){2, 1}, 2);
}

/* Until port 3, the one that is not masked, has brought an upcall. */
static void block(void)
{
    for (;;) {
        WRITE_ONCE(info.evtchn_upcall_mask, 1);
        if (READ_ONCE(info.evtchn_upcall_pending))
            break;
        if (do_sched_op(SCHEDOP_block, 0))
            model_wrong("block failed");
        sleep_here();
        model_forget(handled);
    }
    WRITE_ONCE(info.evtchn_upcall_pending, 0);
    (void)__atomic_exchange_n(&info.evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    bit_clear_atomic(shared.evtchn_pending, 3);
    handled++;
    model_forget(handled);
}

/* It sleeps once. On its way out, and whenever it is interrupted, the
 * hypervisor looks if there is an upcall. */
static void block_once_and_run(void)
{
    WRITE_ONCE(info.evtchn_upcall_mask, 1);
    if (do_sched_op(SCHEDOP_block, 0))
        model_wrong("block failed");
    sleep_here();
    while (!READ_ONCE(info.evtchn_upcall_pending)) {
        while (!READ_ONCE(interrupted))
            model_wait(__builtin_return_address(0));
        WRITE_ONCE(interrupted, false);
    }
    handled++;
    model_forget(handled);
}

static void block_then_poll_1(void)
{
    block();
    poll_1();
}

static void poll_1_then_block(void)
{
    poll_1();
    block();
}

/* ---- senders ---- */

static void send_1(void)
{
    (void)evtchn_send(&domain, 1);
}

static void send_2(void)
{
    (void)evtchn_send(&domain, 2);
}

static void send_3(void)
{
    (void)evtchn_send(&domain, 3);
}

/* A time limit of an earlier poll that runs out late; a pause that ends. */
static void unblock(void)
{
    vcpu_unblock(&vcpus[SLEEPER]);
}

/* ---- what must hold ---- */

static unsigned int to_handle;

static const char *always(void)
{
    return NULL;
}

static const char *at_the_end(void)
{
    if (handled != to_handle)
        return "an event was not handled";
    if (vcpus[SLEEPER].pause_flags)
        return "asleep at the end";
    return NULL;
}

static uint64_t hash(void)
{
    uint64_t h = vcpus[SLEEPER].pause_flags;

    h = model_mix(h, domain.evtchn.poll_mask[0]);
    h = model_mix(h, vcpus[SLEEPER].poll_port);
    h = model_mix(h, shared.evtchn_pending[0]);
    h = model_mix(h, info.evtchn_pending_sel);
    h = model_mix(h, info.evtchn_upcall_pending | info.evtchn_upcall_mask << 8 |
                         handled << 16);
    h = model_mix(h, interrupted | vcpus[SLEEPER].is_running << 1);
    for (uint32_t port = 0; port < NR_PORTS; port++)
        h = model_mix(h, channels[port].lock.next);
    return h;
}

static void reset(unsigned int events)
{
    memset(channels, 0, sizeof(channels));
    memset(&info, 0, sizeof(info));
    memset(&shared, 0, sizeof(shared));
    memset(&domain.evtchn, 0, sizeof(domain.evtchn));
    handled = 0;
    interrupted = false;
    to_handle = events;
    shared.evtchn_mask[0] = BIT(1) | BIT(2);
    domain.shared_info = &shared;
    domain.evtchn.bucket = bucket;
    domain.evtchn.nr_ports = NR_PORTS;
    domain.evtchn.ops = &evtchn_2l_ops;
    domain.vcpu = vcpu_list;
    domain.max_vcpus = 1;
    vcpus[SLEEPER].pause_flags = 0;
    vcpus[SLEEPER].poll_port = 0;
    vcpus[SLEEPER].is_running = true;
    for (unsigned int i = 0; i < MODEL_MAX_THREADS; i++) {
        vcpus[i].domain = &domain;
        vcpus[i].vcpu_info = &info;
    }
    for (uint32_t port = 0; port < NR_PORTS; port++) {
        channels[port].port = port;
        channels[port].state = ECS_IPI;
        channels[port].notify_vcpu = SLEEPER;
    }
}

static void reset_1(void)
{
    reset(1);
}

static void reset_2(void)
{
    reset(2);
}

static struct model models[] = {
    MODEL("a poll", reset_1, poll_1, send_1),
    MODEL("a poll, woken for nothing too", reset_1, poll_1, send_1, unblock),
    MODEL("two polls in turn", reset_2, poll_1_then_2, send_1, send_2),
    MODEL("polls of two ports", reset_2, poll_1_or_2_then_2_or_1, send_1,
          send_2),
    MODEL("block", reset_1, block, send_3),
    MODEL("block, woken for nothing too", reset_1, block, send_3, unblock),
    MODEL("block, then run", reset_1, block_once_and_run, send_3),
    MODEL("block, woken for nothing, then run", reset_1, block_once_and_run,
          send_3, unblock),
    MODEL("block, then poll", reset_2, block_then_poll_1, send_1, send_3),
    MODEL("poll, then block", reset_2, poll_1_then_block, send_1, send_3),
};

static void set_up(void)
{
    page = host_guest_alloc(sizeof(*page));
    host_cpus_init(MODEL_MAX_THREADS);
    for (unsigned int c = 0; c < MODEL_MAX_THREADS; c++) {
        host_run_on(c);
        host_set_current(&vcpus[c]);
    }
}

#include "model_main.inc"
