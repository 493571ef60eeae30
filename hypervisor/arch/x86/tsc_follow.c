/* SPDX-License-Identifier: MIT */
/*
 * Keeping system time right by a platform clock. For each CPU, once a second:
 * what rate did its TSC have since the last step, and by how much is its time
 * off? It goes on at that rate, a little faster or slower, so that the error
 * is gone at the next step. Time never goes back: what is ahead goes slower.
 *
 * docs/boot.md, "Time", states the bounds that follow from this.
 */
#include "tsc_follow.h"

#include <hv/lib.h>

#include <asm/x86.h>

/* ---- platform clock ---- */

static s_time_t ticks_to_ns(const struct platform_time *p, uint64_t ticks)
{
    return (s_time_t)mul_div(ticks, NSEC_PER_SEC, p->hz);
}

s_time_t platform_wrap_ns(const struct platform_time *p)
{
    return ticks_to_ns(p, p->mask + 1);
}

void platform_time_start(struct platform_time *p, uint64_t hz, uint64_t mask,
                         uint64_t counter, s_time_t start_ns)
{
    *p = (struct platform_time){
        .hz = hz, .mask = mask, .last = counter, .start_ns = start_ns};
}

static s_time_t time_of(const struct platform_time *p, uint64_t ticks)
{
    return p->start_ns + ticks_to_ns(p, ticks);
}

/* Some PM timers are not latched: one that is read while it counts may show
 * less than before, or more than it should, and then less. */
static bool went_back(const struct platform_time *p, uint64_t passed,
                      s_time_t expected)
{
    return passed > p->mask - (p->mask >> 6) && expected != NOT_EXPECTED &&
           time_of(p, p->ticks + passed) - expected > platform_wrap_ns(p) / 2;
}

s_time_t platform_time_at(struct platform_time *p, uint64_t counter,
                          s_time_t expected)
{
    uint64_t passed = (counter - p->last) & p->mask;
    s_time_t wrap = platform_wrap_ns(p), now;

    if (unlikely(went_back(p, passed, expected)))
        return time_of(p, p->ticks);
    p->ticks += passed;
    p->last = counter;
    now = time_of(p, p->ticks);
    if (expected == NOT_EXPECTED || expected - now <= wrap / 2)
        return now;
    p->ticks += (uint64_t)((expected - now + wrap / 2) / wrap) * (p->mask + 1);
    return time_of(p, p->ticks);
}

/* ---- watching ---- */

static s_time_t distance(s_time_t a, s_time_t b)
{
    return a > b ? a - b : b - a;
}

bool tsc_watch_check(struct tsc_watch *w, const struct clock_pair *now,
                     s_time_t longest_ns)
{
    s_time_t local = now->local_ns - w->last.local_ns;
    s_time_t platform = now->platform_ns - w->last.platform_ns;
    s_time_t bound =
        (platform >> WATCH_BOUND_SHIFT) + now->slop_ns + w->last.slop_ns;
    bool judge = w->begun && platform >= FOLLOW_MEASURE_NS &&
                 platform <= longest_ns && local <= longest_ns;

    w->begun = true;
    w->last = *now;
    if (!judge)
        return false;
    w->bad = (uint16_t)(w->bad << 1 | (distance(local, platform) > bound));
    return w->bad & (w->bad - 1); /* two bits or more */
}

/* ---- following ---- */

/* TSC rate over an interval; 0 if it shows none: too short, or the TSC was
 * set, or stood. A processor's clocks are within 1/16 to 16 of each other. */
static uint64_t measure(const struct tsc_follow *f, uint64_t tsc,
                        s_time_t platform)
{
    int64_t ticks = (int64_t)(tsc - f->tsc);
    s_time_t ns = platform - f->platform_ns;
    uint64_t hz;

    if (ns < FOLLOW_MEASURE_NS || ticks <= 0 || ticks >> 20 > ns)
        return 0;
    hz = mul_div((uint64_t)ticks, NSEC_PER_SEC, (uint64_t)ns);
    return hz < f->boot_hz / 16 || hz > f->boot_hz * 16 ? 0 : hz;
}

static bool is_near(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) <= b >> WATCH_BOUND_SHIFT;
}

/*
 * A TSC that stood for a while looks like one that goes slower, and at the
 * slower rate time would then run ahead. So of two rates that are not near
 * each other, of the last interval and of the one before, the higher is taken:
 * a TSC that did slow down is known a step later, and until then time is
 * behind, which a jump mends.
 */
static void take_rate(struct tsc_follow *f, uint64_t hz)
{
    f->hz = is_near(hz, f->last_hz) ? hz : max_t(uint64_t, hz, f->last_hz);
    f->last_hz = hz;
}

/* While next of platform time passes, next + slew of the CPU's does. */
static s_time_t slew_of(s_time_t error, s_time_t next)
{
    s_time_t most = min_t(s_time_t, error, next / FOLLOW_FASTER);

    return max_t(s_time_t, most, -(next / FOLLOW_SLOWER));
}

void tsc_follow_start(struct tsc_follow *f, uint64_t hz)
{
    *f = (struct tsc_follow){.hz = hz, .last_hz = hz, .boot_hz = hz};
}

struct tsc_course tsc_follow_step(struct tsc_follow *f, uint64_t tsc,
                                  s_time_t local, s_time_t platform)
{
    struct tsc_course c = {.base_ns = local};
    s_time_t error = platform - local, next = FOLLOW_NS;
    uint64_t hz = f->begun ? measure(f, tsc, platform) : 0;
    bool settled = distance(error, 0) <= FOLLOW_SETTLE_NS && hz;

    if (hz) {
        settled = settled && is_near(hz, f->last_hz);
        take_rate(f, hz);
    }
    if (!settled)
        next = FOLLOW_SOON_NS;
    f->error_ns = error;
    f->nr_steps++;
    if (error > next / FOLLOW_FASTER) {
        /* The TSC stood or went slower. */
        c.base_ns = platform;
        error = 0;
        f->nr_jumps++;
    }
    c.next_ns = next + slew_of(error, next);
    c.hz = mul_div(f->hz, (uint64_t)next, (uint64_t)c.next_ns);
    f->begun = true;
    f->tsc = tsc;
    f->local_ns = c.base_ns;
    f->platform_ns = platform;
    return c;
}

s_time_t tsc_follow_expect(const struct tsc_follow *f, s_time_t local)
{
    return f->begun ? f->platform_ns + (local - f->local_ns) : NOT_EXPECTED;
}
