/* SPDX-License-Identifier: MIT */
/*
 * tl create -c, when the console cannot be attached: the guest that was made
 * must not stay behind paused, and who asked must hear both what failed and
 * that the guest runs. All below the command is played.
 */
#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "libs/domain/cfg.h"

#define DOMID 7

/* What the library does, and what was asked of it. */
static struct {
    int console_rc, unpause_rc;
    bool attaches;
    unsigned int unpaused, destroyed, failures;
    char notes[512];
} world;

int cfg_parse(struct cfg *cfg, const char *file, const char *text, size_t len,
              struct errmsg *err)
{
    (void)cfg;
    (void)file;
    (void)text;
    (void)len;
    (void)err;
    return 0;
}

int cfg_parse_argument(struct cfg *cfg, const char *text, struct errmsg *err)
{
    (void)cfg;
    (void)text;
    (void)err;
    return 0;
}

void cfg_free(struct cfg *cfg)
{
    (void)cfg;
}

void guest_config_init(struct guest_config *g)
{
    memset(g, 0, sizeof(*g));
}

int guest_config_read(struct guest_config *g, const struct cfg *cfg,
                      guest_warn_fn *warn, void *arg, struct errmsg *err)
{
    (void)cfg;
    (void)warn;
    (void)arg;
    (void)err;
    snprintf(g->name, sizeof(g->name), "g1");
    return 0;
}

int guest_config_to_json(const struct guest_config *g, char **text)
{
    (void)g;
    (void)text;
    return -ENOMEM;
}

void guest_config_free(struct guest_config *g)
{
    (void)g;
}

int dom_create_check(struct dom *dom, const struct guest_config *g)
{
    (void)dom;
    (void)g;
    return 0;
}

int dom_create(struct dom *dom, const struct guest_config *g, uint32_t *domid)
{
    (void)dom;
    (void)g;
    *domid = DOMID;
    return 0;
}

int dom_monitor_start(struct dom *dom, uint32_t domid)
{
    (void)dom;
    (void)domid;
    return 0;
}

int dom_monitor_run(struct dom *dom, uint32_t domid)
{
    (void)dom;
    (void)domid;
    return 0;
}

int dom_destroy(struct dom *dom, uint32_t domid)
{
    (void)dom;
    (void)domid;
    world.destroyed++;
    return 0;
}

int dom_unpause(struct dom *dom, uint32_t domid)
{
    (void)dom;
    assert_int_equal(domid, DOMID);
    world.unpaused++;
    return world.unpause_rc;
}

int dom_name(struct dom *dom, uint32_t domid, char name[GUEST_NAME_MAX + 1])
{
    (void)dom;
    (void)domid;
    snprintf(name, GUEST_NAME_MAX + 1, "g1");
    return 0;
}

int dom_successor(struct dom *dom, const char *name, uint32_t old,
                  uint32_t *domid)
{
    (void)dom;
    (void)name;
    (void)old;
    (void)domid;
    return -ESRCH;
}

int dom_console(struct dom *dom, uint32_t domid, int (*opened)(void *arg),
                void *arg)
{
    int rc = 0;

    (void)dom;
    (void)domid;
    if (world.attaches)
        rc = opened(arg);
    return rc ? rc : world.console_rc;
}

bool cli_open(struct cli *cli)
{
    (void)cli;
    return true;
}

int cli_failed(struct cli *cli)
{
    (void)cli;
    world.failures++;
    return EXIT_FAILED;
}

int cli_error(const struct errmsg *err)
{
    (void)err;
    world.failures++;
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

int cli_one_domain(struct cli *cli, int argc, char **argv, uint32_t *domid)
{
    (void)cli;
    (void)argc;
    (void)argv;
    (void)domid;
    return EXIT_FAILED;
}

void cli_note(const char *fmt, ...)
{
    size_t used = strlen(world.notes);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(world.notes + used, sizeof(world.notes) - used, fmt, ap);
    va_end(ap);
}

void cli_log(void *cli, const char *line)
{
    (void)cli;
    (void)line;
}

/* tl create OPTION name=g1 */
static int create(const char *option)
{
    char word[] = "create", pair[] = "name=g1", letters[8];
    char *argv[] = {word, letters, pair, NULL};
    struct cli cli = {.quiet = true};

    snprintf(letters, sizeof(letters), "%s", option);
    optind = 0;
    return cmd_create(&cli, 3, argv);
}

static int fresh(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    return 0;
}

static void console_shows_it_from_the_start(void **state)
{
    (void)state;
    world.attaches = true;
    assert_int_equal(create("-c"), EXIT_DONE);
    assert_int_equal(world.unpaused, 1);
    assert_string_equal(world.notes, "");
}

static void runs_without_a_console(void **state)
{
    (void)state;
    world.console_rc = -ECONNREFUSED;
    assert_int_equal(create("-c"), EXIT_FAILED);
    assert_int_equal(world.unpaused, 1);
    assert_int_equal(world.destroyed, 0);
    assert_int_equal(world.failures, 1);
    assert_non_null(strstr(world.notes, "g1 runs without a terminal"));
    assert_non_null(strstr(world.notes, "tl console g1"));
}

static void stays_paused_if_told_so(void **state)
{
    (void)state;
    world.console_rc = -ECONNREFUSED;
    assert_int_equal(create("-cp"), EXIT_FAILED);
    assert_int_equal(world.unpaused, 0);
    assert_non_null(strstr(world.notes, "g1 is paused without a terminal"));
}

/* What failed then is not the way to the console: nothing is tried again. */
static void fails_once_it_is_attached(void **state)
{
    (void)state;
    world.attaches = true;
    world.console_rc = -EIO;
    assert_int_equal(create("-c"), EXIT_FAILED);
    assert_int_equal(world.unpaused, 1);
    world.unpause_rc = -EINVAL;
    assert_int_equal(create("-c"), EXIT_FAILED);
    assert_int_equal(world.unpaused, 2);
    assert_string_equal(world.notes, "");
}

static void neither_console_nor_start(void **state)
{
    (void)state;
    world.console_rc = -ECONNREFUSED;
    world.unpause_rc = -EINVAL;
    assert_int_equal(create("-c"), EXIT_FAILED);
    assert_int_equal(world.failures, 2);
    assert_string_equal(world.notes, "");
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(console_shows_it_from_the_start), TEST(runs_without_a_console),
        TEST(stays_paused_if_told_so),         TEST(fails_once_it_is_attached),
        TEST(neither_console_nor_start),
    };

    return cmocka_run_group_tests_name("cli_create", tests, NULL, NULL);
}
