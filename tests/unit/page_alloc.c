/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator against a model that knows the owner of every frame. A
 * frame given out twice, or with a former owner's data in it, ends every
 * promise that the hypervisor makes.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

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

static void take(unsigned int order, unsigned int flags)
{
    struct page_info *pg = heap_alloc(order, flags);
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
        host_frames[i].owner = (struct domain *)16;
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
        if (nr_blocks < MAX_BLOCKS && rand() % 100 < 52)
            take(order, flags);
        else if (nr_blocks > 0)
            give((unsigned int)rand() % nr_blocks);
        if (round % 512 == 0)
            assert_int_equal(heap_free_pages(), total - count_taken());
    }
    while (nr_blocks > 0)
        give(nr_blocks - 1);
    assert_int_equal(heap_free_pages(), total);
    assert_int_equal(host_locks_held, 0);
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

static void double_free_is_a_bug(void **state)
{
    struct page_info *pg = heap_alloc(2, 0);

    (void)state;
    heap_free(pg, 2);
    expect_bug(heap_free(pg, 2));
    expect_bug(heap_free(pg + 1, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_sequences_equal_the_model, setup),
        cmocka_unit_test_setup(freed_blocks_merge, setup),
        cmocka_unit_test_setup(limits_and_exhaustion, setup),
        cmocka_unit_test_setup(reuse_flushes_stale_translations, setup),
        cmocka_unit_test_setup(double_free_is_a_bug, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
