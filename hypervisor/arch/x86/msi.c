/* SPDX-License-Identifier: MIT */
/*
 * Message-signalled interrupts of PCI devices (PCI Local Bus 3.0, "MSI and
 * MSI-X"). The control domain sees the registers; address, data and masks are
 * the hypervisor's alone to write.
 */
#include <asm/irq.h>

#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/pci.h>

#include <asm/page.h>
#include <asm/pv/iomem.h>

/* Capability registers, offsets from it. */
#define MSI_CONTROL      2
#define MSI_ADDR_LOW     4
#define MSI_ADDR_HIGH    8
#define MSI_DATA_32      8
#define MSI_DATA_64      12
#define MSI_MASK_32      12
#define MSI_MASK_64      16
#define MSI_CTL_ENABLE   (1U << 0)
#define MSI_CTL_CAPABLE  1 /* bits 3:1: how many messages, a power of two */
#define MSI_CTL_MULTI    4 /* bits 6:4: how many of them are enabled */
#define MSI_CTL_POWER    7U
#define MSI_CTL_64BIT    (1U << 7)
#define MSI_CTL_MASKABLE (1U << 8)
#define MSIX_CONTROL     2
#define MSIX_TABLE       4
#define MSIX_CTL_SIZE    0x7ffU
#define MSIX_CTL_MASKALL (1U << 14)
#define MSIX_CTL_ENABLE  (1U << 15)

#define MSI_ADDRESS    0xfee00000U /* Intel SDM vol. 3, "Message Address" */
#define MSI_DEST_SHIFT 12

struct msix_entry {
    uint32_t addr_low, addr_high, data, control;
};
#define MSIX_ENTRY_MASKED 1U

struct msi {
    uint32_t sbdf;
    unsigned int cap; /* of the capability in use */
    bool msix;
    uint8_t power;                    /* MSI: 1 << power messages */
    uint16_t control;                 /* as read at first */
    unsigned int entry;               /* MSI-X: index in the table */
    volatile struct msix_entry *slot; /* MSI-X: mapped */
    bool used;
};

#define MAX_MSI 256
static struct msi msis[MAX_MSI];
spinlock_t msi_lock = SPINLOCK_INIT(LOCK_RANK_MSI);

/* The register of mask bits, which the messages of a block share. */
static spinlock_t mask_lock = SPINLOCK_INIT(LOCK_RANK_PIRQ_CHIP);

/* Pages of MSI-X tables that were mapped once stay so: devices come back. */
static struct {
    paddr_t page;
    char *va;
} tables[64];

static char *table_page(paddr_t page)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
        if (!tables[i].va) {
            tables[i].va = ioremap(page, PAGE_SIZE);
            tables[i].page = page;
        }
        if (tables[i].page == page)
            return tables[i].va;
    }
    return NULL;
}

static int find_slot(struct msi *m, const struct msi_request *req)
{
    uint32_t control = pci_config_read(m->sbdf, m->cap + MSIX_CONTROL, 2);
    uint32_t table = pci_config_read(m->sbdf, m->cap + MSIX_TABLE, 4);
    paddr_t at;
    char *va;

    if (req->entry > (control & MSIX_CTL_SIZE))
        return -EINVAL;
    at = req->table_base + (table & ~7U) +
         req->entry * sizeof(struct msix_entry);
    if (!req->table_base || at < req->table_base)
        return -EINVAL;
    /* The capability aligns a table to 8 only. */
    if ((at & ~PAGE_MASK) > PAGE_SIZE - sizeof(struct msix_entry))
        return -EINVAL;
    if (mfn_is_ram(maddr_to_mfn(at)))
        return -EINVAL; /* a table in RAM would be a way to write to it */
    /* The same for an I/O APIC, say. */
    if (!arch_iomem_permitted(current->domain, maddr_to_mfn(at)) ||
        iomem_is_read_only(maddr_to_mfn(at)))
        return -EPERM;
    va = table_page(at & PAGE_MASK);
    if (!va)
        return -ENOMEM;
    m->slot = (volatile struct msix_entry *)(va + (at & ~PAGE_MASK));
    m->entry = req->entry;
    return 0;
}

/* How far the registers go that are used here. Beyond configuration space's
 * first 256 bytes there is no capability of these. */
static unsigned int end_of_registers(const struct msi *m)
{
    bool wide = m->control & MSI_CTL_64BIT;

    if (m->msix)
        return m->cap + MSIX_TABLE + 4;
    if (m->control & MSI_CTL_MASKABLE)
        return m->cap + (wide ? MSI_MASK_64 : MSI_MASK_32) + 4;
    return m->cap + (wide ? MSI_DATA_64 : MSI_DATA_32) + 2;
}

/* msi_lock is held. */
static int setup(struct msi *m, struct msi_request *req)
{
    unsigned int capable;
    int rc;

    for (unsigned int i = 0; i < MAX_MSI; i++) {
        const struct msi *o = &msis[i];

        if (o->used && o->sbdf == req->sbdf &&
            (!req->msix || !o->msix || o->entry == req->entry))
            return -EBUSY;
    }
    *m = (struct msi){.sbdf = req->sbdf, .msix = req->msix};
    m->cap =
        pci_find_capability(m->sbdf, req->msix ? PCI_CAP_MSIX : PCI_CAP_MSI);
    if (!m->cap)
        return -ENODEV;
    rc = pci_config_keep(m->sbdf); /* an irq's lock has interrupts off */
    if (rc)
        return rc;
    m->control = (uint16_t)pci_config_read(m->sbdf, m->cap + MSI_CONTROL, 2);
    if (end_of_registers(m) > PCI_CAP_SPACE)
        return -ENODEV;
    if (req->msix)
        return find_slot(m, req);
    capable = 1U << (m->control >> MSI_CTL_CAPABLE & MSI_CTL_POWER);
    if (req->count > capable) {
        req->count = capable;
        return -ENFILE;
    }
    while (1U << m->power < req->count)
        m->power++;
    return 0;
}

struct msi *msi_create(struct msi_request *req, int *rc)
{
    struct msi *m = NULL;

    for (unsigned int i = 0; i < MAX_MSI && !m; i++) {
        if (!msis[i].used)
            m = &msis[i];
    }
    *rc = m ? setup(m, req) : -ENOSPC;
    if (*rc)
        m = NULL;
    else
        m->used = true;
    return m;
}

void msi_destroy(struct msi *m)
{
    m->used = false;
}

unsigned int msi_count(const struct msi *m)
{
    return 1U << m->power;
}

uint32_t msi_sbdf(const struct msi *m)
{
    return m->sbdf;
}

/* What the control register is to be while m is in use. */
static uint32_t msi_control(const struct msi *m, bool enabled)
{
    uint32_t c =
        m->control & ~(MSI_CTL_POWER << MSI_CTL_MULTI | MSI_CTL_ENABLE);

    return enabled ? c | (uint32_t)m->power << MSI_CTL_MULTI | MSI_CTL_ENABLE
                   : c;
}

static void program_msi(const struct msi *m, uint32_t addr, uint32_t data)
{
    bool wide = m->control & MSI_CTL_64BIT;

    pci_config_write(m->sbdf, m->cap + MSI_ADDR_LOW, 4, addr);
    if (wide)
        pci_config_write(m->sbdf, m->cap + MSI_ADDR_HIGH, 4, 0);
    pci_config_write(m->sbdf, m->cap + (wide ? MSI_DATA_64 : MSI_DATA_32), 2,
                     data);
    pci_config_write(m->sbdf, m->cap + MSI_CONTROL, 2, msi_control(m, true));
}

static void program_msix(const struct msi *m, uint32_t addr, uint32_t data)
{
    uint32_t control = pci_config_read(m->sbdf, m->cap + MSIX_CONTROL, 2);

    /* The table is reached only while the capability is enabled on some
     * devices; the entry stays masked until it is bound. */
    pci_config_write(m->sbdf, m->cap + MSIX_CONTROL, 2,
                     control | MSIX_CTL_ENABLE);
    m->slot->control |= MSIX_ENTRY_MASKED;
    m->slot->addr_low = addr;
    m->slot->addr_high = 0;
    m->slot->data = data;
}

void msi_program(struct msi *m, uint8_t vector, uint32_t apic_id)
{
    uint32_t addr = MSI_ADDRESS | apic_id << MSI_DEST_SHIFT;

    if (m->msix)
        program_msix(m, addr, vector);
    else
        program_msi(m, addr, vector);
}

void msi_set_mask(struct msi *m, unsigned int message, bool masked)
{
    uint32_t bits, bit = 1U << message;
    unsigned long flags;
    unsigned int reg;

    if (m->msix) {
        uint32_t c = m->slot->control & ~MSIX_ENTRY_MASKED;

        m->slot->control = c | (masked ? MSIX_ENTRY_MASKED : 0);
        return;
    }
    if (!(m->control & MSI_CTL_MASKABLE))
        return;
    reg = m->cap + (m->control & MSI_CTL_64BIT ? MSI_MASK_64 : MSI_MASK_32);
    flags = spin_lock_irqsave(&mask_lock);
    bits = pci_config_read(m->sbdf, reg, 4);
    pci_config_write(m->sbdf, reg, 4, masked ? bits | bit : bits & ~bit);
    spin_unlock_irqrestore(&mask_lock, flags);
}

/* The last entry of an MSI-X table takes the capability's enable with it. */
void msi_disable(struct msi *m)
{
    uint32_t control;

    if (!m->msix) {
        pci_config_write(m->sbdf, m->cap + MSI_CONTROL, 2,
                         msi_control(m, false));
        return;
    }
    m->slot->control |= MSIX_ENTRY_MASKED;
    for (unsigned int i = 0; i < MAX_MSI; i++) {
        if (&msis[i] != m && msis[i].used && msis[i].sbdf == m->sbdf)
            return;
    }
    control = pci_config_read(m->sbdf, m->cap + MSIX_CONTROL, 2);
    pci_config_write(m->sbdf, m->cap + MSIX_CONTROL, 2,
                     control & ~MSIX_CTL_ENABLE);
}

void msi_dump(void)
{
    for (unsigned int i = 0; i < MAX_MSI; i++) {
        const struct msi *m = &msis[i];

        if (m->used)
            printk(LOG_INFO " %04x:%02x:%02x.%x %s %u, %u messages\n",
                   m->sbdf >> 16, m->sbdf >> 8 & 0xff, m->sbdf >> 3 & 0x1f,
                   m->sbdf & 7, m->msix ? "MSI-X" : "MSI", m->entry,
                   msi_count(m));
    }
}
