/* SPDX-License-Identifier: MIT */
/*
 * Memory runs low: the control domain is told (VIRQ_ENOMEM) once as free
 * memory falls below a limit, and again below a half of it, a quarter and so
 * on. A level that was told is told again only after free memory had risen
 * half as much again above it.
 */
#include "heap.h"

#include <hv/cmdline.h>
#include <hv/evtchn.h>
#include <hv/softirq.h>

#include <public/xen.h>

#define LAST_LEVEL (4UL << (20 - PAGE_SHIFT)) /* no more is told below */

static uint64_t limit = 64UL << 20; /* bytes; 0: never */
PARAM_SZ("low_mem_virq_limit", limit);

/* heap_lock. Frames: tell below next (0: not armed); the level told last is
 * told, and forgotten when free memory rises above forget. */
static uint64_t next, forget = UINT64_MAX;

static void send(void *unused)
{
    (void)unused;
    evtchn_send_global_virq(VIRQ_ENOMEM);
}
static struct tasklet tell = {.fn = send};

static uint64_t first_level(void)
{
    return limit >> PAGE_SHIFT;
}

/* The next level below the given number of free frames. */
static void arm_below(uint64_t nr_free)
{
    uint64_t level = first_level();

    while (level > nr_free)
        level /= 2;
    next = level >= LAST_LEVEL ? level : 0;
    /* The level above it, if there is one, may come back. */
    forget = level < first_level() ? level * 3 : UINT64_MAX;
}

void heap_low_check(void)
{
    if (likely(heap_nr_free >= next && heap_nr_free <= forget))
        return;
    if (heap_nr_free < next)
        tasklet_schedule(&tell);
    arm_below(heap_nr_free);
}

void heap_low_arm(void)
{
    spin_lock(&heap_lock);
    arm_below(heap_nr_free);
    spin_unlock(&heap_lock);
}
