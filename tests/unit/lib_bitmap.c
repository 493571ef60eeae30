/* SPDX-License-Identifier: MIT */
/*
 * Bitmap searches against a bit-by-bit model, over maps whose size is no
 * multiple of a word and lies at the end of its memory.
 */
#include <stdlib.h>

#include <hostarch.h>
#include <hv/bitmap.h>

static unsigned long model_next(const unsigned long *map, unsigned long size,
                                unsigned long start, bool value)
{
    while (start < size && bit_test(map, start) != value)
        start++;
    return start < size ? start : size;
}

static void check_map(const unsigned long *map, unsigned long size)
{
    unsigned long n = 0;

    for (unsigned long i = 0; i <= size + 2; i++) {
        assert_int_equal(bitmap_find_next(map, size, i),
                         model_next(map, size, i, true));
        assert_int_equal(bitmap_find_next_zero(map, size, i),
                         model_next(map, size, i, false));
    }
    for (unsigned long i = 0; i < size; i++)
        n += bit_test(map, i);
    assert_int_equal(bitmap_weight(map, size), n);
}

static void searches_equal_the_model(void **state)
{
    static const unsigned long sizes[] = {1, 63, 64, 65, 127, 128, 200, 256};

    (void)state;
    srand(1);
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        size_t words = BITMAP_LONGS(sizes[s]);
        unsigned long *map = malloc(words * sizeof(*map));

        for (int density = 0; density <= 16; density++) {
            /* Garbage beyond the size must not be seen. */
            for (size_t i = 0; i < words * 64; i++) {
                if (i >= sizes[s] || rand() % 16 < density)
                    bit_set(map, i);
                else
                    bit_clear(map, i);
            }
            check_map(map, sizes[s]);
        }
        free(map);
    }
}

static void atomic_forms_tell_the_old_bit(void **state)
{
    unsigned long map[2] = {0, 0};

    (void)state;
    assert_false(bit_test_and_set_atomic(map, 65));
    assert_true(bit_test_and_set_atomic(map, 65));
    assert_true(bit_test(map, 65));
    assert_int_equal(map[1], 2);
    assert_true(bit_test_and_clear_atomic(map, 65));
    assert_false(bit_test_and_clear_atomic(map, 65));
    assert_int_equal(map[0] | map[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches_equal_the_model),
        cmocka_unit_test(atomic_forms_tell_the_old_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
