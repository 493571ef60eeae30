/* SPDX-License-Identifier: MIT */
/*
 * Entry of tl: finds the sub-command, and says how things went.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli/cli.h"

#define VERSION "tl (Trellis) 0.1"

/* Only on a terminal, and not if the user wants none (no-color.org). */
static bool coloured(void)
{
    const char *no = getenv("NO_COLOR");

    return isatty(STDERR_FILENO) && !(no && *no);
}

int cli_error(const struct errmsg *err)
{
    bool colour = coloured();

    fflush(stdout);
    fprintf(stderr, "%stl:%s %s\n", colour ? "\033[1;31m" : "",
            colour ? "\033[0m" : "", err->text);
    if (*err->hint)
        fprintf(stderr, "    %s\n", err->hint);
    return EXIT_FAILED;
}

int cli_failed(struct cli *cli)
{
    return cli_error(dom_error(cli->dom));
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "tl %s: ", cli->command->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nUsage: tl %s %s\n    `tl help %s` says more\n",
            cli->command->name, cli->command->args, cli->command->name);
    return EXIT_USAGE;
}

int cli_bad_option(struct cli *cli, char **argv)
{
    const char *word = optind > 1 ? argv[optind - 1] : argv[optind];

    return cli_usage(cli, "'%s' is not an option here, or lacks its value",
                     word);
}

void cli_note(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("tl: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void cli_log(void *arg, const char *line)
{
    const struct cli *cli = arg;

    if (!cli->quiet)
        cli_note("%s", line);
}

bool cli_open(struct cli *cli)
{
    struct errmsg err;

    if (dom_open(&cli->dom, cli_log, cli, &err) == 0)
        return true;
    cli_error(&err);
    return false;
}

int cli_one_domain(struct cli *cli, int argc, char **argv, uint32_t *domid)
{
    if (optind >= argc)
        return cli_usage(cli, "which domain?");
    if (optind + 1 < argc)
        return cli_usage(cli, "unexpected argument '%s'", argv[optind + 1]);
    if (!cli_open(cli))
        return EXIT_FAILED;
    return dom_find(cli->dom, argv[optind], domid) ? cli_failed(cli)
                                                   : EXIT_DONE;
}

void cli_print_json(struct json_object *o)
{
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
                                               JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int unknown_command(const char *name)
{
    const char *near = command_suggest(name);

    fprintf(stderr, "tl: there is no command '%s'", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, "\n    `tl help` lists them\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct cli cli = {.dom = NULL};
    const char *name = argc > 1 ? argv[1] : "help";
    int rc;

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0) {
        puts(VERSION);
        return EXIT_DONE;
    }
    cli.command = command_find(name);
    if (!cli.command)
        return unknown_command(name);
    if (argc > 1 && wants_help(argc - 1, argv + 1)) {
        print_command_help(cli.command);
        return EXIT_DONE;
    }
    opterr = 0;
    rc = cli.command->run(&cli, argc > 1 ? argc - 1 : argc,
                          argc > 1 ? argv + 1 : argv);
    if (cli.dom)
        dom_close(cli.dom);
    if (fflush(stdout) && rc == EXIT_DONE)
        rc = EXIT_FAILED;
    return rc;
}
