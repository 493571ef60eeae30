/* SPDX-License-Identifier: MIT */
/* The log ring: what a reader gets when it is slow, lost or told lies. */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

#include <core/console_ring.h>

static char log_copy[1 << 20]; /* all that was ever put */
static uint32_t put_so_far;

static void put(unsigned int len)
{
    for (unsigned int i = 0; i < len; i++)
        log_copy[put_so_far + i] = (char)('a' + rand() % 26);
    ring_put(log_copy + put_so_far, len);
    put_so_far += len;
}

static void read_and_compare(uint32_t *pos, uint32_t len)
{
    char buf[4096];
    uint32_t n = ring_get(pos, buf, len);

    assert_true(n <= len);
    assert_memory_equal(buf, log_copy + *pos - n, n);
}

static void readers_get_what_was_put(void **state)
{
    uint32_t pos = 0, lost = 12345;

    (void)state;
    srand(9);
    for (unsigned int round = 0; round < 2000; round++) {
        put((unsigned int)rand() % 200);
        read_and_compare(&pos, (uint32_t)rand() % 4096);
        if (round % 100 == 0) {
            lost = (uint32_t)rand() * 2u;
            read_and_compare(&lost, 4096);
        }
    }
    while (pos != put_so_far)
        read_and_compare(&pos, 4096);
    assert_int_equal(ring_get(&pos, NULL, 0), 0);
}

static void a_slow_reader_starts_at_the_oldest(void **state)
{
    uint32_t pos = 1;

    (void)state;
    put(40000);
    assert_int_equal(put_so_far - ring_first(), 16384);
    read_and_compare(&pos, 100);
    assert_int_equal(pos, ring_first() + 100);
}

static void moving_keeps_the_contents(void **state)
{
    uint32_t pos = ring_first();
    char *memory = malloc(65536);

    (void)state;
    ring_move(memory, 65536);
    while (pos != put_so_far)
        read_and_compare(&pos, 4096);
    put(100000);
    assert_int_equal(put_so_far - ring_first(), 65536);
    pos = ring_first();
    while (pos != put_so_far)
        read_and_compare(&pos, 4096);
    ring_clear();
    pos = 0;
    assert_int_equal(ring_get(&pos, memory, 10), 0);
    assert_int_equal(pos, put_so_far);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_get_what_was_put),
        cmocka_unit_test(a_slow_reader_starts_at_the_oldest),
        cmocka_unit_test(moving_keeps_the_contents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
