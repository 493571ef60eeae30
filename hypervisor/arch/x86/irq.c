/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts to event channels: vectors, delivery, EOI.
 *
 * A level-triggered line is masked when it fires and stays so until the guest
 * says it is done: the hypervisor is never held up by a guest that is not. An
 * edge or a message needs nothing.
 *
 * Locks: an irq's lock ranks above those of event channels, so an event is
 * sent after it was dropped.
 */
#include <asm/irq.h>

#include <hv/acpi.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/x86.h>

static struct irq irqs[MAX_PIRQS];
static uint16_t vector_irq[256]; /* irq + 1, 0 = none; vector_lock */
static spinlock_t vector_lock = SPINLOCK_INIT(LOCK_RANK_PIRQ_CHIP);

/* Which pirqs a domain was given. */
struct pirq_map {
    unsigned long mapped[BITMAP_LONGS(MAX_PIRQS)];
};

struct irq *irq_get(unsigned int nr)
{
    return nr < MAX_PIRQS ? &irqs[index_nospec(nr, MAX_PIRQS)] : NULL;
}

/* ---- vectors ---- */

#define VECTOR_INT80 0x80 /* a guest's own */

static bool vectors_are_free(unsigned int first, unsigned int count)
{
    for (unsigned int v = first; v < first + count; v++)
        if (v == VECTOR_INT80 || vector_irq[v])
            return false;
    return true;
}

/* The first of `count` (a power of two) vectors, a multiple of it, for the irqs
 * from nr on; 0: there are none. */
static uint8_t vectors_alloc(unsigned int nr, unsigned int count)
{
    unsigned long flags = spin_lock_irqsave(&vector_lock);
    uint8_t found = 0;

    for (unsigned int v = ROUND_UP(FIRST_DEVICE_VECTOR, count);
         v + count - 1 <= LAST_DEVICE_VECTOR; v += count) {
        if (!vectors_are_free(v, count))
            continue;
        for (unsigned int i = 0; i < count; i++)
            vector_irq[v + i] = (uint16_t)(nr + i + 1);
        found = (uint8_t)v;
        break;
    }
    spin_unlock_irqrestore(&vector_lock, flags);
    return found;
}

static void vectors_free(uint8_t first, unsigned int count)
{
    unsigned long flags = spin_lock_irqsave(&vector_lock);

    for (unsigned int i = 0; i < count; i++)
        vector_irq[first + i] = 0;
    spin_unlock_irqrestore(&vector_lock, flags);
}

/* ---- the chip under an irq; its lock is held ---- */

static void chip_set_mask(const struct irq *q, bool masked)
{
    if (q->kind == IRQ_LINE)
        ioapic_set_mask((unsigned int)(q - irqs), masked);
    else if (q->kind == IRQ_MSI)
        msi_set_mask(q->msi, q->message, masked);
}

static void chip_route(const struct irq *q)
{
    uint32_t dest = cpu_topology[q->cpu].apic_id;

    if (q->kind == IRQ_LINE)
        ioapic_route((unsigned int)(q - irqs), q->vector, dest, q->level,
                     q->low);
    else if (q->kind == IRQ_MSI && !q->message)
        msi_program(q->msi, q->vector, dest);
}

/* ---- delivery ---- */

static void eoi_page_mark(struct domain *d, unsigned int pirq, bool needs)
{
    uint8_t *map = READ_ONCE(d->arch.pirq_eoi_map);

    if (!map)
        return;
    if (needs)
        bit_set_atomic(map, pirq);
    else
        bit_clear_atomic(map, pirq);
}

/* A vector from FIRST_DEVICE_VECTOR to LAST_DEVICE_VECTOR; interrupts off. */
void do_irq(struct cpu_regs *regs)
{
    uint8_t vector = (uint8_t)regs->entry_vector;
    unsigned int nr = READ_ONCE(vector_irq[vector]);
    struct domain *d = NULL;
    uint32_t port = 0;
    struct irq *q;

    if (!nr--) {
        apic_eoi(); /* freed while on its way */
        return;
    }
    q = &irqs[nr];
    spin_lock(&q->lock);
    q->count++;
    if (q->bound) {
        if (q->level && q->kind == IRQ_LINE) {
            q->in_flight = true;
            chip_set_mask(q, true);
        }
        d = q->d;
        port = q->port;
        domain_get(d);
    } else {
        chip_set_mask(q, true);
    }
    spin_unlock(&q->lock);
    apic_eoi();
    if (d) {
        evtchn_send_pirq_port(d, port, nr);
        domain_put(d);
    }
}

static int eoi_locked(struct irq *q)
{
    if (q->in_flight) {
        q->in_flight = false;
        chip_set_mask(q, false);
    }
    return 0;
}

int irq_eoi(struct domain *d, unsigned int pirq)
{
    struct irq *q = irq_get(pirq);
    unsigned long flags;
    int rc = 0;

    if (!q)
        return -EINVAL;
    flags = spin_lock_irqsave(&q->lock);
    /* With nothing in flight, or bound to nobody, this is harmless. */
    if (q->bound && q->d == d)
        rc = eoi_locked(q);
    spin_unlock_irqrestore(&q->lock, flags);
    return rc;
}

bool irq_needs_eoi(unsigned int pirq)
{
    const struct irq *q = irq_get(pirq);

    return q && q->kind == IRQ_LINE && q->level;
}

void pirq_guest_unmask(struct domain *d, unsigned int pirq)
{
    if (d->arch.auto_unmask)
        (void)irq_eoi(d, pirq);
}

/* ---- who has what ---- */

bool irq_is_mapped(const struct domain *d, unsigned int pirq)
{
    return d->arch.pirq && pirq < MAX_PIRQS &&
           bit_test(d->arch.pirq->mapped, pirq);
}

/* May it be given some? A dying domain's are taken away once. */
static int map_prepare(struct domain *d)
{
    if (domain_is_dying(d))
        return -EINVAL;
    if (!d->arch.pirq)
        d->arch.pirq = hv_alloc(sizeof(*d->arch.pirq));
    return d->arch.pirq ? 0 : -ENOMEM;
}

/* From here on another vcpu may bind them. */
static void map_set(struct domain *d, unsigned int pirq, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        bit_set_atomic(d->arch.pirq->mapped, pirq + i);
}

int irq_map_gsi(struct domain *d, unsigned int gsi)
{
    int rc = gsi < nr_gsis ? map_prepare(d) : -EINVAL;

    if (!rc)
        map_set(d, gsi, 1);
    return rc;
}

/* The first of `count` numbers in a row above the lines that no message has;
 * the highest such. With msi_lock held it stays so. */
static int free_pirqs(unsigned int count)
{
    unsigned int run = 0;

    for (unsigned int nr = MAX_PIRQS; nr-- > nr_gsis;) {
        run = irqs[nr].kind == IRQ_NONE ? run + 1 : 0;
        if (run == count)
            return (int)nr;
    }
    return -ENOSPC;
}

int irq_free_pirq(void)
{
    return free_pirqs(1);
}

/* msi_lock is held. The first irq comes last: it switches the device on. */
static int install_msi(struct domain *d, unsigned int nr, struct msi *m)
{
    unsigned int count = msi_count(m);
    int rc = map_prepare(d);
    uint8_t vector;

    if (rc)
        return rc;
    vector = vectors_alloc(nr, count);
    if (!vector)
        return -ENOSPC;
    for (unsigned int i = count; i-- > 0;) {
        struct irq *q = &irqs[nr + i];
        unsigned long flags = spin_lock_irqsave(&q->lock);

        q->kind = IRQ_MSI;
        q->msi = m;
        q->message = (uint8_t)i;
        q->vector = (uint8_t)(vector + i);
        q->level = q->low = q->in_flight = q->bound = false;
        q->cpu = 0;
        chip_route(q);
        chip_set_mask(q, true);
        spin_unlock_irqrestore(&q->lock, flags);
    }
    map_set(d, nr, count);
    return 0;
}

int irq_map_msi(struct domain *d, struct msi_request *req)
{
    struct msi *m;
    int rc, nr = 0;

    spin_lock(&msi_lock);
    m = msi_create(req, &rc);
    if (m) {
        nr = free_pirqs(msi_count(m));
        rc = nr < 0 ? nr : install_msi(d, (unsigned int)nr, m);
        if (rc)
            msi_destroy(m);
    }
    spin_unlock(&msi_lock);
    return rc ?: nr;
}

/* The irqs from q on are mapped no more: nobody binds them any more. Numbers
 * and vectors are given out again when msi_lock is dropped. */
static void remove_msi(struct irq *q, struct msi *m)
{
    unsigned int count = msi_count(m);
    uint8_t vector = q->vector;

    spin_lock(&msi_lock);
    for (unsigned int i = 0; i < count; i++) {
        unsigned long flags = spin_lock_irqsave(&q[i].lock);

        if (!i)
            msi_disable(m);
        q[i].kind = IRQ_NONE;
        q[i].vector = q[i].message = 0;
        q[i].msi = NULL;
        spin_unlock_irqrestore(&q[i].lock, flags);
    }
    vectors_free(vector, count);
    msi_destroy(m);
    spin_unlock(&msi_lock);
}

int irq_unmap(struct domain *d, unsigned int pirq)
{
    struct irq *q = irq_get(pirq);
    struct msi *m;
    unsigned int count;

    /* With ctl_lock held, what is mapped stays of its kind: a line's irq is
     * never a message, and a message's changes only here. */
    if (!q || !irq_is_mapped(d, pirq))
        return -EINVAL;
    if (q->message)
        return -EBUSY;
    m = q->msi;
    count = m ? msi_count(m) : 1;
    for (unsigned int i = 0; i < count; i++) {
        bit_clear_atomic(d->arch.pirq->mapped, pirq + i);
        pirq_unbind(d, pirq + i, 0);
    }
    if (m)
        remove_msi(q, m);
    return (int)count;
}

/* The firmware's word on a line, through dom0. The first one counts while the
 * line is in use. */
int irq_setup_gsi(unsigned int gsi, bool level, bool low)
{
    struct irq *q;
    unsigned long flags;
    int rc = 0;

    if (gsi >= nr_gsis || !ioapic_has_gsi(gsi))
        return -EINVAL;
    q = irq_get(gsi);
    flags = spin_lock_irqsave(&q->lock);
    if (q->bound && (q->level != level || q->low != low))
        rc = -EEXIST;
    else if (!q->bound) {
        q->level = level;
        q->low = low;
    }
    spin_unlock_irqrestore(&q->lock, flags);
    return rc;
}

/* ---- binding ---- */

int pirq_bind(struct domain *d, unsigned int pirq, uint32_t port,
              bool will_share)
{
    struct irq *q = irq_get(pirq);
    unsigned long flags;
    int rc = 0;

    (void)will_share; /* one domain owns a device: nobody to share with */
    if (!q || (pirq < nr_gsis && !ioapic_has_gsi(pirq)))
        return -EINVAL;
    flags = spin_lock_irqsave(&q->lock);
    /* Under the lock: who unmaps it unbinds it after that. */
    if (!irq_is_mapped(d, pirq))
        rc = -EINVAL;
    else if (q->bound)
        rc = -EBUSY;
    else if (pirq < nr_gsis && !q->vector) {
        q->vector = vectors_alloc(pirq, 1);
        q->kind = IRQ_LINE;
        rc = q->vector ? 0 : -ENOSPC;
    }
    if (!rc) {
        domain_get(d);
        q->d = d;
        q->port = port;
        q->bound = true;
        q->in_flight = false;
        eoi_page_mark(d, pirq, q->kind == IRQ_LINE && q->level);
        chip_route(q);
        chip_set_mask(q, false);
    }
    spin_unlock_irqrestore(&q->lock, flags);
    return rc;
}

void pirq_unbind(struct domain *d, unsigned int pirq, uint32_t port)
{
    struct irq *q = irq_get(pirq);
    unsigned long flags;
    bool was;

    if (!q)
        return;
    flags = spin_lock_irqsave(&q->lock);
    was = q->bound && q->d == d && (!port || q->port == port);
    if (was) {
        chip_set_mask(q, true);
        q->bound = q->in_flight = false;
        q->d = NULL;
        eoi_page_mark(d, pirq, false);
    }
    spin_unlock_irqrestore(&q->lock, flags);
    if (was)
        domain_put(d);
}

/* An I/O APIC's entry and a message have eight bits for the APIC id; all ones
 * is everybody. */
static bool irq_can_go_to(unsigned int cpu)
{
    return cpu_topology[cpu].apic_id < 0xff &&
           cpumask_test(&cpu_online_map, cpu);
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v)
{
    struct irq *q = irq_get(pirq);
    unsigned long flags;
    unsigned int cpu;

    if (!q || !v)
        return;
    flags = spin_lock_irqsave(&q->lock);
    cpu = READ_ONCE(v->processor);
    if (q->bound && q->d == d && !q->message && q->cpu != cpu &&
        irq_can_go_to(cpu)) {
        q->cpu = cpu;
        chip_route(q);
        chip_set_mask(q, q->in_flight);
    }
    spin_unlock_irqrestore(&q->lock, flags);
}

/* All that the chip knows of the irq. Its lock is held. */
static void chip_refresh(const struct irq *q)
{
    chip_route(q);
    chip_set_mask(q, q->in_flight || !q->bound);
}

/* What is on its way to the CPU is still taken there. CPU 0 always runs. */
void irq_cpu_leave(unsigned int cpu)
{
    for (unsigned int nr = 0; nr < MAX_PIRQS; nr++) {
        struct irq *q = &irqs[nr];
        unsigned long flags = spin_lock_irqsave(&q->lock);

        /* Of a block only the first irq is ever away from CPU 0. */
        if (q->vector && q->cpu == cpu) {
            q->cpu = 0;
            chip_refresh(q);
        }
        spin_unlock_irqrestore(&q->lock, flags);
    }
}

void irq_restore_msi(uint32_t sbdf)
{
    for (unsigned int nr = nr_gsis; nr < MAX_PIRQS; nr++) {
        struct irq *q = &irqs[nr];
        unsigned long flags = spin_lock_irqsave(&q->lock);

        if (q->kind == IRQ_MSI && msi_sbdf(q->msi) == sbdf)
            chip_refresh(q);
        spin_unlock_irqrestore(&q->lock, flags);
    }
}

/* The page where a guest reads which pirqs want an EOI. */
int irq_set_eoi_page(struct domain *d, uint64_t gmfn, bool auto_unmask)
{
    struct page_info *pg;

    if (!mfn_is_ram(mfn(gmfn)))
        return -EINVAL;
    pg = mfn_to_page(mfn(gmfn));
    if (page_get_and_type(pg, d, PGT_WRITABLE))
        return -EINVAL;
    spin_lock(&d->ctl_lock);
    if (d->arch.pirq_eoi_page) {
        spin_unlock(&d->ctl_lock);
        page_put_and_type(pg);
        return -EBUSY;
    }
    d->arch.pirq_eoi_page = pg;
    d->arch.auto_unmask = auto_unmask;
    memset(page_to_virt(pg), 0, PAGE_SIZE);
    WRITE_ONCE(d->arch.pirq_eoi_map, page_to_virt(pg));
    spin_unlock(&d->ctl_lock);
    for (unsigned int nr = 0; nr < nr_gsis; nr++) {
        if (irqs[nr].bound && irqs[nr].d == d && irq_needs_eoi(nr))
            eoi_page_mark(d, nr, true);
    }
    return 0;
}

void pirq_domain_destroy(struct domain *d)
{
    struct page_info *pg = d->arch.pirq_eoi_page;

    /* Upward, so a block goes by its first. */
    for (unsigned int nr = 0; nr < MAX_PIRQS; nr++) {
        if (irq_is_mapped(d, nr))
            (void)irq_unmap(d, nr);
    }
    d->arch.pirq_eoi_map = NULL;
    d->arch.pirq_eoi_page = NULL;
    if (pg)
        page_put_and_type(pg);
    hv_free(d->arch.pirq);
    d->arch.pirq = NULL;
}

void irq_dump(char key)
{
    static const char *const kind[] = {"-", "line", "msi"};

    (void)key;
    for (unsigned int nr = 0; nr < MAX_PIRQS; nr++) {
        const struct irq *q = &irqs[nr];

        if (!q->vector)
            continue;
        printk(LOG_INFO "irq %u: %s vector %02x cpu %u%s%s%s, %lu times\n", nr,
               kind[q->kind], q->vector, (q - q->message)->cpu,
               q->level ? " level" : " edge", q->bound ? " bound" : "",
               q->in_flight ? " in flight" : "", q->count);
    }
}

void __init irq_init(void)
{
    for (unsigned int nr = 0; nr < MAX_PIRQS; nr++)
        spin_init(&irqs[nr].lock, LOCK_RANK_PIRQ);
    ioapic_init();
    /* ISA lines are edge, high; what is above them is PCI's: level, low. */
    for (unsigned int nr = 16; nr < nr_gsis; nr++)
        irqs[nr].level = irqs[nr].low = true;
    for (unsigned int i = 0; i < acpi_info.nr_overrides; i++) {
        struct irq *q = irq_get(acpi_info.override[i].gsi);

        if (!q)
            continue;
        q->level = acpi_info.override[i].level;
        q->low = acpi_info.override[i].low;
    }
    key_register('i', irq_dump, "show device interrupts");
}
