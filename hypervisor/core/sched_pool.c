/* SPDX-License-Identifier: MIT */
/*
 * CPU pools and affinity: where a vcpu may run. Every online CPU is in one pool
 * or free or about to go offline, every domain in one pool. A vcpu may run on
 * the CPUs of its hard affinity that are in its pool; if there are none (they
 * were taken away), on all of the pool until one comes back. All vcpus' masks
 * are recomputed when a pool changes; that is rare, and no lock but the pools'
 * is held over it.
 */
#include <hv/softirq.h>

#include "sched_priv.h"

/* Which CPU and which domain is in which pool. */
static spinlock_t pool_lock = SPINLOCK_INIT(LOCK_RANK_POOL);
static struct sched_pool pools[NR_POOLS] = {
    {.exists = true, .ratelimit_us = SCHED_RATELIMIT_DEFAULT_US},
};

static struct sched_pool *pool_find(uint32_t id)
{
    if (id >= NR_POOLS)
        return NULL;
    id = (uint32_t)index_nospec(id, NR_POOLS);
    return pools[id].exists ? &pools[id] : NULL;
}

/* ---- where a vcpu may run ---- */

/* The CPUs of d's pool; not those with a number that d was not made for. */
static cpumask_t pool_cpus(const struct domain *d)
{
    cpumask_t cpus = READ_ONCE(d->sched.pool)->cpus;
    unsigned int cpu;

    for (cpu = cpumask_next(&cpus, d->sched.nr_groups); cpu < MAX_CPUS;
         cpu = cpumask_next(&cpus, cpu + 1))
        bit_clear(cpus.bits, cpu);
    return cpus;
}

static void compute_allowed(struct vcpu *v)
{
    struct sched_vcpu *s = &v->sched;
    cpumask_t cpus = pool_cpus(v->domain), bound = s->hard_affinity;

    if (s->pinned >= 0)
        bound = cpumask_of((unsigned int)s->pinned);
    cpumask_and(&s->allowed, &bound, &cpus);
    s->affinity_broken = cpumask_empty(&s->allowed);
    if (s->affinity_broken)
        s->allowed = cpus;
}

void pool_update_allowed(struct vcpu *v)
{
    compute_allowed(v);
}

/* Spread a domain's vcpus, and different domains'. */
static unsigned int first_cpu(const struct vcpu *v)
{
    unsigned int nr =
        (unsigned int)bitmap_weight(v->sched.allowed.bits, MAX_CPUS);
    unsigned int skip = nr ? (v->id + v->domain->id) % nr : 0;
    unsigned int cpu = cpumask_next(&v->sched.allowed, 0);

    while (skip--)
        cpu = cpumask_next(&v->sched.allowed, cpu + 1);
    return cpu < MAX_CPUS ? cpu : 0;
}

/* It runs or waits where it may not any more: out of there. True if it is to
 * be woken for that. Under its queue's lock. */
static bool evict(struct runq *rq, struct vcpu *v)
{
    if (rq->curr == v) {
        softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
        return false;
    }
    if (vcpu_is_queued(v)) {
        runq_remove(rq, v);
        line_leave(rq, v);
        share_deactivate(v, now_ns());
    }
    if (v->is_running)
        return false;
    line_move(rq, runq_of(first_cpu(v)), v);
    return true;
}

/* Masks or pools have changed: v goes where it may run, or stays. Unlocks. */
static void settle(struct runq *rq, struct vcpu *v, unsigned long flags)
{
    bool was_broken = v->sched.affinity_broken, wake = false;

    compute_allowed(v);
    if (v->sched.affinity_broken && !was_broken)
        printk(LOG_INFO "d%uv%u: no CPU of its affinity is left in the pool\n",
               v->domain->id, v->id);
    if (!cpumask_test(&v->sched.allowed, rq->cpu)) {
        wake = evict(rq, v);
    } else if (vcpu_is_queued(v)) {
        runq_allowed_changed(rq, v);
        offer_waiting(rq);
    }
    spin_unlock_irqrestore(&rq->lock, flags);
    if (wake)
        sched_wake(v);
}

/* Under ctl_lock: a vcpu that comes into being has either the old masks and is
 * among d's, or has the new ones. */
static void settle_domain(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        unsigned long flags;
        struct runq *rq = runq_lock_of(v, &flags);

        settle(rq, v, flags);
    }
}

/* The pool's CPUs have changed. */
static void settle_pool(const struct sched_pool *pool)
{
    struct domain *d;
    unsigned int id = 0;

    while (id < DOMID_FIRST_RESERVED &&
           (d = domain_get_first_from((domid_t)id)) != NULL) {
        spin_lock(&d->ctl_lock);
        if (d->sched.pool == pool)
            settle_domain(d);
        spin_unlock(&d->ctl_lock);
        id = d->id + 1U;
        domain_put(d);
    }
}

int sched_set_affinity(struct vcpu *v, const cpumask_t *hard,
                       const cpumask_t *soft, bool force)
{
    unsigned long flags;
    struct runq *rq = runq_lock_of(v, &flags);
    cpumask_t usable = {{0}};
    int rc = 0;

    if (hard)
        cpumask_and(&usable, hard, &READ_ONCE(v->domain->sched.pool)->cpus);
    if (hard && cpumask_empty(&usable))
        rc = -EINVAL;
    else if (hard && v->sched.pinned >= 0 && !force)
        rc = -EBUSY;
    if (rc) {
        spin_unlock_irqrestore(&rq->lock, flags);
        return rc;
    }
    if (soft)
        v->sched.soft_affinity = *soft;
    if (hard)
        v->sched.hard_affinity = *hard;
    if (force)
        v->sched.pinned = -1;
    settle(rq, v, flags);
    return 0;
}

void sched_get_affinity(struct vcpu *v, bool effective, cpumask_t *hard,
                        cpumask_t *soft)
{
    unsigned long flags;
    struct runq *rq = runq_lock_of(v, &flags);

    if (hard)
        *hard = effective ? v->sched.allowed : v->sched.hard_affinity;
    if (soft)
        *soft = v->sched.soft_affinity;
    if (soft && effective)
        cpumask_and(soft, soft, &v->sched.allowed);
    spin_unlock_irqrestore(&rq->lock, flags);
}

int sched_pin_override(int cpu)
{
    struct vcpu *v = current;
    unsigned long flags;
    struct runq *rq;
    int rc = 0;

    spin_lock(&pool_lock);
    rq = runq_lock_of(v, &flags);
    if (cpu >= 0 &&
        ((unsigned int)cpu >= nr_cpus ||
         !cpumask_test(&v->domain->sched.pool->cpus, (unsigned int)cpu)))
        rc = -EINVAL;
    else if (cpu < 0 && v->sched.pinned < 0)
        rc = -EINVAL;
    else if (cpu >= 0 && v->sched.pinned >= 0)
        rc = -EBUSY;
    if (rc) {
        spin_unlock_irqrestore(&rq->lock, flags);
    } else {
        v->sched.pinned = (int16_t)max_t(int, cpu, -1);
        settle(rq, v, flags);
    }
    spin_unlock(&pool_lock);
    return rc;
}

/* ---- CPUs of pools; under the pool lock ---- */

/* The CPU that is leaving a pool, and for which its removal is to be asked
 * again; MAX_CPUS: none. */
static unsigned int leaving_cpu = MAX_CPUS;
static uint32_t leaving_pool;

static void cpu_join(struct sched_pool *pool, unsigned int cpu)
{
    struct runq *rq = runq_of(cpu);
    unsigned long flags;

    if (cpu == leaving_cpu)
        leaving_cpu = MAX_CPUS;
    timer_migrate(&rq->slice, cpu);
    flags = spin_lock_irqsave(&rq->lock);
    rq->pool = pool;
    /* What ran there in its last pool may not have left yet. */
    if (!rq->curr->is_idle)
        __atomic_fetch_add(&pool->nr_busy, 1, __ATOMIC_RELAXED);
    line_resume(rq, now_ns());
    cpumask_set(&pool->cpus, cpu);
    spin_unlock_irqrestore(&rq->lock, flags);
    settle_pool(pool);
    /* It sets its idle bit and looks for work. */
    softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
}

static void cpu_leave(struct sched_pool *pool, unsigned int cpu)
{
    struct runq *rq = runq_of(cpu);
    unsigned long flags = spin_lock_irqsave(&rq->lock);

    rq->pool = NULL;
    cpumask_clear(&pool->cpus, cpu);
    cpumask_clear(&pool->idle, cpu);
    cpumask_clear(&pool->waiting, cpu);
    if (!rq->curr->is_idle)
        __atomic_fetch_sub(&pool->nr_busy, 1, __ATOMIC_RELAXED);
    spin_unlock_irqrestore(&rq->lock, flags);
    settle_pool(pool);
}

/* A vcpu is bound to cpu by SCHEDOP_pin_override: only the control domain's
 * can be. */
static bool is_pinned_to(unsigned int cpu)
{
    struct vcpu *v;

    if (!dom0)
        return false;
    for_each_vcpu (dom0, v)
        if (READ_ONCE(v->sched.pinned) == (int)cpu)
            return true;
    return false;
}

/* Free, but still busy with what ran there. */
static bool is_leaving(unsigned int cpu)
{
    struct runq *rq = runq_of(cpu);
    unsigned long flags = spin_lock_irqsave(&rq->lock);
    bool busy = !rq->curr->is_idle || rq->nr_waiting;

    spin_unlock_irqrestore(&rq->lock, flags);
    return busy;
}

static int take_out(struct sched_pool *pool, unsigned int cpu)
{
    unsigned int nr = (unsigned int)bitmap_weight(pool->cpus.bits, MAX_CPUS);

    if (nr == 1 && READ_ONCE(pool->nr_domains))
        return -EBUSY;
    if (is_pinned_to(cpu))
        return -EADDRINUSE;
    cpu_leave(pool, cpu);
    return 0;
}

/* Taken from the scheduler until sched_cpu_add(): online for a while yet, but
 * no pool's to take. Under the pool lock. */
static cpumask_t going_offline;

void sched_cpu_add(unsigned int cpu)
{
    place_cpu_topology(cpu);
    spin_lock(&pool_lock);
    bit_clear(going_offline.bits, cpu);
    if (!runq_of(cpu)->pool)
        cpu_join(&pools[0], cpu);
    spin_unlock(&pool_lock);
}

int sched_cpu_remove(unsigned int cpu)
{
    struct sched_pool *pool;
    int rc = 0;

    spin_lock(&pool_lock);
    pool = runq_of(cpu)->pool;
    if (pool)
        rc = take_out(pool, cpu);
    if (!rc) {
        bit_set(going_offline.bits, cpu);
        if (is_leaving(cpu))
            rc = -ERESTART;
    }
    spin_unlock(&pool_lock);
    return rc;
}

/* ---- domains of pools ---- */

int sched_domain_init(struct domain *d, unsigned int pool_id)
{
    struct sched_pool *pool;
    int rc = 0;

    d->sched.nr_groups = nr_cpus;
    d->sched.group = hv_alloc(nr_cpus * sizeof(d->sched.group[0]));
    if (!d->sched.group)
        return -ENOMEM;
    share_domain_init(d);
    spin_lock(&pool_lock);
    pool = pool_find(pool_id);
    if (!pool)
        rc = -ENOENT;
    else if (cpumask_empty(&pool->cpus))
        rc = -EINVAL;
    else
        __atomic_fetch_add(&pool->nr_domains, 1, __ATOMIC_SEQ_CST);
    spin_unlock(&pool_lock);
    d->sched.pool = pool;
    if (rc) {
        hv_free(d->sched.group);
        d->sched.group = NULL;
    }
    return rc;
}

void sched_domain_destroy(struct domain *d)
{
    timer_kill(&d->sched.refill);
    __atomic_fetch_sub(&d->sched.pool->nr_domains, 1, __ATOMIC_SEQ_CST);
    hv_free(d->sched.group);
    d->sched.group = NULL;
}

unsigned int sched_domain_pool(const struct domain *d)
{
    return d->sched.pool ? d->sched.pool->id : 0;
}

void sched_vcpu_init(struct vcpu *v)
{
    list_init(&v->sched.link);
    v->sched.pinned = -1;
    for (unsigned int i = 0; i < MAX_CPUS; i++) {
        bit_set(v->sched.hard_affinity.bits, i);
        bit_set(v->sched.soft_affinity.bits, i);
    }
    v->processor = v->id;
    if (!v->is_idle) {
        compute_allowed(v);
        v->processor = first_cpu(v);
        v->sched.vruntime = READ_ONCE(runq_of(v->processor)->floor);
    }
    v->runstate.state = RUNSTATE_offline;
    v->runstate.state_entry_time = (uint64_t)now_ns();
}

/* v has been paused for good and runs nowhere. */
void sched_vcpu_destroy(struct vcpu *v)
{
    ASSERT(!v->is_running && !vcpu_is_queued(v) && !v->sched.parked);
    (void)v;
}

/* ---- sysctl cpupool_op ---- */

static int pool_make(struct sched_pool *pool)
{
    *pool = (struct sched_pool){
        .id = (unsigned int)(pool - pools),
        .exists = true,
        .ratelimit_us = SCHED_RATELIMIT_DEFAULT_US,
    };
    return 0;
}

int sched_pool_create(uint32_t *id)
{
    unsigned int n = *id;
    int rc = 0;

    spin_lock(&pool_lock);
    if (n == SCHED_ANY)
        for (n = 0; n < NR_POOLS && pools[n].exists; n++)
            ;
    if (n >= NR_POOLS)
        rc = -ENOMEM;
    else if (pools[n].exists)
        rc = -EEXIST;
    else
        rc = pool_make(&pools[n]);
    spin_unlock(&pool_lock);
    if (!rc)
        *id = n;
    return rc;
}

int sched_pool_destroy(uint32_t id)
{
    struct sched_pool *pool;
    int rc = 0;

    spin_lock(&pool_lock);
    pool = pool_find(id);
    if (!pool)
        rc = -ENOENT;
    else if (READ_ONCE(pool->nr_domains) || !cpumask_empty(&pool->cpus))
        rc = -EBUSY;
    else
        pool->exists = false;
    spin_unlock(&pool_lock);
    return rc;
}

int sched_pool_info(uint32_t id, struct sched_pool_info *out)
{
    int rc = -ENOENT;

    spin_lock(&pool_lock);
    for (; id < NR_POOLS; id++) {
        const struct sched_pool *pool = pool_find(id);

        if (!pool)
            continue;
        out->id = pool->id;
        out->nr_domains = READ_ONCE(pool->nr_domains);
        out->cpus = pool->cpus;
        rc = 0;
        break;
    }
    spin_unlock(&pool_lock);
    return rc;
}

static void mask_drop_all(cpumask_t *mask, const cpumask_t *drop)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(mask->bits); i++)
        mask->bits[i] &= ~drop->bits[i];
}

static void free_cpus(cpumask_t *out)
{
    *out = cpu_online_map;
    mask_drop_all(out, &going_offline);
    for (unsigned int n = 0; n < NR_POOLS; n++)
        mask_drop_all(out, &pools[n].cpus);
}

void sched_free_cpus(cpumask_t *out)
{
    spin_lock(&pool_lock);
    free_cpus(out);
    spin_unlock(&pool_lock);
}

int sched_pool_add_cpu(uint32_t id, uint32_t cpu)
{
    struct sched_pool *pool;
    cpumask_t unused;
    int rc = 0;

    spin_lock(&pool_lock);
    pool = pool_find(id);
    free_cpus(&unused);
    if (cpu == SCHED_ANY)
        cpu = cpumask_next(&unused, 0);
    else if (cpu >= nr_cpus)
        rc = -EINVAL;
    if (!rc && !pool)
        rc = -ENOENT;
    else if (!rc && (cpu >= nr_cpus || !cpumask_test(&unused, cpu)))
        rc = -ENODEV;
    if (!rc)
        cpu_join(pool, cpu);
    spin_unlock(&pool_lock);
    return rc;
}

static unsigned int last_cpu(const cpumask_t *mask)
{
    unsigned int cpu, last = MAX_CPUS;

    for_each_cpu (cpu, mask)
        last = cpu;
    return last;
}

static int remove_cpu(uint32_t id, uint32_t cpu)
{
    struct sched_pool *pool = pool_find(id);
    int rc;

    if (!pool)
        return -ENOENT;
    if (cpu == SCHED_ANY)
        cpu = leaving_cpu < MAX_CPUS && leaving_pool == id
                  ? leaving_cpu
                  : last_cpu(&pool->cpus);
    else if (cpu >= nr_cpus)
        return -EINVAL;
    if (cpu != leaving_cpu || id != leaving_pool) {
        if (cpu >= nr_cpus || !cpumask_test(&pool->cpus, cpu))
            return -ENODEV;
        rc = take_out(pool, cpu);
        if (rc)
            return rc;
    }
    leaving_cpu = MAX_CPUS;
    if (!is_leaving(cpu))
        return 0;
    leaving_cpu = cpu;
    leaving_pool = id;
    return -ERESTART;
}

int sched_pool_remove_cpu(uint32_t id, uint32_t cpu)
{
    int rc;

    spin_lock(&pool_lock);
    rc = remove_cpu(id, cpu);
    spin_unlock(&pool_lock);
    return rc;
}

static void move_to_pool(struct domain *d, struct sched_pool *pool)
{
    __atomic_fetch_sub(&d->sched.pool->nr_domains, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&pool->nr_domains, 1, __ATOMIC_SEQ_CST);
    WRITE_ONCE(d->sched.pool, pool);
    settle_domain(d);
}

/*
 * The domain's vcpus need not stand still: those that run leave their CPUs as
 * when a CPU is taken out of the pool. One that looks for a place before its
 * mask is computed anew finds it in the old pool, and leaves it then.
 */
int sched_pool_move_domain(uint32_t id, struct domain *d)
{
    struct sched_pool *pool;
    int rc = 0;

    if (d == current->domain || d->is_privileged)
        return -EINVAL;
    spin_lock(&pool_lock);
    spin_lock(&d->ctl_lock);
    pool = pool_find(id);
    if (!pool)
        rc = -ENOENT;
    else if (cpumask_empty(&pool->cpus) || domain_is_dying(d))
        rc = -EINVAL;
    else if (pool != d->sched.pool)
        move_to_pool(d, pool);
    spin_unlock(&d->ctl_lock);
    spin_unlock(&pool_lock);
    return rc;
}

int sched_pool_get_ratelimit(uint32_t id, uint32_t *us)
{
    const struct sched_pool *pool;

    spin_lock(&pool_lock);
    pool = pool_find(id);
    if (pool)
        *us = pool->ratelimit_us;
    spin_unlock(&pool_lock);
    return pool ? 0 : -ESRCH;
}

int sched_pool_set_ratelimit(uint32_t id, uint32_t us)
{
    struct sched_pool *pool;
    int rc = 0;

    if (us && (us < SCHED_RATELIMIT_MIN_US || us > SCHED_RATELIMIT_MAX_US))
        return -EINVAL;
    spin_lock(&pool_lock);
    pool = pool_find(id);
    if (pool)
        WRITE_ONCE(pool->ratelimit_us, us);
    else
        rc = -ESRCH;
    spin_unlock(&pool_lock);
    return rc;
}
