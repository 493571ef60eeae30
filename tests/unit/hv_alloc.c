/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own small objects: apart from each other, zeroed, aligned,
 * and every page given back when its last object is.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

/* What page_alloc.c leaves to others and is of no matter here. */
void heap_low_check(void);
void heap_low_check(void)
{
}

void heap_free_broken(struct page_info *pg, unsigned int order)
{
    (void)pg;
    (void)order;
    fail();
}

#define NR_OBJECTS 700
#define ROUNDS     40000

static struct object {
    unsigned char *p;
    size_t size;
    unsigned char fill;
} objects[NR_OBJECTS];

static int setup(void **state)
{
    static bool done;

    (void)state;
    if (!done) {
        host_cpus_init(1);
        host_frames_init(4096);
        heap_add_range(mfn(256), 3840);
        done = true;
    }
    return 0;
}

static void check_fill(const struct object *o)
{
    for (size_t i = 0; i < o->size; i++)
        if (o->p[i] != o->fill)
            fail_msg("byte %zu of %zu was changed", i, o->size);
}

static size_t random_size(void)
{
    switch (rand() % 8) {
    case 0:
        return (size_t)rand() % (3 * PAGE_SIZE);
    case 1:
        return PAGE_SIZE / 2 + (size_t)(rand() % 3) - 1;
    default:
        return (size_t)rand() % 300;
    }
}

static void take(struct object *o)
{
    o->size = random_size();
    o->fill = (unsigned char)(1 + rand() % 255);
    o->p = hv_alloc(o->size);
    assert_non_null(o->p);
    assert_int_equal((uintptr_t)o->p % 16, 0);
    for (size_t i = 0; i < o->size; i++)
        assert_int_equal(o->p[i], 0);
    memset(o->p, o->fill, o->size);
}

static void give(struct object *o)
{
    check_fill(o);
    hv_free(o->p);
    o->p = NULL;
}

static void random_sequences_stay_apart(void **state)
{
    uint64_t before = heap_free_pages();

    (void)state;
    srand(2);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        struct object *o = &objects[rand() % NR_OBJECTS];

        if (o->p == NULL)
            take(o);
        else
            give(o);
    }
    for (unsigned int i = 0; i < NR_OBJECTS; i++)
        if (objects[i].p != NULL)
            give(&objects[i]);
    assert_int_equal(heap_free_pages(), before);
    assert_int_equal(host_locks_held, 0);
}

static void pages_are_given_back(void **state)
{
    uint64_t before = heap_free_pages();
    void *p[300];

    (void)state;
    for (unsigned int i = 0; i < 300; i++)
        p[i] = hv_alloc(2000);
    assert_int_equal(heap_free_pages(), before - 150);
    for (unsigned int i = 0; i < 300; i += 2)
        hv_free(p[i]);
    assert_int_equal(heap_free_pages(), before - 150);
    for (unsigned int i = 1; i < 300; i += 2)
        hv_free(p[i]);
    assert_int_equal(heap_free_pages(), before);
    hv_free(NULL);
}

static void out_of_memory_is_null(void **state)
{
    static void *p[4096];
    uint64_t before = heap_free_pages();
    unsigned int n = 0;

    (void)state;
    assert_null(hv_alloc(1UL << 40));
    assert_null(hv_alloc(~0UL));
    while ((p[n] = hv_alloc(PAGE_SIZE)) != NULL)
        n++;
    assert_int_equal(n, before);
    assert_null(hv_alloc(16));
    hv_free(p[--n]);
    p[n] = hv_alloc(16);
    assert_non_null(p[n++]);
    while (n > 0)
        hv_free(p[--n]);
    assert_int_equal(heap_free_pages(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_sequences_stay_apart, setup),
        cmocka_unit_test_setup(pages_are_given_back, setup),
        cmocka_unit_test_setup(out_of_memory_is_null, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
