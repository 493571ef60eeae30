/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: a run queue per CPU, vcpus ordered by virtual run time that
 * grows inversely to their domain's weight; CPUs that are ahead take from
 * those that are behind. docs/scheduler.md has the algorithm and its bounds.
 */
#ifndef HV_SCHED_H
#define HV_SCHED_H

#include <hv/cpumask.h>
#include <hv/list.h>
#include <hv/spinlock.h>
#include <hv/time.h>
#include <hv/timer.h>

struct vcpu;
struct domain;
struct sched_pool;
struct vcpu_runstate_info;

#define SCHED_WEIGHT_DEFAULT 256
#define SCHED_CAP_MAX        (100 * MAX_CPUS)
/* The shortest time a vcpu keeps its CPU against others; 0 = none (ABI). */
#define SCHED_RATELIMIT_DEFAULT_US 200
#define SCHED_RATELIMIT_MIN_US     100
#define SCHED_RATELIMIT_MAX_US     500000

/* A place in a tree of what waits; core/sched_queue.h. */
struct sched_node {
    struct sched_node *left, *right, *parent;
    s_time_t key;      /* what the tree is ordered by */
    uint32_t priority; /* random; what keeps the tree shallow */
    bool queued;
    const cpumask_t *mask; /* where this one may run, */
    cpumask_t reach;       /* where one of this and all below may */
};

struct sched_queue {
    struct sched_node *root;
    unsigned int nr;
};

/* All under the run queue lock of v->processor, except where said. */
struct sched_vcpu {
    struct sched_node node; /* among its domain's that wait there */
    struct list_head link;  /* among the boosted, or the parked */
    s_time_t vruntime;      /* orders it among its domain's there */
    s_time_t run_start;     /* charged up to here */
    uint64_t share_start;   /* the domain's share integral at run_start */
    s_time_t budget;        /* capped: what it may still run */
    bool parked;            /* capped: waits for budget; set with both locks,
                               cleared with the domain's */
    bool boosted;           /* goes ahead of its turn, for a short time */
    bool yielded;           /* goes behind another at the next schedule() */
    bool affinity_broken;   /* no CPU of hard affinity is in the pool */
    int16_t pinned;         /* SCHEDOP_pin_override: that CPU; -1 = none */
    cpumask_t hard_affinity, soft_affinity;
    cpumask_t allowed; /* where it may run now: never empty */
};

/* A domain's vcpus on one run queue; that one's lock. */
struct sched_group {
    struct sched_node node;   /* among the groups that have somebody waiting */
    struct sched_queue queue; /* those who wait */
    s_time_t vruntime;        /* what they used, on the run queue's time line */
    unsigned int active;      /* waiting or running there */
    unsigned int boosted;     /* waiting and boosted */
};

struct sched_domain {
    uint16_t weight;
    uint16_t cap;    /* percent of one CPU, 0 = none */
    uint64_t share;  /* integral, and how many are active; sched_share.c */
    spinlock_t lock; /* irq off; guards the next three, inside queue locks */
    s_time_t tokens, tokens_at; /* capped: time it may use, and as of when */
    struct list_head parked;    /* vcpus without budget, first to come first */
    struct timer refill;        /* lets them run again */
    unsigned int nr_groups;
    struct sched_group *group; /* by CPU; those beyond it may not use */
    struct sched_pool *pool;   /* pool lock and ctl_lock to write */
};

void sched_init(void);
/* Before the CPU runs its idle vcpu for the first time. */
void sched_cpu_init(unsigned int cpu);
/* The CPU is online and its topology known: it joins pool 0, and vcpus that
 * are bound to it come back. Any context that may take the pool lock. */
void sched_cpu_add(unsigned int cpu);
/*
 * Take an online CPU out of scheduling, whatever its pool: all vcpus leave it,
 * those bound to it alone run elsewhere in their pool meanwhile. No pool can be
 * given it then until sched_cpu_add(). When this returns 0 it runs nothing but
 * its idle vcpu.
 * -EBUSY: the last CPU of a pool that has domains. -EADDRINUSE: a vcpu is
 * bound to it by SCHEDOP_pin_override. -ERESTART: the caller itself runs there
 * and moves away on its way out of the hypervisor; to be called again.
 */
int sched_cpu_remove(unsigned int cpu) MUST_CHECK;

/* pool_id: an existing pool with a CPU; -ENOENT, -EINVAL or -ENOMEM else. */
int sched_domain_init(struct domain *d, unsigned int pool_id) MUST_CHECK;
void sched_domain_destroy(struct domain *d);
/* weight 0 and cap UINT16_MAX leave what is. */
void sched_domain_set(struct domain *d, uint16_t weight, uint16_t cap);
unsigned int sched_domain_pool(const struct domain *d);

/* v->domain, id and is_idle are set; an idle vcpu's id is its CPU. */
void sched_vcpu_init(struct vcpu *v);
void sched_vcpu_destroy(struct vcpu *v);
/* Runnable / not runnable changed: pause flags or counts. */
void sched_wake(struct vcpu *v);
void sched_sleep_nosync(struct vcpu *v);
void sched_sleep_sync(struct vcpu *v); /* until it is off its CPU */
void sched_yield(void);
/* NULL leaves a mask as it is. -EINVAL: hard has no CPU of the pool. -EBUSY:
 * bound by pin override, which force ends. */
int sched_set_affinity(struct vcpu *v, const cpumask_t *hard,
                       const cpumask_t *soft, bool force);
/* The masks as set, or cut down to where v may run now; NULL: not wanted. */
void sched_get_affinity(struct vcpu *v, bool effective, cpumask_t *hard,
                        cpumask_t *soft);
/* SCHEDOP_pin_override of current: cpu < 0 ends it. */
int sched_pin_override(int cpu);
uint64_t sched_cpu_idle_ns(unsigned int cpu);
/* An idle CPU may be halted (pm_op); else it looks for work all the time. */
extern bool sched_idle_may_halt;
/* Prefer the idle threads of cores that are busy: others may sleep deeper. */
extern bool sched_smt_packs;
/* v's times up to now, whole. */
void sched_runstate(struct vcpu *v, struct vcpu_runstate_info *out);
void sched_dump(char key);

/* After arch_context_switch() has left prev for good. */
void sched_context_saved(struct vcpu *prev);

extern struct vcpu *idle_vcpu[MAX_CPUS];

/* ---- pools: core/sched_pool.c; errors as sysctl cpupool_op's ---- */
#define NR_POOLS  64
#define SCHED_ANY UINT32_MAX
struct sched_pool_info {
    unsigned int id, nr_domains;
    cpumask_t cpus;
};
int sched_pool_create(uint32_t *id); /* SCHED_ANY: chooses one */
int sched_pool_destroy(uint32_t id);
/* The first pool from id on. */
int sched_pool_info(uint32_t id, struct sched_pool_info *out);
int sched_pool_add_cpu(uint32_t id, uint32_t cpu);
int sched_pool_remove_cpu(uint32_t id, uint32_t cpu); /* -ERESTART: again */
int sched_pool_move_domain(uint32_t id, struct domain *d);
void sched_free_cpus(cpumask_t *out); /* online and in no pool */
int sched_pool_get_ratelimit(uint32_t id, uint32_t *us);
int sched_pool_set_ratelimit(uint32_t id, uint32_t us);

#endif
