/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator against a model that knows the owner of every frame. A
 * frame given out twice, or with a former owner's data in it, ends every
 * promise that the hypervisor makes.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/softirq.h>

#include <public/sysctl.h>
#include <public/xen.h>

#include <asm/pv/ptype.h>

#define NR_FRAMES  20000
#define FIRST      256 /* no frame below 1 MiB is given to the heap */
#define MAX_BLOCKS 600
#define ROUNDS     30000

struct block {
    uint64_t first;
    unsigned int order;
};

static struct block blocks[MAX_BLOCKS];
static unsigned int nr_blocks;
static bool taken[NR_FRAMES];
static bool heap_exists;

static struct domain owner = {.id = 7, .node_affinity = NODEMASK_ALL};
static unsigned int virqs, scheduled;

/* ---- what belongs to other parts ---- */

void evtchn_send_global_virq(unsigned int virq)
{
    assert_int_equal(virq, VIRQ_ENOMEM);
    virqs++;
}

void tasklet_schedule(struct tasklet *t)
{
    scheduled++;
    t->fn(t->arg);
}

void domain_page_free(struct page_info *pg)
{
    heap_free_one(pg);
}

int page_unpin(struct page_info *pg)
{
    (void)pg;
    return 0;
}

void pv_drop_later(struct page_info *pg)
{
    (void)pg;
}

void page_put_and_type(struct page_info *pg)
{
    page_put(pg);
}

/* The heap cannot be emptied of its ranges: all tests share one. */
static int setup(void **state)
{
    (void)state;
    if (heap_exists)
        return 0;
    heap_exists = true;
    host_cpus_init(2);
    host_frames_init(NR_FRAMES);
    /* Two ranges with a hole, neither aligned to anything. */
    heap_add_range(mfn(FIRST + 3), 5000);
    heap_add_range(mfn(6001), NR_FRAMES - 6001);
    return 0;
}

static bool in_heap(uint64_t m)
{
    return (m >= FIRST + 3 && m < FIRST + 5003) || (m >= 6001 && m < NR_FRAMES);
}

/* Frames come from where domains' do, and go there: by way of CPUs' caches. */
static bool for_owner;

static void take(unsigned int order, unsigned int flags)
{
    struct page_info *pg = for_owner ? heap_alloc_for(&owner, order, flags)
                                     : heap_alloc(order, flags);
    uint64_t m;

    if (pg == NULL)
        return;
    m = mfn_x(page_to_mfn(pg));
    assert_int_equal(m & ((1UL << order) - 1), 0);
    for (uint64_t i = m; i < m + (1UL << order); i++) {
        const char *va = mfn_to_virt(mfn(i));

        assert_true(in_heap(i));
        assert_false(taken[i]);
        taken[i] = true;
        assert_int_equal(host_frames[i].state, 0);
        assert_null(host_frames[i].owner);
        if (!(flags & ALLOC_NO_SCRUB))
            assert_true(va[0] == 0 && va[PAGE_SIZE - 1] == 0);
        memset(mfn_to_virt(mfn(i)), 0xa5, PAGE_SIZE);
        host_frames[i].state = PGS_ALLOCATED | 1;
        host_frames[i].owner = &owner;
    }
    if (ALLOC_LOW_BITS(flags))
        assert_true((m + (1UL << order)) << PAGE_SHIFT <=
                    1UL << ALLOC_LOW_BITS(flags));
    blocks[nr_blocks++] = (struct block){m, order};
}

static void give(unsigned int i)
{
    struct block b = blocks[i];

    blocks[i] = blocks[--nr_blocks];
    memset(taken + b.first, 0, 1UL << b.order);
    if (for_owner && b.order == 0)
        heap_free_one(mfn_to_page(mfn(b.first)));
    else
        heap_free(mfn_to_page(mfn(b.first)), b.order);
}

static uint64_t count_taken(void)
{
    uint64_t n = 0;

    for (uint64_t m = 0; m < NR_FRAMES; m++)
        n += taken[m];
    return n;
}

static void random_sequences_equal_the_model(void **state)
{
    uint64_t total = heap_total_pages();

    (void)state;
    srand(7);
    assert_int_equal(total, 5000 + NR_FRAMES - 6001);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        unsigned int order = (unsigned int)__builtin_ctz(rand() | 1 << 7);
        unsigned int flags = rand() % 4 == 0 ? 25 : 0;

        if (rand() % 8 == 0)
            flags |= ALLOC_NO_SCRUB;
        if (rand() % 32 == 0)
            host_run_on((unsigned int)rand() % 2);
        for_owner = rand() % 2;
        if (nr_blocks < MAX_BLOCKS && rand() % 100 < 52)
            take(order, flags);
        else if (nr_blocks > 0)
            give((unsigned int)rand() % nr_blocks);
        if (rand() % 16 == 0)
            (void)heap_scrub();
        if (round % 512 == 0)
            assert_int_equal(heap_free_pages(), total - count_taken());
    }
    while (nr_blocks > 0)
        give(nr_blocks - 1);
    for_owner = false;
    host_run_on(0);
    assert_int_equal(heap_free_pages(), total);
    assert_int_equal(host_locks_held, 0);
}

/* The oldest comes first, cleared, and not before all CPUs have flushed. */
static void a_cpu_keeps_single_frames(void **state)
{
    uint64_t total = heap_free_pages(), first;
    unsigned int flushes;

    (void)state;
    for_owner = true;
    for (unsigned int i = 0; i < 3; i++)
        take(0, 0);
    first = blocks[0].first;
    for (unsigned int i = 0; i < 3; i++)
        give(0);
    assert_int_equal(heap_free_pages(), total);
    flushes = host_tlb_flushes;
    take(0, 0);
    assert_int_equal(blocks[0].first, first);
    assert_true(host_tlb_flushes > flushes);
    give(0);
    /* Another CPU has its own. */
    host_run_on(1);
    take(0, 0);
    assert_int_not_equal(blocks[0].first, first);
    give(0);
    host_run_on(0);
    for_owner = false;
    assert_int_equal(heap_node_free(0, 0, 0), total);
}

/* All free again: buddies have found together to the largest blocks. */
static void freed_blocks_merge(void **state)
{
    struct page_info *pg[4];
    unsigned int n = 0;

    (void)state;
    /* 8192..16383 is the only block of order 13. */
    pg[0] = heap_alloc(13, ALLOC_NO_SCRUB);
    assert_non_null(pg[0]);
    assert_int_equal(mfn_x(page_to_mfn(pg[0])), 8192);
    assert_null(heap_alloc(13, 0));
    heap_free(pg[0], 13);
    while (n < 4 && (pg[n] = heap_alloc(11, ALLOC_NO_SCRUB)) != NULL)
        n++;
    while (n > 0)
        heap_free(pg[--n], 11);
    pg[0] = heap_alloc(13, ALLOC_NO_SCRUB);
    assert_non_null(pg[0]);
    heap_free(pg[0], 13);
}

/* More than it keeps go back by themselves; what it keeps when others need
 * it: by then nothing else is left. */
static void kept_frames_are_not_lost(void **state)
{
    static uint64_t frame[NR_FRAMES];
    uint64_t total = heap_free_pages();
    struct page_info *pg;
    unsigned int n = 0;

    (void)state;
    while ((pg = heap_alloc_for(&owner, 0, ALLOC_NO_SCRUB)) != NULL)
        frame[n++] = mfn_x(page_to_mfn(pg));
    assert_int_equal(n, total);
    assert_int_equal(heap_free_pages(), 0);
    host_run_on(1);
    for (unsigned int i = 0; i < 20; i++)
        heap_free_one(mfn_to_page(mfn(frame[--n])));
    host_run_on(0);
    for (unsigned int i = 0; i < 20; i++) {
        pg = heap_alloc_for(&owner, 0, ALLOC_NO_SCRUB);
        assert_non_null(pg);
        frame[n++] = mfn_x(page_to_mfn(pg));
    }
    assert_null(heap_alloc_for(&owner, 0, ALLOC_NO_SCRUB));
    while (n > 0)
        heap_free_one(mfn_to_page(mfn(frame[--n])));
    assert_int_equal(heap_free_pages(), total);
    (void)heap_scrub(); /* an idle CPU lets go */
    freed_blocks_merge(NULL);
}

static void limits_and_exhaustion(void **state)
{
    uint64_t before = heap_free_pages();

    (void)state;
    assert_null(heap_alloc(MAX_ORDER, 0));
    assert_null(heap_alloc(MAX_ORDER + 1, 0));
    assert_null(heap_alloc(~0u, 0));
    /* No frame lies below 1 MiB, nor below one page. */
    assert_null(heap_alloc(0, 20));
    assert_null(heap_alloc(0, 12));
    assert_null(heap_alloc(0, 1));
    assert_int_equal(heap_free_pages(), before);
    /* Low frames are kept for those who ask for them. */
    for (unsigned int i = 0; i < 100; i++)
        take(0, 0);
    for (unsigned int i = 0; i < nr_blocks; i++)
        assert_true(blocks[i].first >= 16384);
    while (nr_blocks > 0)
        give(0);
    assert_int_equal(heap_free_pages(), before);
}

/* What a CPU remembers of a freed frame is flushed before its next use. */
static void reuse_flushes_stale_translations(void **state)
{
    unsigned int flushes;

    (void)state;
    take(0, 0);
    give(0);
    flushes = host_tlb_flushes;
    take(0, 0);
    assert_true(host_tlb_flushes > flushes);
    give(0);
}

/* ---- scrubbing ---- */

static bool is_zero(uint64_t m)
{
    static const char zero[PAGE_SIZE];

    return memcmp(mfn_to_virt(mfn(m)), zero, PAGE_SIZE) == 0;
}

static void scrub_all(void)
{
    unsigned int calls = 0;

    while (heap_scrub())
        assert_true(++calls < 100000);
    assert_int_equal(heap_dirty_pages(), 0);
}

static unsigned long handed_flushes;

/* To whom a frame goes that `owner` has written and left here: what is in it.
 */
static unsigned char first_byte_for(struct domain *d, unsigned int flags,
                                    uint64_t state)
{
    struct page_info *pg = heap_alloc_for(&owner, 0, 0);
    unsigned long flushes;
    unsigned char was;

    assert_non_null(pg);
    memset(page_to_virt(pg), 0x5a, PAGE_SIZE);
    pg->owner = &owner;
    pg->state = state;
    heap_free_one(pg);
    flushes = host_tlb_flushes;
    pg = heap_alloc_for(d, 0, flags);
    assert_non_null(pg);
    handed_flushes = host_tlb_flushes - flushes;
    was = *(unsigned char *)page_to_virt(pg);
    memset(page_to_virt(pg), 0, PAGE_SIZE);
    heap_free_one(pg);
    host_tlb_excuses = true;
    scrub_all();
    host_tlb_excuses = false;
    return was;
}

static void own_data_comes_back_to_its_owner_alone(void **state)
{
    struct domain other = {.id = 7, .serial = 2, .node_affinity = NODEMASK_ALL};

    (void)state;
    owner.serial = 0;
    assert_int_equal(first_byte_for(&owner, ALLOC_OWN_DATA, 0), 0);
    owner.serial = 1;
    assert_int_equal(first_byte_for(&owner, ALLOC_OWN_DATA, 0), 0x5a);
    assert_int_equal(handed_flushes, 0);
    assert_int_equal(first_byte_for(&owner, 0, 0), 0);
    assert_int_equal(first_byte_for(&other, ALLOC_OWN_DATA, 0), 0);
    assert_int_equal(first_byte_for(&owner, ALLOC_OWN_DATA, PGS_FOREIGN), 0);
    assert_int_equal(handed_flushes, 1);
}

static void scrubber_clears_what_was_freed(void **state)
{
    uint64_t first[64], dirty;

    (void)state;
    host_tlb_excuses = true;
    scrub_all();
    for (unsigned int i = 0; i < 64; i++) {
        take(i % 4, 0);
        first[i] = blocks[i].first;
    }
    assert_int_equal(heap_dirty_pages(), 0);
    while (nr_blocks > 0)
        give((unsigned int)rand() % nr_blocks);
    dirty = heap_dirty_pages();
    assert_int_equal(dirty, 16 * (1 + 2 + 4 + 8));
    for (unsigned int i = 0; i < 64; i++)
        assert_false(is_zero(first[i]));
    scrub_all();
    for (unsigned int i = 0; i < 64; i++)
        assert_true(is_zero(first[i]));
    assert_false(heap_scrub());
    assert_int_equal(host_locks_held, 0);
    host_tlb_excuses = false;
}

/* A frame that a CPU might still write is not clean yet. */
static void scrubber_flushes_before_it_clears(void **state)
{
    unsigned int flushes;

    (void)state;
    host_tlb_excuses = true;
    scrub_all();
    take(0, 0);
    give(0);
    flushes = host_tlb_flushes;
    (void)heap_scrub();
    assert_int_equal(host_tlb_flushes, flushes + 1);
    assert_int_equal(heap_dirty_pages(), 0);
    host_tlb_excuses = false;
}

/* It gives way to work, at once. */
static void scrubber_yields_to_softirqs(void **state)
{
    uint64_t dirty;

    (void)state;
    host_tlb_excuses = true;
    take(3, 0);
    give(0);
    dirty = heap_dirty_pages();
    get_cpu_info()->softirqs = 1;
    assert_true(heap_scrub());
    assert_int_equal(heap_dirty_pages(), dirty);
    get_cpu_info()->softirqs = 0;
    scrub_all();
    host_tlb_excuses = false;
}

/* ---- claims ---- */

static unsigned int asked, let_go; /* how often; how often the answer is no */

static bool stop(void)
{
    return asked++ >= let_go;
}

/* One who must give way finds less to do each time, and nothing is lost. */
static void a_large_block_is_cleared_in_steps(void **state)
{
    struct heap_pace pace = {.stop = stop};
    struct page_info *pg = NULL;
    uint64_t nr_free, dirty;
    unsigned int tries = 0;

    (void)state;
    host_tlb_excuses = true;
    scrub_all();
    while ((pg = heap_alloc(9, 0)) != NULL) { /* all of them dirty */
        blocks[nr_blocks++] = (struct block){mfn_x(page_to_mfn(pg)), 9};
        memset(page_to_virt(pg), 0xa5, PAGE_SIZE << 9);
    }
    while (nr_blocks > 0)
        give(0);
    nr_free = heap_free_pages();
    dirty = heap_dirty_pages();
    assert_true(dirty >= 512);
    let_go = 1;
    while (!(pg = heap_alloc_paced(&owner, 9, 0, &pace))) {
        assert_true(pace.stopped);
        assert_int_equal(heap_free_pages(), nr_free);
        assert_true(heap_dirty_pages() <= dirty - 64);
        dirty = heap_dirty_pages();
        pace = (struct heap_pace){.stop = stop};
        asked = 0;
        assert_true(++tries < 10000);
    }
    assert_true(tries > 0);
    assert_false(pace.stopped);
    assert_int_equal(heap_free_pages(), nr_free - 512);
    for (unsigned int i = 0; i < 512; i++)
        assert_true(is_zero(mfn_x(page_to_mfn(pg)) + i));
    /* Given back unwritten: clean, so that the next is not even asked. */
    dirty = heap_dirty_pages();
    heap_put_back(pg, 9);
    assert_int_equal(heap_free_pages(), nr_free);
    assert_int_equal(heap_dirty_pages(), dirty);
    asked = let_go = 0;
    pg = heap_alloc_paced(&owner, 9, 0, &pace);
    assert_non_null(pg);
    assert_int_equal(asked, 0);
    for (unsigned int i = 0; i < 512; i++)
        assert_true(is_zero(mfn_x(page_to_mfn(pg)) + i));
    heap_free(pg, 9);
    scrub_all();
    assert_int_equal(heap_free_pages(), nr_free);
    assert_int_equal(host_locks_held, 0);
    host_tlb_excuses = false;
}

static void claims_are_kept_for_their_domain(void **state)
{
    static struct domain rich = {.node_affinity = NODEMASK_ALL};
    uint64_t nr_free = heap_free_pages();
    struct page_info *pg;

    (void)state;
    assert_false(heap_claim_set(&rich.outstanding_pages, nr_free + 1));
    assert_true(heap_claim_set(&rich.outstanding_pages, nr_free - 3));
    assert_int_equal(heap_claimed_pages(), nr_free - 3);
    assert_false(heap_claim_set(&owner.outstanding_pages, 4));
    assert_true(heap_claim_set(&owner.outstanding_pages, 2));
    /* Three are unclaimed, but two of them the owner's own. */
    assert_null(heap_alloc_for(&owner, 2, 0));
    pg = heap_alloc_for(&owner, 1, 0);
    assert_non_null(pg);
    heap_claim_use(&owner.outstanding_pages, 2);
    assert_int_equal(owner.outstanding_pages, 0);
    assert_null(heap_alloc_for(&owner, 1, 0));
    assert_int_equal(heap_free_pages(), nr_free - 2);
    /* The claimant gets its own, the hypervisor whatever there is. */
    heap_free(heap_alloc_for(&rich, 3, 0), 3);
    heap_free(heap_alloc(3, 0), 3);
    heap_free(pg, 1);
    assert_true(heap_claim_set(&rich.outstanding_pages, 0));
    assert_int_equal(heap_claimed_pages(), 0);
}

/* ---- bad frames ---- */

static uint32_t query(uint64_t m)
{
    uint32_t status;

    assert_int_equal(heap_offline_query(mfn(m), &status), 0);
    return status;
}

static void bad_free_frames_are_never_handed_out(void **state)
{
    uint64_t bad[] = {9001, 8192, 16383, 6001, NR_FRAMES - 1}, before;
    uint32_t status;

    (void)state;
    before = heap_free_pages();
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(query(bad[i]), PG_OFFLINE_STATUS_ONLINE);
        for (unsigned int twice = 0; twice < 2; twice++) {
            assert_int_equal(heap_offline(mfn(bad[i]), &status), 0);
            assert_int_equal(status, PG_OFFLINE_OFFLINED);
        }
        assert_int_equal(query(bad[i]), PG_OFFLINE_STATUS_OFFLINED);
    }
    assert_int_equal(heap_free_pages(), before - ARRAY_SIZE(bad));
    /* All that is left, one by one. */
    for (uint64_t n = 0; n < before - ARRAY_SIZE(bad); n++) {
        struct page_info *pg = heap_alloc(0, ALLOC_NO_SCRUB);

        assert_non_null(pg);
        for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
            assert_int_not_equal(mfn_x(page_to_mfn(pg)), bad[i]);
        pg->state = PGS_HV;
    }
    assert_null(heap_alloc(0, ALLOC_NO_SCRUB));
    for (uint64_t m = 0; m < NR_FRAMES; m++)
        if (in_heap(m) && host_frames[m].state == PGS_HV)
            heap_free(mfn_to_page(mfn(m)), 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(heap_online(mfn(bad[i]), &status), 0);
        assert_int_equal(status, PG_ONLINE_ONLINED);
        assert_int_equal(query(bad[i]), PG_OFFLINE_STATUS_ONLINE);
    }
    assert_int_equal(heap_free_pages(), before);
    freed_blocks_merge(NULL);
}

/* In use, it goes when its owner lets go. */
static void bad_frames_of_a_domain_go_when_freed(void **state)
{
    uint64_t before = heap_free_pages(), m;
    uint32_t status, pending = PG_OFFLINE_PENDING | PG_OFFLINE_OWNED |
                               7U << PG_OFFLINE_OWNER_SHIFT;

    (void)state;
    take(0, 0);
    m = blocks[0].first;
    nr_blocks = 0;
    taken[m] = false;
    assert_int_equal(heap_offline(mfn(m), &status), 0);
    assert_int_equal(status, pending);
    assert_int_equal(query(m), PG_OFFLINE_STATUS_OFFLINE_PENDING);
    assert_true(page_get(mfn_to_page(mfn(m)), &owner));
    assert_true(page_put_alloc_once(mfn_to_page(mfn(m))));
    page_put(mfn_to_page(mfn(m)));
    assert_int_equal(query(m), PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(heap_free_pages(), before - 1);
    assert_int_equal(heap_online(mfn(m), &status), 0);
    assert_int_equal(heap_free_pages(), before);
    /* Taken back while it is in use: it stays. */
    take(0, 0);
    m = blocks[0].first;
    assert_int_equal(heap_offline(mfn(m), &status), 0);
    assert_int_equal(heap_online(mfn(m), &status), 0);
    assert_int_equal(status, PG_ONLINE_ONLINED);
    assert_int_equal(query(m), PG_OFFLINE_STATUS_ONLINE);
    give(0);
    assert_int_equal(heap_free_pages(), before);
}

static void the_hypervisors_frames_stay(void **state)
{
    struct page_info *pg = heap_alloc(0, 0);
    uint32_t status;

    (void)state;
    pg->state = PGS_HV;
    assert_int_equal(heap_offline(page_to_mfn(pg), &status), 0);
    assert_int_equal(status, PG_OFFLINE_FAILED | PG_OFFLINE_XENPAGE);
    assert_int_equal(pg->state, PGS_HV);
    heap_free(pg, 0);
    assert_int_equal(heap_offline(mfn(NR_FRAMES), &status), -EINVAL);
    assert_int_equal(status, PG_OFFLINE_INVALID | PG_OFFLINE_NOT_CONV_RAM);
    assert_int_equal(heap_online(mfn(~0UL >> 12), &status), -EINVAL);
    assert_int_equal(heap_offline_query(mfn(NR_FRAMES), &status), -EINVAL);
}

/* ---- little left ---- */

static void take_until_free_is(uint64_t nr)
{
    while (heap_free_pages() > nr) {
        unsigned int had = nr_blocks;

        assert_true(had < MAX_BLOCKS);
        if (heap_free_pages() - nr >= 64)
            take(6, ALLOC_NO_SCRUB);
        if (nr_blocks == had)
            take(0, ALLOC_NO_SCRUB);
    }
}

static void give_until_free_is(uint64_t nr)
{
    while (heap_free_pages() < nr)
        give(nr_blocks - 1);
}

/* 64 MiB are 16384 frames; the heap has some more. */
static void dom0_is_told_once_per_level(void **state)
{
    (void)state;
    assert_true(heap_free_pages() > 16384);
    heap_low_arm();
    virqs = 0;
    take_until_free_is(16384);
    assert_int_equal(virqs, 0);
    take_until_free_is(16383);
    assert_int_equal(virqs, 1);
    /* To and fro over the same level says nothing new. */
    for (unsigned int i = 0; i < 20; i++) {
        give_until_free_is(16390);
        take_until_free_is(16370);
    }
    assert_int_equal(virqs, 1);
    take_until_free_is(8191);
    assert_int_equal(virqs, 2);
    /* Half as much again above the level: told again when it falls. */
    give_until_free_is(8192 + 4096 + 64);
    take_until_free_is(8191);
    assert_int_equal(virqs, 3);
    /* A long fall is one message for each level that is passed. */
    take_until_free_is(100);
    assert_int_equal(virqs, 3 + 3);
    take_until_free_is(0);
    assert_int_equal(virqs, 3 + 3);
    assert_int_equal(scheduled, virqs);
    while (nr_blocks > 0)
        give(nr_blocks - 1);
}

static void double_free_is_a_bug(void **state)
{
    struct page_info *pg = heap_alloc(2, 0);

    (void)state;
    heap_free(pg, 2);
    expect_bug(heap_free(pg, 2));
    expect_bug(heap_free(pg + 1, 2));
    pg = heap_alloc(0, 0);
    assert_non_null(pg);
    heap_free_one(pg);
    expect_bug(heap_free_one(pg));
    expect_bug(heap_free(pg, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_sequences_equal_the_model, setup),
        cmocka_unit_test_setup(a_cpu_keeps_single_frames, setup),
        cmocka_unit_test_setup(freed_blocks_merge, setup),
        cmocka_unit_test_setup(kept_frames_are_not_lost, setup),
        cmocka_unit_test_setup(limits_and_exhaustion, setup),
        cmocka_unit_test_setup(reuse_flushes_stale_translations, setup),
        cmocka_unit_test_setup(own_data_comes_back_to_its_owner_alone, setup),
        cmocka_unit_test_setup(scrubber_clears_what_was_freed, setup),
        cmocka_unit_test_setup(scrubber_flushes_before_it_clears, setup),
        cmocka_unit_test_setup(scrubber_yields_to_softirqs, setup),
        cmocka_unit_test_setup(a_large_block_is_cleared_in_steps, setup),
        cmocka_unit_test_setup(claims_are_kept_for_their_domain, setup),
        cmocka_unit_test_setup(bad_free_frames_are_never_handed_out, setup),
        cmocka_unit_test_setup(bad_frames_of_a_domain_go_when_freed, setup),
        cmocka_unit_test_setup(the_hypervisors_frames_stay, setup),
        cmocka_unit_test_setup(dom0_is_told_once_per_level, setup),
        cmocka_unit_test_setup(double_free_is_a_bug, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
