/* SPDX-License-Identifier: MIT */
/*
 * Memory operations: give frames back, get frames, exchange them, and what the
 * machine-to-physical table says of it.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>

static long reservation(unsigned int cmd, uint64_t *frames, uint64_t count,
                        unsigned int order, unsigned int domid)
{
    struct xen_memory_reservation r;

    memset(&r, 0, sizeof(r));
    HANDLE_SET(r.extent_start, frames);
    r.nr_extents = count;
    r.extent_order = order;
    r.domid = (domid_t)domid;
    return hc_memory_op(cmd, &r);
}

static long decrease(uint64_t *frames, uint64_t count)
{
    return reservation(XENMEM_decrease_reservation, frames, count, 0,
                       DOMID_SELF);
}

static long populate(uint64_t *pfns, uint64_t count)
{
    return reservation(XENMEM_populate_physmap, pfns, count, 0, DOMID_SELF);
}

static long pages_now(void)
{
    domid_t self = DOMID_SELF;

    return hc_memory_op(XENMEM_current_reservation, &self);
}

/* Unmap a page of the pool and give its frame away. */
static uint64_t balloon_out(void *page)
{
    uint64_t mfn = virt_to_mfn(page), frame = mfn;

    EXPECT_EQ(map_page(page, 0), 0);
    EXPECT_EQ(decrease(&frame, 1), 1);
    p2m[virt_to_pfn(page)] = INVALID_MFN;
    return mfn;
}

static void balloon_in(void *page)
{
    uint64_t frame = virt_to_pfn(page);

    EXPECT_EQ(populate(&frame, 1), 1);
    p2m[virt_to_pfn(page)] = frame;
    EXPECT_EQ(page_set_rw(page), 0);
}

static void counts(void)
{
    domid_t self = DOMID_SELF, nobody = 77;

    EXPECT(pages_now() >= (long)start_info->nr_pages);
    EXPECT(hc_memory_op(XENMEM_maximum_reservation, &self) >= pages_now());
    EXPECT(hc_memory_op(XENMEM_maximum_ram_page, NULL) > 0x1000);
    EXPECT_EQ(hc_memory_op(XENMEM_current_reservation, &nobody), -XEN_ESRCH);
    EXPECT_EQ(hc_memory_op(63, NULL), -XEN_ENOSYS);
}

static void machphys_mapping(void)
{
    struct xen_machphys_mapping m;

    memset(&m, 0, sizeof(m));
    EXPECT_EQ(hc_memory_op(XENMEM_machphys_mapping, &m), 0);
    EXPECT_EQ(m.v_start, M2P_BASE);
    EXPECT(m.v_end > m.v_start);
    EXPECT(m.max_mfn >= virt_to_mfn(start_info));
}

/* Each own frame knows its pfn. */
static void m2p_agrees(void)
{
    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++) {
        if (p2m[pfn] == INVALID_MFN)
            continue;
        EXPECT_EQ(mfn_to_pfn(p2m[pfn]), pfn);
    }
    /* Frames that are nobody's RAM. */
    EXPECT_EQ(mfn_to_pfn(0xb8), INVALID_MFN);
}

static void give_and_take(void)
{
    char *page = page_alloc();
    long before = pages_now();
    uint64_t mfn;

    page[17] = 17;
    mfn = balloon_out(page);
    EXPECT_EQ(pages_now(), before - 1);
    EXPECT_EQ(mfn_to_pfn(mfn), INVALID_MFN);
    EXPECT(map_page(page, pte_make(mfn, KERNEL_RW)) < 0);
    EXPECT(pin_table(1, mfn) < 0);
    balloon_in(page);
    EXPECT_EQ(pages_now(), before);
    EXPECT_EQ(mfn_to_pfn(virt_to_mfn(page)), virt_to_pfn(page));
    page[17] = 18;
    EXPECT_EQ(page[17], 18);
    page_free(page);
}

static void give_many(void)
{
    static void *pages[300];
    static uint64_t frames[300];
    long before = pages_now();

    for (unsigned int i = 0; i < 300; i++) {
        pages[i] = page_alloc();
        frames[i] = virt_to_mfn(pages[i]);
        EXPECT_EQ(map_page(pages[i], 0), 0);
    }
    EXPECT_EQ(decrease(frames, 300), 300);
    EXPECT_EQ(pages_now(), before - 300);
    for (unsigned int i = 0; i < 300; i++)
        frames[i] = virt_to_pfn(pages[i]);
    EXPECT_EQ(populate(frames, 300), 300);
    for (unsigned int i = 0; i < 300; i++) {
        p2m[virt_to_pfn(pages[i])] = frames[i];
        EXPECT_EQ(mfn_to_pfn(frames[i]), virt_to_pfn(pages[i]));
        EXPECT_EQ(page_set_rw(pages[i]), 0);
        page_free(pages[i]);
    }
    EXPECT_EQ(pages_now(), before);
}

/*
 * A frame in use is refused, or given away only once its last use ends: until
 * then it stays what it was. Either way a new one can take its place.
 */
static void give_mapped(void)
{
    volatile char *page = page_alloc();
    uint64_t frame = virt_to_mfn(page);
    long before = pages_now(), rc;

    page[5] = 55;
    rc = decrease(&frame, 1);
    EXPECT(rc == 0 || rc == 1);
    EXPECT_EQ(page[5], 55);
    page[5] = 56;
    EXPECT_EQ(page[5], 56);
    if (rc == 1) {
        EXPECT_EQ(map_page(page, 0), 0);
        balloon_in((void *)page);
    }
    EXPECT_EQ(pages_now(), before);
    EXPECT_EQ(mfn_to_pfn(virt_to_mfn(page)), virt_to_pfn(page));
    page_free((void *)page);
}

static void give_pinned(void)
{
    void *page = page_alloc();
    uint64_t frame = virt_to_mfn(page), mfn = frame;
    long before = pages_now(), rc;

    EXPECT_EQ(page_set_ro(page), 0);
    EXPECT_EQ(pin_table(1, mfn), 0);
    EXPECT_EQ(map_page(page, 0), 0);
    rc = decrease(&frame, 1);
    EXPECT(rc == 0 || rc == 1);
    if (rc == 0) {
        EXPECT_EQ(unpin_table(mfn), 0);
        EXPECT_EQ(page_set_rw(page), 0);
    } else {
        unpin_table(mfn);
        balloon_in(page);
    }
    EXPECT_EQ(pages_now(), before);
    page_free(page);
}

static void bad_frames(void)
{
    uint64_t bad[] = {INVALID_MFN, 1UL << 40, 0xb8, 0x200};

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        uint64_t frame = bad[i];

        EXPECT(decrease(&frame, 1) <= 0);
    }
    /* It stops at the first. */
    EXPECT(decrease(bad, 4) <= 0);
}

/*
 * What the hypervisor shares with us is not ours to give back. The reference
 * counts it as given; it must stay what it is all the same.
 */
static void shared_frames(void)
{
    volatile struct vcpu_info *vi = this_cpu()->info;

    for (unsigned int i = 0; i < 4; i++) {
        uint64_t frame = start_info->shared_info >> 12;

        EXPECT(decrease(&frame, 1) <= 1);
    }
    EXPECT(vi->time.tsc_to_system_mul != 0);
    EXPECT_EQ(hc_xen_version(XENVER_version, NULL), (4 << 16) | 17);
}

static void bad_arguments(void)
{
    uint64_t frame = 0;

    EXPECT(reservation(XENMEM_decrease_reservation, &frame, 1, 0, 77) <= 0);
    EXPECT(reservation(XENMEM_decrease_reservation,
                       (uint64_t *)0xffff820000000000UL, 1, 0,
                       DOMID_SELF) <= 0);
    EXPECT(reservation(XENMEM_populate_physmap, &frame, 1, 40, DOMID_SELF) <=
           0);
    EXPECT(populate((uint64_t *)0xffff820000000000UL, 4) <= 0);
    EXPECT(reservation(XENMEM_populate_physmap, &frame, ~0UL, 0, DOMID_SELF) <=
           0);
    EXPECT_EQ(decrease(&frame, 0), 0);
    EXPECT(hc_memory_op(XENMEM_decrease_reservation,
                        (void *)0xffff820000000000UL) <= 0);
}

/* Above the limit fewer frames come than were asked for. */
static void limit(void)
{
    static uint64_t frames[1024];
    domid_t self = DOMID_SELF;
    long before = pages_now(), got;
    long room = hc_memory_op(XENMEM_maximum_reservation, &self) - before;

    if (room > 1000) {
        test_skip("this domain has no limit nearby");
        return;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = start_info->nr_pages + i;
    got = populate(frames, (uint64_t)room + 8);
    EXPECT_EQ(got, room);
    EXPECT_EQ(pages_now(), before + got);
    EXPECT_EQ(decrease(frames, (uint64_t)got), got);
    EXPECT_EQ(pages_now(), before);
}

/* --- exchange --- */

#define BATCH 64

static long exchange(uint64_t *in, uint64_t nr_in, unsigned int order_in,
                     uint64_t *out, uint64_t nr_out, unsigned int order_out,
                     unsigned int address_bits, uint64_t *done)
{
    struct xen_memory_exchange x;
    long rc;

    memset(&x, 0, sizeof(x));
    HANDLE_SET(x.in.extent_start, in);
    x.in.nr_extents = nr_in;
    x.in.extent_order = order_in;
    x.in.domid = DOMID_SELF;
    HANDLE_SET(x.out.extent_start, out);
    x.out.nr_extents = nr_out;
    x.out.extent_order = order_out;
    x.out.mem_flags = address_bits;
    x.out.domid = DOMID_SELF;
    rc = hc_memory_op(XENMEM_exchange, &x);
    *done = x.nr_exchanged;
    return rc;
}

static char block[BATCH][PAGE_SIZE] PAGE_ALIGNED;

static void unmap_block(uint64_t *frames)
{
    for (unsigned int i = 0; i < BATCH; i++) {
        frames[i] = virt_to_mfn(block[i]);
        EXPECT_EQ(map_page(block[i], 0), 0);
    }
}

static void exchange_contiguous(void)
{
    static uint64_t frames[BATCH];
    uint64_t out = virt_to_pfn(block), done = 99, first;
    long before = pages_now();

    unmap_block(frames);
    EXPECT_EQ(exchange(frames, BATCH, 0, &out, 1, 6, 32, &done), 0);
    EXPECT_EQ(done, BATCH);
    EXPECT_EQ(out & (BATCH - 1), 0);
    EXPECT(out < 0x100000);
    EXPECT_EQ(pages_now(), before);
    first = out;
    for (unsigned int i = 0; i < BATCH; i++) {
        p2m[virt_to_pfn(block[i])] = first + i;
        EXPECT_EQ(mfn_to_pfn(first + i), virt_to_pfn(block[i]));
        EXPECT_EQ(page_set_rw(block[i]), 0);
        block[i][0] = (char)i;
    }

    /* And back to single frames. */
    unmap_block(frames);
    for (unsigned int i = 0; i < BATCH; i++)
        frames[i] = virt_to_pfn(block[i]);
    EXPECT_EQ(exchange(&first, 1, 6, frames, BATCH, 0, 0, &done), 0);
    EXPECT_EQ(done, 1);
    for (unsigned int i = 0; i < BATCH; i++) {
        p2m[virt_to_pfn(block[i])] = frames[i];
        EXPECT_EQ(mfn_to_pfn(frames[i]), virt_to_pfn(block[i]));
        EXPECT_EQ(page_set_rw(block[i]), 0);
    }
    EXPECT_EQ(pages_now(), before);
}

/* A failure leaves everything as it was. */
static void exchange_impossible(void)
{
    static uint64_t frames[BATCH];
    uint64_t out = virt_to_pfn(block), done = 99;

    unmap_block(frames);
    EXPECT(exchange(frames, BATCH, 0, &out, 1, 6, 13, &done) < 0);
    EXPECT_EQ(done, 0);
    for (unsigned int i = 0; i < BATCH; i++) {
        EXPECT_EQ(mfn_to_pfn(virt_to_mfn(block[i])), virt_to_pfn(block[i]));
        EXPECT_EQ(page_set_rw(block[i]), 0);
    }
    /* Mapped frames stay, sizes must agree. */
    for (unsigned int i = 0; i < BATCH; i++)
        frames[i] = virt_to_mfn(block[i]);
    EXPECT(exchange(frames, BATCH, 0, &out, 1, 6, 32, &done) < 0);
    EXPECT_EQ(done, 0);
    EXPECT(exchange(frames, BATCH, 0, &out, 1, 5, 32, &done) < 0);
    EXPECT_EQ(done, 0);
    for (unsigned int i = 0; i < BATCH; i++)
        EXPECT_EQ(mfn_to_pfn(virt_to_mfn(block[i])), virt_to_pfn(block[i]));
}

/* --- maps --- */

struct e820 {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));

static void machine_map(void)
{
    static struct e820 entries[128];
    struct xen_memory_map map;
    uint64_t ram = 0;

    memset(&map, 0, sizeof(map));
    map.nr_entries = ARRAY_SIZE(entries);
    HANDLE_SET(map.buffer, entries);
    if (!(start_info->flags & SIF_PRIVILEGED)) {
        EXPECT_EQ(hc_memory_op(XENMEM_machine_memory_map, &map), -XEN_EPERM);
        return;
    }
    EXPECT_EQ(hc_memory_op(XENMEM_machine_memory_map, &map), 0);
    EXPECT(map.nr_entries >= 2);
    for (unsigned int i = 0; i < map.nr_entries; i++) {
        if (i > 0)
            EXPECT(entries[i].addr >=
                   entries[i - 1].addr + entries[i - 1].size);
        if (entries[i].type == 1)
            ram += entries[i].size;
    }
    EXPECT(ram >> 20 >= 200);
    map.nr_entries = 1;
    EXPECT_EQ(hc_memory_op(XENMEM_machine_memory_map, &map), -XEN_EINVAL);
}

static void own_map(void)
{
    static struct e820 entries[16];
    struct xen_memory_map map;
    long rc;

    memset(&map, 0, sizeof(map));
    map.nr_entries = ARRAY_SIZE(entries);
    HANDLE_SET(map.buffer, entries);
    rc = hc_memory_op(XENMEM_memory_map, &map);
    EXPECT(rc == 0 || rc == -XEN_ENOSYS);
}

static const struct test tests[] = {
    {"counts", counts},
    {"machphys mapping", machphys_mapping},
    {"M2P agrees with the p2m", m2p_agrees},
    {"give a frame and take one", give_and_take},
    {"give and take 300", give_many},
    {"give a mapped frame", give_mapped},
    {"give a pinned frame", give_pinned},
    {"give bad frames", bad_frames},
    {"give shared frames", shared_frames},
    {"bad arguments", bad_arguments},
    {"limit", limit},
    {"exchange for contiguous frames", exchange_contiguous},
    {"exchange that cannot be", exchange_impossible},
    {"machine memory map", machine_map},
    {"memory map", own_map},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
