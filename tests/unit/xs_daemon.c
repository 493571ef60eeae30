/* SPDX-License-Identifier: MIT */
/*
 * The store daemon as a process: in the background it must still hear signals
 * (they reach the process that asked for them, which is not the one that went
 * to the background), and nobody else may take its socket away.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/xs/xs.h"
#include "xenstored/link.h"

int xenstored_main(int argc, char **argv);

static char dir[32];
static char socket_path[64];
static char log_path[64];
static char pid_path[64];

/* Nothing of a hypervisor here. */
int link_start(struct store *st)
{
    (void)st;
    return -ENOSYS;
}

void link_stop(struct store *st)
{
    (void)st;
}

/* The exit code of a start: of the first process, once the second serves. */
static int launch(const char *pid_file, const char *option)
{
    const char *argv[] = {"xenstored", "--socket",   dir,      "--log",
                          log_path,    "--pid-file", pid_file, option};
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        optind = 1;
        _exit(xenstored_main(option != NULL ? 8 : 7, (char **)argv));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static pid_t daemon_pid(void)
{
    FILE *f = fopen(pid_path, "r");
    int pid = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%d", &pid) != 1)
        pid = 0;
    fclose(f);
    return pid;
}

static int start(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/xs-daemon-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
    snprintf(log_path, sizeof(log_path), "%s/log", dir);
    snprintf(pid_path, sizeof(pid_path), "%s/pid", dir);
    return launch(pid_path, "--no-domains");
}

static int finish(void **state)
{
    char command[64];
    pid_t pid = daemon_pid();

    (void)state;
    /* Only if a test failed. */
    if (pid > 0)
        kill(pid, SIGKILL);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Within five seconds. */
static bool comes(const char *path, bool wanted)
{
    for (int i = 0; i < 500 && there(path) != wanted; i++)
        usleep(10000);
    return there(path) == wanted;
}

static bool answers(void)
{
    struct xs *xs;
    char *value;
    int rc = xs_open_path(socket_path, &xs);

    if (rc != 0)
        return false;
    rc = xs_read(xs, 0, "/tool/xenstored", &value, NULL);
    if (rc == 0)
        free(value);
    xs_close(xs);
    return rc == 0;
}

static void hears_signals(void **state)
{
    char moved[80];

    (void)state;
    assert_true(answers());
    snprintf(moved, sizeof(moved), "%s.moved", log_path);
    assert_int_equal(rename(log_path, moved), 0);
    assert_int_equal(kill(daemon_pid(), SIGHUP), 0);
    assert_true(comes(log_path, true));
    assert_true(answers());
    assert_int_equal(kill(daemon_pid(), SIGTERM), 0);
    assert_true(comes(pid_path, false));
    assert_false(there(socket_path));
}

static ino_t inode(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* With or without a hypervisor: it must leave before it touches anything. */
static void second_one_is_refused(void **state)
{
    char other_pid[80];
    ino_t socket_inode = inode(socket_path);
    pid_t first = daemon_pid();

    (void)state;
    snprintf(other_pid, sizeof(other_pid), "%s.2", pid_path);
    assert_int_equal(launch(other_pid, NULL), 1);
    assert_true(answers());
    assert_int_equal(launch(other_pid, "--no-domains"), 1);
    assert_true(answers());
    assert_true(inode(socket_path) == socket_inode);
    assert_false(there(other_pid));
    assert_int_equal(kill(first, SIGTERM), 0);
    assert_true(comes(pid_path, false));
}

/* What a killed one left behind is in nobody's way. */
static void takes_over_from_a_dead_one(void **state)
{
    pid_t first = daemon_pid();

    (void)state;
    assert_int_equal(kill(first, SIGKILL), 0);
    for (int i = 0; i < 500 && answers(); i++)
        usleep(10000);
    assert_true(there(socket_path));
    assert_int_equal(launch(pid_path, "--no-domains"), 0);
    assert_true(answers());
    assert_int_equal(kill(daemon_pid(), SIGTERM), 0);
    assert_true(comes(pid_path, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hears_signals, start, finish),
        cmocka_unit_test_setup_teardown(second_one_is_refused, start, finish),
        cmocka_unit_test_setup_teardown(takes_over_from_a_dead_one, start,
                                        finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
