/* SPDX-License-Identifier: MIT */
/*
 * The store daemon's loop and socket in a process of its own, for tests of
 * what talks to it by libs/xs: start and finish are the group's setup and
 * teardown, path is the socket, in a folder dir of its own.
 */
#ifndef TESTS_UNIT_XS_SERVER_H
#define TESTS_UNIT_XS_SERVER_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "libs/xs/xs.h"
#include "xenstored/conn.h"
#include "xenstored/sock.h"
#include "xenstored/store.h"

static char dir[] = "/tmp/xs-server-XXXXXX";
static char path[64];
static pid_t server;

static void serve(void)
{
    static struct store store;
    bool busy = false;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    log_open("/dev/null");
    if (store_init(&store) != 0 || loop_init() != 0 ||
        sock_listen(&store, path) != 0)
        _exit(1);
    while (loop_round(busy ? 0 : -1) == 0)
        busy = conns_run(&store);
    _exit(1);
}

static int start(void **state)
{
    struct xs *xs;

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/socket", dir);
    server = fork();
    if (server == 0)
        serve();
    for (int i = 0; i < 1500; i++) {
        if (xs_open_path(path, &xs) == 0) {
            xs_close(xs);
            return 0;
        }
        usleep(10000);
    }
    return -1;
}

static int finish(void **state)
{
    int status;

    (void)state;
    /* Still there: nothing made it fall. */
    if (waitpid(server, &status, WNOHANG) != 0)
        return -1;
    kill(server, SIGKILL);
    waitpid(server, &status, 0);
    unlink(path);
    return rmdir(dir);
}

static struct xs *connect_to(void)
{
    struct xs *xs;

    assert_int_equal(xs_open_path(path, &xs), 0);
    return xs;
}

#endif
