/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space: the two ports, and beyond 256 bytes (or segment 0)
 * the memory-mapped form. PCI Local Bus 3.0, "Configuration Mechanism"; PCI
 * Express Base, "Enhanced Configuration Access Mechanism".
 */
#include <hv/pci.h>

#include <hv/acpi.h>
#include <hv/lib.h>
#include <hv/spinlock.h>

#include <asm/page.h>
#include <asm/x86.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define ADDRESS_ENABLE (1U << 31)
#define PORT_SPACE     256
#define EXTENDED_SPACE 4096

#define PCI_STATUS               0x06
#define STATUS_CAPABILITIES      0x10
#define PCI_HEADER_TYPE          0x0e
#define PCI_CAPABILITIES         0x34
#define PCI_CAPABILITIES_CARDBUS 0x14
#define HEADER_CARDBUS           2
#define MAX_CAPABILITIES         48

/* Guards the address port until the data port was used. */
static spinlock_t pci_lock = SPINLOCK_INIT(LOCK_RANK_PCI);

static uint32_t all_ones(unsigned int bytes)
{
    return bytes == 4 ? ~0U : (1U << (bytes * 8)) - 1;
}

/* ---- memory-mapped ---- */

static paddr_t mmcfg_address(uint32_t sbdf)
{
    uint16_t segment = (uint16_t)(sbdf >> 16);
    uint8_t bus = (uint8_t)(sbdf >> 8);

    for (unsigned int i = 0; i < acpi_info.nr_mcfg; i++)
        if (acpi_info.mcfg[i].segment == segment &&
            bus >= acpi_info.mcfg[i].start_bus &&
            bus <= acpi_info.mcfg[i].end_bus)
            return acpi_info.mcfg[i].base + ((paddr_t)(sbdf & 0xffff) << 12);
    return 0;
}

/* Mapped before the lock is taken: mapping may have to wait for other CPUs. */
static volatile char *mmcfg_map(uint32_t sbdf)
{
    paddr_t pa = mmcfg_address(sbdf);

    return pa ? ioremap(pa, EXTENDED_SPACE) : NULL;
}

static uint32_t mmio_read(const volatile char *p, unsigned int bytes)
{
    switch (bytes) {
    case 1:
        return *(const volatile uint8_t *)p;
    case 2:
        return *(const volatile uint16_t *)p;
    default:
        return *(const volatile uint32_t *)p;
    }
}

static void mmio_write(volatile char *p, unsigned int bytes, uint32_t value)
{
    switch (bytes) {
    case 1:
        *(volatile uint8_t *)p = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)p = (uint16_t)value;
        break;
    default:
        *(volatile uint32_t *)p = value;
        break;
    }
}

/* ---- mappings that are kept ---- */

/* Entries below nr_kept never change. */
static struct {
    uint32_t sbdf;
    volatile char *va;
} kept[64];
static unsigned int nr_kept;

static volatile char *kept_map(uint32_t sbdf)
{
    unsigned int nr = __atomic_load_n(&nr_kept, __ATOMIC_ACQUIRE);

    for (unsigned int i = 0; i < nr; i++)
        if (kept[i].sbdf == sbdf)
            return kept[i].va;
    return NULL;
}

/* ---- ports ---- */

static uint16_t select_port(uint32_t sbdf, unsigned int reg)
{
    outl(ADDRESS_ENABLE | (sbdf & 0xffff) << 8 | (reg & 0xfc), CONFIG_ADDRESS);
    return (uint16_t)(CONFIG_DATA + (reg & 3));
}

static uint32_t port_read(uint32_t sbdf, unsigned int reg, unsigned int bytes)
{
    unsigned long flags = spin_lock_irqsave(&pci_lock);
    uint16_t port = select_port(sbdf, reg);
    uint32_t v;

    if (bytes == 1)
        v = inb(port);
    else if (bytes == 2)
        v = inw(port);
    else
        v = inl(port);
    spin_unlock_irqrestore(&pci_lock, flags);
    return v;
}

static void port_write(uint32_t sbdf, unsigned int reg, unsigned int bytes,
                       uint32_t value)
{
    unsigned long flags = spin_lock_irqsave(&pci_lock);
    uint16_t port = select_port(sbdf, reg);

    if (bytes == 1)
        outb((uint8_t)value, port);
    else if (bytes == 2)
        outw((uint16_t)value, port);
    else
        outl(value, port);
    spin_unlock_irqrestore(&pci_lock, flags);
}

static bool by_port(uint32_t sbdf, unsigned int reg)
{
    return !(sbdf >> 16) && reg < PORT_SPACE;
}

static bool is_valid(unsigned int reg, unsigned int bytes)
{
    return (bytes == 1 || bytes == 2 || bytes == 4) &&
           reg + bytes <= EXTENDED_SPACE && !(reg & (bytes - 1));
}

uint32_t pci_config_read(uint32_t sbdf, unsigned int reg, unsigned int bytes)
{
    volatile char *p;
    uint32_t v;

    if (!is_valid(reg, bytes))
        return ~0U;
    if (by_port(sbdf, reg))
        return port_read(sbdf, reg, bytes);
    p = kept_map(sbdf);
    if (p)
        return mmio_read(p + reg, bytes);
    p = mmcfg_map(sbdf);
    if (!p)
        return all_ones(bytes);
    v = mmio_read(p + reg, bytes);
    iounmap(p, EXTENDED_SPACE);
    return v;
}

void pci_config_write(uint32_t sbdf, unsigned int reg, unsigned int bytes,
                      uint32_t value)
{
    volatile char *p;

    if (!is_valid(reg, bytes))
        return;
    if (by_port(sbdf, reg)) {
        port_write(sbdf, reg, bytes, value);
        return;
    }
    p = kept_map(sbdf);
    if (p) {
        mmio_write(p + reg, bytes, value);
        return;
    }
    p = mmcfg_map(sbdf);
    if (!p)
        return;
    mmio_write(p + reg, bytes, value);
    iounmap(p, EXTENDED_SPACE);
}

int pci_config_keep(uint32_t sbdf)
{
    volatile char *va;

    if (by_port(sbdf, 0) || kept_map(sbdf))
        return 0;
    if (!mmcfg_address(sbdf))
        return -ENODEV;
    va = nr_kept < ARRAY_SIZE(kept) ? mmcfg_map(sbdf) : NULL;
    if (!va)
        return -ENOMEM;
    kept[nr_kept].sbdf = sbdf;
    kept[nr_kept].va = va;
    __atomic_store_n(&nr_kept, nr_kept + 1, __ATOMIC_RELEASE);
    return 0;
}

unsigned int pci_find_capability(uint32_t sbdf, uint8_t id)
{
    unsigned int type = pci_config_read(sbdf, PCI_HEADER_TYPE, 1) & 0x7f;
    unsigned int at =
        type == HEADER_CARDBUS ? PCI_CAPABILITIES_CARDBUS : PCI_CAPABILITIES;

    if (!(pci_config_read(sbdf, PCI_STATUS, 2) & STATUS_CAPABILITIES))
        return 0;
    at = pci_config_read(sbdf, at, 1);
    /* Bounded: a broken device's list may be a ring. */
    for (unsigned int i = 0; i < MAX_CAPABILITIES; i++) {
        at &= 0xfc;
        if (at < 0x40)
            return 0;
        if (pci_config_read(sbdf, at, 1) == id)
            return at;
        at = pci_config_read(sbdf, at + 1, 1);
    }
    return 0;
}
