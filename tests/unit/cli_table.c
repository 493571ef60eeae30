/* SPDX-License-Identifier: MIT */
/*
 * The table of tl's sub-commands: every row can be found, explains itself in
 * lines that fit a terminal, and mistyped names lead to the right one. The
 * same words must be in the manual page and in the shell completion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define STUB(name)                                         \
    int cmd_##name(struct cli *cli, int argc, char **argv) \
    {                                                      \
        (void)cli;                                         \
        (void)argc;                                        \
        (void)argv;                                        \
        return EXIT_DONE;                                  \
    }

STUB(create)
STUB(list)
STUB(vcpu_list)
STUB(domid)
STUB(domname)
STUB(uptime)
STUB(console)
STUB(pause)
STUB(unpause)
STUB(shutdown)
STUB(reboot)
STUB(destroy)
STUB(rename)
STUB(monitor)
STUB(info)
STUB(dmesg)
STUB(debug_keys)
STUB(store)

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    (void)cli;
    (void)fmt;
    return EXIT_USAGE;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < nr_commands; i++) {
        const struct command *c = &commands[i];

        assert_ptr_equal(command_find(c->name), c);
        assert_non_null(c->run);
        assert_true(strlen(c->name) <= 12);
        assert_true(strlen(c->summary) <= 60);
        for (const char *p = c->options; p && *p; p += strcspn(p, "\n") + 1) {
            assert_true(strcspn(p, "\n") < 80);
            assert_int_equal(p[strcspn(p, "\n")], '\n');
        }
    }
    assert_null(command_find("creat"));
    assert_null(command_find(""));
}

static void test_suggestions(void **state)
{
    static const char *const words[][2] = {
        {"creat", "create"},     {"crate", "create"},
        {"destory", "destroy"},  {"shutdwon", "shutdown"},
        {"lst", "list"},         {"consol", "console"},
        {"un-pause", "unpause"}, {"vcpulist", "vcpu-list"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *near = command_suggest(words[i][0]);

        if (!near || strcmp(near, words[i][1]))
            fail_msg("'%s' leads to '%s'", words[i][0], near ? near : "-");
    }
    assert_null(command_suggest("frobnicate"));
    assert_null(command_suggest("x"));
}

static char *read_file(const char *path)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "r");
    size_t len;

    if (!f)
        fail_msg("cannot open %s", path);
    len = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[len] = '\0';
    return text;
}

static void test_documented(void **state)
{
    const char *text;
    char heading[64];

    (void)state;
    text = read_file("docs/man/tl.1");
    for (size_t i = 0; i < nr_commands; i++) {
        snprintf(heading, sizeof(heading), "\n.It Cm %s", commands[i].name);
        if (!strstr(text, heading))
            fail_msg("tl.1 does not explain '%s'", commands[i].name);
    }
    text = read_file("dom0-tools/cli/completion/tl.bash");
    for (size_t i = 0; i < nr_commands; i++)
        if (!commands[i].hidden && !strstr(text, commands[i].name))
            fail_msg("tl.bash does not know '%s'", commands[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_documented),
    };

    return cmocka_run_group_tests_name("cli_table", tests, NULL, NULL);
}
