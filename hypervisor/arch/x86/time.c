/* SPDX-License-Identifier: MIT */
/*
 * System time: the TSC times a scale. Every CPU has its own copy of the scale,
 * so that reading the time touches no shared line, and so that CPUs whose TSCs
 * differ can be brought together.
 */
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/smp.h>

#include <asm/cpu.h>
#include <asm/time.h>
#include <asm/x86.h>

#define MEASURE_NS 5000000
/* Rounds of comparing two TSCs, and the time after which fewer will do. */
#define SYNC_MAX_ROUNDS 64
#define SYNC_MIN_ROUNDS 4
#define SYNC_NS         MICROSECS(500)
#define SYNC_DONE       ~0U

/* ns = base_ns + (((tsc - base_tsc) << shift) * mul >> 32); the product is of
 * 128 bits, so that one shift by right = 32 - shift does it. */
struct tsc_scale {
    uint64_t base_tsc;
    s_time_t base_ns;
    uint32_t mul;
    int8_t shift;
    uint8_t right;
};
/* Two, so that a reader interrupted by a change goes on with what it had. */
struct cpu_scale {
    struct tsc_scale s[2];
    size_t live; /* bytes from s[0] to the one in use */
};
static DEFINE_PER_CPU(struct cpu_scale, scale);

static const struct tsc_scale *in_use(const struct cpu_scale *c)
{
    return (const struct tsc_scale *)((const char *)c->s + READ_ONCE(c->live));
}

static const struct tsc_scale *live_scale(unsigned int cpu)
{
    return in_use(&per_cpu(scale, cpu));
}

static const struct tsc_scale *my_scale(void)
{
    return in_use(&this_cpu(scale));
}

static void scale_set(unsigned int cpu, const struct tsc_scale *s)
{
    struct cpu_scale *c = &per_cpu(scale, cpu);
    size_t other = sizeof(*s) - c->live;

    c->s[other != 0] = *s;
    barrier();
    WRITE_ONCE(c->live, other);
}

uint32_t tsc_khz __ro_after_init;
static bool stable = true;

const struct ref_clock *ref_clock __ro_after_init;
static struct clock_sample first_sample __initdata;

static inline uint64_t scale_delta(uint64_t delta, const struct tsc_scale *s)
{
    uint64_t high;

    __asm__("mulq %2; shrdq %%cl, %1, %0"
            : "+a"(delta), "=&d"(high)
            : "r"((uint64_t)s->mul), "c"(s->right)
            : "cc");
    return delta;
}

s_time_t now_ns(void)
{
    const struct tsc_scale *s = my_scale();
    int64_t delta = (int64_t)(rdtsc_ordered() - s->base_tsc);
    s_time_t ns = s->base_ns;

    if (likely(delta > 0))
        ns += (s_time_t)scale_delta((uint64_t)delta, s);
    return ns;
}

s_time_t tsc_to_ns(uint64_t tsc)
{
    const struct tsc_scale *s = my_scale();
    int64_t delta = (int64_t)(tsc - s->base_tsc);

    return delta > 0 ? s->base_ns + (s_time_t)scale_delta((uint64_t)delta, s)
                     : s->base_ns;
}

uint64_t ns_to_tsc(s_time_t at)
{
    const struct tsc_scale *s = my_scale();
    uint64_t delta;

    if (at <= s->base_ns)
        return s->base_tsc;
    /* The same scale backwards: another one would be off by more the longer
     * the machine runs. */
    delta = mul_div((uint64_t)(at - s->base_ns), 1UL << 32, s->mul);
    if (s->shift >= 0)
        delta >>= s->shift;
    else
        delta <<= -s->shift;
    return s->base_tsc + delta;
}

/* shift brings the rate into (1, 2] GHz, so that mul has all its bits. */
static void set_scale(struct tsc_scale *s, uint64_t hz)
{
    int shift = 0;

    for (; hz > 2UL * NSEC_PER_SEC; hz >>= 1)
        shift--;
    for (; hz <= (uint64_t)NSEC_PER_SEC; hz <<= 1)
        shift++;
    s->mul = (uint32_t)mul_div(NSEC_PER_SEC, 1UL << 32, hz);
    s->shift = (int8_t)shift;
    s->right = (uint8_t)(32 - shift);
}

/* The closest of several: an emulator or SMM may come between the reads. */
struct clock_sample clock_sample(void)
{
    struct clock_sample s = {.window = ~0ULL};

    for (unsigned int i = 0; i < 5; i++) {
        uint64_t t0 = rdtsc_ordered(), r = ref_clock->read(),
                 t1 = rdtsc_ordered();

        if (t1 - t0 < s.window)
            s = (struct clock_sample){t0 + (t1 - t0) / 2, r, t1 - t0};
    }
    return s;
}

static uint64_t __init ref_elapsed(const struct clock_sample *a,
                                   const struct clock_sample *b)
{
    return (b->ref - a->ref) & ref_clock->mask;
}

static uint64_t __init tsc_hz_between(const struct clock_sample *a,
                                      const struct clock_sample *b)
{
    return mul_div(b->tsc - a->tsc, ref_clock->hz, ref_elapsed(a, b));
}

void __init time_init(void)
{
    struct tsc_scale s = {0};
    struct clock_sample end;
    uint64_t ticks, hz;

    ref_clock = ref_clock_find();
    ticks = ref_clock->hz * (MEASURE_NS / 1000) / 1000000;
    apic_timer_measure_start();
    first_sample = clock_sample();
    do
        end = clock_sample();
    while (ref_elapsed(&first_sample, &end) < ticks);
    apic_timer_measure_end(ref_elapsed(&first_sample, &end) * NSEC_PER_SEC /
                           ref_clock->hz);

    hz = tsc_hz_between(&first_sample, &end);
    tsc_khz = (uint32_t)(hz / 1000);
    s.base_tsc = first_sample.tsc;
    set_scale(&s, hz);
    scale_set(0, &s);
    apic_timer_init_cpu();
    printk("TSC %u.%03u MHz, measured with the %s\n", tsc_khz / 1000,
           tsc_khz % 1000, ref_clock->name);
}

/* The new rate from now on; time goes on from where it is. */
static void __init refine_cpu(void *hz)
{
    struct tsc_scale s = *my_scale();

    s.base_ns = now_ns();
    s.base_tsc = rdtsc_ordered();
    set_scale(&s, *(const uint64_t *)hz);
    scale_set(smp_processor_id(), &s);
}

void __init time_refine(void)
{
    struct clock_sample end = clock_sample();
    uint64_t elapsed_ns = (uint64_t)now_ns(), hz, old = tsc_khz * 1000UL;

    /* The reference may have wrapped, more than once. */
    if (elapsed_ns > ref_clock->mask / 2 * NSEC_PER_SEC / ref_clock->hz)
        return;
    hz = tsc_hz_between(&first_sample, &end);
    if (hz > old + old / 100 || hz < old - old / 100) {
        printk(LOG_WARN "TSC measured again: %lu kHz, ignored\n", hz / 1000);
        return;
    }
    tsc_khz = (uint32_t)(hz / 1000);
    smp_call(&cpu_online_map, refine_cpu, &hz, true);
    if (stable) {
        /* One base for all: equal readings mean equal times. */
        unsigned int cpu;

        for_each_online_cpu (cpu)
            if (cpu)
                scale_set(cpu, live_scale(0));
    }
    printk(LOG_DEBUG "TSC %u.%03u MHz\n", tsc_khz / 1000, tsc_khz % 1000);
}

/* ---- comparing two CPUs ---- */

/* One line, passed to and fro: the boot CPU writes asked, the other answers
 * with its TSC. */
static struct {
    uint32_t asked, answered;
    uint64_t tsc;
} sync;

void time_init_cpu(void)
{
    scale_set(smp_processor_id(), live_scale(0));
    apic_timer_init_cpu();
}

/* Interrupts are off; the boot CPU is in time_sync_cpu(). */
void time_sync_answer(void)
{
    uint32_t round, last = 0;

    for (;;) {
        round = __atomic_load_n(&sync.asked, __ATOMIC_ACQUIRE);
        if (round == SYNC_DONE)
            break;
        if (round != last) {
            sync.tsc = rdtsc_ordered();
            __atomic_store_n(&sync.answered, round, __ATOMIC_RELEASE);
            last = round;
        }
        cpu_relax();
    }
    __atomic_store_n(&sync.answered, SYNC_DONE, __ATOMIC_RELEASE);
}

static void __init wait_answer(uint32_t round)
{
    __atomic_store_n(&sync.asked, round, __ATOMIC_RELEASE);
    while (__atomic_load_n(&sync.answered, __ATOMIC_ACQUIRE) != round)
        cpu_relax();
}

/*
 * The other's reading must lie between two of ours. What it lies outside is
 * the least by which its TSC differs; the tightest round gives the estimate.
 */
bool __init time_sync_cpu(unsigned int cpu)
{
    uint64_t best = ~0ULL;
    int64_t offset = 0, warp = 0;
    s_time_t end = now_ns() + SYNC_NS;
    struct tsc_scale corrected;

    for (uint32_t round = 1; round <= SYNC_MAX_ROUNDS; round++) {
        uint64_t t0 = rdtsc_ordered(), t1, theirs;

        wait_answer(round);
        theirs = sync.tsc;
        t1 = rdtsc_ordered();
        if (theirs < t0)
            warp = min_t(int64_t, warp, (int64_t)(theirs - t0));
        else if (theirs > t1)
            warp = max_t(int64_t, warp, (int64_t)(theirs - t1));
        if (t1 - t0 < best) {
            best = t1 - t0;
            offset = (int64_t)(theirs - (t0 + best / 2));
        }
        if (round >= SYNC_MIN_ROUNDS && now_ns() > end)
            break;
    }
    wait_answer(SYNC_DONE);
    sync.asked = sync.answered = 0;
    if (!warp)
        return true;
    stable = false;
    corrected = *live_scale(cpu);
    corrected.base_tsc += (uint64_t)offset;
    scale_set(cpu, &corrected);
    printk(LOG_WARN "TSC of CPU %u differs by %ld: corrected\n", cpu, offset);
    return true;
}

/* Interrupts are off since the TSC was read: nobody on this CPU has seen a
 * later time than ns. */
void time_set_course(uint64_t tsc, s_time_t ns, uint64_t hz)
{
    struct tsc_scale s = {.base_tsc = tsc, .base_ns = ns};

    set_scale(&s, hz);
    scale_set(smp_processor_id(), &s);
}

void tsc_set_unstable(void)
{
    WRITE_ONCE(stable, false);
}

bool tsc_is_stable(void)
{
    return stable;
}

void time_fill_record(struct vcpu_time_info *t)
{
    const struct tsc_scale *s = my_scale();

    t->tsc_timestamp = s->base_tsc;
    t->system_time = (uint64_t)s->base_ns;
    t->tsc_to_system_mul = s->mul;
    t->tsc_shift = s->shift;
    t->flags = stable ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
}
