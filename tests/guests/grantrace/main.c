/* SPDX-License-Identifier: MIT */
/*
 * Grant tables under attack: one vcpu changes what the others use, at every
 * moment it can. What must hold: a grant that was withdrawn is not used, a
 * handle is unmapped once, a frame that is mapped is not given away, and all
 * references come back (the audit at the end).
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

#define REF     GRANT_FIRST
#define ROUNDS  200
#define SPAN    (NS_PER_S / 2)  /* of a race without end */
#define LIMIT   (20 * NS_PER_S) /* of one that waits for something */
#define NR_CPUS 3

static unsigned int self;
static volatile union grant_entry_v2 *table2;
static volatile grant_status_t *status2;

/* --- three vcpus, each with a function to run --- */

static void (*volatile job[NR_CPUS])(void);

static void nap(uint64_t ns)
{
    struct sched_poll op;

    memset(&op, 0, sizeof(op));
    op.timeout = time_now() + ns;
    hc_sched_op(SCHEDOP_poll, &op);
}

static void worker(void *arg)
{
    unsigned int cpu = this_cpu()->id;

    (void)arg;
    for (;;) {
        if (job[cpu]) {
            job[cpu]();
            job[cpu] = NULL;
        }
        nap(200000);
    }
}

static volatile bool stop;

/* The attacker on vcpu 1 (until stop), victim on 2 and 0. */
static void race(void (*attacker)(void), void (*victim)(void))
{
    uint64_t end = time_now() + 30 * NS_PER_S;

    stop = false;
    job[1] = attacker;
    job[2] = victim;
    victim();
    while (job[2] && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    stop = true;
    while (job[1] && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT(!job[1] && !job[2]);
}

static unsigned int me(void)
{
    return this_cpu()->id;
}

/* --- operations; they expect nothing --- */

static uint64_t bus_addr[NR_CPUS]; /* of the last mapping of each */

static int map(const void *va, unsigned int ref, uint32_t flags,
               uint32_t *handle)
{
    struct gnttab_map_grant_ref op;

    memset(&op, 0, sizeof(op));
    op.host_addr = addr(va);
    op.flags = flags;
    op.ref = ref;
    op.dom = (domid_t)self;
    op.status = 99;
    if (hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1))
        return 98;
    *handle = op.handle;
    bus_addr[this_cpu()->id] = op.dev_bus_addr;
    return op.status;
}

static int unmap_device(uint32_t handle, uint64_t maddr)
{
    struct gnttab_unmap_grant_ref op;

    memset(&op, 0, sizeof(op));
    op.dev_bus_addr = maddr;
    op.handle = handle;
    op.status = 99;
    if (hc_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1))
        return 98;
    return op.status;
}

static int unmap(const void *va, uint32_t handle)
{
    struct gnttab_unmap_grant_ref op;

    memset(&op, 0, sizeof(op));
    op.host_addr = addr(va);
    op.handle = handle;
    op.status = 99;
    if (hc_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1))
        return 98;
    return op.status;
}

static int copy_out(unsigned int ref, const void *to)
{
    struct gnttab_copy op;

    memset(&op, 0, sizeof(op));
    op.source.domid = (domid_t)self;
    op.source.u.ref = ref;
    op.dest.domid = DOMID_SELF;
    op.dest.u.gmfn = virt_to_mfn(to);
    op.len = 64;
    op.flags = GNTCOPY_source_gref;
    op.status = 99;
    if (hc_grant_table_op(GNTTABOP_copy, &op, 1))
        return 98;
    return op.status;
}

static long set_version(uint32_t version)
{
    struct gnttab_set_version op = {.version = version};

    return hc_grant_table_op(GNTTABOP_set_version, &op, 1);
}

/* --- a withdrawn grant is not used --- */

#define OPEN   0x11
#define SECRET 0xee

static unsigned int version;
static volatile char *shown; /* secret while it is not granted */
static char *seen[NR_CPUS];  /* what each copies to */
static volatile unsigned int used[NR_CPUS], leaks, withdrawals;

static void give_access(void)
{
    if (version == 1) {
        grant_access(REF, self, virt_to_mfn(shown), false);
        return;
    }
    table2[REF].full_page.frame = virt_to_mfn(shown);
    table2[REF].hdr.domid = (domid_t)self;
    barrier();
    table2[REF].hdr.flags = GTF_permit_access;
}

static bool withdraw(void)
{
    if (version == 1)
        return grant_end(REF);
    table2[REF].hdr.flags = 0;
    __sync_synchronize();
    return !(status2[REF] & (GTF_reading | GTF_writing));
}

static void keeper(void)
{
    while (!stop) {
        memset((char *)shown, OPEN, 64);
        give_access();
        for (volatile unsigned int i = 0; i < 300; i++)
            ;
        while (!withdraw() && !stop)
            ;
        if (stop)
            break;
        memset((char *)shown, SECRET, 64);
        withdrawals++;
        for (volatile unsigned int i = 0; i < 100; i++)
            ;
    }
    while (!withdraw())
        ;
}

/*
 * The pause at the end leaves the keeper moments in which nobody uses the
 * grant: two spies that lose their CPUs in turn, each with the grant mapped,
 * kept it from any withdrawal for all of SPAN.
 */
static void spy(void)
{
    char *mine = seen[me()], *va = window(me());
    uint64_t start = time_now(), now = start;

    for (; now < start + SPAN || (!withdrawals && now < start + LIMIT);
         now = time_now()) {
        uint32_t handle;

        memset(mine, 0, 64);
        if (copy_out(REF, mine) == GNTST_okay) {
            used[me()]++;
            for (unsigned int n = 0; n < 64; n++)
                leaks += mine[n] != OPEN;
        }
        if (map(va, REF, GNTMAP_host_map | GNTMAP_readonly, &handle) ==
            GNTST_okay) {
            for (unsigned int n = 0; n < 64; n++)
                leaks += ((volatile char *)va)[n] != OPEN;
            EXPECT_EQ(unmap(va, handle), GNTST_okay);
        }
        for (volatile unsigned int pause = 0; pause < 20000; pause++)
            ;
    }
}

static void secrets(void)
{
    memset((void *)used, 0, sizeof(used));
    leaks = withdrawals = 0;
    race(keeper, spy);
    EXPECT_EQ(leaks, 0);
    EXPECT(used[0] + used[2] > 0);
    EXPECT(withdrawals > 0);
}

static bool map_status(void)
{
    struct gnttab_get_status_frames op;
    uint64_t frame;

    memset(&op, 0, sizeof(op));
    op.dom = DOMID_SELF;
    op.nr_frames = 1;
    HANDLE_SET(op.frame_list, &frame);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_get_status_frames, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
    if (op.status != GNTST_okay ||
        map_page(window(4), pte_make(frame, KERNEL_RW)))
        return false;
    table2 = (volatile void *)grant_table;
    status2 = window(4);
    return true;
}

static void secrets_1(void)
{
    version = 1;
    secrets();
}

static void secrets_2(void)
{
    version = 2;
    EXPECT_EQ(set_version(2), 0);
    if (map_status())
        secrets();
    EXPECT_EQ(set_version(1), 0);
}

/* --- words that change while they are read --- */

/* Every kind of entry in turn, without any protocol, use bits included. */
static void scribbler(void)
{
    uint64_t frames[] = {virt_to_mfn(shown),
                         virt_to_mfn((void *)start_info->pt_base),
                         virt_to_mfn((void *)grant_table), 0x7fffffff, 0};

    for (unsigned int i = 0; !stop; i++) {
        volatile struct grant_entry_v1 *e = &grant_table[REF];

        e->frame = (uint32_t)frames[i % ARRAY_SIZE(frames)];
        e->domid = (domid_t)(i & 4 ? self : 5);
        e->flags = (uint16_t)((i * 0x9e37u) >> 3);
        if (i % 3 == 0)
            e->flags = GTF_permit_access;
    }
    grant_table[REF].flags = 0;
}

static void user(void)
{
    char *va = window(me());
    uint64_t end = time_now() + SPAN;

    for (unsigned int i = 0; time_now() < end; i++) {
        uint32_t handle;

        copy_out(REF, seen[me()]);
        if (map(va, REF, GNTMAP_host_map, &handle) == GNTST_okay)
            EXPECT_EQ(unmap(va, handle), GNTST_okay);
        if (map(va, REF, GNTMAP_host_map | GNTMAP_device_map, &handle) ==
            GNTST_okay) {
            EXPECT_EQ(unmap(va, handle), GNTST_okay);
            EXPECT_EQ(unmap_device(handle, bus_addr[me()]), GNTST_okay);
        }
    }
}

static void scribbled_entries(void)
{
    race(scribbler, user);
}

static void switcher(void)
{
    for (unsigned int i = 0; !stop; i++) {
        long rc = set_version(1 + i % 2);

        EXPECT(rc == 0 || rc == -XEN_EBUSY);
        /* Valid in either version, and at the same place in none. */
        grant_table[REF].frame = (uint32_t)virt_to_mfn(shown);
        grant_table[REF].domid = (domid_t)self;
        grant_table[REF].flags = GTF_permit_access;
    }
}

static void plain_user(void)
{
    char *va = window(me());
    uint64_t end = time_now() + SPAN;

    for (unsigned int i = 0; time_now() < end; i++) {
        uint32_t handle;

        copy_out(REF, seen[me()]);
        if (map(va, REF + i % 2, GNTMAP_host_map, &handle) == GNTST_okay)
            EXPECT_EQ(unmap(va, handle), GNTST_okay);
    }
}

static void version_races(void)
{
    long rc;

    race(switcher, plain_user);
    rc = set_version(1);
    EXPECT_EQ(rc, 0);
    grant_table[REF].flags = 0;
}

/* --- handles --- */

#define NR_HANDLES 64
static volatile uint32_t handles[NR_HANDLES];
static volatile unsigned int turn[NR_CPUS], unmapped[NR_CPUS];

/* Vcpus 0 and 2 meet here; round counts up from 1. */
static void meet(unsigned int round)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    turn[me()] = round;
    while (turn[2 - me()] < round && time_now() < end)
        ;
}

/* Both unmap all handles, of mappings that are not there any more. */
static void unmap_all(void)
{
    for (unsigned int i = 0; me() == 0 && i < NR_HANDLES; i++) {
        uint32_t handle = ~0U;

        EXPECT_EQ(map(window(0), REF, GNTMAP_host_map, &handle), GNTST_okay);
        EXPECT_EQ(map_page(window(0), 0), 0);
        handles[i] = handle;
    }
    meet(1);
    for (unsigned int i = 0; i < NR_HANDLES; i++) {
        uint32_t handle = handles[me() == 0 ? i : NR_HANDLES - 1 - i];

        unmapped[me()] += unmap(window(0), handle) == GNTST_okay;
    }
}

static void nothing(void)
{
}

static void overwritten_mappings(void)
{
    memset((void *)unmapped, 0, sizeof(unmapped));
    memset((void *)turn, 0, sizeof(turn));
    grant_access(REF, self, virt_to_mfn(shown), false);
    race(nothing, unmap_all);
    EXPECT_EQ(unmapped[0] + unmapped[2], 0);
    /* Handles without a mapping pin their grant for good: as the ABI warns. */
    EXPECT(!grant_end(REF));
}

static volatile uint32_t shared_handle;
static volatile unsigned int winners;

static void one_winner(void)
{
    for (unsigned int round = 1; round <= 60; round += 3) {
        if (me() == 0) {
            uint32_t handle = ~0U;

            EXPECT_EQ(map(window(0), REF + 1, GNTMAP_host_map, &handle),
                      GNTST_okay);
            shared_handle = handle;
            winners = 0;
        }
        meet(round);
        if (unmap(window(0), shared_handle) == GNTST_okay)
            __atomic_fetch_add(&winners, 1, __ATOMIC_SEQ_CST);
        meet(round + 1);
        EXPECT_EQ(winners, 1);
        meet(round + 2);
    }
}

static void a_handle_is_unmapped_once(void)
{
    memset((void *)turn, 0, sizeof(turn));
    grant_access(REF + 1, self, virt_to_mfn(shown), false);
    race(nothing, one_winner);
    EXPECT(grant_end(REF + 1));
}

/* One vcpu maps, another unmaps: the handles go round. */
static volatile uint32_t ring[256];
static volatile unsigned int made, taken;

static void maker_and_taker(void)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    for (unsigned int i = 0; i < 10 * ROUNDS && time_now() < end; i++) {
        if (me() == 0) {
            uint32_t handle = ~0U;

            while (made - taken >= 200 && time_now() < end)
                ;
            if (map(window(0), REF + 2, GNTMAP_device_map, &handle) !=
                GNTST_okay)
                EXPECT(false);
            ring[made % 256] = handle;
            barrier();
            made++;
        } else {
            while (taken == made && time_now() < end)
                ;
            EXPECT_EQ(unmap_device(ring[taken % 256], virt_to_mfn(shown)
                                                          << PAGE_SHIFT),
                      GNTST_okay);
            taken++;
        }
    }
}

static void handles_go_round(void)
{
    made = taken = 0;
    grant_access(REF + 2, self, virt_to_mfn(shown), false);
    race(nothing, maker_and_taker);
    EXPECT_EQ(made, taken);
    EXPECT(grant_end(REF + 2));
}

/* --- the table grows under its users --- */

static void grower(void)
{
    static uint64_t frames[64];

    for (unsigned int nr = 2; nr <= 32 && !stop; nr++) {
        struct gnttab_setup_table op;

        memset(&op, 0, sizeof(op));
        op.dom = DOMID_SELF;
        op.nr_frames = nr;
        HANDLE_SET(op.frame_list, frames);
        EXPECT_EQ(hc_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
        EXPECT_EQ(op.status, GNTST_okay);
        nap(1000000);
    }
}

static void user_of_new_frames(void)
{
    uint64_t end = time_now() + SPAN;

    for (unsigned int i = 0; time_now() < end; i++) {
        uint32_t handle;
        int rc =
            map(window(me()), 512 * (i % 40) + REF, GNTMAP_host_map, &handle);

        EXPECT_EQ(rc, GNTST_bad_gntref); /* nothing is granted there */
        rc = map(window(me()), REF + 3, GNTMAP_host_map, &handle);
        EXPECT_EQ(rc, GNTST_okay);
        if (rc == GNTST_okay)
            EXPECT_EQ(unmap(window(me()), handle), GNTST_okay);
    }
}

static void growth(void)
{
    grant_access(REF + 3, self, virt_to_mfn(shown), false);
    race(grower, user_of_new_frames);
    EXPECT(grant_end(REF + 3));
}

/* --- a frame that moves while it is mapped --- */

static char *moving;
static volatile unsigned int moved;

static void mover(void)
{
    struct gnttab_transfer op;

    while (!stop) {
        memset(&op, 0, sizeof(op));
        op.mfn = virt_to_mfn(moving);
        op.domid = (domid_t)self;
        op.ref = REF + 4;
        grant_table[REF + 4].domid = (domid_t)self;
        grant_table[REF + 4].flags = GTF_accept_transfer;
        hc_grant_table_op(GNTTABOP_transfer, &op, 1);
        EXPECT(op.status == GNTST_okay || op.status == GNTST_bad_page);
        moved += op.status == GNTST_okay;
    }
    grant_table[REF + 4].flags = 0;
}

static void mapper(void)
{
    uint64_t pte = pte_make(virt_to_mfn(moving), KERNEL_RW);
    uint64_t end = time_now() + SPAN;

    for (unsigned int i = 0; time_now() < end; i++) {
        volatile char *va = window(me());

        /* It may be nobody's for a moment. */
        if (map_page((const void *)va, pte) == 0) {
            va[me()] = (char)i;
            EXPECT_EQ(va[me()], (char)i);
            map_page((const void *)va, 0);
        }
    }
}

static void moving_frame(void)
{
    moving = page_alloc();
    EXPECT_EQ(map_page(moving, 0), 0);
    moved = 0;
    race(mover, mapper);
    EXPECT(moved > 0);
    EXPECT_EQ(map_page(moving, pte_make(virt_to_mfn(moving), KERNEL_RW)), 0);
}

static const struct test tests[] = {
    {"withdrawn grants, version 1", secrets_1},
    {"withdrawn grants, version 2", secrets_2},
    {"scribbled entries", scribbled_entries},
    {"version races", version_races},
    {"a handle is unmapped once", a_handle_is_unmapped_once},
    {"handles go round", handles_go_round},
    {"growth", growth},
    {"moving frame", moving_frame},
    {"overwritten mappings", overwritten_mappings},
};

void kit_main(void)
{
    self = event_own_domid();
    shown = page_alloc();
    for (unsigned int i = 0; i < NR_CPUS; i++) {
        seen[i] = page_alloc();
        map_page(window(i), 0);
    }
    map_page(window(3), 0);
    if (smp_count() < NR_CPUS || grant_init(1)) {
        printk("TEST set-up FAIL too few vcpus, or no grant table\n");
        printk("RESULT 0 passed 1 failed\n");
        return;
    }
    for (unsigned int i = 1; i < NR_CPUS; i++)
        smp_start(i, worker, NULL);
    tests_run(tests, ARRAY_SIZE(tests));
}
