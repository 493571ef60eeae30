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
    char *memory = malloc(65536 + RING_OVERHEAD);

    (void)state;
    ring_move(memory, 65536);
    while (pos != put_so_far)
        read_and_compare(&pos, 4096);
    put(100000);
    assert_int_equal(put_so_far - ring_first(), 65536);
    pos = ring_first();
    while (pos != put_so_far)
        read_and_compare(&pos, 4096);
    ring_forget(put_so_far + 1); /* never valid */
    assert_int_equal(put_so_far - ring_first(), 65536);
    ring_forget(put_so_far - 1000);
    assert_int_equal(put_so_far - ring_first(), 1000);
    ring_forget(put_so_far - 2000); /* gone already */
    pos = 0;
    read_and_compare(&pos, 4096);
    assert_int_equal(pos, put_so_far);
    ring_forget(ring_end());
    pos = 0;
    assert_int_equal(ring_get(&pos, memory, 10), 0);
    assert_int_equal(pos, put_so_far);
    free(memory);
}

/* What the next boot makes of the memory, wherever the machine was reset. */
static void the_next_boot_finds_it(void **state)
{
    size_t all = 16384 + RING_OVERHEAD;
    char *memory = malloc(all), *copy = malloc(all), tail[1000];
    uint32_t n;

    (void)state;
    memset(memory, 0x5a, all);
    assert_int_equal(ring_recover(memory, 16384, tail, sizeof(tail)), 0);
    ring_move(memory, 16384);
    for (unsigned int round = 0; round < 300; round++) {
        put(1 + (unsigned int)rand() % 300);
        memcpy(copy, memory, all);
        n = ring_recover(copy, 16384, tail, sizeof(tail));
        assert_true(n <= sizeof(tail) && n <= put_so_far);
        assert_memory_equal(tail, log_copy + put_so_far - n, n);
    }
    assert_int_equal(n, sizeof(tail));
    /* A larger ring than there is memory for is none. */
    assert_int_equal(ring_recover(copy, 8192, tail, sizeof(tail)), 0);
    /* One header is damaged: the one before it counts; both: nothing. */
    for (unsigned int i = 0; i < RING_OVERHEAD; i++) {
        memcpy(copy, memory, all);
        copy[i] ^= 0x10;
        n = ring_recover(copy, 16384, tail, sizeof(tail));
        assert_int_equal(n, sizeof(tail));
        copy[(i + RING_OVERHEAD / 2) % RING_OVERHEAD] ^= 0x10;
        assert_int_equal(ring_recover(copy, 16384, tail, sizeof(tail)), 0);
    }
    /* Any rubbish: some text or none, but nothing outside. */
    for (unsigned int i = 0; i < 20000; i++) {
        for (unsigned int b = 0; b < RING_OVERHEAD; b++)
            copy[b] = (char)rand();
        assert_int_equal(ring_recover(copy, 16384, tail, sizeof(tail)), 0);
    }
    ring_forget(ring_end());
    memcpy(copy, memory, all);
    assert_int_equal(ring_recover(copy, 16384, tail, sizeof(tail)), 0);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_get_what_was_put),
        cmocka_unit_test(a_slow_reader_starts_at_the_oldest),
        cmocka_unit_test(moving_keeps_the_contents),
        cmocka_unit_test(the_next_boot_finds_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
