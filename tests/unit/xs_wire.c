/* SPDX-License-Identifier: MIT */
/*
 * The wire codec meets whatever a guest sends first: every string, number and
 * path it takes apart may be cut off, huge or nonsense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "libs/xs/wire.h"

static void errors_go_there_and_back(void **state)
{
    static const int all[] = {
        EINVAL, EACCES,    EEXIST, EISDIR, ENOENT, ENOMEM, ENOSPC,  EIO,
        EBUSY,  ENOTEMPTY, ENOSYS, EROFS,  EAGAIN, E2BIG,  EISCONN, EPERM,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const char *name = xs_error_name(-all[i]);

        assert_int_equal(xs_error_parse(name, strlen(name) + 1), -all[i]);
        assert_string_equal(name, xs_error_name(all[i]));
    }
    assert_string_equal(xs_error_name(ENOTTY), "EIO");
    assert_int_equal(xs_error_parse("ENOTTY", 7), -EIO);
    /* Not terminated within its length. */
    assert_int_equal(xs_error_parse("EINVAL", 3), -EIO);
    assert_int_equal(xs_error_parse("EINVALID", 6), -EINVAL);
}

static void strings_are_cut(void **state)
{
    const char *argv[3];

    (void)state;
    assert_int_equal(xs_strings("a\0b\0tail", 8, argv, 2, 2), 2);
    assert_string_equal(argv[0], "a");
    assert_string_equal(argv[1], "b");
    assert_int_equal(xs_strings("a\0b", 3, argv, 2, 2), -EINVAL);
    assert_int_equal(xs_strings("a\0b", 3, argv, 1, 2), 1);
    assert_int_equal(xs_strings("", 0, argv, 1, 1), -EINVAL);
    assert_int_equal(xs_strings("", 0, argv, 0, 3), 0);
    assert_int_equal(xs_strings("\0\0", 2, argv, 2, 3), 2);
}

static void numbers(void **state)
{
    uint64_t v64;
    uint32_t v;

    (void)state;
    assert_int_equal(xs_parse_u32("4294967295", &v), 0);
    assert_int_equal(v, UINT32_MAX);
    assert_int_equal(xs_parse_u32("4294967296", &v), -EINVAL);
    assert_int_equal(xs_parse_u64("18446744073709551615", &v64), 0);
    assert_true(v64 == UINT64_MAX);
    assert_int_equal(xs_parse_u64("18446744073709551616", &v64), -EINVAL);
    assert_int_equal(xs_parse_u64("99999999999999999999999", &v64), -EINVAL);
    assert_int_equal(xs_parse_u32("", &v), -EINVAL);
    assert_int_equal(xs_parse_u32("-1", &v), -EINVAL);
    assert_int_equal(xs_parse_u32(" 1", &v), -EINVAL);
    assert_int_equal(xs_parse_u32("1 ", &v), -EINVAL);
    assert_int_equal(xs_parse_u32("0x10", &v), -EINVAL);
}

static void permissions(void **state)
{
    struct xs_perm p = {.domid = UINT32_MAX, .access = 'b'};
    char text[XS_PERM_TEXT_MAX];

    (void)state;
    assert_int_equal(xs_perm_format(text, &p), 11);
    assert_string_equal(text, "b4294967295");
    p.domid = 0;
    assert_int_equal(xs_perm_parse(text, &p), 0);
    assert_int_equal(p.domid, UINT32_MAX);
    p.domid = 0;
    xs_perm_format(text, &p);
    assert_string_equal(text, "b0");
    assert_int_equal(xs_perm_parse("x1", &p), -EINVAL);
    assert_int_equal(xs_perm_parse("r", &p), -EINVAL);
    assert_int_equal(xs_perm_parse("", &p), -EINVAL);
    assert_int_equal(xs_perm_parse("r1 ", &p), -EINVAL);
}

static void paths(void **state)
{
    char longest[XENSTORE_ABS_PATH_MAX + 2];

    (void)state;
    assert_true(xs_path_valid("/"));
    assert_true(xs_path_valid("/a/B-9_@"));
    assert_true(xs_path_valid("data/x"));
    assert_true(xs_path_valid("@introduceDomain"));
    assert_false(xs_path_valid(""));
    assert_false(xs_path_valid("//"));
    assert_false(xs_path_valid("/a/"));
    assert_false(xs_path_valid("/a//b"));
    assert_false(xs_path_valid("/a b"));
    assert_false(xs_path_valid("/a.b"));
    assert_false(xs_path_valid("/a\xff"));
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[XENSTORE_ABS_PATH_MAX] = '\0';
    assert_true(xs_path_valid(longest));
    longest[XENSTORE_ABS_PATH_MAX] = 'a';
    longest[XENSTORE_ABS_PATH_MAX + 1] = '\0';
    assert_false(xs_path_valid(longest));
    longest[0] = 'a';
    longest[XENSTORE_REL_PATH_MAX] = '\0';
    assert_true(xs_path_valid(longest));
    longest[XENSTORE_REL_PATH_MAX] = 'a';
    assert_false(xs_path_valid(longest));
}

/* Exact-size heap buffers: the sanitizer sees any step beyond. */
static void garbage_stays_inside(void **state)
{
    (void)state;
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)random() % 40;
        char *buf = malloc(len > 0 ? len : 1);
        const char *argv[4];
        struct xs_perm p;
        int n;

        assert_non_null(buf);
        for (size_t j = 0; j < len; j++)
            buf[j] = "\0\0/r19@ \xff"[random() % 9];
        n = xs_strings(buf, len, argv, 0, 4);
        for (int k = 0; k < n; k++) {
            xs_path_valid(argv[k]);
            xs_perm_parse(argv[k], &p);
        }
        xs_error_parse(buf, len);
        free(buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_go_there_and_back),
        cmocka_unit_test(strings_are_cut),
        cmocka_unit_test(numbers),
        cmocka_unit_test(permissions),
        cmocka_unit_test(paths),
        cmocka_unit_test(garbage_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
