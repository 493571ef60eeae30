/* SPDX-License-Identifier: MIT */
/* The daemon's command line. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OPT_HELP = 256,
    OPT_VERSION,
    OPT_PID_FILE,
    OPT_LOG,
    OPT_SOCKET,
    OPT_QUOTA,
    OPT_NO_DOMAINS,
    OPT_DOM0_NAME,
};

static const struct option longs[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {"no-fork", no_argument, NULL, 'N'},
    {"pid-file", required_argument, NULL, OPT_PID_FILE},
    {"log", required_argument, NULL, OPT_LOG},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"quota", required_argument, NULL, OPT_QUOTA},
    {"dom0-name", required_argument, NULL, OPT_DOM0_NAME},
    {"no-domains", no_argument, NULL, OPT_NO_DOMAINS},
    {NULL, 0, NULL, 0},
};

static void help(void)
{
    struct quotas q;

    quotas_default(&q);
    puts(
        "Usage: xenstored [options]\n"
        "The store of a Trellis host: a tree of small values shared by the\n"
        "control domain and its guests.\n\n"
        "  -N, --no-fork         stay in the foreground, log to stderr\n"
        "      --pid-file PATH   write the process id there\n"
        "      --log PATH        log to this file\n"
        "                        (/var/log/trellis/xenstored.log)\n"
        "      --socket DIR      where the socket is made (/run/xenstored)\n"
        "      --dom0-name NAME  write dom0's nodes /local/domain/0/{domid,name}\n"
        "      --no-domains      without hypervisor: the socket only\n"
        "      --quota NAME=N    a limit for each guest; names:");
    for (int i = 0; i < NR_QUOTAS; i++)
        printf("          %-13s %8lld  %s\n", quota_name((enum quota)i),
               (long long)q.limit[i], quota_help((enum quota)i));
    puts("      --help, --version");
}

static void set_quota(struct options *o, const char *text)
{
    if (quota_parse(&o->quotas, text) == 0)
        return;
    fprintf(stderr, "xenstored: not a quota: %s (see --help)\n", text);
    exit(2);
}

static void apply(struct options *o, int opt)
{
    switch (opt) {
    case 'N':
        o->foreground = true;
        break;
    case OPT_PID_FILE:
        o->pid_file = optarg;
        break;
    case OPT_LOG:
        o->log_file = optarg;
        break;
    case OPT_SOCKET:
        o->socket_dir = optarg;
        break;
    case OPT_QUOTA:
        set_quota(o, optarg);
        break;
    case OPT_NO_DOMAINS:
        o->no_domains = true;
        break;
    case OPT_DOM0_NAME:
        o->dom0_name = optarg;
        break;
    case OPT_HELP:
        help();
        exit(0);
    case OPT_VERSION:
        puts("xenstored (Trellis) for ABI 4.17");
        exit(0);
    default:
        exit(2);
    }
}

void options_parse(struct options *o, int argc, char **argv)
{
    int opt;

    *o = (struct options){.socket_dir = "/run/xenstored"};
    quotas_default(&o->quotas);
    while ((opt = getopt_long(argc, argv, "N", longs, NULL)) != -1)
        apply(o, opt);
    if (optind == argc)
        return;
    fprintf(stderr, "xenstored: what is \"%s\"? (see --help)\n", argv[optind]);
    exit(2);
}
