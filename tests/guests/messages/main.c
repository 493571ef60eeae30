/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that are messages of PCI devices, singly and in blocks: which
 * counts are taken, what the device's registers say, that each message comes
 * to the port of its own pirq, and that nothing is left when a block goes. The
 * devices are QEMU's (tests/guests/run.py): a root port with two messages and
 * mask bits, whose hot-plug control sends the first and whose error reporting
 * the second (the error comes from QEMU's monitor); USB controllers with 16
 * messages and without mask bits, one of which has MSI-X as well.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/port.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

#include <public/event_channel.h>
#include <public/physdev.h>

#define DEVFN(slot, fn) ((slot) << 3 | (fn))
#define ROOT_PORT       DEVFN(0x10, 0)
#define USB             DEVFN(0x11, 0)
#define USB_BOTH        DEVFN(0x12, 0) /* MSI and MSI-X */
#define NOBODY          DEVFN(0x13, 0)
#define RNG             DEVFN(0x16, 0)
#define USB_MORE        DEVFN(0x14, 0) /* eight functions */
#define NR_MORE         16U
#define USB_MESSAGES    16U

/* ---- configuration space ---- */

#define PCI_COMMAND        0x04
#define COMMAND_ON         0x0106 /* memory, bus master, errors are reported */
#define PCI_BAR0           0x10
#define PCI_CAPABILITIES   0x34
#define PCI_BRIDGE         0x3c
#define BRIDGE_SERR        (1U << 17)
#define CAP_MSI            0x05
#define CAP_EXPRESS        0x10
#define CAP_MSIX           0x11
#define MSI_ENABLE         (1U << 16)
#define MSI_64BIT          (1U << 23)
#define MSI_MASKABLE       (1U << 24)
#define MSI_POWER(control) ((control) >> 20 & 7)
#define EXP_DEVICE_CONTROL 0x08
#define EXP_REPORT_ERRORS  0xfU
#define EXP_SLOT_CONTROL   0x18
#define SLOT_CONTROL_ON    (1U << 4 | 1U << 5) /* command done; interrupt */
#define SLOT_STATUS_SEEN   0x001f0000U
#define AER                0x100 /* QEMU's place for it */
#define AER_ID             0x0001U
#define AER_ROOT_COMMAND   0x2c
#define AER_ROOT_STATUS    0x30
#define ROOT_UNCORRECTED   (1U << 2)

static void select(unsigned int devfn, unsigned int reg)
{
    out32(0xcf8, 0x80000000 | (reg & 0xf00) << 16 | devfn << 8 | (reg & 0xfc));
}

static uint32_t config(unsigned int devfn, unsigned int reg)
{
    select(devfn, reg);
    return in32(0xcfc);
}

static void config_write(unsigned int devfn, unsigned int reg, uint32_t v)
{
    select(devfn, reg);
    out32(0xcfc, v);
}

static unsigned int capability(unsigned int devfn, uint8_t id)
{
    unsigned int at = config(devfn, PCI_CAPABILITIES) & 0xfc;

    while (at && (config(devfn, at) & 0xff) != id)
        at = config(devfn, at) >> 8 & 0xfc;
    return at;
}

struct registers {
    uint32_t control; /* in the upper half */
    uint32_t address, high, data, mask;
};

static struct registers registers(unsigned int devfn)
{
    unsigned int at = capability(devfn, CAP_MSI);
    struct registers r = {.control = config(devfn, at),
                          .address = config(devfn, at + 4)};
    unsigned int data = at + 8;

    if (r.control & MSI_64BIT) {
        r.high = config(devfn, data);
        data += 4;
    }
    r.data = config(devfn, data) & 0xffff;
    if (r.control & MSI_MASKABLE)
        r.mask = config(devfn, data + 4);
    return r;
}

static bool enabled(unsigned int devfn)
{
    return registers(devfn).control & MSI_ENABLE;
}

/* ---- calls ---- */

static struct physdev_map_pirq map_arg;

static long map(unsigned int domid, unsigned int devfn, int type, int count)
{
    map_arg = (struct physdev_map_pirq){
        .domid = (domid_t)domid,
        .type = type,
        .index = -1,
        .pirq = -1,
        .devfn = (int)devfn,
        .entry_nr = count,
    };
    return hc_physdev_op(PHYSDEVOP_map_pirq, &map_arg);
}

/* The first pirq, or the error. */
static long map_block(unsigned int devfn, int count)
{
    long rc = map(DOMID_SELF, devfn, MAP_PIRQ_TYPE_MULTI_MSI, count);

    return rc ? rc : map_arg.pirq;
}

static long map_one(unsigned int devfn)
{
    long rc = map(DOMID_SELF, devfn, MAP_PIRQ_TYPE_MSI_SEG, 0);

    return rc ? rc : map_arg.pirq;
}

static long unmap_for(unsigned int domid, long pirq)
{
    struct physdev_unmap_pirq op = {.domid = (domid_t)domid, .pirq = (int)pirq};

    return hc_physdev_op(PHYSDEVOP_unmap_pirq, &op);
}

static long unmap(long pirq)
{
    return unmap_for(DOMID_SELF, pirq);
}

static long bind(long pirq)
{
    struct evtchn_bind_pirq op = {.pirq = (uint32_t)pirq};
    long rc = hc_event_channel_op(EVTCHNOP_bind_pirq, &op);

    return rc ? rc : (long)op.port;
}

static long to_vcpu(long port, unsigned int vcpu)
{
    struct evtchn_bind_vcpu op = {.port = (uint32_t)port, .vcpu = vcpu};

    return hc_event_channel_op(EVTCHNOP_bind_vcpu, &op);
}

/* ---- which counts there are ---- */

static void refused(unsigned int devfn, int count, long error)
{
    long rc = map_block(devfn, count);

    if (rc != error)
        test_fail(__FILE__, __LINE__, "count %d: %ld, wanted %ld", count, rc,
                  error);
    EXPECT(!enabled(devfn));
}

static void bad_counts(void)
{
    refused(USB, 0, -XEN_EDOM);
    refused(USB, -1, -XEN_EDOM);
    refused(USB, -16, -XEN_EDOM);
    refused(USB, (int)0x80000000, -XEN_EDOM);
    refused(USB, (int)0x80000001, -XEN_EDOM);
    refused(USB, 0x7fffffff, -XEN_EDOM);
    refused(USB, 33, -XEN_EDOM);
    /* More than the device has: it says how many. */
    refused(USB, 32, -XEN_ENFILE);
    EXPECT_EQ(map_arg.entry_nr, USB_MESSAGES);
    refused(USB, 17, -XEN_ENFILE);
    EXPECT_EQ(map_arg.entry_nr, USB_MESSAGES);
    EXPECT_EQ(map_arg.pirq, -1);
    refused(ROOT_PORT, 3, -XEN_ENFILE);
    EXPECT_EQ(map_arg.entry_nr, 2);
    EXPECT_EQ(map_block(NOBODY, 2), -XEN_ENODEV);
    EXPECT_EQ(map(DOMID_SELF, USB, 5, 2), -XEN_EINVAL);
    /* What is refused takes nothing: all of it can be had. */
    map_arg.pirq = (int)map_block(USB, 16);
    EXPECT(map_arg.pirq > 0);
    EXPECT_EQ(unmap(map_arg.pirq), 0);
}

static void bad_arguments(void)
{
    map_arg = (struct physdev_map_pirq){
        .domid = DOMID_SELF,
        .type = MAP_PIRQ_TYPE_MULTI_MSI,
        .devfn = USB,
        .entry_nr = 2,
        .table_base = 0xe0000000,
    };
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, &map_arg), -XEN_EINVAL);
    map_arg.table_base = 0;
    map_arg.bus = 7 << 16; /* a segment that is not there */
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, &map_arg), -XEN_ENODEV);
    EXPECT_EQ(map(1000, USB, MAP_PIRQ_TYPE_MULTI_MSI, 2), -XEN_ESRCH);
    EXPECT(!enabled(USB));
}

/* The answer cannot be written: nothing was done. */
static void no_answer(void)
{
    struct physdev_map_pirq *p = page_alloc();
    long first;

    *p = (struct physdev_map_pirq){.domid = DOMID_SELF,
                                   .type = MAP_PIRQ_TYPE_MULTI_MSI,
                                   .devfn = USB,
                                   .entry_nr = 16};
    EXPECT_EQ(page_set_ro(p), 0);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, p), -XEN_EFAULT);
    EXPECT(!enabled(USB));
    first = map_block(USB, 16);
    EXPECT(first > 0);
    EXPECT_EQ(unmap(first), 0);
    EXPECT_EQ(page_set_rw(p), 0);
    page_free(p);
}

/* ---- what the device is told ---- */

static void block_of(int wanted, unsigned int power)
{
    long first = map_block(USB, wanted);
    struct registers r = registers(USB);
    unsigned int count = 1U << power;

    if (first < 0) {
        test_fail(__FILE__, __LINE__, "%d messages: %ld", wanted, first);
        return;
    }
    EXPECT_EQ(map_arg.entry_nr, count);
    EXPECT(r.control & MSI_ENABLE);
    EXPECT_EQ(MSI_POWER(r.control), power);
    EXPECT_EQ(r.data % count, 0);
    EXPECT(r.data >= 0x30 && r.data + count <= 0xf0);
    EXPECT(r.data + count <= 0x80 || r.data > 0x80);
    EXPECT_EQ(r.address & 0xfff00000, 0xfee00000);
    EXPECT_EQ(r.high, 0);
    for (unsigned int i = 0; i < count; i++) {
        long port = bind(first + i);

        EXPECT(port > 0);
        EXPECT_EQ(bind(first + i), -XEN_EBUSY);
        if (port > 0)
            EXPECT_EQ(event_close((unsigned int)port), 0);
    }
    EXPECT_EQ(bind(first + count), -XEN_EINVAL);
    EXPECT_EQ(bind(first - 1), -XEN_EINVAL);
    EXPECT_EQ(unmap(first), 0);
    EXPECT(!enabled(USB));
}

static void blocks(void)
{
    block_of(1, 0);
    block_of(2, 1);
    block_of(3, 2); /* the next power of two */
    block_of(4, 2);
    block_of(5, 3);
    block_of(8, 3);
    block_of(9, 4);
    block_of(16, 4);
}

static void masks(void)
{
    long first = map_block(ROOT_PORT, 2), port[2];

    EXPECT(first > 0);
    EXPECT_EQ(registers(ROOT_PORT).mask & 3, 3);
    port[1] = bind(first + 1);
    EXPECT_EQ(registers(ROOT_PORT).mask & 3, 1);
    port[0] = bind(first);
    EXPECT_EQ(registers(ROOT_PORT).mask & 3, 0);
    EXPECT_EQ(event_close((unsigned int)port[1]), 0);
    EXPECT_EQ(registers(ROOT_PORT).mask & 3, 2);
    EXPECT_EQ(event_close((unsigned int)port[0]), 0);
    EXPECT_EQ(registers(ROOT_PORT).mask & 3, 3);
    EXPECT_EQ(unmap(first), 0);
}

static volatile bool second_wanted;
static void (*volatile second_job)(void);

static void second(void *arg)
{
    (void)arg;
    for (;;) {
        second_job();
        smp_down_self();
    }
}

/* The other vcpu does something, until it is no longer wanted. */
static void second_begins(void (*job)(void))
{
    static bool begun;

    second_job = job;
    second_wanted = true;
    EXPECT_EQ(begun ? smp_up(1) : smp_start(1, second, NULL), 0);
    begun = true;
}

static void second_ends(void)
{
    second_wanted = false;
    while (smp_is_up(1) == 1)
        (void)hc_sched_op(SCHEDOP_yield, NULL);
}

static void keep_the_cpu(void)
{
    while (second_wanted)
        asm volatile("pause");
}

/* A block has one address, which goes with its first message. */
static void affinity(void)
{
    long first = map_block(USB, 4), port[2];
    struct registers before, after;

    second_begins(keep_the_cpu);
    port[0] = bind(first);
    port[1] = bind(first + 1);
    EXPECT(port[0] > 0 && port[1] > 0);
    EXPECT_EQ(to_vcpu(port[0], 0), 0);
    before = registers(USB);
    EXPECT_EQ(to_vcpu(port[1], 1), 0);
    after = registers(USB);
    EXPECT_EQ(after.address, before.address);
    EXPECT_EQ(to_vcpu(port[0], 1), 0);
    after = registers(USB);
    EXPECT(after.address != before.address);
    EXPECT_EQ(after.data, before.data);
    EXPECT_EQ(after.control, before.control);
    EXPECT_EQ(to_vcpu(port[1], 0), 0);
    EXPECT_EQ(registers(USB).address, after.address);
    EXPECT_EQ(to_vcpu(port[0], 0), 0);
    EXPECT_EQ(registers(USB).address, before.address);
    second_ends();
    EXPECT_EQ(event_close((unsigned int)port[0]), 0);
    EXPECT_EQ(event_close((unsigned int)port[1]), 0);
    EXPECT_EQ(unmap(first), 0);
}

/* A device that was reset knows nothing any more. */
static void restore(unsigned int op, void *arg)
{
    unsigned int at = capability(ROOT_PORT, CAP_MSI);
    long first = map_block(ROOT_PORT, 2), port = bind(first + 1);
    struct registers before = registers(ROOT_PORT), after;

    EXPECT(first > 0 && port > 0);
    config_write(ROOT_PORT, at, 0);
    config_write(ROOT_PORT, at + 4, 0);
    config_write(ROOT_PORT, at + 8, 0);
    config_write(ROOT_PORT, at + 12, 0);
    EXPECT(!enabled(ROOT_PORT));
    EXPECT_EQ(hc_physdev_op(op, arg), 0);
    after = registers(ROOT_PORT);
    EXPECT_EQ(after.control, before.control);
    EXPECT_EQ(after.address, before.address);
    EXPECT_EQ(after.data, before.data);
    EXPECT_EQ(after.mask, before.mask);
    EXPECT_EQ(event_close((unsigned int)port), 0);
    EXPECT_EQ(unmap(first), 0);
    EXPECT_EQ(hc_physdev_op(op, arg), 0);
    EXPECT(!enabled(ROOT_PORT));
}

static void restored(void)
{
    struct physdev_restore_msi old = {.devfn = ROOT_PORT};
    struct physdev_pci_device device = {.devfn = ROOT_PORT};

    restore(PHYSDEVOP_restore_msi, &old);
    restore(PHYSDEVOP_restore_msi_ext, &device);
}

/* ---- who has the device ---- */

static void busy(void)
{
    long first = map_block(USB, 2), second;

    EXPECT(first > 0);
    EXPECT_EQ(map_block(USB, 2), -XEN_EBUSY);
    EXPECT_EQ(map_one(USB), -XEN_EBUSY);
    second = map_block(ROOT_PORT, 2);
    EXPECT(second > 0 && (second + 1 < first || second > first + 1));
    EXPECT_EQ(unmap(second), 0);
    EXPECT_EQ(unmap(first), 0);
    first = map_one(USB);
    EXPECT(first > 0);
    EXPECT_EQ(MSI_POWER(registers(USB).control), 0);
    EXPECT_EQ(map_block(USB, 2), -XEN_EBUSY);
    EXPECT_EQ(unmap(first), 0);
}

/* Its registers are reached through memory instead of ports. */
static void other_segment(void)
{
    long rc[2];

    for (unsigned int i = 0; i < 2; i++) {
        map_arg = (struct physdev_map_pirq){
            .domid = DOMID_SELF,
            .type = i ? MAP_PIRQ_TYPE_MULTI_MSI : MAP_PIRQ_TYPE_MSI_SEG,
            .bus = 1 << 16,
            .devfn = ROOT_PORT,
            .entry_nr = 2,
        };
        rc[0] = hc_physdev_op(PHYSDEVOP_map_pirq, &map_arg);
        EXPECT_EQ(rc[0], 0);
        EXPECT(enabled(ROOT_PORT));
        EXPECT_EQ(MSI_POWER(registers(ROOT_PORT).control), i);
        rc[1] = bind(map_arg.pirq);
        EXPECT(rc[1] > 0);
        EXPECT_EQ(registers(ROOT_PORT).mask & 1, 0);
        EXPECT_EQ(event_close((unsigned int)rc[1]), 0);
        EXPECT_EQ(registers(ROOT_PORT).mask & 1, 1);
        EXPECT_EQ(unmap(map_arg.pirq), 0);
        EXPECT(!enabled(ROOT_PORT));
    }
}

static long map_entry(unsigned int devfn, int entry, uint64_t table_base)
{
    map_arg = (struct physdev_map_pirq){
        .domid = DOMID_SELF,
        .type = MAP_PIRQ_TYPE_MSI_SEG,
        .pirq = -1,
        .devfn = (int)devfn,
        .entry_nr = entry,
        .table_base = table_base,
    };
    return hc_physdev_op(PHYSDEVOP_map_pirq, &map_arg) ?: map_arg.pirq;
}

/* A table at the start of a BAR that is smaller than a page. */
static void small_bar(void)
{
    uint64_t bar = config(RNG, PCI_BAR0 + 4) & ~15U;
    long pirq;

    config_write(RNG, PCI_COMMAND, COMMAND_ON);
    EXPECT_EQ(config(RNG, capability(RNG, CAP_MSIX) + 4), 1); /* BAR 1 */
    pirq = map_entry(RNG, 0, bar + 16);
    EXPECT(pirq > 0);
    EXPECT_EQ(unmap(pirq), 0);
}

/* MSI and MSI-X of a device exclude each other; and a table is where only a
 * device can be. */
static void both_kinds(void)
{
    uint64_t bar = (uint64_t)config(USB_BOTH, PCI_BAR0 + 4) << 32 |
                   (config(USB_BOTH, PCI_BAR0) & ~15U);
    unsigned int at = capability(USB_BOTH, CAP_MSIX);
    uint64_t table = config(USB_BOTH, at + 4) & ~7U;
    long first, entry[2];

    config_write(USB_BOTH, PCI_COMMAND, COMMAND_ON);
    first = map_block(USB_BOTH, 4);
    EXPECT(first > 0);
    EXPECT_EQ(map_entry(USB_BOTH, 0, bar), -XEN_EBUSY);
    EXPECT_EQ(unmap(first), 0);
    entry[0] = map_entry(USB_BOTH, 0, bar);
    entry[1] = map_entry(USB_BOTH, 1, bar);
    EXPECT(entry[0] > 0 && entry[1] > 0);
    EXPECT_EQ(map_entry(USB_BOTH, 1, bar), -XEN_EBUSY);
    EXPECT_EQ(map_block(USB_BOTH, 4), -XEN_EBUSY);
    EXPECT_EQ(map_one(USB_BOTH), -XEN_EBUSY);
    EXPECT_EQ(unmap(entry[0]), 0);
    EXPECT_EQ(config(USB_BOTH, at) >> 31, 1); /* one is left */
    EXPECT_EQ(unmap(entry[1]), 0);
    EXPECT_EQ(config(USB_BOTH, at) >> 31, 0);

    EXPECT_EQ(map_entry(USB_BOTH, -1, bar), -XEN_EINVAL);
    EXPECT_EQ(map_entry(USB_BOTH, 2048, bar), -XEN_EINVAL);
    EXPECT_EQ(map_entry(USB_BOTH, 0, ~0UL - table), -XEN_EINVAL);
    EXPECT_EQ(map_entry(USB_BOTH, 0, virt_to_maddr(&map_arg) & PAGE_MASK),
              -XEN_EINVAL);
    EXPECT_EQ(map_entry(USB_BOTH, 0, 0xfec00000 - table),
              -XEN_EPERM); /* I/O APIC */
    EXPECT_EQ(map_entry(USB_BOTH, 0, 0xfee00000 - table), -XEN_EPERM);
    EXPECT_EQ(map_entry(USB_BOTH, 0, 0xfed00000 - table),
              -XEN_EPERM); /* HPET */
    EXPECT_EQ(map_entry(USB_BOTH, 0, 1UL << 60), -XEN_EPERM);
    EXPECT_EQ(map_entry(USB_BOTH, 1, bar + 0xfe8),
              -XEN_EINVAL); /* over a page's end */
    EXPECT_EQ(config(USB_BOTH, at) >> 31, 0);
}

/* ---- how it ends ---- */

static void unmapping(void)
{
    long first = map_block(USB, 4), port[4], again;

    EXPECT(first > 0);
    for (unsigned int i = 0; i < 4; i++)
        port[i] = bind(first + i);
    /* A block goes as a whole, by its first. */
    for (unsigned int i = 3; i > 0; i--)
        EXPECT_EQ(unmap(first + i), -XEN_EBUSY);
    EXPECT(enabled(USB));
    EXPECT_EQ(unmap(first), 0);
    EXPECT(!enabled(USB));
    for (unsigned int i = 0; i < 4; i++) {
        EXPECT_EQ(unmap(first + i), -XEN_EINVAL);
        EXPECT_EQ(bind(first + i), -XEN_EINVAL);
    }
    /* The numbers have a new user before the old ports are closed. */
    again = map_block(USB, 4);
    EXPECT_EQ(again, first);
    EXPECT(bind(again + 2) > 0);
    for (unsigned int i = 0; i < 4; i++)
        EXPECT_EQ(event_close((unsigned int)port[i]), 0);
    EXPECT_EQ(bind(again + 2), -XEN_EBUSY);
    /* Each message unbound first, in the other order. */
    EXPECT_EQ(unmap(again), 0);
    again = map_block(USB, 4);
    for (unsigned int i = 0; i < 4; i++)
        port[i] = bind(again + i);
    for (unsigned int i = 4; i-- > 0;)
        EXPECT_EQ(event_close((unsigned int)port[i]), 0);
    EXPECT_EQ(unmap(again), 0);
    EXPECT(!enabled(USB));
}

/* Blocks until there is no vector; then all but the last can still be had. */
static void vectors_run_out(void)
{
    long first[NR_MORE], rc = 0;
    unsigned int nr = 0;

    for (; nr < NR_MORE; nr++) {
        rc = map_block(USB_MORE + nr, 16);
        if (rc < 0)
            break;
        first[nr] = rc;
    }
    EXPECT_EQ(rc, -XEN_ENOSPC);
    EXPECT(nr >= 8);
    EXPECT(!enabled(USB_MORE + nr));
    /* What is left is too small or not aligned, and serves one message. */
    rc = map_one(USB_MORE + nr);
    EXPECT(rc > 0);
    EXPECT_EQ(unmap(rc), 0);
    EXPECT_EQ(unmap(first[2]), 0);
    rc = map_block(USB_MORE + nr, 16);
    EXPECT(rc > 0);
    EXPECT_EQ(unmap(rc), 0);
    for (unsigned int i = 0; i < nr; i++)
        EXPECT_EQ(unmap(first[i]), i == 2 ? -XEN_EINVAL : 0);
}

/* A domain that has a block and dies. */
static void owner_dies(void)
{
    struct xen_domctl op = {.u.createdomain = domain_defaults()};
    long first, again;

    EXPECT_EQ(domctl(&op, XEN_DOMCTL_createdomain, 0), 0);
    if (test_failed())
        return;
    EXPECT_EQ(map(op.domain, USB, MAP_PIRQ_TYPE_MULTI_MSI, 8), 0);
    first = map_arg.pirq;
    EXPECT(enabled(USB));
    EXPECT_EQ(unmap(first), -XEN_EINVAL); /* not the caller's */
    EXPECT_EQ(bind(first), -XEN_EINVAL);
    EXPECT_EQ(unmap_for(op.domain, first + 1), -XEN_EBUSY);
    EXPECT_EQ(unmap_for(op.domain, first), 0);
    EXPECT(!enabled(USB));
    EXPECT_EQ(map(op.domain, USB, MAP_PIRQ_TYPE_MULTI_MSI, 8), 0);
    EXPECT_EQ(map_arg.pirq, first);
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_destroydomain, op.domain), 0);
    EXPECT(!enabled(USB));
    EXPECT(map(op.domain, USB, MAP_PIRQ_TYPE_MULTI_MSI, 8) != 0);
    EXPECT(!enabled(USB));
    again = map_block(USB, 8);
    EXPECT_EQ(again, first);
    EXPECT_EQ(unmap(again), 0);
}

/* While blocks come and go, the other vcpu tries to bind and to unmap whatever
 * there may be at the moment. */
static volatile unsigned int thieves_turns;
static volatile long lowest;

static void thief(void)
{
    while (second_wanted) {
        for (long pirq = lowest; pirq < lowest + 16; pirq++) {
            long port = bind(pirq);

            if (port > 0)
                (void)event_close((unsigned int)port);
        }
        (void)unmap(lowest + thieves_turns++ % 16);
    }
}

static void races(void)
{
    uint64_t end = time_now() + 30 * NS_PER_S;
    long first = map_block(USB, 16), again;
    unsigned int mapped = 0;

    EXPECT(first > 0);
    EXPECT_EQ(unmap(first), 0);
    lowest = first;
    second_begins(thief);
    /* Longer where the thief's CPU stood meanwhile. */
    for (unsigned int i = 0;
         i < 1000 || (thieves_turns <= 16 && time_now() < end); i++) {
        int count = 1 << i % 5;

        again = map_block(i & 1 ? USB : ROOT_PORT, i & 1 ? count : 2);
        if (again < 0)
            continue;
        mapped++;
        (void)unmap(again);
    }
    second_ends();
    EXPECT(mapped > 100);
    EXPECT(thieves_turns > 16);
    EXPECT(!enabled(USB) && !enabled(ROOT_PORT));
    for (long pirq = first; pirq < first + 16; pirq++)
        EXPECT_EQ(bind(pirq), -XEN_EINVAL);
    again = map_block(USB, 16);
    EXPECT_EQ(again, first);
    EXPECT_EQ(unmap(again), 0);
}

/* ---- messages that come ---- */

static volatile unsigned int came[2];
static long message_port[2];

static void on_message(unsigned int port, struct regs *r)
{
    (void)r;
    came[port == (unsigned int)message_port[1]]++;
}

static void wait_for(volatile unsigned int *counter)
{
    uint64_t end = time_now() + 20000 * NS_PER_MS;

    while (!*counter && time_now() < end)
        (void)hc_sched_op(SCHEDOP_yield, NULL);
}

/* The slot is told something: "command completed". */
static void send_first(void)
{
    unsigned int at = capability(ROOT_PORT, CAP_EXPRESS) + EXP_SLOT_CONTROL;

    config_write(ROOT_PORT, at, 0);
    config_write(ROOT_PORT, at, SLOT_CONTROL_ON);
    config_write(ROOT_PORT, at, SLOT_STATUS_SEEN | SLOT_CONTROL_ON);
}

static void expect_errors(void)
{
    unsigned int at = capability(ROOT_PORT, CAP_EXPRESS) + EXP_DEVICE_CONTROL;

    EXPECT_EQ(config(ROOT_PORT, AER) & 0xffff, AER_ID);
    config_write(ROOT_PORT, PCI_COMMAND, COMMAND_ON);
    config_write(ROOT_PORT, PCI_BRIDGE,
                 config(ROOT_PORT, PCI_BRIDGE) | BRIDGE_SERR);
    config_write(ROOT_PORT, at, EXP_REPORT_ERRORS);
    config_write(ROOT_PORT, AER + AER_ROOT_STATUS, 0x7f);
    config_write(ROOT_PORT, AER + AER_ROOT_COMMAND, 7);
}

static void delivery(void)
{
    long first = map_block(ROOT_PORT, 2);

    EXPECT(first > 0);
    if (test_failed())
        return;
    for (unsigned int i = 0; i < 2; i++) {
        message_port[i] = bind(first + i);
        EXPECT(message_port[i] > 0);
        event_bind((unsigned int)message_port[i], on_message);
    }
    events_on();
    expect_errors();
    send_first();
    wait_for(&came[0]);
    EXPECT_EQ(came[0], 1);
    EXPECT_EQ(came[1], 0);
    printk("errors are awaited\n"); /* QEMU is told to send one */
    wait_for(&came[1]);
    EXPECT_EQ(came[1], 1);
    EXPECT_EQ(came[0], 1);
    EXPECT(config(ROOT_PORT, AER + AER_ROOT_STATUS) & ROOT_UNCORRECTED);
    /* Once more. */
    came[0] = came[1] = 0;
    config_write(ROOT_PORT, AER + AER_ROOT_STATUS, 0x7f);
    send_first();
    wait_for(&came[0]);
    wait_for(&came[1]);
    EXPECT_EQ(came[0], 1);
    EXPECT_EQ(came[1], 1);
    events_off();
    EXPECT_EQ(event_close((unsigned int)message_port[0]), 0);
    EXPECT_EQ(event_close((unsigned int)message_port[1]), 0);
    EXPECT_EQ(unmap(first), 0);
}

/* The newer form, which leaves unmasking to the guest: no message has a bit. */
static void eoi_page(void)
{
    uint64_t *page = page_alloc();
    struct physdev_pirq_eoi_gmfn op = {.gmfn = virt_to_mfn(page)};

    memset(page, 0xff, PAGE_SIZE);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), 0);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), -XEN_EBUSY);
    for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
        EXPECT_EQ(page[i], 0);
}

static const struct test tests[] = {
    {"page of EOIs", eoi_page},
    {"counts that are none", bad_counts},
    {"arguments that are none", bad_arguments},
    {"no answer, no block", no_answer},
    {"blocks of every size", blocks},
    {"mask bits", masks},
    {"affinity", affinity},
    {"a device is restored", restored},
    {"a device has one user", busy},
    {"MSI and MSI-X", both_kinds},
    {"a table in a small BAR", small_bar},
    {"another segment", other_segment},
    {"unmapped as a whole", unmapping},
    {"vectors run out", vectors_run_out},
    {"the owner dies", owner_dies},
    {"two vcpus at once", races},
    {"each message to its port", delivery},
};

/* As a control domain tells of every device that it finds. */
static void tell_devices(void)
{
    static const uint8_t devices[] = {ROOT_PORT, USB, USB_BOTH};
    struct physdev_pci_device_add op = {0};

    for (unsigned int i = 0; i < ARRAY_SIZE(devices) + NR_MORE; i++) {
        op.devfn = (uint8_t)(i < NR_MORE ? USB_MORE + i : devices[i - NR_MORE]);
        (void)hc_physdev_op(PHYSDEVOP_pci_device_add, &op);
    }
}

void kit_main(void)
{
    struct physdev_set_iopl iopl = {.iopl = 1};

    timer_stop_periodic();
    (void)hc_physdev_op(PHYSDEVOP_set_iopl, &iopl);
    tell_devices();
    tests_run(tests, ARRAY_SIZE(tests));
}
