/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts. An irq is a line of an I/O APIC (numbered as its GSI) or
 * a message of a PCI device (numbered from nr_gsis on); the number is the
 * control domain's pirq. One vector space for all CPUs.
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
    spinlock_t lock;  /* rank LOCK_RANK_PIRQ, interrupts off: all fields */
    uint8_t kind;     /* enum irq_kind */
    uint8_t vector;   /* 0: none */
    bool level, low;  /* lines only */
    bool in_flight;   /* level: masked until the guest's EOI */
    bool bound;       /* someone wants it: unmasked unless in flight */
    unsigned int cpu; /* that takes it */
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
/* Route gsi to vector on the CPU with apic_id, masked. */
void ioapic_route(unsigned int gsi, uint8_t vector, uint32_t apic_id,
                  bool level, bool low);
void ioapic_set_mask(unsigned int gsi, bool masked);
void ioapic_dump(void);
/* Mask every line, for good: no lock is taken. */
void ioapic_shutdown(void);
/* A register of the I/O APIC at that physical address, for dom0. */
int ioapic_read_at(uint64_t physbase, unsigned int reg, uint32_t *value);

/* msi.c: the messages. */
struct msi_request {
    uint32_t sbdf;
    bool msix;
    unsigned int entry;  /* MSI-X */
    uint64_t table_base; /* MSI-X: start of the BAR that holds the table */
};
/* Check the device and take the slot; not programmed yet. NULL, *rc set. */
struct msi *msi_create(const struct msi_request *req, int *rc);
void msi_destroy(struct msi *m); /* disabled before */
/* Program address and data, leave it masked, enable the capability. */
void msi_program(struct msi *m, uint8_t vector, uint32_t apic_id);
void msi_set_mask(struct msi *m, bool masked);
void msi_disable(struct msi *m);
void msi_dump(void);

/* irq.c, for physdev_op. All return 0 or -Exxx. */
int irq_map_gsi(struct domain *d, unsigned int gsi);
int irq_map_msi(struct domain *d, const struct msi_request *req); /* pirq */
/* d was given pirq by one of the two. */
bool irq_is_mapped(const struct domain *d, unsigned int pirq);
int irq_unmap(struct domain *d, unsigned int pirq);
int irq_setup_gsi(unsigned int gsi, bool level, bool low);
int irq_eoi(struct domain *d, unsigned int pirq);
bool irq_needs_eoi(unsigned int pirq);
int irq_set_eoi_page(struct domain *d, uint64_t gmfn, bool auto_unmask);
int irq_free_pirq(void);

#endif
