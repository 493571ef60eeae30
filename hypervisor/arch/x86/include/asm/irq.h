/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts. An irq is a line of an I/O APIC (numbered as its GSI) or
 * a message of a PCI device (numbered from nr_gsis on); the number is the
 * control domain's pirq. One vector space for all CPUs.
 *
 * The messages of one MSI capability are a block: 1, 2, 4 .. 32 irqs with
 * consecutive numbers and consecutive vectors, the first vector a multiple of
 * the count (the device puts the message's number into the low bits of its
 * data). A block is mapped and unmapped as a whole, for one domain, by its
 * first irq. It has one address, which is its first irq's: where that one goes
 * all go.
 */
#ifndef ASM_IRQ_H
#define ASM_IRQ_H

#include <hv/irq.h>
#include <hv/spinlock.h>

struct msi;

enum irq_kind {
    IRQ_NONE,
    IRQ_LINE,
    IRQ_MSI
};

struct irq {
    spinlock_t lock; /* rank LOCK_RANK_PIRQ, interrupts off: all fields */
    uint8_t kind;    /* enum irq_kind */
    uint8_t vector;  /* 0: none */
    bool level, low; /* lines only */
    bool in_flight;  /* level: masked until the guest's EOI */
    bool bound;      /* someone wants it: unmasked unless in flight */
    uint8_t message; /* which of its block's; the block starts at q - message */
    unsigned int
        cpu; /* that takes it; in a block only the first one's counts */
    struct domain *d; /* bound: to whom, with a reference */
    uint32_t port;
    struct msi *msi;
    unsigned long count;
};

void irq_init(void);
struct irq *irq_get(unsigned int nr);

/* ioapic.c: the lines. */
void ioapic_init(void);
bool ioapic_has_gsi(unsigned int gsi);
/* Route gsi to vector on the CPU with apic_id. The line stays as it is, masked
 * or not, if only the CPU is another; else it is masked. */
void ioapic_route(unsigned int gsi, uint8_t vector, uint32_t apic_id,
                  bool level, bool low);
void ioapic_set_mask(unsigned int gsi, bool masked);
void ioapic_dump(void);
/* Mask every line, for good: no lock is taken. */
void ioapic_shutdown(void);
/* A register of the I/O APIC at that physical address, for dom0. */
int ioapic_read_at(uint64_t physbase, unsigned int reg, uint32_t *value);

/* msi.c: the messages. */
#define MSI_MAX_MESSAGES 32

struct msi_request {
    uint32_t sbdf;
    unsigned int count;  /* messages; a power of two up to MSI_MAX_MESSAGES */
    bool msix;           /* one message */
    unsigned int entry;  /* MSI-X */
    uint64_t table_base; /* MSI-X: start of the BAR that holds the table */
};
/* msi_lock is held: which capabilities are in use, and whose numbers. */
extern spinlock_t msi_lock;
/* Check the device and take the slot; not programmed yet. NULL, *rc set:
 * -ENODEV, -EINVAL (no such message), -EPERM (the table is nothing of the
 * caller's), -EBUSY, -ENOSPC, -ENOMEM; -ENFILE: the device has not so many
 * messages, req->count says how many. */
struct msi *msi_create(struct msi_request *req, int *rc);
void msi_destroy(struct msi *m); /* disabled before */
void msi_disable(struct msi *m);

/* The lock of an irq of m is held; for msi_program() the first one's. */
unsigned int msi_count(const struct msi *m);
uint32_t msi_sbdf(const struct msi *m);
/* Program address and data (vector: of message 0) and enable the capability.
 * MSI-X: leave it masked; MSI: masks stay. */
void msi_program(struct msi *m, uint8_t vector, uint32_t apic_id);
/* MSI without mask bits: nothing happens. */
void msi_set_mask(struct msi *m, unsigned int message, bool masked);
void msi_dump(void);

/* irq.c, for physdev_op. All return 0 or -Exxx, unless said otherwise. The
 * caller of the three that map and unmap holds d->ctl_lock. */
int irq_map_gsi(struct domain *d, unsigned int gsi);
/* The pirq; of a block the first. */
int irq_map_msi(struct domain *d, struct msi_request *req);
/* d was given pirq by one of the two. */
bool irq_is_mapped(const struct domain *d, unsigned int pirq);
/* How many pirqs d lost: a block goes as a whole, bound or not. -EINVAL: d has
 * no such pirq; -EBUSY: it is in a block and not the first. */
int irq_unmap(struct domain *d, unsigned int pirq);
/* Program a device again, which was reset or slept. */
void irq_restore_msi(uint32_t sbdf);
int irq_setup_gsi(unsigned int gsi, bool level, bool low);
int irq_eoi(struct domain *d, unsigned int pirq);
bool irq_needs_eoi(unsigned int pirq);
int irq_set_eoi_page(struct domain *d, uint64_t gmfn, bool auto_unmask);
int irq_free_pirq(void);

#endif
