/* SPDX-License-Identifier: MIT */
/* What consoled does on signals; it serves one log of a guest that is none. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "consoled/console.h"
#include "consoled/guests.h"
#include "consoled/hv.h"
#include "consoled/logfile.h"
#include "libs/daemon/log.h"

int consoled_main(int argc, char **argv);

static char dir[] = "/tmp/cons-main-XXXXXX";
static char own[64];   /* the daemon's log */
static char guest[64]; /* the guest's */
static char moved[64];
static struct logfile *lf;

int hv_start(int hv_log)
{
    (void)hv_log;
    log_line("starts");
    return 0;
}

void hv_stop(void)
{
    log_line("ends");
}

int guests_start(void)
{
    lf = logfile_open("console-", "x");
    return 0;
}

int guests_run(void)
{
    return 0;
}

void guests_stop(void)
{
    logfile_write(lf, "bye", 3);
    logfile_close(lf);
}

int consoles_run(void)
{
    return -1;
}

static pid_t start_daemon(void)
{
    char *argv[] = {"consoled", "-N", "--log", own, "--log-dir", dir, NULL};
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    exit(consoled_main(6, argv));
}

/* False: not within 15 seconds. */
static bool appears(const char *path)
{
    for (int i = 0; i < 1500 && access(path, F_OK) != 0; i++)
        usleep(10000);
    return access(path, F_OK) == 0;
}

static void expect_in(const char *path, const char *text)
{
    char buf[256];
    FILE *f = fopen(path, "r");
    size_t n;

    assert_non_null(f);
    n = fread(buf, 1, sizeof(buf) - 1, f);
    buf[n] = '\0';
    fclose(f);
    assert_non_null(strstr(buf, text));
}

static void hup_reopens_logs_and_term_ends(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(own, sizeof(own), "%s/own.log", dir);
    snprintf(guest, sizeof(guest), "%s/console-x.log", dir);
    snprintf(moved, sizeof(moved), "%s/moved", dir);
    pid = start_daemon();
    assert_true(appears(guest));
    expect_in(own, "starts");

    for (int i = 0; i < 2; i++) {
        assert_int_equal(rename(own, moved), 0);
        assert_int_equal(unlink(guest), 0);
        assert_int_equal(kill(pid, SIGHUP), 0);
        assert_true(appears(own));
        assert_true(appears(guest));
    }

    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_in(own, "ends");
    expect_in(guest, "bye");
    unlink(own);
    unlink(guest);
    unlink(moved);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hup_reopens_logs_and_term_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
