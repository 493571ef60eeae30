/* SPDX-License-Identifier: MIT */
/*
 * Keeping system time right by a platform clock: the arithmetic, without the
 * machine (platform_clock.c has that; tests/unit/tsc_follow.c drives it).
 */
#ifndef TSC_FOLLOW_H
#define TSC_FOLLOW_H

#include <hv/time.h>
#include <hv/types.h>

/* ---- the platform clock: a counter that wraps, made a time that does not */

struct platform_time {
    uint64_t hz, mask; /* of the counter */
    uint64_t last;     /* as it was read last */
    uint64_t ticks;    /* passed since start_ns */
    s_time_t start_ns;
};

#define NOT_EXPECTED INT64_MIN

/* It shows start_ns when the counter stands at counter. */
void platform_time_start(struct platform_time *p, uint64_t hz, uint64_t mask,
                         uint64_t counter, s_time_t start_ns);
/*
 * Its time at a reading not older than the one before. expected: about what it
 * is, by a TSC; off by less than half a wrap, it tells how often the counter
 * wrapped. NOT_EXPECTED: less than once. Readings come one at a time.
 */
s_time_t platform_time_at(struct platform_time *p, uint64_t counter,
                          s_time_t expected);
s_time_t platform_wrap_ns(const struct platform_time *p);

/* ---- watching: does the TSC go as the platform clock does? ---- */

#define WATCH_NS          SECONDS(1)
#define WATCH_MAX_NS      SECONDS(16)
#define WATCH_BOUND_SHIFT 10 /* off by more than 1/1024 of the time */

/* Two clocks at one moment; both may be off by up to slop_ns. */
struct clock_pair {
    s_time_t local_ns, platform_ns, slop_ns;
};
struct tsc_watch {
    struct clock_pair last;
    uint16_t bad; /* a bit for each of the last checks */
    bool begun;
};

/* One check. True: two of the last 16 were bad, the TSC cannot be trusted. A
 * time over longest_ns is not judged: the counter may have wrapped in it. */
bool tsc_watch_check(struct tsc_watch *w, const struct clock_pair *now,
                     s_time_t longest_ns);

/* ---- following: system time of a CPU by the platform clock ---- */

#define FOLLOW_NS        SECONDS(1)
#define FOLLOW_SOON_NS   MILLISECS(250) /* while the time is not right yet */
#define FOLLOW_SETTLE_NS MILLISECS(1)   /* right enough */
/* What is shorter does not measure a rate. */
#define FOLLOW_MEASURE_NS MILLISECS(50)
/* Slew: system time goes faster by at most 1/64, slower by at most 1/2. */
#define FOLLOW_FASTER 64
#define FOLLOW_SLOWER 2

struct tsc_follow {
    /* At the step before; local_ns as it was set then. */
    uint64_t tsc;
    s_time_t local_ns, platform_ns;
    uint64_t hz;      /* of the TSC, taken for right */
    uint64_t last_hz; /* what the last interval showed */
    uint64_t boot_hz;
    bool begun;
    /* To be shown. */
    s_time_t error_ns; /* platform less local time, found by the last step */
    uint64_t nr_steps, nr_jumps;
};

/* How the CPU's time goes on from the TSC value of the step. */
struct tsc_course {
    s_time_t base_ns;
    uint64_t hz;      /* TSC ticks per second of system time */
    s_time_t next_ns; /* of it, to the next step */
};

void tsc_follow_start(struct tsc_follow *f, uint64_t hz);

/*
 * The CPU's system time is local at tsc, when the platform's is platform. The
 * course never begins before local.
 */
struct tsc_course tsc_follow_step(struct tsc_follow *f, uint64_t tsc,
                                  s_time_t local, s_time_t platform);
/* The platform time to expect when the CPU's is local. */
s_time_t tsc_follow_expect(const struct tsc_follow *f, s_time_t local);

#endif
