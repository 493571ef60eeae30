/* SPDX-License-Identifier: MIT */
/*
 * Console keys that show what there is: domains, event channels, grants,
 * memory.
 */
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/perfc.h>
#include <hv/smp.h>

#include "dump.h"

static void each_domain(void (*fn)(struct domain *d))
{
    struct domain *d;

    for (domid_t id = 0; (d = domain_get_first_from(id)) != NULL;) {
        fn(d);
        id = (domid_t)(d->id + 1);
        domain_put(d);
    }
}

static void dump_domain(struct domain *d)
{
    static const char *const life[] = {"alive", "dying", "dead"};
    struct vcpu *v;

    printk(LOG_INFO "d%u: %s%s, %lu of %lu pages, %u references\n", d->id,
           life[d->life], d->is_shut_down ? ", shut down" : "", d->tot_pages,
           d->max_pages, d->refs);
    for_each_vcpu (d, v) {
        printk(LOG_INFO " v%u: cpu %u%s, flags %lx, pauses %d, events %s%s\n",
               v->id, v->processor, v->is_running ? " running" : "",
               v->pause_flags, v->pause_count,
               v->vcpu_info->evtchn_upcall_pending ? "pending" : "none",
               v->vcpu_info->evtchn_upcall_mask ? ", masked" : "");
    }
}

static void dump_domains(char key)
{
    (void)key;
    each_domain(dump_domain);
}

static void dump_evtchns(char key)
{
    (void)key;
    each_domain(evtchn_dump);
}

static void dump_grants(char key)
{
    (void)key;
    each_domain(grant_dump);
}

static void dump_memory(char key)
{
    (void)key;
    printk(LOG_INFO "heap: %lu of %lu pages free, %lu claimed\n",
           heap_free_pages(), heap_total_pages(), domain_claimed_pages());
}

/* By domain, after the sums. */
static void dump_domain_memory(struct domain *d)
{
    printk(LOG_INFO "d%u: %lu pages of %lu, %lu claimed, %u grant frames\n",
           d->id, d->tot_pages, d->max_pages, d->outstanding_pages,
           d->grant.nr_frames);
}

static void dump_heap(char key)
{
    dump_memory(key);
    each_domain(dump_domain_memory);
}

static void dump_idle(char key)
{
    unsigned int cpu;

    (void)key;
    for_each_online_cpu (cpu)
        printk(LOG_INFO "cpu %u: idle for %lu ms of %lld ms, %lu times\n", cpu,
               sched_cpu_idle_ns(cpu) / 1000000,
               (long long)(now_ns() / 1000000),
               per_cpu(perfc, cpu).single[PERFC_IDLE]);
}

void dump_init(void)
{
    key_register('H', dump_heap, "show memory by domain");
    key_register('c', dump_idle, "show how much CPUs idle");
    key_register('q', dump_domains, "show domains and vcpus");
    key_register('e', dump_evtchns, "show event channels");
    key_register('g', dump_grants, "show grant tables");
    key_register('m', dump_memory, "show memory");
}
