/* SPDX-License-Identifier: MIT */
/*
 * Trace rings (public/trace.h): one per CPU, in pages that the control domain
 * maps as DOMID_XEN. Only its own CPU writes a ring, with interrupts off; the
 * reader moves `cons`. Nothing that the reader writes is believed: where the
 * next record goes is kept here, and a `cons` that cannot be ends the ring.
 *
 * Rings are set up once and stay. A full ring drops records, and says how many
 * when there is room again.
 */
#include <hv/trace.h>

#include <hv/arch.h>
#include <hv/bitmap.h>
#include <hv/cpumask.h>
#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/percpu.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>

#include <public/sysctl.h>

#include <asm/irqflags.h>

#define MAX_RING_PAGES 4096
#define HEADER         ((uint32_t)sizeof(struct t_buf))
#define CYCLES         8U
#define WORD           4U
#define LOST_WORDS     4U /* number, vcpu, stamp of the first (two) */
#define RECORD(words)  (WORD + CYCLES + (words)*WORD)

struct ring {
    char **page;   /* NULL: none */
    uint32_t prod; /* as in t_buf */
    uint32_t lost; /* since the last record */
    uint64_t first_lost;
    bool broken; /* the reader wrote what cannot be */
};

static DEFINE_PER_CPU(struct ring, ring);
static uint32_t ring_pages, ring_size; /* size: bytes of records */
static struct t_info *info;
static unsigned int info_order;

bool trace_active;
static uint32_t event_mask = TRC_ALL;
static cpumask_t cpu_mask;
/* Guards the set-up; tracing itself takes no lock. */
static spinlock_t control_lock = SPINLOCK_INIT(LOCK_RANK_OBSERVE);
static struct tasklet half_full;

/* ---- writing ---- */

static struct t_buf *header_of(const struct ring *r)
{
    return (struct t_buf *)r->page[0];
}

static void put_word(struct ring *r, uint32_t word)
{
    uint32_t offset =
        HEADER + (r->prod < ring_size ? r->prod : r->prod - ring_size);

    *(uint32_t *)(r->page[offset / PAGE_SIZE] + offset % PAGE_SIZE) = word;
    r->prod += WORD;
    if (r->prod == 2 * ring_size)
        r->prod = 0;
}

/* Bytes of records that wait for the reader. */
static uint32_t waiting(struct ring *r)
{
    uint32_t cons = READ_ONCE(header_of(r)->cons), n;

    n = r->prod >= cons ? r->prod - cons : r->prod + 2 * ring_size - cons;
    if (cons >= 2 * ring_size || n > ring_size || cons % WORD) {
        r->broken = true;
        printk(LOG_WARN "Trace: the reader of CPU %u left a bad offset\n",
               smp_processor_id());
        return ring_size;
    }
    return n;
}

static uint32_t to_the_end(const struct ring *r)
{
    return ring_size - (r->prod < ring_size ? r->prod : r->prod - ring_size);
}

static uint32_t header_word(uint32_t event, unsigned int nr, bool cycles)
{
    return event | nr << TRACE_EXTRA_SHIFT |
           (cycles ? (uint32_t)TRC_HD_CYCLE_FLAG : 0);
}

static void put_record(struct ring *r, uint32_t event, uint64_t tsc,
                       unsigned int nr, const uint32_t *words)
{
    put_word(r, header_word(event, nr, true));
    put_word(r, (uint32_t)tsc);
    put_word(r, (uint32_t)(tsc >> 32));
    for (unsigned int i = 0; i < nr; i++)
        put_word(r, words[i]);
}

/* Fills what is left before the end: less than one record can take. */
static void put_wrap(struct ring *r, uint64_t tsc)
{
    static const uint32_t nothing[TRACE_EXTRA_MAX];
    uint32_t words = to_the_end(r) / WORD - 1;

    if (words <= TRACE_EXTRA_MAX) {
        put_word(r, header_word(TRC_TRACE_WRAP_BUFFER, words, false));
        while (words--)
            put_word(r, 0);
    } else {
        put_record(r, TRC_TRACE_WRAP_BUFFER, tsc, words - CYCLES / WORD,
                   nothing);
    }
}

static void put(struct ring *r, uint32_t event, uint64_t tsc, unsigned int nr,
                const uint32_t *words)
{
    if (to_the_end(r) < RECORD(nr))
        put_wrap(r, tsc);
    put_record(r, event, tsc, nr, words);
}

/* False: there is no room for it. */
static bool put_with_lost(struct ring *r, uint32_t room, uint32_t event,
                          uint64_t tsc, unsigned int nr, const uint32_t *words)
{
    uint32_t need = RECORD(nr);
    const uint32_t lost[LOST_WORDS] = {r->lost, TRACE_VCPU(current),
                                       TRACE_64(r->first_lost)};

    if (r->lost)
        need += RECORD(LOST_WORDS);
    if (to_the_end(r) < need) /* one of the two wraps, and fills at most that */
        need += to_the_end(r);
    if (need > room)
        return false;
    if (r->lost)
        put(r, TRC_LOST_RECORDS, tsc, LOST_WORDS, lost);
    r->lost = 0;
    put(r, event, tsc, nr, words);
    return true;
}

static bool wanted(uint32_t event)
{
    uint32_t both = event_mask & event;

    return both >> TRC_CLS_SHIFT && (both >> TRC_SUBCLS_SHIFT & 0xf) &&
           cpumask_test(&cpu_mask, smp_processor_id());
}

static void record_here(struct ring *r, uint32_t event, unsigned int nr,
                        const uint32_t *words)
{
    uint64_t tsc = arch_timestamp();
    uint32_t before = waiting(r);

    if (r->broken)
        return;
    if (!put_with_lost(r, ring_size - before, event, tsc, nr, words)) {
        if (!r->lost++)
            r->first_lost = tsc;
        return;
    }
    /* Pairs with the reader's barrier: the record, then the offset. */
    __atomic_store_n(&header_of(r)->prod, r->prod, __ATOMIC_RELEASE);
    if (before < ring_size / 2 && waiting(r) >= ring_size / 2)
        tasklet_schedule(&half_full);
}

void trace_record(uint32_t event, unsigned int nr, const uint32_t *words)
{
    unsigned long flags;
    struct ring *r;

    ASSERT(nr <= TRACE_EXTRA_MAX);
    if (!wanted(event))
        return;
    flags = irq_save();
    r = &this_cpu(ring);
    if (r->page && !r->broken && READ_ONCE(trace_active))
        record_here(r, event, nr, words);
    irq_restore(flags);
}

static void tell_dom0(void *unused)
{
    (void)unused;
    evtchn_send_global_virq(VIRQ_TBUF);
}

/* ---- setting up ---- */

static void free_ring(struct ring *r, uint32_t nr)
{
    for (uint32_t i = 0; r->page && i < nr; i++)
        hv_free_pages(r->page[i], 0);
    hv_free(r->page);
    r->page = NULL;
}

static int alloc_ring(struct ring *r)
{
    r->page = hv_alloc(ring_pages * sizeof(r->page[0]));
    for (uint32_t i = 0; r->page && i < ring_pages; i++) {
        r->page[i] = hv_alloc_pages(0);
        if (!r->page[i])
            free_ring(r, i);
    }
    return r->page ? 0 : -ENOMEM;
}

static int alloc_rings(void)
{
    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
        if (!alloc_ring(&per_cpu(ring, cpu)))
            continue;
        while (cpu--)
            free_ring(&per_cpu(ring, cpu), ring_pages);
        return -ENOMEM;
    }
    return 0;
}

/* The control domain's from now on. */
static void share_rings(void)
{
    uint32_t *word = (uint32_t *)info;
    uint32_t at = (uint32_t)DIV_ROUND_UP(
        sizeof(struct t_info) + nr_cpus * sizeof(uint16_t), WORD);

    info->tbuf_size = (uint16_t)ring_pages;
    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
        char **page = per_cpu(ring, cpu).page;

        info->mfn_offset[cpu] = (uint16_t)at;
        for (uint32_t i = 0; i < ring_pages; i++) {
            word[at++] = (uint32_t)mfn_x(virt_to_mfn(page[i]));
            page_share_with(virt_to_page(page[i]), dom_hv, true);
        }
    }
    for (unsigned int i = 0; i < 1U << info_order; i++)
        page_share_with(virt_to_page((char *)info + i * PAGE_SIZE), dom_hv,
                        false);
}

static int set_size(uint32_t pages)
{
    uint64_t words =
        DIV_ROUND_UP(sizeof(struct t_info) + nr_cpus * sizeof(uint16_t), WORD);

    if (info)
        return pages == ring_pages ? 0 : -EINVAL;
    if (!pages || pages > MAX_RING_PAGES)
        return -EINVAL;
    /* Offsets in the table have 16 bits. */
    words += (uint64_t)nr_cpus * pages;
    if (words - pages > UINT16_MAX)
        return -EINVAL;
    info_order = 0;
    while (PAGE_SIZE << info_order < words * WORD)
        info_order++;
    info = hv_alloc_pages(info_order);
    if (!info)
        return -ENOMEM;
    ring_pages = pages;
    ring_size = (uint32_t)(pages * PAGE_SIZE) - HEADER;
    if (alloc_rings()) {
        hv_free_pages(info, info_order);
        info = NULL;
        return -ENOMEM;
    }
    share_rings();
    return 0;
}

static void switch_on(bool on)
{
    if (on == trace_active)
        return;
    if (on)
        WRITE_ONCE(trace_active, true);
    hypercall_watch(WATCHER_TRACE, on);
    arch_watch_exceptions(WATCHER_TRACE, on);
    if (on)
        return;
    WRITE_ONCE(trace_active, false);
    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
        per_cpu(ring, cpu).lost = 0;
}

static int control_locked(struct xen_sysctl_tbuf_op *op)
{
    switch (op->cmd) {
    case XEN_SYSCTL_TBUFOP_get_info:
        op->evt_mask = event_mask;
        op->buffer_mfn = info ? mfn_x(virt_to_mfn(info)) : 0;
        op->size = info ? (uint32_t)(PAGE_SIZE << info_order) : 0;
        return 0;
    case XEN_SYSCTL_TBUFOP_set_evt_mask:
        WRITE_ONCE(event_mask, op->evt_mask);
        return 0;
    case XEN_SYSCTL_TBUFOP_set_size:
        return set_size(op->size);
    case XEN_SYSCTL_TBUFOP_enable:
        if (!info)
            return -EINVAL;
        switch_on(true);
        return 0;
    case XEN_SYSCTL_TBUFOP_disable:
        switch_on(false);
        return 0;
    default:
        return -EINVAL;
    }
}

int trace_control(struct xen_sysctl_tbuf_op *op)
{
    int rc;

    spin_lock(&control_lock);
    rc = control_locked(op);
    spin_unlock(&control_lock);
    return rc;
}

void trace_set_cpus(const cpumask_t *cpus)
{
    spin_lock(&control_lock);
    cpu_mask = *cpus;
    spin_unlock(&control_lock);
}

void __init trace_init(void)
{
    memset(cpu_mask.bits, 0xff, sizeof(cpu_mask.bits));
    tasklet_init(&half_full, tell_dom0, NULL);
}
