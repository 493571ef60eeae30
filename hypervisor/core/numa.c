/* SPDX-License-Identifier: MIT */
/*
 * Which memory and which CPUs belong together. drivers/acpi_srat.c tells what
 * the firmware says of it; core/page_alloc.c takes memory accordingly.
 */
#include <hv/numa.h>

#include <hv/acpi.h>
#include <hv/cmdline.h>
#include <hv/lib.h>
#include <hv/page.h>

unsigned int nr_nodes __ro_after_init = 1;

/* Ascending, without overlap. */
static struct range {
    uint64_t start, end; /* frames */
    uint8_t node;
} range[NUMA_MAX_RANGES] __ro_after_init;
static unsigned int nr_ranges __ro_after_init;

static uint8_t node_of_cpu[MAX_CPUS] __ro_after_init;
static uint8_t distance[MAX_NODES][MAX_NODES] __ro_after_init;
static uint8_t nearest[MAX_NODES][MAX_NODES] __ro_after_init;

/* Proximity domains by node number, in the order of their appearance. */
static uint32_t proximity[MAX_NODES] __initdata;
static unsigned int nr_proximity __initdata;

static bool off __initdata;
static unsigned int fake __initdata;

/* numa=off, on, fake=N. */
static int __init parse_numa(const char *s)
{
    char *end;

    if (!strcmp(s, "off") || !strcmp(s, "no") || !strcmp(s, "0")) {
        off = true;
        return 0;
    }
    if (strncmp(s, "fake=", 5))
        return !strcmp(s, "on") || !strcmp(s, "yes") || !strcmp(s, "1")
                   ? 0
                   : -EINVAL;
    fake = (unsigned int)strtoull(s + 5, &end, 0);
    if (*end || !fake || fake > MAX_NODES) {
        fake = 0;
        return -EINVAL;
    }
    return 0;
}
PARAM_FUNC("numa", parse_numa);

/* What lies in no range goes with the memory before it. */
unsigned int numa_node_of(mfn_t m, uint64_t *run_end)
{
    unsigned int node = 0;

    *run_end = UINT64_MAX;
    for (unsigned int i = 0; i < nr_ranges; i++) {
        if (mfn_x(m) < range[i].start) {
            *run_end = range[i].start;
            break;
        }
        node = range[i].node;
    }
    return node;
}

unsigned int cpu_node(unsigned int cpu)
{
    return node_of_cpu[cpu];
}

unsigned int numa_distance(unsigned int a, unsigned int b)
{
    if (!distance[a][b])
        return a == b ? DISTANCE_LOCAL : DISTANCE_REMOTE;
    return distance[a][b];
}

const uint8_t *numa_by_distance(unsigned int node)
{
    return nearest[node];
}

/* ---- telling ---- */

unsigned int __init numa_node_of_domain(uint32_t proximity_domain)
{
    for (unsigned int i = 0; i < nr_proximity; i++)
        if (proximity[i] == proximity_domain)
            return i;
    if (nr_proximity == MAX_NODES)
        return NODE_NONE;
    proximity[nr_proximity] = proximity_domain;
    nr_nodes = ++nr_proximity;
    return nr_proximity - 1;
}

unsigned int __init numa_known_domain(uint32_t proximity_domain)
{
    for (unsigned int i = 0; i < nr_proximity; i++)
        if (proximity[i] == proximity_domain)
            return i;
    return NODE_NONE;
}

bool __init numa_add_memory(paddr_t start, uint64_t len, unsigned int node)
{
    struct range r = {start >> PAGE_SHIFT, (start + len) >> PAGE_SHIFT,
                      (uint8_t)node};
    unsigned int at = 0;

    if (start + len < start || nr_ranges == NUMA_MAX_RANGES)
        return false;
    if (r.start == r.end)
        return true;
    while (at < nr_ranges && range[at].start < r.start)
        at++;
    if ((at > 0 && range[at - 1].end > r.start) ||
        (at < nr_ranges && range[at].start < r.end))
        return false;
    memmove(&range[at + 1], &range[at], (nr_ranges - at) * sizeof(range[0]));
    range[at] = r;
    nr_ranges++;
    return true;
}

void __init numa_set_cpu_node(unsigned int cpu, unsigned int node)
{
    if (!fake && node < nr_nodes)
        node_of_cpu[cpu] = (uint8_t)node;
}

void __init numa_set_distance(unsigned int a, unsigned int b, uint8_t d)
{
    distance[a][b] = d;
}

void __init numa_forget(void)
{
    nr_nodes = 1;
    nr_ranges = nr_proximity = 0;
    memset(node_of_cpu, 0, sizeof(node_of_cpu));
    memset(distance, 0, sizeof(distance));
    memset(nearest, 0, sizeof(nearest));
}

/* ---- start ---- */

/* Equal shares of the address space; CPUs in turn. */
static void __init make_fake(void)
{
    uint64_t share = DIV_ROUND_UP(max_mfn, fake);

    numa_forget();
    nr_nodes = fake;
    for (unsigned int node = 0; node < fake; node++)
        if (!numa_add_memory(node * share << PAGE_SHIFT, share << PAGE_SHIFT,
                             node))
            BUG();
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
        node_of_cpu[cpu] = (uint8_t)(cpu % fake);
}

/* By insertion: of equally distant ones the lower number first. */
static void __init sort_nearest(unsigned int node)
{
    for (unsigned int n = 0; n < nr_nodes; n++) {
        unsigned int at = n;

        while (at > 0 && numa_distance(node, nearest[node][at - 1]) >
                             numa_distance(node, n)) {
            nearest[node][at] = nearest[node][at - 1];
            at--;
        }
        nearest[node][at] = (uint8_t)n;
    }
}

static void __init show(void)
{
    for (unsigned int i = 0; i < nr_ranges; i++)
        printk("Node %u: %012lx-%012lx\n", range[i].node,
               range[i].start << PAGE_SHIFT, range[i].end << PAGE_SHIFT);
}

void __init numa_init(void)
{
    if (off)
        numa_forget();
    if (fake)
        make_fake();
    if (nr_nodes == 1 || nr_ranges == 0) {
        numa_forget();
        return;
    }
    for (unsigned int node = 0; node < nr_nodes; node++)
        sort_nearest(node);
    show();
    heap_nodes_known();
}
