/* SPDX-License-Identifier: MIT */
/*
 * Configuration files are written by hand and by other people's tools: the
 * grammar of xl.cfg must be taken as it is, and a mistake must be named with
 * its line. Every text is also cut short at every length under ASan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libs/domain/cfg.h"

static int parse(struct cfg *cfg, const char *text, struct errmsg *err)
{
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1);
    int rc;

    assert_non_null(exact);
    memcpy(exact, text, len);
    memset(cfg, 0, sizeof(*cfg));
    err->text[0] = '\0';
    rc = cfg_parse(cfg, "t.cfg", exact, len, err);
    free(exact);
    return rc;
}

static void want_string(const struct cfg *cfg, const char *name,
                        const char *value)
{
    const struct cfg_entry *e = cfg_find(cfg, name);

    assert_non_null(e);
    assert_int_equal(e->value.kind, CFG_STRING);
    assert_string_equal(e->value.string, value);
}

static void want_number(const struct cfg *cfg, const char *name, long long n)
{
    const struct cfg_entry *e = cfg_find(cfg, name);

    assert_non_null(e);
    assert_int_equal(e->value.kind, CFG_NUMBER);
    assert_int_equal(e->value.number, n);
}

static const char good[] = "# a comment\n"
                           "name = \"web\" # behind\n"
                           "kernel='/boot/vmlinuz'; ramdisk = '/boot/initrd'\n"
                           "memory = 512\n"
                           "hex = 0x10\n"
                           "octal = 010\n"
                           "neg = -3\n"
                           "\n"
                           "disk = [ 'a,raw,xvda,w',  # first\n"
                           "         \"b,raw,xvdb,r\",\n"
                           "       ]\n"
                           "vif = []\n"
                           "nested = [ [1, 2], ['x'] ]\n"
                           "esc = \"a\\\"b\\n\\t\\\\c\\q\"\n"
                           "extra = 'a '\n"
                           "extra += 'b'\n"
                           "disk += ['c,raw,xvdc,w']\n"
                           "fresh += ['y']\n"
                           "memory = 1024\r\n";

static void test_good(void **state)
{
    const struct cfg_value *v;
    struct errmsg err;
    struct cfg cfg;

    (void)state;
    assert_int_equal(parse(&cfg, good, &err), 0);
    want_string(&cfg, "name", "web");
    want_string(&cfg, "kernel", "/boot/vmlinuz");
    want_string(&cfg, "ramdisk", "/boot/initrd");
    want_string(&cfg, "esc", "a\"b\n\t\\c\\q");
    want_string(&cfg, "extra", "a b");
    want_number(&cfg, "memory", 1024);
    want_number(&cfg, "hex", 16);
    want_number(&cfg, "octal", 8);
    want_number(&cfg, "neg", -3);
    v = &cfg_find(&cfg, "disk")->value;
    assert_int_equal(v->nr_items, 3);
    assert_string_equal(v->items[1].string, "b,raw,xvdb,r");
    assert_int_equal(v->items[1].line, 10);
    assert_string_equal(v->items[2].string, "c,raw,xvdc,w");
    assert_int_equal(cfg_find(&cfg, "vif")->value.nr_items, 0);
    assert_int_equal(cfg_find(&cfg, "fresh")->value.nr_items, 1);
    v = &cfg_find(&cfg, "nested")->value;
    assert_int_equal(v->items[0].items[1].number, 2);
    assert_int_equal(cfg_find(&cfg, "kernel")->line, 3);
    assert_null(cfg_find(&cfg, "nam"));
    cfg_free(&cfg);
}

static void test_bad(void **state)
{
    static const struct {
        const char *text;
        const char *where;
    } bad[] = {
        {"name", "t.cfg:1: "},
        {"name = ", "t.cfg:1: "},
        {"name = \"a", "t.cfg:1: "},
        {"\n\nname = \"a\nb\"", "t.cfg:3: "},
        {"a = 1\nb = 12x", "t.cfg:2: "},
        {"a = foo", "t.cfg:1: "},
        {"a = [1, 2", "t.cfg:1: "},
        {"a = [1\n2]", "t.cfg:2: "},
        {"a = [,]", "t.cfg:1: "},
        {"a = 'x' 'y'", "t.cfg:1: "},
        {"= 3", "t.cfg:1: "},
        {"3a = 3", "t.cfg:1: "},
        {"a-b = 3", "t.cfg:1: "},
        {"a = 'x'\na += 3", "t.cfg:2: "},
        {"a = ['x']\na += 'y'", "t.cfg:2: "},
        {"a = [[[[[[[[[[[[1]]]]]]]]]]]]", "t.cfg:1: "},
        {"a = 99999999999999999999", "t.cfg:1: "},
        {"if x:\n  y = 1", "t.cfg:1: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct errmsg err;
        struct cfg cfg;

        assert_int_equal(parse(&cfg, bad[i].text, &err), -EINVAL);
        if (strncmp(err.text, bad[i].where, strlen(bad[i].where)))
            fail_msg("'%s' gives '%s'", bad[i].text, err.text);
        assert_null(strchr(err.text, '\n'));
        cfg_free(&cfg);
    }
}

static void test_cut_short(void **state)
{
    char text[sizeof(good)];

    (void)state;
    for (size_t len = 0; len < sizeof(good); len++) {
        struct errmsg err;
        struct cfg cfg;

        memcpy(text, good, len);
        text[len] = '\0';
        parse(&cfg, text, &err);
        cfg_free(&cfg);
    }
}

static void test_noise(void **state)
{
    static const char chars[] = "a=+[]'\"\\,;#\n 1-x_";
    char text[48];

    (void)state;
    srandom(7);
    for (unsigned int i = 0; i < 20000; i++) {
        size_t len = (size_t)random() % (sizeof(text) - 1);
        struct errmsg err;
        struct cfg cfg;

        for (size_t j = 0; j < len; j++)
            text[j] = chars[(size_t)random() % (sizeof(chars) - 1)];
        text[len] = '\0';
        if (parse(&cfg, text, &err))
            assert_true(err.text[0] != '\0');
        cfg_free(&cfg);
    }
}

static void test_arguments(void **state)
{
    struct cfg cfg = {0};
    struct errmsg err;

    (void)state;
    assert_int_equal(cfg_parse_argument(&cfg, "name=web server", &err), 0);
    assert_int_equal(cfg_parse_argument(&cfg, "memory=64", &err), 0);
    assert_int_equal(cfg_parse_argument(&cfg, "disk=['a,raw,xvda']", &err), 0);
    assert_int_equal(cfg_parse_argument(&cfg, "extra=console=hvc0", &err), 0);
    assert_int_equal(cfg_parse_argument(&cfg, "extra+= quiet", &err), 0);
    assert_int_equal(cfg_parse_argument(&cfg, "kernel=\"/k\"", &err), 0);
    want_string(&cfg, "name", "web server");
    want_number(&cfg, "memory", 64);
    want_string(&cfg, "extra", "console=hvc0 quiet");
    want_string(&cfg, "kernel", "/k");
    assert_int_equal(cfg_find(&cfg, "disk")->value.nr_items, 1);
    assert_int_equal(cfg_parse_argument(&cfg, "novalue", &err), -EINVAL);
    assert_int_equal(cfg_parse_argument(&cfg, "=3", &err), -EINVAL);
    assert_int_equal(cfg_parse_argument(&cfg, "disk=[", &err), -EINVAL);
    cfg_free(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_cut_short), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests_name("cfg_parse", tests, NULL, NULL);
}
