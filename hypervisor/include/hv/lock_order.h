/* SPDX-License-Identifier: MIT */
/*
 * Lock ranks. While locks are held, ranks may only rise; two of one rank only
 * through a _pair helper (lower address or index first). Checked in debug
 * builds at every take.
 */
#ifndef HV_LOCK_ORDER_H
#define HV_LOCK_ORDER_H

enum lock_rank {
    LOCK_RANK_NONE = 0,    /* unchecked: boot only */
    LOCK_RANK_OBSERVE = 5, /* set-up of traces and counters */
    LOCK_RANK_DOMAIN_LIST = 10,
    LOCK_RANK_POOL = 15,   /* CPU pools: which CPU and domain is in which */
    LOCK_RANK_DOMCTL = 20, /* d->ctl_lock */
    LOCK_RANK_MSI = 26,    /* which message interrupts are taken */
    LOCK_RANK_GRANT = 30,  /* d->grant.lock */
    LOCK_RANK_GRANT_ENTRY = 35,
    LOCK_RANK_VIRQ_HANDLER = 38, /* who takes the machine's virqs; irq off */
    LOCK_RANK_EVTCHN_DOM = 40,   /* d->evtchn_lock */
    LOCK_RANK_EVTCHN = 45,       /* one channel (hashed) */
    LOCK_RANK_EVTCHN_FIFO = 47,
    LOCK_RANK_PIRQ = 48,      /* one device interrupt; irq off */
    LOCK_RANK_PIRQ_CHIP = 49, /* vectors, an I/O APIC; irq off */
    LOCK_RANK_PT = 50,        /* page-table page bit lock; L4 before .. L1 */
    LOCK_RANK_RANGESET = 55,  /* what devices a domain may use */
    LOCK_RANK_PAGE_LIST = 60,
    LOCK_RANK_ISOLATION = 62,  /* copies of a vcpu's L4 tables; irq off */
    LOCK_RANK_HV_MAP = 65,     /* hypervisor page tables, vmap */
    LOCK_RANK_HEAP_CACHE = 69, /* single frames that a CPU keeps */
    LOCK_RANK_HEAP = 70,
    LOCK_RANK_SLAB = 72,
    LOCK_RANK_SHUTDOWN = 78,     /* d->shutdown_lock; irq off */
    LOCK_RANK_RUNQ = 80,         /* irq off */
    LOCK_RANK_SCHED_DOMAIN = 82, /* d->sched.lock; irq off */
    LOCK_RANK_TIMER = 85,        /* irq off */
    LOCK_RANK_TIME = 87,
    LOCK_RANK_CALL = 88,    /* one call of other CPUs */
    LOCK_RANK_PCI = 89,     /* configuration space; irq off */
    LOCK_RANK_CONSOLE = 90, /* irq off, innermost */
};

#endif
