/* SPDX-License-Identifier: MIT */
/*
 * The store daemon's log: guests cause lines in it by the paths they name, so
 * a line is short, and the file begins anew before it fills the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>

#include "libs/daemon/log.h"
#include "xenstored/account.h"
#include "xenstored/logkeep.h"

static char dir[32];
static char path[64];
static char older[64];
static uint64_t now = 1;

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/xs-log-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/log", dir);
    snprintf(older, sizeof(older), "%s/log.1", dir);
    return logkeep_open(path);
}

static int teardown(void **state)
{
    (void)state;
    log_open("/dev/null");
    unlink(path);
    unlink(older);
    rmdir(older);
    return rmdir(dir);
}

static int64_t size_of(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* What the loop does, two seconds later. */
static void look(void)
{
    now += 2000;
    logkeep_check(now);
}

static void refusals_are_short(void **state)
{
    struct quotas q;
    struct account a = {.domid = 6};
    char line[512] = "";
    char what[3073];
    FILE *f;

    (void)state;
    quotas_default(&q);
    memset(what, 'p', sizeof(what) - 1);
    what[sizeof(what) - 1] = '\0';
    assert_int_equal(quota_check(&q, QUOTA_NODES, 1001, &a, what), -ENOSPC);
    assert_true(size_of(path) > 80);
    assert_true(size_of(path) < 300);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    assert_non_null(strstr(line, "ppp...\n"));
    assert_non_null(strstr(line, "domain 6"));
    /* Whole if it is short. */
    assert_int_equal(quota_check(&q, QUOTA_WATCHES, 129, &a, "/short"),
                     -ENOSPC);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    assert_non_null(strstr(line, ": /short\n"));
}

static void bounded(void **state)
{
    (void)state;
    logkeep_max_bytes = 10000;
    for (int i = 0; i < 2000; i++) {
        log_line("line %d of very many that somebody caused", i);
        look();
        assert_true(size_of(path) < 10200);
        assert_true(size_of(older) < 10200);
    }
    assert_true(size_of(older) > 9900);
    assert_true(size_of(path) >= 0);
}

/* Not at every round of the loop. */
static void looked_at_once_a_second(void **state)
{
    (void)state;
    logkeep_max_bytes = 0;
    look();
    log_line("more than nothing");
    logkeep_check(now + 999);
    assert_int_equal(size_of(older), -1);
    logkeep_check(now + 1000);
    assert_true(size_of(older) > 0);
    now += 1000;
}

static void cannot_be_set_aside(void **state)
{
    char line[256] = "";
    FILE *f;

    (void)state;
    logkeep_max_bytes = 1000;
    assert_int_equal(mkdir(older, 0700), 0);
    for (int i = 0; i < 100; i++) {
        log_line("line %d", i);
        look();
        assert_true(size_of(path) < 1300);
    }
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    assert_non_null(strstr(line, "cannot be renamed"));
}

/* By a program that keeps old logs, which then sends a signal, or forgets. */
static void moved_away(void **state)
{
    (void)state;
    logkeep_max_bytes = 1 << 20;
    log_line("old");
    assert_int_equal(rename(path, older), 0);
    logkeep_reopen();
    log_line("new");
    assert_true(size_of(path) > 0);
    assert_int_equal(unlink(path), 0);
    look();
    log_line("newer");
    assert_true(size_of(path) > 0);
}

/* The folder the daemon was started in is not the one it lives in. */
static void relative_names(void **state)
{
    char *cwd = getcwd(NULL, 0);

    (void)state;
    assert_non_null(cwd);
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(logkeep_open("log"), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(unlink(path), 0);
    logkeep_reopen();
    assert_int_equal(size_of(path), 0);
    assert_int_equal(chdir(cwd), 0);
    free(cwd);
    assert_int_equal(logkeep_open("/nowhere/at/all"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals_are_short, setup, teardown),
        cmocka_unit_test_setup_teardown(bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(looked_at_once_a_second, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(cannot_be_set_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(moved_away, setup, teardown),
        cmocka_unit_test_setup_teardown(relative_names, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
