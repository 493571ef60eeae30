/* SPDX-License-Identifier: MIT */
/*
 * xenstored: the store daemon. One process, one thread, one loop. This file is
 * its beginning and end; requests start at request.c, the tree at node.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn.h"
#include "domain.h"
#include "link.h"
#include "libs/daemon/detach.h"
#include "libs/daemon/files.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "logkeep.h"
#include "options.h"
#include "sock.h"
#include "store.h"
#include "tree.h"

static struct store store;
static struct loop_source signals;
static bool stop;
static struct options o;
static const struct options *const opts = &o;

static void signal_event(struct loop_source *src, uint32_t events)
{
    struct signalfd_siginfo si;

    (void)events;
    if (read(src->fd, &si, sizeof(si)) != sizeof(si))
        return;
    if (si.ssi_signo == SIGHUP)
        logkeep_reopen();
    else
        stop = true;
}

static int start_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals.fn = signal_event;
    signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return signals.fd < 0 ? -errno : loop_add(&signals, EPOLLIN);
}

static int plant(const char *path, const char *value)
{
    struct change c = {.kind = CHANGE_WRITE, .creator = CREATOR_NONE};
    struct delta delta = {0};
    int rc;

    c.path = path;
    c.value = blob_new(value, strlen(value));
    if (c.value == NULL)
        return -ENOMEM;
    rc = tree_apply(&store.root, &c, ++store.gen, &store.accounts, &delta);
    delta_apply(&delta, &store.accounts);
    delta_free(&delta);
    blob_put(c.value);
    return rc < 0 ? rc : 0;
}

/*
 * What everybody expects in a new store. dom0's own nodes only if asked for:
 * xen-init-dom0 takes them for the proof that it ran already.
 */
static int plant_all(void)
{
    int rc = plant("/tool/xenstored", "");

    if (rc != 0 || opts->dom0_name == NULL)
        return rc;
    rc = plant("/local/domain/0/domid", "0");
    return rc != 0 ? rc : plant("/local/domain/0/name", opts->dom0_name);
}

static int start_socket(void)
{
    char path[108];
    int n = snprintf(path, sizeof(path), "%s/socket", opts->socket_dir);

    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    if (mkdir(opts->socket_dir, 0755) != 0 && errno != EEXIST)
        return -errno;
    return sock_listen(&store, path);
}

static int write_pid(void)
{
    return detach_pid_file(opts->pid_file);
}

struct step {
    const char *what;
    int (*run)(void);
};

static int start_store(void)
{
    int rc = store_init(&store);

    store.quotas = opts->quotas;
    return rc;
}

static int start_log(void)
{
    return opts->log_file != NULL ? logkeep_open(opts->log_file) : 0;
}

static int start_link(void)
{
    return opts->no_domains ? 0 : link_start(&store);
}

static int detach(void)
{
    if (opts->foreground)
        return 0;
    return detach_begin();
}

/*
 * The socket and rings queue what comes before the loop turns. Signals come
 * after the background: epoll tells of those of the process that asked.
 */
static int start_all(void)
{
    static const struct step steps[] = {
        {"log", start_log},         {"store", start_store},
        {"first nodes", plant_all}, {"loop", loop_init},
        {"socket", start_socket},   {"hypervisor", start_link},
        {"background", detach},     {"signals", start_signals},
        {"pid file", write_pid},
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int rc = steps[i].run();

        if (rc == 0)
            continue;
        log_line("cannot start: %s: %s", steps[i].what, strerror(-rc));
        return rc;
    }
    return 0;
}

static void serve(void)
{
    bool busy = false;

    detach_ready();
    if (!opts->foreground)
        logkeep_default();
    while (!stop) {
        int rc = loop_round(busy ? 0 : -1);

        if (rc != 0) {
            log_line("waiting for events: %s", strerror(-rc));
            break;
        }
        busy = conns_run(&store);
        logkeep_check(log_now_ms());
    }
}

int main(int argc, char **argv)
{
    options_parse(&o, argc, argv);
    files_raise_limit();
    log_name("xenstored");
    if (start_all() != 0)
        return 1;
    log_line("serving in %s%s", o.socket_dir,
             o.no_domains ? ", without domains" : "");
    serve();
    sock_stop();
    if (!o.no_domains)
        link_stop(&store);
    else
        domains_free(&store);
    store_free(&store);
    if (o.pid_file != NULL)
        unlink(o.pid_file);
    return 0;
}
