/* SPDX-License-Identifier: MIT */
/*
 * Guests write to the store what they like. A terminal must not do what they
 * say, and a program must get every byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "libs/domain/host.h"

static bool on_terminal;
static const char *value_there;

int __wrap_isatty(int fd);
int __wrap_isatty(int fd)
{
    return on_terminal && fd == STDOUT_FILENO;
}

int dom_store_read(struct dom *dom, const char *path, char **value)
{
    (void)dom;
    (void)path;
    *value = strdup(value_there);
    return *value ? 0 : -ENOMEM;
}

int dom_store_list(struct dom *dom, const char *path, char ***names)
{
    (void)dom;
    (void)path;
    (void)names;
    return -ENOENT;
}

int dom_store_write(struct dom *dom, const char *path, const char *value)
{
    (void)dom;
    (void)path;
    (void)value;
    return 0;
}

int dom_store_rm(struct dom *dom, const char *path)
{
    (void)dom;
    (void)path;
    return 0;
}

int dom_store_watch(struct dom *dom, const char *path,
                    int (*fn)(void *arg, const char *changed), void *arg)
{
    (void)dom;
    (void)path;
    (void)fn;
    (void)arg;
    return 0;
}

bool cli_open(struct cli *cli)
{
    (void)cli;
    return true;
}

int cli_failed(struct cli *cli)
{
    (void)cli;
    return EXIT_FAILED;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    (void)cli;
    (void)fmt;
    return EXIT_USAGE;
}

int cli_bad_option(struct cli *cli, char **argv)
{
    (void)cli;
    (void)argv;
    return EXIT_USAGE;
}

void cli_print_json(struct json_object *o)
{
    (void)o;
}

/* What `tl store read` prints of value. */
static const char *read_prints(const char *value)
{
    static char text[256];
    char words[][8] = {"store", "read", "/x"};
    char *argv[] = {words[0], words[1], words[2], NULL};
    char name[] = "/tmp/cli-store-XXXXXX";
    struct cli cli = {.dom = NULL};
    int out, rc, file = mkstemp(name);
    ssize_t got;

    assert_true(file >= 0);
    fflush(stdout);
    out = dup(STDOUT_FILENO);
    dup2(file, STDOUT_FILENO);
    value_there = value;
    optind = 0;
    rc = cmd_store(&cli, 3, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    got = pread(file, text, sizeof(text) - 1, 0);
    close(file);
    unlink(name);
    assert_int_equal(rc, EXIT_DONE);
    assert_true(got >= 0);
    text[got] = '\0';
    return text;
}

static void a_program_gets_all(void **state)
{
    (void)state;
    on_terminal = false;
    assert_string_equal(read_prints("a\033[2J\\\r\nb\xc3\xa4"),
                        "a\033[2J\\\r\nb\xc3\xa4\n");
}

static void a_terminal_obeys_nobody(void **state)
{
    (void)state;
    on_terminal = true;
    assert_string_equal(read_prints("say \"hello\""), "say \"hello\"\n");
    assert_string_equal(read_prints("a\033[2J\r\nb"), "a\\x1b[2J\\x0d\\x0ab\n");
    assert_string_equal(read_prints("\x7f\x9b"), "\\x7f\\x9b\n");
    /* What looks escaped is. */
    assert_string_equal(read_prints("\\x41"), "\\x5cx41\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_gets_all),
        cmocka_unit_test(a_terminal_obeys_nobody),
    };

    return cmocka_run_group_tests_name("cli_store", tests, NULL, NULL);
}
