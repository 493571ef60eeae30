/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's command line: every kind of option, and that no mistake in
 * it goes unnamed or does harm.
 */
#include <string.h>

#include <hostarch.h>
#include <hv/cmdline.h>

static unsigned int maxcpus;
static uint64_t dom0_mem;
static bool noreboot, smap = true;
static char console[8];
static char seen[32];

static int take_word(const char *value)
{
    strlcpy(seen, value, sizeof(seen));
    return strcmp(value, "bad") ? 0 : -EINVAL;
}

PARAM_U("maxcpus", maxcpus);
PARAM_SZ("dom0_mem", dom0_mem);
PARAM_B("noreboot", noreboot);
PARAM_B("smap", smap);
PARAM_STR("console", console);
PARAM_FUNC("loglvl", take_word);

static int setup(void **state)
{
    (void)state;
    maxcpus = 0;
    dom0_mem = 0;
    noreboot = false;
    smap = true;
    console[0] = seen[0] = host_last_log[0] = '\0';
    return 0;
}

static void every_kind_is_understood(void **state)
{
    (void)state;
    cmdline_parse("  maxcpus=0x10 dom0_mem=1024M noreboot  no-smap "
                  "console=com1 loglvl=all ");
    assert_int_equal(maxcpus, 16);
    assert_int_equal(dom0_mem, 1024UL << 20);
    assert_true(noreboot);
    assert_false(smap);
    assert_string_equal(console, "com1");
    assert_string_equal(seen, "all");
    assert_string_equal(host_last_log, "");
    assert_non_null(strstr(saved_cmdline, "dom0_mem=1024M"));
}

static void sizes_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {
        {"dom0_mem=512", 512UL << 10}, {"dom0_mem=512k", 512UL << 10},
        {"dom0_mem=2G", 2UL << 30},    {"dom0_mem=1T", 1UL << 40},
        {"dom0_mem=4096b", 4096},      {"dom0_mem=0x100M", 256UL << 20},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        cmdline_parse(sizes[i].text);
        assert_int_equal(dom0_mem, sizes[i].bytes);
    }
    assert_string_equal(host_last_log, "");
}

static void booleans_take_every_spelling(void **state)
{
    static const char *const yes[] = {"noreboot", "noreboot=1", "noreboot=yes",
                                      "noreboot=on", "noreboot=true"};
    static const char *const no[] = {"noreboot=0", "noreboot=no",
                                     "noreboot=off", "noreboot=false",
                                     "no-noreboot"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        noreboot = false;
        cmdline_parse(yes[i]);
        assert_true(noreboot);
        cmdline_parse(no[i]);
        assert_false(noreboot);
    }
}

static void mistakes_are_named(void **state)
{
    static const char *const bad[] = {
        "maxcpu=4",     "maxcpus=",       "maxcpus=four",
        "maxcpus=4x",   "maxcpus=-1",     "maxcpus=4294967296",
        "dom0_mem=1Q",  "dom0_mem=M",     "dom0_mem=99999999999999T",
        "dom0_mem=1MB", "noreboot=maybe", "console=com1,vga,pv",
        "loglvl=bad",   "no-maxcpus",     "=",
        "no-",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        host_last_log[0] = '\0';
        cmdline_parse(bad[i]);
        if (host_last_log[0] == '\0')
            fail_msg("'%s' was taken in silence", bad[i]);
    }
    assert_int_equal(maxcpus, 0);
    assert_int_equal(dom0_mem, 0);
    assert_false(noreboot);
}

static void quotes_keep_words_together(void **state)
{
    (void)state;
    cmdline_parse("loglvl=\"a b\" maxcpus=3");
    assert_string_equal(seen, "a b");
    assert_int_equal(maxcpus, 3);
    cmdline_parse("loglvl=\"open");
    assert_string_equal(seen, "open");
}

static void long_lines_are_cut(void **state)
{
    char line[4096];

    (void)state;
    memset(line, 'a', sizeof(line));
    line[sizeof(line) - 12] = ' ';
    strlcpy(line + sizeof(line) - 11, "maxcpus=5", 11);
    cmdline_parse(line);
    assert_int_equal(strlen(saved_cmdline), sizeof(saved_cmdline) - 1);
    assert_int_equal(maxcpus, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_kind_is_understood, setup),
        cmocka_unit_test_setup(sizes_have_units, setup),
        cmocka_unit_test_setup(booleans_take_every_spelling, setup),
        cmocka_unit_test_setup(mistakes_are_named, setup),
        cmocka_unit_test_setup(quotes_keep_words_together, setup),
        cmocka_unit_test_setup(long_lines_are_cut, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
