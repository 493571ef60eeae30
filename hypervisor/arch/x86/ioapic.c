/* SPDX-License-Identifier: MIT */
/*
 * I/O APICs (82093AA data sheet, "Register Description"): which line raises
 * which vector on which CPU.
 */
#include <asm/irq.h>

#include <hv/acpi.h>
#include <hv/lib.h>

#include <asm/page.h>
#include <asm/x86.h>

#define IOREGSEL        0x00 /* byte offsets */
#define IOWIN           0x10
#define IOAPIC_VER      0x01
#define IOAPIC_RTE(pin) (0x10 + 2 * (pin))

#define RTE_VECTOR     0xffU
#define RTE_LOW        BIT_U32(13)
#define RTE_LEVEL      BIT_U32(15)
#define RTE_MASKED     BIT_U32(16)
#define RTE_DEST_SHIFT 24
#define BIT_U32(n)     (1U << (n))

static struct ioapic {
    volatile uint32_t *regs;
    paddr_t addr;
    uint32_t gsi_base;
    unsigned int nr_pins;
    spinlock_t lock; /* select and window are two accesses */
} ioapics[ACPI_MAX_IOAPICS];
static unsigned int nr_ioapics;
unsigned int nr_gsis = 16;

static uint32_t reg_read(const struct ioapic *a, unsigned int reg)
{
    mmio_write32(&a->regs[IOREGSEL / 4], reg);
    return mmio_read32(&a->regs[IOWIN / 4]);
}

static void reg_write(const struct ioapic *a, unsigned int reg, uint32_t v)
{
    mmio_write32(&a->regs[IOREGSEL / 4], reg);
    mmio_write32(&a->regs[IOWIN / 4], v);
}

static struct ioapic *ioapic_of(unsigned int gsi, unsigned int *pin)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        struct ioapic *a = &ioapics[i];

        if (gsi >= a->gsi_base && gsi < a->gsi_base + a->nr_pins) {
            *pin = gsi - a->gsi_base;
            return a;
        }
    }
    return NULL;
}

bool ioapic_has_gsi(unsigned int gsi)
{
    unsigned int pin;

    return ioapic_of(gsi, &pin) != NULL;
}

/*
 * An edge that comes while the pin is masked is ignored, not held back (data
 * sheet, "I/O Redirection Table Registers", bit 16). So a line that is in use
 * and only goes to another CPU is not masked for that: the destination is in
 * the upper word alone. What the lower one says changes between uses only.
 */
void ioapic_route(unsigned int gsi, uint8_t vector, uint32_t apic_id,
                  bool level, bool low)
{
    unsigned int pin;
    struct ioapic *a = ioapic_of(gsi, &pin);
    uint32_t rte =
        vector | RTE_MASKED | (level ? RTE_LEVEL : 0) | (low ? RTE_LOW : 0);
    unsigned long flags;

    if (!a)
        return;
    flags = spin_lock_irqsave(&a->lock);
    if ((reg_read(a, IOAPIC_RTE(pin)) ^ rte) &
        (RTE_VECTOR | RTE_LOW | RTE_LEVEL))
        reg_write(a, IOAPIC_RTE(pin), rte);
    reg_write(a, IOAPIC_RTE(pin) + 1, apic_id << RTE_DEST_SHIFT);
    spin_unlock_irqrestore(&a->lock, flags);
}

void ioapic_set_mask(unsigned int gsi, bool masked)
{
    unsigned int pin;
    struct ioapic *a = ioapic_of(gsi, &pin);
    unsigned long flags;
    uint32_t rte;

    if (!a)
        return;
    flags = spin_lock_irqsave(&a->lock);
    rte = reg_read(a, IOAPIC_RTE(pin));
    reg_write(a, IOAPIC_RTE(pin),
              masked ? rte | RTE_MASKED : rte & ~RTE_MASKED);
    spin_unlock_irqrestore(&a->lock, flags);
}

int ioapic_read_at(uint64_t physbase, unsigned int reg, uint32_t *value)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        struct ioapic *a = &ioapics[i];
        unsigned long flags;

        if (a->addr != physbase || reg >= IOAPIC_RTE(a->nr_pins))
            continue;
        flags = spin_lock_irqsave(&a->lock);
        *value = reg_read(a, reg);
        spin_unlock_irqrestore(&a->lock, flags);
        return 0;
    }
    return -EINVAL;
}

void ioapic_shutdown(void)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        struct ioapic *a = &ioapics[i];

        /* Edge-triggered, so that none stays in service at the I/O APIC. */
        for (unsigned int pin = 0; pin < a->nr_pins; pin++)
            reg_write(a, IOAPIC_RTE(pin), RTE_MASKED);
    }
}

void ioapic_dump(void)
{
    for (unsigned int i = 0; i < nr_ioapics; i++) {
        struct ioapic *a = &ioapics[i];

        printk(LOG_INFO "I/O APIC at %lx:\n", a->addr);
        for (unsigned int pin = 0; pin < a->nr_pins; pin++) {
            unsigned long flags = spin_lock_irqsave(&a->lock);
            uint32_t rte = reg_read(a, IOAPIC_RTE(pin));
            uint32_t dest = reg_read(a, IOAPIC_RTE(pin) + 1);

            spin_unlock_irqrestore(&a->lock, flags);
            if ((rte & 0xff) == 0)
                continue;
            printk(LOG_INFO " pin %2u: vector %02x to APIC %u%s%s%s\n", pin,
                   rte & 0xff, dest >> RTE_DEST_SHIFT,
                   rte & RTE_LEVEL ? " level" : " edge",
                   rte & RTE_LOW ? " low" : "",
                   rte & RTE_MASKED ? " masked" : "");
        }
    }
}

static void __init ioapic_add(paddr_t addr, uint32_t gsi_base)
{
    struct ioapic *a = &ioapics[nr_ioapics];

    a->regs = ioremap(addr, 0x20);
    if (!a->regs)
        panic("cannot map the I/O APIC at %lx", addr);
    a->addr = addr;
    a->gsi_base = gsi_base;
    a->nr_pins = ((reg_read(a, IOAPIC_VER) >> 16) & 0xff) + 1;
    spin_init(&a->lock, LOCK_RANK_PIRQ_CHIP);
    for (unsigned int pin = 0; pin < a->nr_pins; pin++)
        reg_write(a, IOAPIC_RTE(pin), RTE_MASKED);
    nr_ioapics++;
    nr_gsis = max_t(unsigned int, nr_gsis, gsi_base + a->nr_pins);
    printk(LOG_INFO "I/O APIC at %lx: GSI %u..%u\n", addr, gsi_base,
           gsi_base + a->nr_pins - 1);
}

void __init ioapic_init(void)
{
    for (unsigned int i = 0; i < acpi_info.nr_ioapics; i++)
        ioapic_add(acpi_info.ioapic[i].addr, acpi_info.ioapic[i].gsi_base);
}
