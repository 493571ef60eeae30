/* SPDX-License-Identifier: MIT */
/*
 * tl: the front end of libs/domain. One row in commands.c per sub-command, one
 * cmd_*.c per family of them.
 *
 * Exit codes: 0 done, 1 failed (one line on stderr says why), 2 wrong usage.
 */
#ifndef TOOLS_CLI_CLI_H
#define TOOLS_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libs/domain/domain.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

struct cli {
    struct dom *dom; /* NULL until cli_open */
    const struct command *command;
    bool quiet;
};

struct command {
    const char *name;
    const char *args;    /* synopsis behind the name */
    const char *summary; /* one line, for `tl help` */
    const char *options; /* lines for `tl help NAME`, or NULL */
    int (*run)(struct cli *cli, int argc, char **argv);
    bool hidden;
};

extern const struct command commands[];
extern const size_t nr_commands;
const struct command *command_find(const char *name);
/* The nearest command to a word that is none, or NULL. */
const char *command_suggest(const char *name);

/* Connect; on failure the reason is printed and false returned. */
bool cli_open(struct cli *cli);
/* Print what libs/domain said about the last failure; returns EXIT_FAILED. */
int cli_failed(struct cli *cli);
int cli_error(const struct errmsg *err);
/* "tl CMD: text", and where to read on; returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(struct cli *cli,
                                                    const char *fmt, ...);
/* The same after getopt met what it does not know. */
int cli_bad_option(struct cli *cli, char **argv);
/* A remark on stderr. */
__attribute__((format(printf, 1, 2))) void cli_note(const char *fmt, ...);
/* Remarks from libs/domain. */
void cli_log(void *cli, const char *line);
void print_command_help(const struct command *c);

/*
 * The one domain a command is about: argv[optind], nothing behind it.
 * Returns EXIT_DONE with *domid, else the exit code after saying why.
 */
int cli_one_domain(struct cli *cli, int argc, char **argv, uint32_t *domid);

struct json_object;
/* Print and drop o. */
void cli_print_json(struct json_object *o);

int cmd_create(struct cli *cli, int argc, char **argv);
int cmd_list(struct cli *cli, int argc, char **argv);
int cmd_vcpu_list(struct cli *cli, int argc, char **argv);
int cmd_domid(struct cli *cli, int argc, char **argv);
int cmd_domname(struct cli *cli, int argc, char **argv);
int cmd_uptime(struct cli *cli, int argc, char **argv);
int cmd_console(struct cli *cli, int argc, char **argv);
int cmd_pause(struct cli *cli, int argc, char **argv);
int cmd_unpause(struct cli *cli, int argc, char **argv);
int cmd_shutdown(struct cli *cli, int argc, char **argv);
int cmd_reboot(struct cli *cli, int argc, char **argv);
int cmd_destroy(struct cli *cli, int argc, char **argv);
int cmd_rename(struct cli *cli, int argc, char **argv);
int cmd_monitor(struct cli *cli, int argc, char **argv);
int cmd_info(struct cli *cli, int argc, char **argv);
int cmd_dmesg(struct cli *cli, int argc, char **argv);
int cmd_debug_keys(struct cli *cli, int argc, char **argv);
int cmd_store(struct cli *cli, int argc, char **argv);
int cmd_help(struct cli *cli, int argc, char **argv);

/* Attach to the console, following the guest across its restarts. */
int console_follow(struct cli *cli, uint32_t domid, int (*opened)(void *arg),
                   void *arg);

#endif
