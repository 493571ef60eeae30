/* SPDX-License-Identifier: MIT */
/*
 * Sets of physical CPUs.
 */
#ifndef HV_CPUMASK_H
#define HV_CPUMASK_H

#include <hv/bitmap.h>

#define MAX_CPUS 256

typedef struct cpumask {
    unsigned long bits[BITMAP_LONGS(MAX_CPUS)];
} cpumask_t;

extern cpumask_t cpu_online_map; /* CPUs that run the scheduler */
extern unsigned int nr_cpus;     /* highest possible CPU number + 1 */

static inline bool cpumask_test(const cpumask_t *m, unsigned int cpu)
{
    return bit_test(m->bits, cpu);
}

static inline void cpumask_set(cpumask_t *m, unsigned int cpu)
{
    bit_set_atomic(m->bits, cpu);
}

static inline void cpumask_clear(cpumask_t *m, unsigned int cpu)
{
    bit_clear_atomic(m->bits, cpu);
}

static inline unsigned int cpumask_next(const cpumask_t *m, unsigned int from)
{
    return (unsigned int)bitmap_find_next(m->bits, MAX_CPUS, from);
}

#define for_each_cpu(cpu, mask)                           \
    for ((cpu) = cpumask_next(mask, 0); (cpu) < MAX_CPUS; \
         (cpu) = cpumask_next(mask, (cpu) + 1))
#define for_each_online_cpu(cpu) for_each_cpu (cpu, &cpu_online_map)

static inline void cpumask_zero(cpumask_t *m)
{
    *m = (cpumask_t){{0}};
}

static inline cpumask_t cpumask_of(unsigned int cpu)
{
    cpumask_t m = {{0}};

    bit_set(m.bits, cpu);
    return m;
}

static inline bool cpumask_empty(const cpumask_t *m)
{
    unsigned long any = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(m->bits); i++)
        any |= m->bits[i];
    return !any;
}

static inline void cpumask_and(cpumask_t *d, const cpumask_t *a,
                               const cpumask_t *b)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(d->bits); i++)
        d->bits[i] = a->bits[i] & b->bits[i];
}

static inline void cpumask_or(cpumask_t *d, const cpumask_t *a,
                              const cpumask_t *b)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(d->bits); i++)
        d->bits[i] = a->bits[i] | b->bits[i];
}

#endif
