/* SPDX-License-Identifier: MIT */
/*
 * consoled: the guests' consoles. It empties their rings, logs what they
 * print, keeps the last of it, and lets programs attach. One thread, one loop.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "console.h"
#include "guests.h"
#include "hv.h"
#include "libs/daemon/detach.h"
#include "libs/daemon/files.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "libs/xs/wire.h"
#include "logfile.h"

enum {
    OPT_HELP = 256,
    OPT_VERSION,
    OPT_PID_FILE,
    OPT_LOG,
    OPT_LOG_DIR,
    OPT_LOG_SIZE,
    OPT_LOG_KEEP,
    OPT_NO_LOGS,
    OPT_LOG_HYPERVISOR,
};

static const struct option longs[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {"no-fork", no_argument, NULL, 'N'},
    {"pid-file", required_argument, NULL, OPT_PID_FILE},
    {"log", required_argument, NULL, OPT_LOG},
    {"log-dir", required_argument, NULL, OPT_LOG_DIR},
    {"log-size", required_argument, NULL, OPT_LOG_SIZE},
    {"log-keep", required_argument, NULL, OPT_LOG_KEEP},
    {"no-logs", no_argument, NULL, OPT_NO_LOGS},
    {"log-hypervisor", no_argument, NULL, OPT_LOG_HYPERVISOR},
    {NULL, 0, NULL, 0},
};

static struct {
    bool foreground;
    bool hv_log;
    const char *pid_file;
    const char *log_file;
} opts;

static bool stop;

static void help(void)
{
    puts("Usage: consoled [options]\n"
         "Serves the consoles of all guests: a pty for each (console/tty in\n"
         "the store), a socket " CONSOLE_DIR "/DOMID.sock, a log file.\n\n"
         "  -N, --no-fork         stay in the foreground, log to stderr\n"
         "      --pid-file PATH   write the process id there\n"
         "      --log PATH        the daemon's own log\n"
         "                        (/var/log/trellis/consoled.log)\n"
         "      --log-dir DIR     logs of guests (/var/log/trellis)\n"
         "      --log-size BYTES  a log that reaches this starts over (4 MiB)\n"
         "      --log-keep N      old logs kept for each guest (4)\n"
         "      --no-logs         no logs of guests\n"
         "      --log-hypervisor  the hypervisor's log to DIR/hypervisor.log\n"
         "      --help, --version\n\n"
         "SIGHUP: logs that were moved away start over.");
}

static uint32_t number(const char *text)
{
    uint32_t v;

    if (xs_parse_u32(text, &v) == 0)
        return v;
    fprintf(stderr, "consoled: not a number: %s\n", text);
    exit(2);
}

static void apply(int opt)
{
    switch (opt) {
    case 'N':
        opts.foreground = true;
        break;
    case OPT_PID_FILE:
        opts.pid_file = optarg;
        break;
    case OPT_LOG:
        opts.log_file = optarg;
        break;
    case OPT_LOG_DIR:
        logfile_policy.dir = optarg;
        break;
    case OPT_LOG_SIZE:
        logfile_policy.max_bytes = number(optarg);
        break;
    case OPT_LOG_KEEP:
        logfile_policy.keep = number(optarg);
        break;
    case OPT_NO_LOGS:
        logfile_policy.dir = NULL;
        break;
    case OPT_LOG_HYPERVISOR:
        opts.hv_log = true;
        break;
    case OPT_HELP:
        help();
        exit(0);
    case OPT_VERSION:
        puts("consoled (Trellis) for ABI 4.17");
        exit(0);
    default:
        exit(2);
    }
}

static void parse_options(int argc, char **argv)
{
    int opt;

    while ((opt = getopt_long(argc, argv, "N", longs, NULL)) != -1)
        apply(opt);
    if (optind == argc)
        return;
    fprintf(stderr, "consoled: what is \"%s\"? (see --help)\n", argv[optind]);
    exit(2);
}

/* The daemon's own log; NULL: standard error. */
static const char *own_log(void)
{
    if (opts.log_file != NULL)
        return opts.log_file;
    return opts.foreground ? NULL : LOG_DIR "/consoled.log";
}

/* The logs were moved away, by logrotate for one. */
static void reopen_logs(void)
{
    const char *path = own_log();
    int rc = path != NULL ? log_open(path) : 0;

    if (rc != 0)
        log_line("%s: cannot start over: %s", path, strerror(-rc));
    logfile_reopen_all();
}

static void signal_event(struct loop_source *src, uint32_t events)
{
    struct signalfd_siginfo si;

    (void)events;
    if (read(src->fd, &si, sizeof(si)) != sizeof(si))
        return;
    if (si.ssi_signo == SIGHUP)
        reopen_logs();
    else
        stop = true;
}

static int start_signals(void)
{
    static struct loop_source source = {.fn = signal_event};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    source.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return source.fd < 0 ? -errno : loop_add(&source, EPOLLIN);
}

static int detach(void)
{
    return opts.foreground ? 0 : detach_begin();
}

static int start_log(void)
{
    return opts.log_file != NULL ? log_open(opts.log_file) : 0;
}

static int start_hv(void)
{
    return hv_start(opts.hv_log);
}

static int write_pid(void)
{
    return detach_pid_file(opts.pid_file);
}

static int start_all(void)
{
    static const struct {
        const char *what;
        int (*run)(void);
    } steps[] = {
        {"background", detach},     {"log", start_log},
        {"loop", loop_init},        {"signals", start_signals},
        {"hypervisor", start_hv},   {"store", guests_start},
        {"first look", guests_run}, {"pid file", write_pid},
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

static int serve(void)
{
    int rc = 0;

    detach_ready();
    if (!opts.foreground)
        log_open_default();
    while (!stop && rc == 0) {
        rc = loop_round(consoles_run());
        if (rc == 0)
            rc = guests_run();
    }
    if (rc != 0)
        log_line("the store is gone: %s", strerror(-rc));
    return rc;
}

int main(int argc, char **argv)
{
    int rc;

    log_name("consoled");
    parse_options(argc, argv);
    files_raise_limit();
    if (start_all() != 0)
        return 1;
    rc = serve();
    guests_stop();
    hv_stop();
    if (opts.pid_file != NULL)
        unlink(opts.pid_file);
    return rc != 0;
}
