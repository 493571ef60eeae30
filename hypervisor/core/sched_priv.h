/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's inside: run queues and pools, and who calls whom in
 * sched*.c. docs/scheduler.md says what it is all for.
 */
#ifndef CORE_SCHED_PRIV_H
#define CORE_SCHED_PRIV_H

#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/sched.h>

#include "sched_queue.h"

/* How long a vcpu runs while others wait. */
#define SLICE_NS MILLISECS(5)
/* A vcpu in its turn preempts one that is ahead of it by more than this. */
#define PREEMPT_NS MICROSECS(500)
/* A vcpu of another queue is taken only when it is behind by this much: time
 * of what would run instead. */
#define STEAL_LAG_NS MILLISECS(6)
/* How far a queue's time line may be from the mean of its pool: time of what
 * it runs. */
#define SPREAD_NS (4 * SLICE_NS)
/* How long a vcpu that has just woken runs ahead of its turn: at least, and
 * while no other such waits. */
#define BOOST_NS     MICROSECS(500)
#define BOOST_MAX_NS MICROSECS(2500)
/* How far the vcpus of its domain may be ahead of their share then (one vcpu's
 * running time), and how many of them may be ahead of others at once. */
#define BORROW_NS   MILLISECS(10)
#define MAX_BOOSTED 2
/* However small its weight, a vcpu waits for no more than this to pass. */
#define LEAD_MAX_NS SECONDS(2)
/* Queues looked at for a vcpu to take, or for a CPU that could take one. */
#define MAX_LOOKS 4
/* An idle CPU that finds another queue's lock taken looks again at once so many
 * times, and then at intervals: who holds it may itself be waiting for a CPU,
 * under a hypervisor below us or in an emulator. */
#define LOOK_TRIES    16
#define LOOK_AGAIN_NS MICROSECS(50)

/*
 * CPUs that are scheduled together. The masks idle and waiting are hints that
 * are read without a lock: a CPU sets its idle bit and then looks at waiting;
 * whoever queues a vcpu sets waiting and then looks at idle. So one of the two
 * sees the other.
 */
struct sched_pool {
    unsigned int id;
    bool exists; /* pool lock */
    uint32_t ratelimit_us;
    unsigned int nr_domains; /* atomic; rises under the pool lock only */
    cpumask_t cpus;          /* pool lock to write */
    /* Atomic: */
    cpumask_t idle;       /* run their idle vcpu, and nobody has claimed them */
    cpumask_t waiting;    /* have somebody in their queue */
    unsigned int nr_busy; /* CPUs that run a guest */
    s_time_t line;        /* mean virtual time of the busy CPUs */
};

struct runq {
    spinlock_t lock; /* irq off; guards all below, except where said */
    unsigned int cpu;
    struct sched_pool *pool;   /* pool lock and lock; NULL: free CPU */
    struct sched_queue groups; /* that have somebody waiting, by vruntime */
    struct list_head boosted;  /* of those the boosted, first to come first */
    unsigned int nr_waiting;   /* vcpus */
    uint32_t random;           /* for the trees */
    struct vcpu *curr;
    /* The queue's time line. A vruntime v on it is v + base on the pool's. */
    s_time_t base;
    s_time_t floor;       /* no waker starts before it; never falls */
    s_time_t since;       /* curr got the CPU, */
    s_time_t slice_end;   /* and may be made to leave it */
    bool boost_running;   /* curr runs ahead of its turn */
    bool ticking;         /* slice is armed */
    bool asked;           /* another CPU has somebody for us; atomic */
    unsigned int look_at; /* where the next search begins */
    unsigned int misses;  /* searches in a row that met a lock */
    s_time_t idle_ns;     /* time in the idle vcpu */
    struct timer slice;

    /* For others, who look without the lock: */
    cpumask_t reach;     /* where those who wait may run */
    s_time_t first_line; /* first vruntime on the pool's line; S_TIME_MAX */

    cpumask_t siblings; /* CPUs of the same core, this one too; fixed */
};

DECLARE_PER_CPU(struct runq, runq);

static inline struct runq *runq_of(unsigned int cpu)
{
    return &per_cpu(runq, cpu);
}

static inline bool vcpu_is_runnable(const struct vcpu *v)
{
    return READ_ONCE(v->pause_flags) == 0 && READ_ONCE(v->pause_count) == 0;
}

static inline bool vcpu_is_queued(const struct vcpu *v)
{
    return v->sched.node.queued;
}

static inline struct vcpu *vcpu_of_node(struct sched_node *n)
{
    return n ? container_of(n, struct vcpu, sched.node) : NULL;
}

static inline struct sched_group *group_of(const struct vcpu *v,
                                           const struct runq *rq)
{
    return &v->domain->sched.group[rq->cpu];
}

/* Lock the queue that v belongs to; v->processor may change until then. */
struct runq *runq_lock_of(const struct vcpu *v, unsigned long *flags);

/* ---- sched_share.c: what a domain has used and may use ---- */
/* vcpus of it that are queued or running anywhere, as of just now. */
unsigned int share_nr_active(const struct sched_domain *s);
/* v starts to run / has run for ran ns; returns that in virtual ns. */
void share_start(struct vcpu *v, s_time_t now);
s_time_t share_used(struct vcpu *v, s_time_t ran, s_time_t now);
/* Real ns of one vcpu of the domain in virtual ns. */
s_time_t share_scale(const struct domain *d, s_time_t ns);
/* v becomes active (queued or running) if its domain's cap leaves it time;
 * if not it is parked, and woken later. */
bool share_activate(struct vcpu *v, s_time_t now);
void share_deactivate(struct vcpu *v, s_time_t now);
/* An active vcpu may run on; false: it is parked now and no longer active. */
bool share_has_budget(struct vcpu *v, s_time_t now);
/* The end of its budget, or end if that is earlier. */
s_time_t share_limit(const struct vcpu *v, s_time_t now, s_time_t end);
void share_unpark(struct vcpu *v); /* it no longer wants to run */
void share_domain_init(struct domain *d);

/* ---- sched_line.c: virtual time of a queue ---- */
void line_charge(struct runq *rq, struct vcpu *v, s_time_t now);
/* v, not active, joins the queue: no earlier than the queue's time. Decides
 * whether it is boosted. */
void line_join(struct runq *rq, struct vcpu *v);
void line_leave(struct runq *rq, struct vcpu *v);
/* Real ns of running in virtual ns of v's group. */
s_time_t line_scale(const struct runq *rq, const struct vcpu *v, s_time_t ns);
/* v's domain is not so far ahead of its share that v may not be boosted. */
bool line_may_borrow(const struct runq *rq, const struct vcpu *v);
/* An active vcpu goes from one queue to another; both locked. */
void line_move_active(struct runq *from, struct runq *to, struct vcpu *v);
/* The same for one that is not active; from is locked. */
void line_move(struct runq *from, const struct runq *to, struct vcpu *v);
/* The CPU leaves idleness: its line goes on at the pool's. */
void line_resume(struct runq *rq, s_time_t now);

/* ---- sched_runq.c: who waits ---- */
/* v joins those who wait; it is counted as active already. */
void runq_insert(struct runq *rq, struct vcpu *v);
void runq_remove(struct runq *rq, struct vcpu *v);
/* The next to run, by turn or because it is boosted; NULL if nobody waits. */
struct vcpu *runq_first(const struct runq *rq);
/* The first by turn that may run on cpu and is not still leaving another. */
struct vcpu *runq_first_for(const struct runq *rq, unsigned int cpu);
/* The vruntime of the group whose turn is next; S_TIME_MAX if nobody waits. */
s_time_t runq_first_time(const struct runq *rq);
/* v's group has used something / v, which waits, may run elsewhere now. */
void runq_group_charged(struct runq *rq, const struct vcpu *v);
void runq_allowed_changed(struct runq *rq, struct vcpu *v);
/* Bring up to date what other CPUs read without the lock. */
void runq_publish(struct runq *rq);
void runq_dump(struct runq *rq);

/* ---- sched.c ---- */
/* Those of d that run: have their CPUs look at them again. */
void sched_domain_look(struct domain *d);

/* ---- sched_place.c: which CPU ---- */
/* For v, which is about to wake: an idle CPU, which is claimed, or a busy one
 * to wait for. Always one of v's allowed. */
unsigned int place_vcpu(const struct vcpu *v, bool *claimed);
/* A vcpu for rq's CPU from another queue, if its time is before limit. */
struct vcpu *steal_vcpu(struct runq *rq, s_time_t limit);
/* Somebody waits in rq: let an idle CPU know that could run it. */
void offer_waiting(struct runq *rq);
/* Somebody still waits after a slice: let a CPU know that is ahead. */
void ask_for_help(struct runq *rq);
void place_cpu_topology(unsigned int cpu);

/* ---- sched_pool.c ---- */
/* v's queue is locked. Recomputes where it may run. */
void pool_update_allowed(struct vcpu *v);

#endif
