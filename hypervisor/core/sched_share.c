/* SPDX-License-Identifier: MIT */
/*
 * What a domain may use: its weight is shared by those of its vcpus that are
 * active, that is, queued or running. So a vcpu that runs from a to b has used
 *
 *     integral from a to b of (active vcpus) dt * SCHED_WEIGHT_DEFAULT / weight
 *
 * virtual nanoseconds. The integral is kept exactly, not sampled: a guest that
 * takes its vcpus down just before it is charged gains nothing.
 *
 * A cap fills a bucket of time at a steady rate. Active vcpus hold budgets
 * taken out of the bucket; one that gets none is parked, not active, until a
 * timer finds time in the bucket again. What is overdrawn is paid back first.
 */
#include "sched_priv.h"

/* A vcpu is given at least this, and once parked waits for that. */
#define CHUNK_MIN_NS  MICROSECS(250)
#define CHUNK_WAIT_NS MILLISECS(2)
/* An overdrawn budget is noticed this late. */
#define BUDGET_LATE_NS MICROSECS(50)

/*
 * ---- the share integral ----
 *
 * It is base + nr_active * now. Both are one word, so that a vcpu comes and
 * goes by one addition, without a lock: nr_active in the low bits, which are
 * never more than a domain's vcpus, so nothing is carried into base above them.
 * An integral is kept as base is, by SHARE_SHIFT bits to the left, and two are
 * compared modulo 2^56 ns: two years, and a turn is milliseconds.
 */

#define SHARE_SHIFT  8
#define SHARE_ACTIVE (BIT(SHARE_SHIFT) - 1)
_Static_assert(MAX_VCPUS <= SHARE_ACTIVE, "a domain's vcpus fit in the count");

unsigned int share_nr_active(const struct sched_domain *s)
{
    return __atomic_load_n(&s->share, __ATOMIC_RELAXED) & SHARE_ACTIVE;
}

static uint64_t share_at(const struct sched_domain *s, s_time_t now)
{
    uint64_t share = __atomic_load_n(&s->share, __ATOMIC_RELAXED);
    uint64_t active = share & SHARE_ACTIVE;

    return share - active + active * ((uint64_t)now << SHARE_SHIFT);
}

/* One more, from now on: base falls by what it counts for until now. */
static void active_inc(struct sched_domain *s, s_time_t now)
{
    uint64_t was = __atomic_fetch_sub(
        &s->share, ((uint64_t)now << SHARE_SHIFT) - 1, __ATOMIC_RELAXED);

    ASSERT((was & SHARE_ACTIVE) < MAX_VCPUS);
}

static void active_dec(struct sched_domain *s, s_time_t now)
{
    uint64_t was = __atomic_fetch_add(
        &s->share, ((uint64_t)now << SHARE_SHIFT) - 1, __ATOMIC_RELAXED);

    ASSERT((was & SHARE_ACTIVE) > 0);
}

static s_time_t scale(uint64_t ns, uint16_t weight)
{
    uint64_t w = max_t(uint16_t, 1, weight);
    uint64_t scaled =
        ns / w * SCHED_WEIGHT_DEFAULT + ns % w * SCHED_WEIGHT_DEFAULT / w;

    return (s_time_t)min_t(uint64_t, scaled, BIT(56));
}

void share_start(struct vcpu *v, s_time_t now)
{
    v->sched.share_start = share_at(&v->domain->sched, now);
}

s_time_t share_used(struct vcpu *v, s_time_t ran, s_time_t now)
{
    const struct sched_domain *s = &v->domain->sched;
    uint64_t at = share_at(s, now);
    int64_t used = (int64_t)(at - v->sched.share_start) >> SHARE_SHIFT;

    v->sched.share_start = at;
    if (READ_ONCE(s->cap))
        v->sched.budget -= ran;
    /* Clocks of CPUs may differ by a little. */
    return used < 0 ? 0 : scale((uint64_t)used, READ_ONCE(s->weight));
}

s_time_t share_scale(const struct domain *d, s_time_t ns)
{
    const struct sched_domain *s = &d->sched;
    uint64_t active = max_t(unsigned int, 1, share_nr_active(s));

    return scale((uint64_t)ns * active, READ_ONCE(s->weight));
}

/* ---- the cap; under the domain's lock ---- */

static s_time_t bucket_size(const struct sched_domain *s)
{
    return max_t(s_time_t, MILLISECS(1), s->cap * MICROSECS(500));
}

static void bucket_fill(struct sched_domain *s, s_time_t now)
{
    s_time_t passed = now - s->tokens_at;

    if (passed <= 0)
        return;
    passed = min_t(s_time_t, passed, SECONDS(100));
    s->tokens_at = now;
    s->tokens =
        min_t(s_time_t, bucket_size(s), s->tokens + passed * s->cap / 100);
}

static bool budget_take(struct sched_domain *s, struct vcpu *v, s_time_t now)
{
    s_time_t most = SLICE_NS, share;

    bucket_fill(s, now);
    if (s->tokens < CHUNK_MIN_NS)
        return false;
    most = min_t(s_time_t, most, s->tokens);
    share = s->tokens / (share_nr_active(s) + 1);
    share = max_t(s_time_t, share, 2 * CHUNK_MIN_NS);
    share = min_t(s_time_t, share, most);
    s->tokens -= share;
    v->sched.budget += share;
    return true;
}

static void arm_refill(struct sched_domain *s, s_time_t now)
{
    s_time_t target = min_t(s_time_t, bucket_size(s), CHUNK_WAIT_NS);
    s_time_t missing = max_t(s_time_t, 0, target - s->tokens);

    if (list_empty(&s->parked) || timer_is_active(&s->refill))
        return;
    timer_set(&s->refill, s->cap ? now + missing * 100 / s->cap : now);
}

static void park(struct sched_domain *s, struct vcpu *v, s_time_t now)
{
    WRITE_ONCE(v->sched.parked, true);
    list_add_tail(&v->sched.link, &s->parked);
    arm_refill(s, now);
}

/* What is left of a budget, or overdrawn, goes back to the bucket. */
static void budget_return(struct sched_domain *s, struct vcpu *v, s_time_t now)
{
    s->tokens += v->sched.budget;
    v->sched.budget = 0;
    if (s->cap && s->tokens >= CHUNK_MIN_NS && !list_empty(&s->parked))
        timer_set(&s->refill, now);
}

/*
 * A cap that is read before it is set lets the vcpu go on without a budget;
 * who sets it makes all that are active ask for one (sched_domain_look()).
 */
bool share_activate(struct vcpu *v, s_time_t now)
{
    struct sched_domain *s = &v->domain->sched;
    bool ok;

    if (!READ_ONCE(s->cap)) {
        active_inc(s, now);
        return true;
    }
    spin_lock(&s->lock);
    ok = !s->cap || budget_take(s, v, now);
    if (ok)
        active_inc(s, now);
    else
        park(s, v, now);
    spin_unlock(&s->lock);
    return ok;
}

void share_deactivate(struct vcpu *v, s_time_t now)
{
    struct sched_domain *s = &v->domain->sched;

    active_dec(s, now);
    if (!v->sched.budget)
        return;
    spin_lock(&s->lock);
    budget_return(s, v, now);
    spin_unlock(&s->lock);
}

bool share_has_budget(struct vcpu *v, s_time_t now)
{
    struct sched_domain *s = &v->domain->sched;
    bool ok;

    if (!READ_ONCE(s->cap))
        return true;
    spin_lock(&s->lock);
    ok = !s->cap || v->sched.budget > 0 ||
         (budget_take(s, v, now) && v->sched.budget > 0);
    if (!ok) {
        active_dec(s, now);
        budget_return(s, v, now);
        park(s, v, now);
    }
    spin_unlock(&s->lock);
    return ok;
}

s_time_t share_limit(const struct vcpu *v, s_time_t now, s_time_t end)
{
    if (!READ_ONCE(v->domain->sched.cap))
        return end;
    now += max_t(s_time_t, v->sched.budget, BUDGET_LATE_NS);
    return min_t(s_time_t, end, now);
}

void share_unpark(struct vcpu *v)
{
    struct sched_domain *s = &v->domain->sched;

    if (!READ_ONCE(v->sched.parked))
        return;
    spin_lock(&s->lock);
    if (v->sched.parked) {
        list_del(&v->sched.link);
        WRITE_ONCE(v->sched.parked, false);
    }
    spin_unlock(&s->lock);
}

/* The first of the parked if there is time for it. */
static struct vcpu *unpark_first(struct sched_domain *s)
{
    struct vcpu *v = NULL;
    unsigned long flags = spin_lock_irqsave(&s->lock);

    if (s->cap)
        bucket_fill(s, now_ns());
    if (!list_empty(&s->parked) && (!s->cap || s->tokens >= CHUNK_MIN_NS)) {
        v = list_first_entry(&s->parked, struct vcpu, sched.link);
        list_del(&v->sched.link);
        WRITE_ONCE(v->sched.parked, false);
    } else {
        arm_refill(s, now_ns());
    }
    spin_unlock_irqrestore(&s->lock, flags);
    return v;
}

/* As many as there is time for; each takes its part when it wakes. One may
 * find the time gone, and park again: not for ever in one call. */
static void refill(void *arg)
{
    struct domain *d = arg;

    for (unsigned int n = 0; n < MAX_VCPUS; n++) {
        struct vcpu *v = unpark_first(&d->sched);

        if (!v)
            return;
        sched_wake(v);
    }
    timer_set(&d->sched.refill, now_ns());
}

/* ---- settings ---- */

void share_domain_init(struct domain *d)
{
    struct sched_domain *s = &d->sched;

    spin_init(&s->lock, LOCK_RANK_SCHED_DOMAIN);
    list_init(&s->parked);
    timer_init(&s->refill, refill, d, smp_processor_id());
    s->weight = SCHED_WEIGHT_DEFAULT;
}

void sched_domain_set(struct domain *d, uint16_t weight, uint16_t cap)
{
    struct sched_domain *s = &d->sched;
    unsigned long flags = spin_lock_irqsave(&s->lock);
    s_time_t now = now_ns();

    if (weight)
        WRITE_ONCE(s->weight, weight);
    if (cap != UINT16_MAX && cap != s->cap) {
        bucket_fill(s, now);
        s->tokens_at = now;
        s->tokens = min_t(s_time_t, s->tokens, 0);
        WRITE_ONCE(s->cap, cap);
        timer_set(&s->refill, now);
    }
    spin_unlock_irqrestore(&s->lock, flags);
    if (cap != UINT16_MAX)
        sched_domain_look(d);
}
