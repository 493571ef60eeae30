/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's string functions against libc's: every later parser, from
 * the command line to kernel images, believes in them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib_under_test.h"

#include <cmocka.h>

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void moves_equal_libc_for_every_overlap(void **state)
{
    unsigned char a[96], b[96];

    (void)state;
    for (size_t from = 0; from < 32; from++) {
        for (size_t to = 0; to < 32; to++) {
            for (size_t n = 0; n < 64; n += 7) {
                for (size_t i = 0; i < sizeof(a); i++)
                    a[i] = b[i] = (unsigned char)(i * 37);
                assert_ptr_equal(hv_memmove(a + to, a + from, n), a + to);
                memmove(b + to, b + from, n);
                assert_memory_equal(a, b, sizeof(a));
            }
        }
    }
}

static void copy_and_set_touch_exactly_n(void **state)
{
    char buf[8] = "abcdefg";

    (void)state;
    assert_ptr_equal(hv_memcpy(buf + 1, "XYZ", 2), buf + 1);
    assert_string_equal(buf, "aXYdefg");
    assert_ptr_equal(hv_memset(buf + 3, 0x141, 2), buf + 3);
    assert_string_equal(buf, "aXYAAfg");
    hv_memset(buf, 0, 0);
    assert_string_equal(buf, "aXYAAfg");
}

static void comparisons_have_libc_signs(void **state)
{
    static const char *const s[] = {"",       "a",    "ab",      "abc",
                                    "abd",    "b",    "\x80",    "\xff",
                                    "ab\x80", "abc ", "abcdefgh"};
    const size_t nr = sizeof(s) / sizeof(s[0]);

    (void)state;
    for (size_t i = 0; i < nr; i++) {
        for (size_t j = 0; j < nr; j++) {
            size_t n =
                strlen(s[i]) < strlen(s[j]) ? strlen(s[i]) : strlen(s[j]);

            assert_int_equal(sign(hv_strcmp(s[i], s[j])),
                             sign(strcmp(s[i], s[j])));
            assert_int_equal(sign(hv_memcmp(s[i], s[j], n)),
                             sign(memcmp(s[i], s[j], n)));
            for (size_t k = 0; k < 5; k++)
                assert_int_equal(sign(hv_strncmp(s[i], s[j], k)),
                                 sign(strncmp(s[i], s[j], k)));
        }
    }
}

static void searches_find_the_first(void **state)
{
    const char *s = "console=com1,vga console=vga";

    (void)state;
    assert_int_equal(hv_strlen(s), strlen(s));
    assert_int_equal(hv_strlen(""), 0);
    assert_int_equal(hv_strnlen(s, 7), 7);
    assert_int_equal(hv_strnlen("ab", 7), 2);
    assert_ptr_equal(hv_strchr(s, '='), s + 7);
    assert_ptr_equal(hv_strchr(s, '\0'), s + strlen(s));
    assert_null(hv_strchr(s, '#'));
    assert_ptr_equal(hv_strstr(s, "vga"), strstr(s, "vga"));
    assert_ptr_equal(hv_strstr(s, ""), s);
    assert_ptr_equal(hv_strstr("aab", "ab") + 0, strstr("aab", "ab"));
    assert_null(hv_strstr(s, "vgaX"));
    assert_null(hv_strstr("", "a"));
}

static void bounded_copies_always_terminate(void **state)
{
    char buf[8] = "ZZZZZZZ";

    (void)state;
    assert_int_equal(hv_strlcpy(buf, "hypervisor", 5), 10);
    assert_memory_equal(buf, "hype\0ZZ", 8);
    assert_int_equal(hv_strlcpy(buf, "hv", 8), 2);
    assert_string_equal(buf, "hv");
    assert_int_equal(hv_strlcpy(buf, "x", 1), 1);
    assert_string_equal(buf, "");
    assert_int_equal(hv_strlcpy(buf + 1, "x", 0), 1);
    assert_int_equal(buf[1], 'v');
    hv_strlcpy(buf, "ab", 8);
    assert_int_equal(hv_strlcat(buf, "cd", 8), 4);
    assert_string_equal(buf, "abcd");
    assert_int_equal(hv_strlcat(buf, "efghij", 8), 10);
    assert_string_equal(buf, "abcdefg");
}

static void numbers_equal_libc(void **state)
{
    static const char *const s[] = {"0",
                                    "1024M",
                                    "0x1f",
                                    "0X1F ",
                                    "017",
                                    "08",
                                    "",
                                    "x",
                                    "0x",
                                    "0xg",
                                    "99999",
                                    "-1",
                                    "+5",
                                    "  42",
                                    "zz",
                                    "18446744073709551615",
                                    "0xffffffffffffffff"};

    (void)state;
    for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
        for (int base = 0; base <= 16; base += base ? 6 : 10) {
            char *e1, *e2;
            unsigned long long want = strtoull(s[i], &e2, base);

            /* Neither signs nor blanks belong to a number here. */
            if (strchr("+- ", s[i][0]) != NULL && s[i][0] != '\0') {
                assert_true(hv_strtoull(s[i], &e1, base) == 0);
                assert_ptr_equal(e1, s[i]);
                continue;
            }
            assert_true(hv_strtoull(s[i], &e1, base) == want);
            assert_ptr_equal(e1, e2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_equal_libc_for_every_overlap),
        cmocka_unit_test(copy_and_set_touch_exactly_n),
        cmocka_unit_test(comparisons_have_libc_signs),
        cmocka_unit_test(searches_find_the_first),
        cmocka_unit_test(bounded_copies_always_terminate),
        cmocka_unit_test(numbers_equal_libc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
