/* SPDX-License-Identifier: MIT */
/*
 * The table of sub-commands, and help made from it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "libs/domain/suggest.h"

#define JSON_OPTION "  -j, --json        print JSON\n"

const struct command commands[] = {
    {"create", "[-c] [-p] [-n] [-q] [-e|-F] [FILE] [KEY=VALUE]...",
     "start a guest from a configuration file",
     "  FILE              configuration in xl.cfg's format, see tl.cfg(5)\n"
     "  KEY=VALUE         replaces or adds a setting\n"
     "  -f, --defconfig=FILE  the same as FILE\n"
     "  -c, --console     attach to its console; Ctrl-] detaches\n"
     "  -p, --paused      leave it paused\n"
     "  -n, --dry-run     check everything, print the result, create nothing\n"
     "  -q, --quiet       no remarks\n"
     "  -e                no monitor: nobody acts when the guest ends\n"
     "  -F, --foreground  be the monitor, in the foreground\n",
     cmd_create, false},
    {"list", "[-l|-j] [-v] [DOMAIN]...", "list domains",
     "  -l, --long        print each domain with its configuration, as JSON\n" JSON_OPTION
     "  -v, --verbose     UUIDs, and why ended guests ended\n"
     "States: r running, b blocked, p paused, s shut down, c crashed, d dying\n",
     cmd_list, false},
    {"console", "[-t pv] [-n 0] DOMAIN", "attach to a guest's console",
     "Detach with Ctrl-]. Output from before is shown first. If the guest\n"
     "restarts, the console follows it.\n",
     cmd_console, false},
    {"shutdown", "[-w] [-F] -a | DOMAIN...", "ask guests to shut down",
     "  -a, --all         all guests\n"
     "  -w, --wait        wait until they have ended\n"
     "  -F                accepted; PV guests have no other way to be asked\n",
     cmd_shutdown, false},
    {"reboot", "[-w] [-F] -a | DOMAIN...", "ask guests to reboot",
     "  -a, --all         all guests\n"
     "  -w, --wait        wait until they have gone down\n"
     "  -F                accepted; PV guests have no other way to be asked\n",
     cmd_reboot, false},
    {"destroy", "[-f] DOMAIN...", "end guests at once, like pulling the plug",
     "  -f                accepted for compatibility\n", cmd_destroy, false},
    {"pause", "DOMAIN...", "stop a guest's vcpus", NULL, cmd_pause, false},
    {"unpause", "DOMAIN...", "let a guest's vcpus go on", NULL, cmd_unpause,
     false},
    {"rename", "DOMAIN NAME", "give a guest another name", NULL, cmd_rename,
     false},
    {"info", "[-j]", "show the hypervisor and the machine", JSON_OPTION,
     cmd_info, false},
    {"dmesg", "[-c]", "show the hypervisor's log",
     "  -c, --clear       empty it afterwards\n", cmd_dmesg, false},
    {"domid", "[-j] NAME", "print a guest's id", JSON_OPTION, cmd_domid, false},
    {"domname", "[-j] ID", "print a guest's name", JSON_OPTION, cmd_domname,
     false},
    {"uptime", "[-s] [-j] [DOMAIN]...", "how long guests have run",
     "  -s, --short       only the time\n" JSON_OPTION, cmd_uptime, false},
    {"vcpu-list", "[-j] [DOMAIN]...", "list vcpus", JSON_OPTION, cmd_vcpu_list,
     false},
    {"debug-keys", "KEYS", "send keys to the hypervisor's console",
     "The answers are in `tl dmesg`.\n", cmd_debug_keys, false},
    {"store", "ls|read|write|rm|watch ...", "look into the store",
     "  ls [-f] [-j] [PATH]    the tree below PATH; -f: full paths\n"
     "  read [-j] PATH...      values\n"
     "  write PATH VALUE ...   one or more pairs\n"
     "  rm PATH...             nodes and all below\n"
     "  watch [-n COUNT] PATH  print changes at and below PATH\n",
     cmd_store, false},
    {"help", "[COMMAND]", "this list, or more about a command", NULL, cmd_help,
     false},
    {"monitor", "ID", "act when a guest ends (started by create)",
     "Runs until the guest is gone for good. Use it after `tl create -e`.\n",
     cmd_monitor, true},
};

const size_t nr_commands = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < nr_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static const char *command_nth(const void *arg, size_t i)
{
    (void)arg;
    return i < nr_commands ? commands[i].name : NULL;
}

const char *command_suggest(const char *name)
{
    return suggest(name, command_nth, NULL);
}

void print_command_help(const struct command *c)
{
    printf("Usage: tl %s %s\n\n  %s\n", c->name, c->args, c->summary);
    if (c->options)
        printf("\n%s", c->options);
}

int cmd_help(struct cli *cli, int argc, char **argv)
{
    const struct command *c;

    if (argc > 2)
        return cli_usage(cli, "one command at a time");
    if (argc == 2) {
        c = command_find(argv[1]);
        if (!c)
            return cli_usage(cli, "there is no command '%s'", argv[1]);
        print_command_help(c);
        return EXIT_DONE;
    }
    puts("Usage: tl COMMAND [OPTIONS] [ARGUMENTS]\n");
    for (size_t i = 0; i < nr_commands; i++)
        if (!commands[i].hidden)
            printf("  %-12s %s\n", commands[i].name, commands[i].summary);
    puts("\nA DOMAIN is given by name, id or UUID. `tl help COMMAND` says "
         "more; so do\ntl(1) and tl.cfg(5).");
    return EXIT_DONE;
}
