/* SPDX-License-Identifier: MIT */
/*
 * tl console.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

int console_follow(struct cli *cli, uint32_t domid, int (*opened)(void *arg),
                   void *arg)
{
    char name[GUEST_NAME_MAX + 1];
    int rc;

    if (dom_name(cli->dom, domid, name))
        return cli_failed(cli);
    for (;;) {
        rc = dom_console(cli->dom, domid, opened, arg);
        if (rc < 0)
            return cli_failed(cli);
        if (rc == 0)
            break;
        /* The guest is gone; it may come back under another id. */
        if (dom_successor(cli->dom, name, domid, &domid))
            break;
        opened = NULL;
    }
    if (!cli->quiet) {
        fputs("\r\n", stderr);
        cli_note(rc ? "%s has ended" : "detached from %s", name);
    }
    return EXIT_DONE;
}

int cmd_console(struct cli *cli, int argc, char **argv)
{
    uint32_t domid;
    int c, rc;

    while ((c = getopt(argc, argv, "t:n:")) != -1) {
        if (c == '?')
            return cli_bad_option(cli, argv);
        if (c == 't' && strcmp(optarg, "pv"))
            return cli_usage(cli, "only PV consoles exist, not '%s'", optarg);
        if (c == 'n' && strcmp(optarg, "0"))
            return cli_usage(cli, "there is only console 0");
    }
    rc = cli_one_domain(cli, argc, argv, &domid);
    return rc == EXIT_DONE ? console_follow(cli, domid, NULL, NULL) : rc;
}
