/* SPDX-License-Identifier: MIT */
/*
 * The host machine that other tests stand on: a fault in it would make them
 * pass or fail for the wrong reason.
 */
#include <hostarch.h>
#include <hv/guest_access.h>
#include <hv/percpu.h>
#include <hv/smp.h>
#include <hv/spinlock.h>

DEFINE_PER_CPU(unsigned int, counter) = 7;

static void count(void *arg)
{
    this_cpu(counter) += *(unsigned int *)arg;
}

static void percpu_variables_are_apart(void **state)
{
    unsigned int one = 1;

    (void)state;
    host_cpus_init(4);
    host_run_on(2);
    assert_int_equal(smp_processor_id(), 2);
    count(&one);
    smp_call(&cpu_online_map, count, &one, true);
    assert_int_equal(smp_processor_id(), 2);
    assert_int_equal(per_cpu(counter, 0), 8);
    assert_int_equal(per_cpu(counter, 2), 9);
    assert_int_equal(per_cpu(counter, 3), 8);
    host_cpus_init(2);
    assert_int_equal(per_cpu(counter, 0), 7);
}

static void lock_mistakes_are_bugs(void **state)
{
    spinlock_t list = SPINLOCK_INIT(LOCK_RANK_DOMAIN_LIST);
    spinlock_t heap = SPINLOCK_INIT(LOCK_RANK_HEAP);

    (void)state;
    spin_lock(&heap);
    expect_bug(spin_lock(&list));
    expect_bug(spin_lock(&heap));
    expect_bug(spin_unlock(&list));
    spin_unlock(&heap);
    spin_lock(&list);
    spin_lock(&heap);
    spin_unlock(&list);
    spin_unlock(&heap);
    assert_int_equal(host_locks_held, 0);
}

static void guest_copies_fault_outside(void **state)
{
    char *g = host_guest_alloc(2 * PAGE_SIZE);
    char buf[16] = "fifteen letters";

    (void)state;
    assert_int_equal(copy_to_guest_va((uint64_t)g + 4090, buf, 16), 0);
    assert_memory_equal(g + 4090, buf, 16);
    host_guest_fault(g + PAGE_SIZE, true);
    assert_int_equal(copy_to_guest_va((uint64_t)g + 4090, buf, 16), -EFAULT);
    assert_int_equal(copy_to_guest_va((uint64_t)g + 4080, buf, 16), 0);
    assert_int_equal(copy_from_guest_va(buf, (uint64_t)&buf, 16), -EFAULT);
    assert_int_equal(copy_from_guest_va(buf, 0xffff800000000000, 8), -EFAULT);
    assert_int_equal(copy_from_guest_va(buf, ~0ULL - 3, 8), -EFAULT);
    host_guest_free_all();
}

static void heap_gives_aligned_zeroed_blocks(void **state)
{
    struct page_info *a, *b;

    (void)state;
    host_frames_init(64);
    host_heap_init(mfn(1), 63);
    a = heap_alloc(0, 0);
    b = heap_alloc(3, 0);
    assert_non_null(a);
    assert_int_equal(mfn_x(page_to_mfn(b)) % 8, 0);
    assert_int_equal(heap_free_pages(), 63 - 9);
    assert_ptr_equal(virt_to_page(page_to_virt(b)), b);
    heap_free(b, 3);
    expect_bug(heap_free(b, 3));
    assert_null(heap_alloc(6, 0));
    heap_free(a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percpu_variables_are_apart),
        cmocka_unit_test(lock_mistakes_are_bugs),
        cmocka_unit_test(guest_copies_fault_outside),
        cmocka_unit_test(heap_gives_aligned_zeroed_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
