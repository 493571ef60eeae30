/* SPDX-License-Identifier: MIT */
/*
 * tl create.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "libs/domain/cfg.h"

#define CONFIG_MAX (1u << 20)

struct create_options {
    const char *file;
    bool console, paused, dry_run, no_monitor, foreground;
};

static int read_file(const char *path, char **text, size_t *len,
                     struct errmsg *err)
{
    FILE *f = fopen(path, "re");
    int rc = 0;

    if (!f)
        return err_set(err, -errno, "cannot open %s: %s", path,
                       strerror(errno));
    *text = malloc(CONFIG_MAX);
    if (!*text) {
        fclose(f);
        return err_set(err, -ENOMEM, "no memory");
    }
    *len = fread(*text, 1, CONFIG_MAX, f);
    if (ferror(f))
        rc = err_set(err, -EIO, "cannot read %s", path);
    else if (*len == CONFIG_MAX)
        rc = err_set(err, -EFBIG, "%s is too large for a configuration", path);
    fclose(f);
    if (rc)
        free(*text);
    return rc;
}

static int read_config(struct cli *cli, const struct create_options *o,
                       int argc, char **argv, struct guest_config *g,
                       struct errmsg *err)
{
    struct cfg cfg = {0};
    char *text = NULL;
    size_t len = 0;
    int rc = 0;

    if (o->file) {
        rc = read_file(o->file, &text, &len, err);
        if (rc)
            return rc;
        rc = cfg_parse(&cfg, o->file, text, len, err);
        free(text);
    }
    for (int i = 0; i < argc && !rc; i++)
        rc = cfg_parse_argument(&cfg, argv[i], err);
    if (!rc)
        rc = guest_config_read(g, &cfg, cli_log, cli, err);
    cfg_free(&cfg);
    return rc;
}

/* Files and key=value may be mixed; exactly one file, or none at all. */
static int take_arguments(struct cli *cli, struct create_options *o, int argc,
                          char **argv, int *nr_pairs)
{
    *nr_pairs = 0;
    for (int i = 0; i < argc; i++) {
        if (strchr(argv[i], '=')) {
            argv[(*nr_pairs)++] = argv[i];
            continue;
        }
        if (o->file)
            return cli_usage(cli, "two files: %s and %s", o->file, argv[i]);
        o->file = argv[i];
    }
    if (!o->file && !*nr_pairs)
        return cli_usage(cli, "which configuration file?");
    return EXIT_DONE;
}

static int take_options(struct cli *cli, struct create_options *o, int argc,
                        char **argv)
{
    static const struct option options[] = {
        {"console", no_argument, NULL, 'c'},
        {"paused", no_argument, NULL, 'p'},
        {"dry-run", no_argument, NULL, 'n'},
        {"dryrun", no_argument, NULL, 'n'},
        {"quiet", no_argument, NULL, 'q'},
        {"foreground", no_argument, NULL, 'F'},
        {"defconfig", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "cpnqeFf:", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->console = true;
            break;
        case 'p':
            o->paused = true;
            break;
        case 'n':
            o->dry_run = true;
            break;
        case 'q':
            cli->quiet = true;
            break;
        case 'e':
            o->no_monitor = true;
            break;
        case 'F':
            o->foreground = true;
            break;
        case 'f':
            o->file = optarg;
            break;
        default:
            return cli_bad_option(cli, argv);
        }
    }
    if (o->foreground && (o->console || o->no_monitor))
        return cli_usage(cli, "-F cannot be combined with -c or -e");
    return EXIT_DONE;
}

static int dry_run(struct cli *cli, const struct guest_config *g)
{
    char *text;

    if (dom_create_check(cli->dom, g))
        return cli_failed(cli);
    if (guest_config_to_json(g, &text))
        return EXIT_FAILED;
    puts(text);
    free(text);
    return EXIT_DONE;
}

struct start {
    struct cli *cli;
    const struct create_options *o;
    uint32_t domid;
    bool tried; /* so that what failed is not the way there */
};

static int start_guest(void *arg)
{
    struct start *s = arg;

    s->tried = true;
    return s->o->paused ? 0 : dom_unpause(s->cli->dom, s->domid);
}

/*
 * The guest starts when its console is there to show its first line. It does
 * not depend on it: without, it starts all the same.
 */
static int start_with_console(struct start *s, const char *name)
{
    int rc = console_follow(s->cli, s->domid, start_guest, s);

    if (rc == EXIT_DONE || s->tried)
        return rc;
    if (start_guest(s))
        return cli_failed(s->cli);
    cli_note("%s %s without a terminal; `tl console %s` attaches one", name,
             s->o->paused ? "is paused" : "runs", name);
    return rc;
}

static int run_guest(struct cli *cli, const struct create_options *o,
                     const struct guest_config *g)
{
    struct start s = {.cli = cli, .o = o};

    if (dom_create(cli->dom, g, &s.domid))
        return cli_failed(cli);
    if (!o->no_monitor && !o->foreground &&
        dom_monitor_start(cli->dom, s.domid)) {
        cli_failed(cli);
        dom_destroy(cli->dom, s.domid);
        return EXIT_FAILED;
    }
    if (!cli->quiet)
        cli_note("%s is domain %u%s", g->name, s.domid,
                 o->paused ? ", paused" : "");
    if (o->console)
        return start_with_console(&s, g->name);
    if (start_guest(&s))
        return cli_failed(cli);
    if (o->foreground && dom_monitor_run(cli->dom, s.domid) < 0)
        return cli_failed(cli);
    return EXIT_DONE;
}

int cmd_create(struct cli *cli, int argc, char **argv)
{
    struct create_options o = {0};
    struct guest_config g;
    struct errmsg err;
    int nr_pairs, rc = take_options(cli, &o, argc, argv);

    if (rc == EXIT_DONE)
        rc = take_arguments(cli, &o, argc - optind, argv + optind, &nr_pairs);
    if (rc != EXIT_DONE)
        return rc;
    guest_config_init(&g);
    if (read_config(cli, &o, nr_pairs, argv + optind, &g, &err))
        rc = cli_error(&err);
    else if (!cli_open(cli))
        rc = EXIT_FAILED;
    else
        rc = o.dry_run ? dry_run(cli, &g) : run_guest(cli, &o, &g);
    guest_config_free(&g);
    return rc;
}
