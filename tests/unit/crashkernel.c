/* SPDX-License-Identifier: MIT */
/*
 * crashkernel=: the forms that users have in their boot loaders, and those
 * that are none.
 */
#include <hostarch.h>
#include <hv/cmdline.h>
#include <hv/kexec.h>

#define MIB (1UL << 20)
#define GIB (1UL << 30)

/* No option is declared in this program. */
const struct param params_start[1], params_end[1];

static void good(const char *s, uint64_t ram, uint64_t size, uint64_t limit,
                 uint64_t fixed)
{
    struct crashkernel_wish w;

    assert_int_equal(crashkernel_parse(s, ram, &w), 0);
    assert_int_equal(w.size, size);
    assert_int_equal(w.limit, limit);
    assert_int_equal(w.fixed, fixed);
}

static void bad(const char *s)
{
    struct crashkernel_wish w;

    assert_int_equal(crashkernel_parse(s, GIB, &w), -EINVAL);
}

static void test_sizes(void **state)
{
    (void)state;
    good("128M", GIB, 128 * MIB, 0, 0);
    good("131072", GIB, 128 * MIB, 0, 0);
    good("0", GIB, 0, 0, 0);
    good("128M@16M", GIB, 128 * MIB, 0, 16 * MIB);
    good("128M<896M", GIB, 128 * MIB, 896 * MIB, 0);
    good("128M,below=896M", GIB, 128 * MIB, 896 * MIB, 0);
}

static void test_ranges(void **state)
{
    static const char line[] = "512M-2G:64M,2G-8G:128M,8G-:256M";

    (void)state;
    good(line, 256 * MIB, 0, 0, 0);
    good(line, 512 * MIB, 64 * MIB, 0, 0);
    good(line, 2 * GIB - 1, 64 * MIB, 0, 0);
    good(line, 2 * GIB, 128 * MIB, 0, 0);
    good(line, 64 * GIB, 256 * MIB, 0, 0);
    good("1G-4G:64M,2G-:96M", 3 * GIB, 64 * MIB, 0, 0); /* the first */
    good("0-:64M@32M", GIB, 64 * MIB, 0, 32 * MIB);
    good("512M-:64M<1G", GIB, 64 * MIB, GIB, 0);
    good("512M-2G:64M,2G-:128M,below=1G", GIB, 64 * MIB, GIB, 0);
}

static void test_nonsense(void **state)
{
    static const char *const words[] = {
        "",
        "auto",
        "M",
        "128M@",
        "128M@x",
        "128M@0",
        "128M<",
        "128M 16M",
        "128M,high",
        "1G-",
        "1G-:",
        "1G-2G",
        "1G-2G:",
        "2G-1G:64M",
        "1G-1G:64M",
        "1G-:64M,",
        "-:64M",
        "64M,1G-",
        "1G-2G:M",
        "1G-:64M@",
        "99999999T",
        "128M@1M,",
        "128M,128M",
        "128M,below",
        "1G-2G:64M,3G-2G:1M",
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
        bad(words[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
