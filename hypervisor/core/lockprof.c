/* SPDX-License-Identifier: MIT */
/*
 * Sums of the lock profiles. Each CPU counts for itself.
 */
#include <hv/lockprof.h>

#include <hv/arch.h>
#include <hv/console.h>
#include <hv/lib.h>
#include <hv/lock_order.h>
#include <hv/percpu.h>
#include <hv/smp.h>
#include <hv/time.h>

#define NR_RANKS 128

struct rank_profile {
    uint64_t locked, waited, held_cycles, waited_cycles;
};
/* Empty in a build without profiles. */
static DEFINE_PER_CPU(struct rank_profile[LOCKPROF ? NR_RANKS : 1], profile);
static s_time_t since;

static const char *const rank_name[NR_RANKS] = {
    [LOCK_RANK_NONE] = "boot",
    [LOCK_RANK_OBSERVE] = "traces",
    [LOCK_RANK_DOMAIN_LIST] = "domain list",
    [LOCK_RANK_POOL] = "cpu pools",
    [LOCK_RANK_DOMCTL] = "domain control",
    [LOCK_RANK_MSI] = "msi",
    [LOCK_RANK_GRANT] = "grant table",
    [LOCK_RANK_GRANT_ENTRY] = "grant entry",
    [LOCK_RANK_VIRQ_HANDLER] = "virq handlers",
    [LOCK_RANK_EVTCHN_DOM] = "event ports",
    [LOCK_RANK_EVTCHN] = "event channel",
    [LOCK_RANK_EVTCHN_FIFO] = "event queue",
    [LOCK_RANK_PIRQ] = "device interrupt",
    [LOCK_RANK_PIRQ_CHIP] = "interrupt chip",
    [LOCK_RANK_RANGESET] = "rights to devices",
    [LOCK_RANK_PAGE_LIST] = "page list",
    [LOCK_RANK_ISOLATION] = "copies of L4 tables",
    [LOCK_RANK_HV_MAP - 1] = "hypervisor addresses",
    [LOCK_RANK_HV_MAP] = "hypervisor map",
    [LOCK_RANK_HEAP_CACHE] = "frames of a CPU",
    [LOCK_RANK_HEAP] = "heap",
    [LOCK_RANK_SLAB] = "small objects",
    [LOCK_RANK_SHUTDOWN] = "domain shutdown",
    [LOCK_RANK_RUNQ] = "run queue",
    [LOCK_RANK_SCHED_DOMAIN] = "domain's share",
    [LOCK_RANK_TIMER] = "timers",
    [LOCK_RANK_TIME] = "time",
    [LOCK_RANK_CALL] = "calls of other CPUs",
    [LOCK_RANK_PCI] = "pci, console input",
    [LOCK_RANK_CONSOLE] = "console",
};

void lockprof_locked(unsigned int rank, uint64_t waited_cycles)
{
    struct rank_profile *p = &this_cpu(profile)[rank % NR_RANKS];

    p->locked++;
    p->waited += waited_cycles != 0;
    p->waited_cycles += waited_cycles;
}

void lockprof_released(unsigned int rank, uint64_t held_cycles)
{
    this_cpu(profile)[rank % NR_RANKS].held_cycles += held_cycles;
}

static struct rank_profile sum_of(unsigned int rank)
{
    struct rank_profile sum = {0};

    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
        const struct rank_profile *p = &per_cpu(profile, cpu)[rank];

        sum.locked += p->locked;
        sum.waited += p->waited;
        sum.held_cycles += p->held_cycles;
        sum.waited_cycles += p->waited_cycles;
    }
    return sum;
}

bool lockprof_get(unsigned int i, struct lock_profile *prof)
{
    for (unsigned int rank = 0; LOCKPROF && rank < NR_RANKS; rank++) {
        struct rank_profile sum = sum_of(rank);

        if (!sum.locked || i--)
            continue;
        *prof = (struct lock_profile){
            .locked = sum.locked,
            .waited = sum.waited,
            .held_ns = arch_cycles_to_ns(sum.held_cycles),
            .waited_ns = arch_cycles_to_ns(sum.waited_cycles),
        };
        if (rank_name[rank])
            strlcpy(prof->name, rank_name[rank], sizeof(prof->name));
        else
            snprintf(prof->name, sizeof(prof->name), "number %u", rank);
        return true;
    }
    return false;
}

static void reset_cpu(void *unused)
{
    (void)unused;
    memset(&this_cpu(profile), 0, sizeof(this_cpu(profile)));
}

void lockprof_reset(void)
{
    since = now_ns();
    smp_call(&cpu_online_map, reset_cpu, NULL, true);
}

int64_t lockprof_time_ns(void)
{
    return now_ns() - since;
}

static void show_key(char key)
{
    struct lock_profile p;

    (void)key;
    for (unsigned int i = 0; lockprof_get(i, &p); i++)
        printk(
            LOG_INFO "%s: %lu times, held %lu us; waited %lu times, %lu us\n",
            p.name, p.locked, p.held_ns / 1000, p.waited, p.waited_ns / 1000);
}

static void reset_key(char key)
{
    (void)key;
    lockprof_reset();
}

void __init lockprof_init(void)
{
    if (!LOCKPROF)
        return;
    key_register('l', show_key, "show lock profiles");
    key_register_action('L', reset_key, "reset lock profiles");
}
