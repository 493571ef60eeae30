/* SPDX-License-Identifier: MIT */
/*
 * tl pause, unpause, shutdown, reboot, destroy, rename, monitor.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

/* Do one thing to each domain named; the first failure does not stop it. */
static int each_name(struct cli *cli, int argc, char **argv,
                     int (*fn)(struct dom *dom, const char *name))
{
    int rc = EXIT_DONE;

    if (optind >= argc)
        return cli_usage(cli, "which domain?");
    if (!cli_open(cli))
        return EXIT_FAILED;
    for (int i = optind; i < argc; i++)
        if (fn(cli->dom, argv[i]))
            rc = cli_failed(cli);
    return rc;
}

static int pause_named(struct dom *dom, const char *name)
{
    uint32_t domid;
    int rc = dom_find(dom, name, &domid);

    return rc ? rc : dom_pause(dom, domid);
}

static int unpause_named(struct dom *dom, const char *name)
{
    uint32_t domid;
    int rc = dom_find(dom, name, &domid);

    return rc ? rc : dom_unpause(dom, domid);
}

int cmd_pause(struct cli *cli, int argc, char **argv)
{
    if (getopt(argc, argv, "") != -1)
        return cli_bad_option(cli, argv);
    return each_name(cli, argc, argv, pause_named);
}

int cmd_unpause(struct cli *cli, int argc, char **argv)
{
    if (getopt(argc, argv, "") != -1)
        return cli_bad_option(cli, argv);
    return each_name(cli, argc, argv, unpause_named);
}

int cmd_destroy(struct cli *cli, int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "f")) != -1)
        if (c != 'f')
            return cli_bad_option(cli, argv);
    return each_name(cli, argc, argv, dom_destroy_named);
}

struct targets {
    uint32_t *domids;
    unsigned int nr;
};

/* All guests that still run; ended ones need no asking. */
static int all_targets(struct cli *cli, struct targets *t)
{
    struct dom_info *list;
    int nr = dom_list(cli->dom, &list);

    if (nr < 0)
        return cli_failed(cli);
    t->domids = calloc((size_t)nr + 1, sizeof(*t->domids));
    for (int i = 0; i < nr && t->domids; i++)
        if (list[i].domid && !list[i].shutdown && !list[i].dying)
            t->domids[t->nr++] = list[i].domid;
    free(list);
    return t->domids ? EXIT_DONE : EXIT_FAILED;
}

static int named_targets(struct cli *cli, int argc, char **argv,
                         struct targets *t)
{
    t->domids = calloc((size_t)argc + 1, sizeof(*t->domids));
    if (!t->domids)
        return EXIT_FAILED;
    for (int i = optind; i < argc; i++)
        if (dom_find(cli->dom, argv[i], &t->domids[t->nr++]))
            return cli_failed(cli);
    return EXIT_DONE;
}

static int ask_targets(struct cli *cli, const struct targets *t, bool reboot,
                       bool wait)
{
    int rc = EXIT_DONE;

    for (unsigned int i = 0; i < t->nr; i++) {
        if (dom_ask_shutdown(cli->dom, t->domids[i], reboot))
            rc = cli_failed(cli);
        else
            printf("%s domain %u\n", reboot ? "Rebooting" : "Shutting down",
                   t->domids[i]);
    }
    fflush(stdout);
    if (!wait || rc != EXIT_DONE)
        return rc;
    if (t->nr && isatty(STDERR_FILENO))
        cli_note("waiting for %u domain%s", t->nr, t->nr == 1 ? "" : "s");
    return dom_wait_ended(cli->dom, t->domids, t->nr, -1) ? cli_failed(cli)
                                                          : EXIT_DONE;
}

static int shutdown_or_reboot(struct cli *cli, int argc, char **argv,
                              bool reboot)
{
    static const struct option options[] = {
        {"all", no_argument, NULL, 'a'},
        {"wait", no_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    struct targets t = {0};
    bool all = false, wait = false;
    int c, rc;

    while ((c = getopt_long(argc, argv, "awF", options, NULL)) != -1) {
        if (c == '?')
            return cli_bad_option(cli, argv);
        all |= c == 'a';
        wait |= c == 'w';
    }
    if (all == (optind < argc))
        return cli_usage(cli, "give domains, or -a for all");
    if (!cli_open(cli))
        return EXIT_FAILED;
    rc = all ? all_targets(cli, &t) : named_targets(cli, argc, argv, &t);
    if (rc == EXIT_DONE)
        rc = ask_targets(cli, &t, reboot, wait);
    free(t.domids);
    return rc;
}

int cmd_shutdown(struct cli *cli, int argc, char **argv)
{
    return shutdown_or_reboot(cli, argc, argv, false);
}

int cmd_reboot(struct cli *cli, int argc, char **argv)
{
    return shutdown_or_reboot(cli, argc, argv, true);
}

int cmd_rename(struct cli *cli, int argc, char **argv)
{
    uint32_t domid;

    if (getopt(argc, argv, "") != -1)
        return cli_bad_option(cli, argv);
    if (argc - optind != 2)
        return cli_usage(cli, "a domain and its new name are needed");
    if (!cli_open(cli))
        return EXIT_FAILED;
    if (dom_find(cli->dom, argv[optind], &domid) ||
        dom_rename(cli->dom, domid, argv[optind + 1]))
        return cli_failed(cli);
    return EXIT_DONE;
}

/* Lines of the monitor's log start with the time. */
static void log_line(void *arg, const char *line)
{
    time_t now = time(NULL);
    char stamp[32];
    struct tm tm;

    (void)arg;
    strftime(stamp, sizeof(stamp), "%F %T", localtime_r(&now, &tm));
    printf("%s %s\n", stamp, line);
    fflush(stdout);
}

int cmd_monitor(struct cli *cli, int argc, char **argv)
{
    struct errmsg err;
    uint32_t domid;

    if (argc != 2)
        return cli_usage(cli, "which domain?");
    if (dom_open(&cli->dom, log_line, cli, &err))
        return cli_error(&err);
    if (dom_find(cli->dom, argv[1], &domid) ||
        dom_monitor_run(cli->dom, domid) < 0)
        return cli_failed(cli);
    return EXIT_DONE;
}
