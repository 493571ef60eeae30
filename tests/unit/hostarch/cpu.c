/* SPDX-License-Identifier: MIT */
/* CPUs and their variables; percpu.lds gives the bounds of the master copy. */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

extern char host_percpu_start[], host_percpu_end[];

unsigned long percpu_offset[MAX_CPUS];
unsigned int nr_cpus = 1;
cpumask_t cpu_online_map = {{1}};

static struct cpu_info infos[MAX_CPUS];
static char *copies[MAX_CPUS];
static char *pristine; /* the master copy as it was linked */
struct cpu_info *host_cpu_info = &infos[0];

/* clang's sanitizer keeps zones between the variables that no one may touch,
 * and knows memcpy(). */
__attribute__((no_sanitize("address"))) static void copy_all(volatile char *dst,
                                                             const char *src,
                                                             size_t len)
{
    for (size_t i = 0; i < len; i++)
        dst[i] = src[i];
}

/* CPU 0 uses the master copy, as the real one does. */
static void percpu_init(unsigned int cpu, size_t len)
{
    free(copies[cpu]);
    copies[cpu] = NULL;
    if (cpu == 0) {
        copy_all(host_percpu_start, pristine, len);
        return;
    }
    copies[cpu] = malloc(len + 1);
    copy_all(copies[cpu], pristine, len);
    percpu_offset[cpu] =
        (unsigned long)copies[cpu] - (unsigned long)host_percpu_start;
}

void host_cpus_init(unsigned int n)
{
    size_t len = (size_t)(host_percpu_end - host_percpu_start);

    if (pristine == NULL) {
        pristine = malloc(len + 1);
        copy_all(pristine, host_percpu_start, len);
    }
    nr_cpus = n;
    cpumask_zero(&cpu_online_map);
    for (unsigned int cpu = 0; cpu < n; cpu++) {
        percpu_init(cpu, len);
        memset(&infos[cpu], 0, sizeof(infos[cpu]));
        infos[cpu].cpu = cpu;
        infos[cpu].percpu_offset = percpu_offset[cpu];
        cpumask_set(&cpu_online_map, cpu);
    }
    host_run_on(0);
}

struct cpu_info *cpu_info_of(unsigned int cpu)
{
    return &infos[cpu];
}

void host_run_on(unsigned int cpu)
{
    host_cpu_info = &infos[cpu];
}

void host_set_current(struct vcpu *v)
{
    current = v;
}

struct vcpu *host_current_of(unsigned int cpu)
{
    struct cpu_info *self = host_cpu_info;
    struct vcpu *v;

    host_run_on(cpu);
    v = current;
    host_cpu_info = self;
    return v;
}
