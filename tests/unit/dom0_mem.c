/* SPDX-License-Identifier: MIT */
/*
 * dom0_mem= in all the forms that users know, and with mistakes in it: a
 * control domain of the wrong size is a machine without room for guests, or
 * one that does not start.
 */
#include <string.h>

#include <hostarch.h>

#include <hv/cmdline.h>

#include <arch/x86/pv/dom0_mem.h>

#define MIB(n) ((uint64_t)(n) << (20 - PAGE_SHIFT))
#define GIB(n) MIB((uint64_t)(n) << 10)

static void give(const char *option)
{
    host_last_log[0] = '\0';
    cmdline_parse(option);
}

/* Of 16 GiB, all but a little of it free. */
static uint64_t of_16g(const char *option)
{
    give(option);
    assert_string_equal(host_last_log, "");
    return dom0_mem_pages(GIB(16), GIB(16) - MIB(64), MIB(20));
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(of_16g("dom0_mem=1G"), GIB(1));
    assert_int_equal(of_16g("dom0_mem=512M"), MIB(512));
    assert_int_equal(of_16g("dom0_mem=524288"), MIB(512));
    assert_int_equal(of_16g("dom0_mem=4194304B"), MIB(4));
    assert_int_equal(of_16g("dom0_mem=-4G"), GIB(12));
    assert_int_equal(of_16g("dom0_mem=-100G"), 0);
    assert_int_equal(of_16g("dom0_mem=25%"), GIB(16) / 100 * 25);
    assert_int_equal(of_16g("dom0_mem=1G+10%"), GIB(1) + GIB(16) / 100 * 10);
    assert_int_equal(of_16g("dom0_mem=-2G+0%"), GIB(14));
}

static void bounds(void **state)
{
    (void)state;
    assert_int_equal(of_16g("dom0_mem=max:1G"), GIB(1));
    assert_int_equal(of_16g("dom0_mem=2G,max:1G"), GIB(1));
    assert_int_equal(of_16g("dom0_mem=max:3G,2G"), GIB(2));
    assert_int_equal(of_16g("dom0_mem=1G,min:2G"), GIB(2));
    assert_int_equal(of_16g("dom0_mem=min:1G,max:2G,50%"), GIB(2));
    assert_int_equal(of_16g("dom0_mem=5%,min:1G,max:10%"), GIB(1));
    assert_int_equal(of_16g("dom0_mem=min:3G,max:2G,1G"), GIB(2));
    /* Without a size: as always, but not less. */
    assert_int_equal(of_16g("dom0_mem=min:1G"),
                     GIB(16) - MIB(64) - (GIB(16) - MIB(64)) / 16);
}

static void the_limit_is_for_later(void **state)
{
    (void)state;
    (void)of_16g("dom0_mem=1G,max:4G");
    assert_int_equal(dom0_mem_limit(GIB(16), GIB(1)), GIB(4));
    (void)of_16g("dom0_mem=1G,max:50%");
    assert_int_equal(dom0_mem_limit(GIB(16), GIB(1)), GIB(16) / 100 * 50);
    (void)of_16g("dom0_mem=1G,max:1M");
    assert_int_equal(dom0_mem_limit(GIB(16), MIB(8)), MIB(8));
    (void)of_16g("dom0_mem=1G");
    assert_true(dom0_mem_limit(GIB(16), GIB(1)) >= GIB(16));
}

static void never_more_than_there_is(void **state)
{
    (void)state;
    (void)of_16g("dom0_mem=64G");
    for (uint64_t nr = 0; nr < MIB(2000); nr += MIB(7)) {
        assert_true(dom0_mem_pages(nr + MIB(5), nr, MIB(30)) <= nr);
        give("dom0_mem=100%");
        assert_true(dom0_mem_pages(nr + MIB(5), nr, MIB(30)) <= nr);
        give("dom0_mem=min:90%");
        assert_true(dom0_mem_pages(nr + MIB(5), nr, MIB(30)) <= nr);
    }
}

static void mistakes_are_named(void **state)
{
    static const char *const bad[] = {
        "dom0_mem=",          "dom0_mem=x",      "dom0_mem=1G,",
        "dom0_mem=max:",      "dom0_mem=101%",   "dom0_mem=1G+",
        "dom0_mem=1G+5",      "dom0_mem=1G 5%",  "dom0_mem=--1G",
        "dom0_mem=50%+1G",    "dom0_mem=-50%",   "dom0_mem=1G;max:2G",
        "dom0_mem=99999999T", "dom0_mem=mid:1G", "dom0_mem=max:1G,min:",
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        give(bad[i]);
        assert_string_not_equal(host_last_log, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(bounds),
        cmocka_unit_test(the_limit_is_for_later),
        cmocka_unit_test(never_more_than_there_is),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
