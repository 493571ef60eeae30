/* SPDX-License-Identifier: MIT */
/*
 * Performance counters: their names, sums and reset. Hypercalls are counted
 * only when the command line says `perfc`: then all take the watched way, and
 * the guests' simple exceptions the longer one.
 */
#include <hv/perfc.h>

#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/smp.h>

/* Values of the counters by domain: one for each id, the last for all above. */
#define NR_DOMAINS 64

DEFINE_PER_CPU(struct perfc_cpu, perfc);

static bool count_all __initdata;
PARAM_B("perfc", count_all);

enum kind {
    BY_CPU,
    BY_NUMBER,
    BY_DOMAIN,
    INTERRUPTS_BY_CPU
};

/* offset: of the value, or of the first, in struct perfc_cpu or perfc_vcpu. */
static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
    unsigned int nr;
} counters[] = {
#define SINGLE(i) offsetof(struct perfc_cpu, single[i])
    {"context switches", BY_CPU, SINGLE(PERFC_CONTEXT_SWITCHES), 0},
    {"idle periods", BY_CPU, SINGLE(PERFC_IDLE), 0},
    {"hypercall continuations", BY_CPU, SINGLE(PERFC_CONTINUATIONS), 0},
    {"page types checked", BY_CPU, SINGLE(PERFC_TYPES_GOT), 0},
    {"page types dropped", BY_CPU, SINGLE(PERFC_TYPES_DROPPED), 0},
    {"TLB flushes of other CPUs", BY_CPU, SINGLE(PERFC_TLB_REQUESTS), 0},
    {"log messages dropped", BY_CPU, SINGLE(PERFC_LOG_DROPPED), 0},
    {"clock corrections", BY_CPU, SINGLE(PERFC_CLOCK_STEPS), 0},
    {"clock jumps", BY_CPU, SINGLE(PERFC_CLOCK_JUMPS), 0},
    {"interrupts", INTERRUPTS_BY_CPU, 0, 0},
#undef SINGLE
#define ARRAY(field) offsetof(struct perfc_cpu, field)
    {"hypercalls", BY_NUMBER, ARRAY(hypercall), PERFC_NR_HYPERCALLS},
    {"exceptions", BY_NUMBER, ARRAY(exception), PERFC_NR_EXCEPTIONS},
    {"softirqs", BY_NUMBER, ARRAY(softirq), PERFC_NR_SOFTIRQS},
    {"interrupts by vector", BY_NUMBER, ARRAY(vector), PERFC_NR_VECTORS},
#undef ARRAY
#define VCPU(field) offsetof(struct perfc_vcpu, field)
    {"switches by domain", BY_DOMAIN, VCPU(switches), NR_DOMAINS},
    {"hypercalls by domain", BY_DOMAIN, VCPU(hypercalls), NR_DOMAINS},
    {"exceptions by domain", BY_DOMAIN, VCPU(exceptions), NR_DOMAINS},
    {"instructions emulated by domain", BY_DOMAIN, VCPU(emulated), NR_DOMAINS},
    {"page-table stores emulated by domain", BY_DOMAIN, VCPU(pte_emulated),
     NR_DOMAINS},
#undef VCPU
};

static uint64_t of_cpu(unsigned int cpu, size_t offset)
{
    return *(const uint64_t *)((const char *)&per_cpu(perfc, cpu) + offset);
}

static uint64_t of_all_cpus(size_t offset)
{
    uint64_t sum = 0;

    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
        sum += of_cpu(cpu, offset);
    return sum;
}

static uint64_t of_domain(const struct domain *d, size_t offset)
{
    const struct vcpu *v;
    uint64_t sum = 0;

    for_each_vcpu (d, v)
        sum += *(const uint64_t *)((const char *)&v->perfc + offset);
    return sum;
}

static uint64_t by_domain(unsigned int n, size_t offset)
{
    bool rest = n == NR_DOMAINS - 1;
    uint64_t sum = 0;
    struct domain *d;

    for (domid_t id = (domid_t)n; (d = domain_get_first_from(id)) != NULL;) {
        bool mine = rest || d->id == n;

        if (mine)
            sum += of_domain(d, offset);
        id = (domid_t)(d->id + 1);
        domain_put(d);
        if (!rest)
            break;
    }
    return sum;
}

static uint64_t interrupts_of(unsigned int cpu)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < PERFC_NR_VECTORS; i++)
        sum += per_cpu(perfc, cpu).vector[i];
    return sum;
}

const char *perfc_describe(unsigned int i, unsigned int *nr)
{
    if (i >= ARRAY_SIZE(counters))
        return NULL;
    *nr = counters[i].nr ? counters[i].nr : nr_cpus;
    return counters[i].name;
}

uint64_t perfc_value(unsigned int i, unsigned int n)
{
    switch (counters[i].kind) {
    case BY_CPU:
        return of_cpu(n, counters[i].offset);
    case INTERRUPTS_BY_CPU:
        return interrupts_of(n);
    case BY_NUMBER:
        return of_all_cpus(counters[i].offset + n * sizeof(uint64_t));
    case BY_DOMAIN:
        return by_domain(n, counters[i].offset);
    }
    return 0;
}

static void reset_cpu(void *unused)
{
    (void)unused;
    memset(&this_cpu(perfc), 0, sizeof(struct perfc_cpu));
}

/* A vcpu that runs at that moment may keep one count of before. */
void perfc_reset(void)
{
    struct domain *d;
    struct vcpu *v;

    smp_call(&cpu_online_map, reset_cpu, NULL, true);
    for (domid_t id = 0; (d = domain_get_first_from(id)) != NULL;) {
        for_each_vcpu (d, v)
            memset(&v->perfc, 0, sizeof(v->perfc));
        id = (domid_t)(d->id + 1);
        domain_put(d);
    }
}

static void show_counter(unsigned int i)
{
    unsigned int nr = 0;
    const char *name = perfc_describe(i, &nr);
    uint64_t sum = 0;

    for (unsigned int n = 0; n < nr; n++)
        sum += perfc_value(i, n);
    if (!sum)
        return;
    printk(LOG_INFO "%s: %lu\n", name, sum);
    for (unsigned int n = 0; n < nr; n++)
        if (perfc_value(i, n))
            printk(LOG_INFO "  [%u] %lu\n", n, perfc_value(i, n));
}

static void show_key(char key)
{
    (void)key;
    for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
        show_counter(i);
}

static void reset_key(char key)
{
    (void)key;
    perfc_reset();
}

void __init perfc_init(void)
{
    key_register('p', show_key, "show performance counters");
    key_register_action('P', reset_key, "reset performance counters");
    if (!count_all)
        return;
    hypercall_watch(WATCHER_COUNT, true);
    arch_watch_exceptions(WATCHER_COUNT, true);
}
