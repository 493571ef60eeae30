/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's formatter against libc's, over every combination of flags
 * that both know: a log line that lies costs more than none.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib_under_test.h"

#include <cmocka.h>

#include <hv/symbols.h>

/* One function is known. */
bool symbol_find(uintptr_t addr, struct symbol *sym)
{
    if (addr < 0x1000 || addr >= 0x1100)
        return false;
    sym->name = "evtchn_send";
    sym->offset = addr - 0x1000;
    return true;
}

#define SAME(fmt, ...)                                                         \
    do {                                                                       \
        char want_[96], have_[96];                                             \
        int w_ = snprintf(want_, sizeof(want_), fmt, __VA_ARGS__);             \
        int h_ = hv_snprintf(have_, sizeof(have_), fmt, __VA_ARGS__);          \
        if (w_ != h_ || strcmp(want_, have_) != 0)                             \
            fail_msg("\"%s\": have \"%s\" (%d), want \"%s\" (%d)", fmt, have_, \
                     h_, want_, w_);                                           \
    } while (0)

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat"

static void every_combination_of_integer_flags(void **state)
{
    static const char *const flags[] = {"", "-", "0", "#", "-#", "0#"};
    static const char *const widths[] = {"", "1", "5", "12"};
    static const char *const precisions[] = {"", ".0", ".1", ".7"};
    static const long values[] = {
        0, 1, -1, 9, 255, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, 0x12345678};
    char fmt[32];

    (void)state;
    for (size_t f = 0; f < 6; f++) {
        for (size_t w = 0; w < 4; w++) {
            for (size_t p = 0; p < 4; p++) {
                for (size_t v = 0; v < 10; v++) {
                    snprintf(fmt, sizeof(fmt), "[%%%s%s%sx]", flags[f],
                             widths[w], precisions[p]);
                    SAME(fmt, (unsigned int)values[v]);
                    snprintf(fmt, sizeof(fmt), "[%%%s%s%slX]", flags[f],
                             widths[w], precisions[p]);
                    SAME(fmt, values[v]);
                    if (strchr(flags[f], '#') != NULL)
                        continue;
                    snprintf(fmt, sizeof(fmt), "[%%%s%s%slld]", flags[f],
                             widths[w], precisions[p]);
                    SAME(fmt, (long long)values[v]);
                    snprintf(fmt, sizeof(fmt), "[%%+%s%s%si]", flags[f],
                             widths[w], precisions[p]);
                    SAME(fmt, (int)values[v]);
                    snprintf(fmt, sizeof(fmt), "[%%%s%s%shhu]", flags[f],
                             widths[w], precisions[p]);
                    SAME(fmt, (unsigned int)values[v]);
                }
            }
        }
    }
}

static void strings_and_characters(void **state)
{
    (void)state;
    SAME("[%s] [%10s] [%-10s] [%.2s] [%-6.3s]", "dom0", "dom0", "dom0", "dom0",
         "dom0");
    SAME("%c%3c%-3c|%%", 'a', 'b', 'c');
    SAME("%*d|%-*d|%.*d|%.*s", 5, 42, 5, 42, 4, 42, 2, "abc");
    SAME("%*d|", -5, 42);
    SAME("%zu %td %hd %ld %llx %o", (size_t)1 << 40, (ptrdiff_t)-3, 70000, -5L,
         1ULL << 63, 0777u);
    SAME("%s", "");
}

static void pointers_and_symbols(void **state)
{
    char buf[64];

    (void)state;
    hv_snprintf(buf, sizeof(buf), "%p", (void *)0x1234);
    assert_string_equal(buf, "0000000000001234");
    hv_snprintf(buf, sizeof(buf), "%pS %pS", (void *)0x1010, (void *)0x1000);
    assert_string_equal(buf, "evtchn_send+0x10 evtchn_send+0x0");
    hv_snprintf(buf, sizeof(buf), "%pS", (void *)0x2000);
    assert_string_equal(buf, "0x2000");
}

static void never_writes_past_the_end(void **state)
{
    char buf[8];

    (void)state;
    memset(buf, '#', sizeof(buf));
    assert_int_equal(hv_snprintf(buf, 5, "%s", "hypervisor"), 10);
    assert_memory_equal(buf, "hype\0###", 8);
    assert_int_equal(hv_snprintf(buf, 1, "%d", 12345), 5);
    assert_memory_equal(buf, "\0ype\0###", 8);
    assert_int_equal(hv_snprintf(buf, 0, "%d", 12345), 5);
    assert_int_equal(hv_snprintf(NULL, 0, "%08x", 1), 8);
    assert_memory_equal(buf, "\0ype\0###", 8);
}

static void odd_formats_do_no_harm(void **state)
{
    char buf[32];

    (void)state;
    assert_int_equal(hv_snprintf(buf, sizeof(buf), "100%"), 4 - 1);
    hv_snprintf(buf, sizeof(buf), "%y%d", 7);
    assert_string_equal(buf, "%y7");
    hv_snprintf(buf, sizeof(buf), "%s", (char *)NULL);
    assert_string_equal(buf, "(null)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_of_integer_flags),
        cmocka_unit_test(strings_and_characters),
        cmocka_unit_test(pointers_and_symbols),
        cmocka_unit_test(never_writes_past_the_end),
        cmocka_unit_test(odd_formats_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
