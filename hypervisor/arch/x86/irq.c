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

static uint8_t vector_alloc(unsigned int nr)
{
    unsigned long flags = spin_lock_irqsave(&vector_lock);
    uint8_t found = 0;

    for (unsigned int v = FIRST_DEVICE_VECTOR; v <= LAST_DEVICE_VECTOR; v++) {
        if (v == 0x80 || vector_irq[v])
            continue;
        vector_irq[v] = (uint16_t)(nr + 1);
        found = (uint8_t)v;
        break;
    }
    spin_unlock_irqrestore(&vector_lock, flags);
    return found;
}

static void vector_free(uint8_t vector)
{
    unsigned long flags = spin_lock_irqsave(&vector_lock);

    vector_irq[vector] = 0;
    spin_unlock_irqrestore(&vector_lock, flags);
}

/* ---- the chip under an irq; its lock is held ---- */

static void chip_set_mask(const struct irq *q, bool masked)
{
    if (q->kind == IRQ_LINE)
        ioapic_set_mask((unsigned int)(q - irqs), masked);
    else if (q->kind == IRQ_MSI)
        msi_set_mask(q->msi, masked);
}

static void chip_route(const struct irq *q)
{
    uint32_t dest = cpu_topology[q->cpu].apic_id;

    if (q->kind == IRQ_LINE)
        ioapic_route((unsigned int)(q - irqs), q->vector, dest, q->level,
                     q->low);
    else if (q->kind == IRQ_MSI)
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

/* d->ctl_lock is held. A dying domain's are taken away once. */
static int map_set(struct domain *d, unsigned int pirq)
{
    if (domain_is_dying(d))
        return -EINVAL;
    if (!d->arch.pirq)
        d->arch.pirq = hv_alloc(sizeof(*d->arch.pirq));
    if (!d->arch.pirq)
        return -ENOMEM;
    bit_set_atomic(d->arch.pirq->mapped, pirq);
    return 0;
}

int irq_map_gsi(struct domain *d, unsigned int gsi)
{
    int rc;

    if (gsi >= nr_gsis)
        return -EINVAL;
    spin_lock(&d->ctl_lock);
    rc = map_set(d, gsi);
    spin_unlock(&d->ctl_lock);
    return rc;
}

/* A number above the lines that no message has. ctl_lock serialises. */
int irq_free_pirq(void)
{
    for (unsigned int nr = MAX_PIRQS; nr-- > nr_gsis;) {
        if (irqs[nr].kind == IRQ_NONE)
            return (int)nr;
    }
    return -ENOSPC;
}

static int install_msi(struct domain *d, unsigned int nr, struct msi *m)
{
    struct irq *q = &irqs[nr];
    unsigned long flags;
    uint8_t vector = vector_alloc(nr);
    int rc;

    if (!vector)
        return -ENOSPC;
    rc = map_set(d, nr);
    if (rc) {
        vector_free(vector);
        return rc;
    }
    flags = spin_lock_irqsave(&q->lock);
    q->kind = IRQ_MSI;
    q->msi = m;
    q->vector = vector;
    q->level = q->low = q->in_flight = q->bound = false;
    q->cpu = 0;
    chip_route(q);
    spin_unlock_irqrestore(&q->lock, flags);
    return 0;
}

int irq_map_msi(struct domain *d, const struct msi_request *req)
{
    int rc, nr;
    struct msi *m = msi_create(req, &rc);

    if (!m)
        return rc;
    spin_lock(&d->ctl_lock);
    nr = irq_free_pirq();
    rc = nr < 0 ? nr : install_msi(d, (unsigned int)nr, m);
    spin_unlock(&d->ctl_lock);
    if (rc) {
        msi_destroy(m);
        return rc;
    }
    return nr;
}

int irq_unmap(struct domain *d, unsigned int pirq)
{
    struct msi *m = NULL;
    struct irq *q = irq_get(pirq);
    unsigned long flags;

    /* One caller does it, and before the number can be given out again. */
    if (!q || !d->arch.pirq ||
        !bit_test_and_clear_atomic(d->arch.pirq->mapped, pirq))
        return -EINVAL;
    pirq_unbind(d, pirq, 0);
    flags = spin_lock_irqsave(&q->lock);
    if (q->kind == IRQ_MSI) {
        m = q->msi;
        msi_disable(m);
        vector_free(q->vector);
        q->vector = 0;
        q->kind = IRQ_NONE;
        q->msi = NULL;
    }
    spin_unlock_irqrestore(&q->lock, flags);
    if (m)
        msi_destroy(m);
    return 0;
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
    if (!q || !irq_is_mapped(d, pirq))
        return -EINVAL;
    if (pirq < nr_gsis && !ioapic_has_gsi(pirq))
        return -EINVAL;
    flags = spin_lock_irqsave(&q->lock);
    if (q->bound)
        rc = -EBUSY;
    else if (q->kind != IRQ_MSI && !q->vector) {
        q->vector = vector_alloc(pirq);
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
    if (q->bound && q->d == d && q->cpu != cpu && irq_can_go_to(cpu)) {
        q->cpu = cpu;
        chip_route(q);
        chip_set_mask(q, q->in_flight);
    }
    spin_unlock_irqrestore(&q->lock, flags);
}

/* What is on its way to the CPU is still taken there. CPU 0 always runs. */
void irq_cpu_leave(unsigned int cpu)
{
    for (unsigned int nr = 0; nr < MAX_PIRQS; nr++) {
        struct irq *q = &irqs[nr];
        unsigned long flags = spin_lock_irqsave(&q->lock);

        if (q->vector && q->cpu == cpu) {
            q->cpu = 0;
            chip_route(q);
            chip_set_mask(q, q->in_flight || !q->bound);
        }
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
               kind[q->kind], q->vector, q->cpu, q->level ? " level" : " edge",
               q->bound ? " bound" : "", q->in_flight ? " in flight" : "",
               q->count);
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
