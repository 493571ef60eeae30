/* SPDX-License-Identifier: MIT */
/*
 * The machine's I/O ports as domains see them. The control domain has all but
 * the hypervisor's own; of the ports that select something by a first write
 * and access it by a second, the first is latched per domain, so that nobody
 * comes between. Other domains have the ports that they were given, of those
 * that have no such meaning.
 */
#include <asm/pv/emulate.h>

#include <hv/arch.h>
#include <hv/bitmap.h>
#include <hv/console_sink.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/pci.h>

#include <asm/x86.h>

#define PORT_PIC1      0x20
#define PORT_PIC2      0xa0
#define PORT_PIT0      0x40
#define PORT_PIT2      0x42
#define PORT_PIT_CMD   0x43
#define PORT_SPEAKER   0x61
#define PORT_CMOS      0x70
#define PORT_CMOS_DATA 0x71
#define PORT_PCI       0xcf8
#define PORT_PCI_DATA  0xcfc
#define PCI_ENABLE     (1U << 31)
#define CMOS_INDEX     0x7f
#define SPEAKER_BITS   0x03 /* gate and data: all that a guest may set */
#define PLAIN_ORDER    1    /* pages of plain_ports */

_Static_assert(65536 / 8 == PAGE_SIZE << PLAIN_ORDER, "a bit for each port");

static spinlock_t cmos_lock = SPINLOCK_INIT(LOCK_RANK_TIME);

/* Ports that no guest touches directly. Never more of them: plain_ports is made
 * from this. */
static const unsigned long denied[BITMAP_LONGS(65536)] = {
    [0] = 1UL << PORT_PIC1 | 1UL << (PORT_PIC1 + 1),
    [1] = 0xfUL << (PORT_PIT0 - 64) | 1UL << (PORT_SPEAKER - 64),
    [2] = 1UL << (PORT_PIC2 - 128) | 1UL << (PORT_PIC2 + 1 - 128),
};

/* Single bytes with a meaning (byte_read, byte_write). */
static bool is_special(uint16_t port)
{
    return port == PORT_CMOS || port == PORT_CMOS_DATA ||
           (port >= PORT_PCI && port < PORT_PCI + 8);
}

static uint32_t ones(unsigned int size)
{
    return size == 4 ? ~0U : (1U << 8 * size) - 1;
}

static bool direct_ok(const struct domain *d, uint16_t port, unsigned int size)
{
    if (port + size > 65536 ||
        !rangeset_contains(&d->ioports, port, port + size - 1UL))
        return false;
    for (unsigned int i = 0; i < size; i++)
        if (bit_test(denied, port + i) ||
            uart_owns_ports((uint16_t)(port + i), (uint16_t)(port + i)))
            return false;
    return true;
}

/* ---- ports that are as they are ---- */

/*
 * d->arch.plain_ports has a bit for each port that d has, and that is neither
 * denied nor the console's nor special: an access goes to the machine as it
 * is, which is what the long way would find. Invariant: a bit is set only
 * while the port is in d->ioports. So a port is first added there and its bit
 * set then, and the bit is cleared before the port is removed; both under
 * d->ctl_lock. The other way it may differ (no memory): the long way decides.
 */
static unsigned long machine_plain(unsigned int word)
{
    uint16_t first = (uint16_t)(word * BITS_PER_LONG);
    unsigned long bits = ~denied[word];

    for (unsigned int i = 0; i < BITS_PER_LONG; i++)
        if (is_special((uint16_t)(first + i)))
            bits &= ~BIT(i);
    if (uart_owns_ports(first, (uint16_t)(first + BITS_PER_LONG - 1)))
        for (unsigned int i = 0; i < BITS_PER_LONG; i++)
            if (uart_owns_ports((uint16_t)(first + i), (uint16_t)(first + i)))
                bits &= ~BIT(i);
    return bits;
}

static void plain_change(unsigned long *plain, bool allow, unsigned int first,
                         unsigned int last)
{
    for (unsigned int w = first / BITS_PER_LONG; w <= last / BITS_PER_LONG;
         w++) {
        unsigned long bits = ~0UL;

        if (w == first / BITS_PER_LONG)
            bits &= ~0UL << first % BITS_PER_LONG;
        if (w == last / BITS_PER_LONG)
            bits &= ~0UL >> (BITS_PER_LONG - 1 - last % BITS_PER_LONG);
        WRITE_ONCE(plain[w], allow ? plain[w] | (bits & machine_plain(w))
                                   : plain[w] & ~bits);
    }
}

static void ioports_allow(struct domain *d, uint16_t first, uint16_t last)
{
    unsigned long *plain = d->arch.plain_ports;

    if (!plain) {
        plain = hv_alloc_pages(PLAIN_ORDER);
        if (!plain)
            return;
        __atomic_store_n(&d->arch.plain_ports, plain, __ATOMIC_RELEASE);
    }
    plain_change(plain, true, first, last);
}

int arch_ioports_change(struct domain *d, bool allow, uint16_t first,
                        uint16_t last)
{
    int rc;

    if (!allow) {
        /* If it cannot be removed, it goes the long way. */
        if (d->arch.plain_ports)
            plain_change(d->arch.plain_ports, false, first, last);
        return rangeset_remove(&d->ioports, first, last);
    }
    rc = rangeset_add(&d->ioports, first, last);
    if (!rc)
        ioports_allow(d, first, last);
    return rc;
}

void arch_ioports_free(struct domain *d)
{
    if (d->arch.plain_ports)
        hv_free_pages(d->arch.plain_ports, PLAIN_ORDER);
    d->arch.plain_ports = NULL;
}

/* True: each byte of the access is plain, and it crosses no word (zeros are
 * shifted in beyond the end). */
static ALWAYS_INLINE bool all_plain(const struct domain *d, uint16_t port,
                                    unsigned int size)
{
    const unsigned long *plain = READ_ONCE(d->arch.plain_ports);
    unsigned long wanted = BIT(size) - 1;

    return plain &&
           !(~(READ_ONCE(plain[port / BITS_PER_LONG]) >> port % BITS_PER_LONG) &
             wanted);
}

static uint32_t direct_read(uint16_t port, unsigned int size)
{
    if (size == 1)
        return inb(port);
    return size == 2 ? inw(port) : inl(port);
}

static void direct_write(uint16_t port, unsigned int size, uint32_t value)
{
    if (size == 1)
        outb((uint8_t)value, port);
    else if (size == 2)
        outw((uint16_t)value, port);
    else
        outl(value, port);
}

/* ---- PCI configuration space ---- */

static bool in_pci_data(uint16_t port, unsigned int size)
{
    return port >= PORT_PCI_DATA && port + size <= PORT_PCI_DATA + 4 &&
           port % size == 0;
}

/* What the latched address says: bus, device, function; and the register, of
 * which AMD's processors take bits 11:8 from 27:24. */
static uint32_t cf8_sbdf(uint32_t cf8)
{
    return cf8 >> 8 & 0xffff;
}

static unsigned int cf8_reg(uint32_t cf8, uint16_t port)
{
    return (cf8 & 0xfc) | (cf8 >> 16 & 0xf00) | (port & 3);
}

static uint32_t pci_data_read(struct domain *d, uint16_t port,
                              unsigned int size)
{
    uint32_t cf8 = READ_ONCE(d->arch.pci_cf8);

    if (!(cf8 & PCI_ENABLE))
        return ones(size);
    return pci_config_read(cf8_sbdf(cf8), cf8_reg(cf8, port), size);
}

static void pci_data_write(struct domain *d, uint16_t port, unsigned int size,
                           uint32_t value)
{
    uint32_t cf8 = READ_ONCE(d->arch.pci_cf8);

    if (cf8 & PCI_ENABLE)
        pci_config_write(cf8_sbdf(cf8), cf8_reg(cf8, port), size, value);
}

/* ---- CMOS ---- */

static uint8_t cmos_read(const struct domain *d)
{
    unsigned long flags;
    uint8_t value;

    flags = spin_lock_irqsave(&cmos_lock);
    outb(d->arch.cmos_index & CMOS_INDEX, PORT_CMOS);
    value = inb(PORT_CMOS_DATA);
    spin_unlock_irqrestore(&cmos_lock, flags);
    return value;
}

static void cmos_write(const struct domain *d, uint8_t value)
{
    unsigned long flags;

    flags = spin_lock_irqsave(&cmos_lock);
    outb(d->arch.cmos_index & CMOS_INDEX, PORT_CMOS);
    outb(value, PORT_CMOS_DATA);
    spin_unlock_irqrestore(&cmos_lock, flags);
}

/* ---- single bytes with a meaning ---- */

static uint8_t byte_read(struct domain *d, uint16_t port)
{
    if (!d->is_privileged)
        return !is_special(port) && direct_ok(d, port, 1) ? inb(port) : 0xff;
    switch (port) {
    case PORT_CMOS:
        return d->arch.cmos_index;
    case PORT_CMOS_DATA:
        return cmos_read(d);
    case PORT_PIT2:
    case PORT_SPEAKER:
        return inb(port);
    case PORT_PCI_DATA ... PORT_PCI_DATA + 3:
        return (uint8_t)pci_data_read(d, port, 1);
    default:
        return direct_ok(d, port, 1) ? inb(port) : 0xff;
    }
}

static void byte_write(struct domain *d, uint16_t port, uint8_t value)
{
    if (!d->is_privileged) {
        if (!is_special(port) && direct_ok(d, port, 1))
            outb(value, port);
        return;
    }
    switch (port) {
    case PORT_CMOS:
        d->arch.cmos_index = value;
        return;
    case PORT_CMOS_DATA:
        cmos_write(d, value);
        return;
    case PORT_PIT2:
        outb(value, port);
        return;
    case PORT_PIT_CMD:
        if (value >> 6 == 2) /* channel 2 only */
            outb(value, port);
        return;
    case PORT_SPEAKER:
        outb((uint8_t)((inb(port) & ~SPEAKER_BITS) | (value & SPEAKER_BITS)),
             port);
        return;
    case PORT_PCI_DATA ... PORT_PCI_DATA + 3:
        pci_data_write(d, port, 1, value);
        return;
    case PORT_PCI:
    case PORT_PCI + 2:
    case PORT_PCI + 3:
        return; /* the address is written as a whole; + 1 resets machines */
    default:
        if (direct_ok(d, port, 1))
            outb(value, port);
        return;
    }
}

/* A plain access can be made in one piece. */
static bool is_plain(const struct domain *d, uint16_t port, unsigned int size)
{
    for (unsigned int i = 0; i < size; i++)
        if (is_special((uint16_t)(port + i)))
            return false;
    return direct_ok(d, port, size);
}

/* A revocation on another CPU comes between in good order: bit, then port. */
static void assert_plain(const struct domain *d, uint16_t port,
                         unsigned int size)
{
    ASSERT(is_plain(d, port, size) || !all_plain(d, port, size));
}

static NOINLINE uint32_t read_by_parts(struct domain *d, uint16_t port,
                                       unsigned int size)
{
    uint32_t value = 0;

    if (rangeset_is_empty(&d->ioports))
        return ones(size);
    if (d->is_privileged && port == PORT_PCI && size == 4)
        return d->arch.pci_cf8;
    if (d->is_privileged && in_pci_data(port, size))
        return pci_data_read(d, port, size);
    if (is_plain(d, port, size))
        return direct_read(port, size);
    for (unsigned int i = 0; i < size; i++)
        value |= (uint32_t)byte_read(d, (uint16_t)(port + i)) << 8 * i;
    return value;
}

static NOINLINE void write_by_parts(struct domain *d, uint16_t port,
                                    unsigned int size, uint32_t value)
{
    if (rangeset_is_empty(&d->ioports))
        return;
    if (d->is_privileged && port == PORT_PCI && size == 4)
        d->arch.pci_cf8 = value;
    else if (d->is_privileged && in_pci_data(port, size))
        pci_data_write(d, port, size, value);
    else if (is_plain(d, port, size))
        direct_write(port, size, value);
    else
        for (unsigned int i = 0; i < size; i++)
            byte_write(d, (uint16_t)(port + i), (uint8_t)(value >> 8 * i));
}

uint32_t ioport_read(struct domain *d, uint16_t port, unsigned int size)
{
    if (unlikely(!all_plain(d, port, size)))
        return read_by_parts(d, port, size);
    assert_plain(d, port, size);
    return direct_read(port, size);
}

void ioport_write(struct domain *d, uint16_t port, unsigned int size,
                  uint32_t value)
{
    if (unlikely(!all_plain(d, port, size))) {
        write_by_parts(d, port, size, value);
        return;
    }
    assert_plain(d, port, size);
    direct_write(port, size, value);
}
