/* SPDX-License-Identifier: MIT */
/*
 * A test kernel is a table of tests, run in order, and reported line by line:
 *
 *     TEST name ok
 *     TEST name FAIL reason
 *     TEST name skip reason
 *     RESULT 12 passed 1 failed
 *
 * A test stops nowhere by itself: the first failed expectation is its reason.
 * An exception that it did not expect fails it, and the next one runs.
 */
#ifndef KIT_TEST_H
#define KIT_TEST_H

#include <kit/types.h>
#include <public/errno.h>

struct test {
    const char *name;
    void (*run)(void);
};

/* Every kit kernel defines it. */
void kit_main(void);

void tests_run(const struct test *tests, unsigned int count);
/* The same with counts that others (domain_run_tests()) add to as well. */
void tests_run_with(const struct test *tests, unsigned int count,
                    unsigned int *passed, unsigned int *failed);
/* A part of them, before the one that ends with RESULT. */
void tests_run_part(const struct test *tests, unsigned int count,
                    unsigned int *passed, unsigned int *failed);

void test_fail(const char *file, int line, const char *format, ...)
    PRINTF_LIKE(3, 4);
void test_skip(const char *reason);
bool test_failed(void);

void expect_equal(const char *file, int line, const char *what, uint64_t got,
                  uint64_t want);

#define EXPECT(cond)                                    \
    do {                                                \
        if (!(cond))                                    \
            test_fail(__FILE__, __LINE__, "%s", #cond); \
    } while (0)

#define EXPECT_EQ(got, want) \
    expect_equal(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(want))

/* Word `key` of the kernel's command line ("key" or "key=value"). */
bool option(const char *key, char *value, size_t size);

#endif
