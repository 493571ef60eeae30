/* SPDX-License-Identifier: MIT */
/*
 * tl store ls, read, write, rm, watch.
 */
#include "libs/domain/host.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli/cli.h"

#define PATH_LEN 3072

/*
 * Values may hold anything, and guests write them: what does not print, or is
 * one of special, is shown as \xNN.
 */
static void print_escaped(const char *value, const char *special)
{
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;

        if (c >= 0x20 && c < 0x7f && !strchr(special, c))
            putchar(c);
        else
            printf("\\x%02x", c);
    }
}

static void print_value(const char *value)
{
    putchar('"');
    print_escaped(value, "\"\\");
    putchar('"');
}

/* As it is for a program; a terminal would do what a guest says. */
static void print_line(const char *value)
{
    if (isatty(STDOUT_FILENO))
        print_escaped(value, "\\");
    else
        fputs(value, stdout);
    putchar('\n');
}

struct ls {
    struct cli *cli;
    bool full;
};

static bool child_path(char *out, const char *path, const char *leaf)
{
    int len =
        snprintf(out, PATH_LEN, "%s/%s", strcmp(path, "/") ? path : "", leaf);

    return len > 0 && len < PATH_LEN;
}

static void ls_line(const struct ls *ls, const char *path, const char *leaf,
                    unsigned int depth)
{
    char *value;

    if (ls->full)
        printf("%s = ", path);
    else
        printf("%*s%s = ", (int)depth, "", leaf);
    if (dom_store_read(ls->cli->dom, path, &value)) {
        puts("?");
        return;
    }
    print_value(value);
    putchar('\n');
    free(value);
}

/* Nodes may go away while we look: those are skipped. */
static int ls_below(const struct ls *ls, const char *path, unsigned int depth)
{
    char **names;
    int nr = dom_store_list(ls->cli->dom, path, &names);

    for (int i = 0; i < nr; i++) {
        char *child = malloc(PATH_LEN);

        if (child && child_path(child, path, names[i])) {
            ls_line(ls, child, names[i], depth);
            ls_below(ls, child, depth + 1);
        }
        free(child);
    }
    if (nr >= 0)
        free(names);
    return nr;
}

static struct json_object *ls_json(struct cli *cli, const char *path)
{
    struct json_object *o = json_object_new_object(), *below;
    char **names, *value;
    int nr;

    if (dom_store_read(cli->dom, path, &value) == 0) {
        json_object_object_add(o, "value", json_object_new_string(value));
        free(value);
    }
    nr = dom_store_list(cli->dom, path, &names);
    if (nr > 0) {
        below = json_object_new_object();
        json_object_object_add(o, "children", below);
    }
    for (int i = 0; i < nr; i++) {
        char *child = malloc(PATH_LEN);

        if (child && child_path(child, path, names[i]))
            json_object_object_add(below, names[i], ls_json(cli, child));
        free(child);
    }
    if (nr >= 0)
        free(names);
    return o;
}

static int store_ls(struct cli *cli, int argc, char **argv)
{
    struct ls ls = {cli, false};
    const char *path;
    bool json = false;
    int c;

    while ((c = getopt(argc, argv, "fj")) != -1) {
        if (c == '?')
            return cli_bad_option(cli, argv);
        ls.full |= c == 'f';
        json |= c == 'j';
    }
    if (argc - optind > 1)
        return cli_usage(cli, "one path at a time");
    path = optind < argc ? argv[optind] : "/";
    if (json) {
        cli_print_json(ls_json(cli, path));
        return EXIT_DONE;
    }
    return ls_below(&ls, path, 0) < 0 ? cli_failed(cli) : EXIT_DONE;
}

static int store_read(struct cli *cli, int argc, char **argv)
{
    bool json = false;
    int c, rc = EXIT_DONE;

    while ((c = getopt(argc, argv, "j")) != -1) {
        if (c == '?')
            return cli_bad_option(cli, argv);
        json = true;
    }
    if (optind >= argc)
        return cli_usage(cli, "which path?");
    for (int i = optind; i < argc; i++) {
        char *value;

        if (dom_store_read(cli->dom, argv[i], &value)) {
            rc = cli_failed(cli);
            continue;
        }
        if (json)
            cli_print_json(json_object_new_string(value));
        else
            print_line(value);
        free(value);
    }
    return rc;
}

static int store_write(struct cli *cli, int argc, char **argv)
{
    if (argc < 3 || argc % 2 == 0)
        return cli_usage(cli, "pairs of path and value are needed");
    for (int i = 1; i < argc; i += 2)
        if (dom_store_write(cli->dom, argv[i], argv[i + 1]))
            return cli_failed(cli);
    return EXIT_DONE;
}

static int store_rm(struct cli *cli, int argc, char **argv)
{
    int rc = EXIT_DONE;

    if (argc < 2)
        return cli_usage(cli, "which path?");
    for (int i = 1; i < argc; i++)
        if (dom_store_rm(cli->dom, argv[i]))
            rc = cli_failed(cli);
    return rc;
}

/* Counts down; below zero from the start means for ever. */
static int watch_event(void *arg, const char *changed)
{
    long *left = arg;

    puts(changed);
    fflush(stdout);
    return *left > 0 && --*left == 0;
}

static int store_watch(struct cli *cli, int argc, char **argv)
{
    long left = -1;
    int c;

    while ((c = getopt(argc, argv, "n:")) != -1) {
        if (c == '?' || (left = strtol(optarg, NULL, 10)) <= 0)
            return cli_bad_option(cli, argv);
    }
    if (argc - optind != 1)
        return cli_usage(cli, "which path?");
    return dom_store_watch(cli->dom, argv[optind], watch_event, &left) < 0
               ? cli_failed(cli)
               : EXIT_DONE;
}

int cmd_store(struct cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct cli *cli, int argc, char **argv);
    } subs[] = {
        {"ls", store_ls}, {"read", store_read},   {"write", store_write},
        {"rm", store_rm}, {"watch", store_watch}, {"list", store_ls},
    };

    if (argc < 2)
        return cli_usage(cli, "ls, read, write, rm or watch?");
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
        if (strcmp(subs[i].name, argv[1]) == 0)
            return cli_open(cli) ? subs[i].run(cli, argc - 1, argv + 1)
                                 : EXIT_FAILED;
    return cli_usage(cli, "no such thing as 'store %s'", argv[1]);
}
