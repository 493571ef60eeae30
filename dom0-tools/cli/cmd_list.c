/* SPDX-License-Identifier: MIT */
/*
 * tl list, vcpu-list, domid, domname, uptime. Columns are those that users of
 * xl know, so that their scripts go on working.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/cli.h"

static const struct option json_option[] = {
    {"json", no_argument, NULL, 'j'},
    {"long", no_argument, NULL, 'l'},
    {"verbose", no_argument, NULL, 'v'},
    {"short", no_argument, NULL, 's'},
    {NULL, 0, NULL, 0},
};

static void add(struct json_object *o, const char *key, struct json_object *v)
{
    json_object_object_add(o, key, v);
}

static struct json_object *text(const char *s)
{
    return json_object_new_string(s);
}

static struct json_object *number(uint64_t n)
{
    return json_object_new_uint64(n);
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* With as many digits as the clock is worth. */
static struct json_object *cpu_seconds(uint64_t ns)
{
    char digits[32];

    snprintf(digits, sizeof(digits), "%.3f", seconds(ns));
    return json_object_new_double_s(seconds(ns), digits);
}

/* Those named on the command line, or all. Returns how many, or -1. */
static int select_domains(struct cli *cli, int argc, char **argv,
                          struct dom_info **list)
{
    uint32_t domid;
    int nr = argc - optind;

    if (!cli_open(cli))
        return -1;
    if (nr == 0) {
        nr = dom_list(cli->dom, list);
        if (nr < 0)
            cli_failed(cli);
        return nr < 0 ? -1 : nr;
    }
    *list = calloc((size_t)nr, sizeof(**list));
    for (int i = 0; i < nr && *list; i++)
        if (dom_find(cli->dom, argv[optind + i], &domid) ||
            dom_info(cli->dom, domid, &(*list)[i])) {
            cli_failed(cli);
            free(*list);
            return -1;
        }
    return *list ? nr : -1;
}

static const char *state_name(const struct dom_info *d)
{
    return d->dying      ? "dying"
           : d->crashed  ? "crashed"
           : d->shutdown ? "shutdown"
           : d->paused   ? "paused"
           : d->running  ? "running"
                         : "blocked";
}

static struct json_object *info_json(const struct dom_info *d)
{
    struct json_object *o = json_object_new_object();

    add(o, "name", text(d->name));
    add(o, "domid", number(d->domid));
    add(o, "uuid", text(d->uuid));
    add(o, "state", text(state_name(d)));
    if (d->shutdown)
        add(o, "reason", text(dom_shutdown_name(d->shutdown_code)));
    add(o, "memory_kib", number(d->mem_kib));
    if (d->max_kib != UINT64_MAX)
        add(o, "max_memory_kib", number(d->max_kib));
    add(o, "vcpus", number(d->vcpus));
    add(o, "max_vcpus", number(d->max_vcpus));
    add(o, "cpu_seconds", cpu_seconds(d->cpu_ns));
    return o;
}

static void list_json(struct cli *cli, const struct dom_info *list, int nr,
                      bool with_config)
{
    struct json_object *all = json_object_new_array();

    for (int i = 0; i < nr; i++) {
        struct json_object *o = info_json(&list[i]);
        char *config;

        if (with_config &&
            dom_config_json(cli->dom, list[i].domid, &config) == 0) {
            add(o, "config", json_tokener_parse(config));
            free(config);
        }
        json_object_array_add(all, o);
    }
    cli_print_json(all);
}

static void list_table(const struct dom_info *list, int nr, bool verbose)
{
    printf("%-40s %5s %5s %5s\tState\tTime(s)", "Name", "ID", "Mem", "VCPUs");
    puts(verbose ? "   UUID                                 Reason" : "");
    for (int i = 0; i < nr; i++) {
        const struct dom_info *d = &list[i];

        printf("%-40s %5u %5" PRIu64 " %5u     %c%c%c%c%c%c  %8.1f", d->name,
               d->domid, d->mem_kib / 1024, d->vcpus, d->running ? 'r' : '-',
               d->blocked ? 'b' : '-', d->paused ? 'p' : '-',
               d->shutdown && !d->crashed ? 's' : '-', d->crashed ? 'c' : '-',
               d->dying ? 'd' : '-', seconds(d->cpu_ns));
        if (verbose)
            printf(" %s %s", d->uuid,
                   d->shutdown ? dom_shutdown_name(d->shutdown_code) : "-");
        putchar('\n');
    }
}

int cmd_list(struct cli *cli, int argc, char **argv)
{
    bool json = false, with_config = false, verbose = false;
    struct dom_info *list;
    int c, nr;

    while ((c = getopt_long(argc, argv, "jlv", json_option, NULL)) != -1) {
        if (c == '?' || c == 's')
            return cli_bad_option(cli, argv);
        json |= c == 'j' || c == 'l';
        with_config |= c == 'l';
        verbose |= c == 'v';
    }
    nr = select_domains(cli, argc, argv, &list);
    if (nr < 0)
        return EXIT_FAILED;
    if (json)
        list_json(cli, list, nr, with_config);
    else
        list_table(list, nr, verbose);
    free(list);
    return EXIT_DONE;
}

/* Only -j is taken. */
static bool take_json(int argc, char **argv, bool *json)
{
    int c;

    *json = false;
    while ((c = getopt_long(argc, argv, "j", json_option, NULL)) != -1) {
        if (c != 'j')
            return false;
        *json = true;
    }
    return true;
}

static struct json_object *vcpu_json(const struct dom_info *d,
                                     const struct dom_vcpu *v)
{
    struct json_object *o = json_object_new_object();

    add(o, "name", text(d->name));
    add(o, "domid", number(d->domid));
    add(o, "vcpu", number(v->vcpu));
    add(o, "online", json_object_new_boolean(v->online));
    add(o, "cpu", v->online ? number(v->cpu) : NULL);
    add(o, "state",
        text(!v->online   ? "offline"
             : v->running ? "running"
             : v->blocked ? "blocked"
                          : "runnable"));
    add(o, "cpu_seconds", cpu_seconds(v->cpu_ns));
    add(o, "affinity", text(v->affinity));
    return o;
}

static void vcpu_row(const struct dom_info *d, const struct dom_vcpu *v)
{
    printf("%-32s %5u %5u ", d->name, d->domid, v->vcpu);
    if (v->online)
        printf("%5u   %c%c-  ", v->cpu, v->running ? 'r' : '-',
               v->blocked ? 'b' : '-');
    else
        printf("%5s   --p  ", "-");
    printf("%9.1f  %s / all\n", seconds(v->cpu_ns), v->affinity);
}

int cmd_vcpu_list(struct cli *cli, int argc, char **argv)
{
    struct json_object *all;
    struct dom_info *list;
    int nr, rc = EXIT_DONE;
    bool json;

    if (!take_json(argc, argv, &json))
        return cli_bad_option(cli, argv);
    nr = select_domains(cli, argc, argv, &list);
    if (nr < 0)
        return EXIT_FAILED;
    all = json_object_new_array();
    if (!json)
        printf("%-32s %5s %5s %5s State   Time(s)  Affinity (Hard / Soft)\n",
               "Name", "ID", "VCPU", "CPU");
    for (int i = 0; i < nr; i++) {
        struct dom_vcpu *vcpus;
        int n = dom_vcpu_list(cli->dom, list[i].domid, &vcpus);

        if (n < 0) {
            rc = cli_failed(cli);
            continue;
        }
        for (int j = 0; j < n; j++)
            if (json)
                json_object_array_add(all, vcpu_json(&list[i], &vcpus[j]));
            else
                vcpu_row(&list[i], &vcpus[j]);
        free(vcpus);
    }
    if (json)
        cli_print_json(all);
    else
        json_object_put(all);
    free(list);
    return rc;
}

int cmd_domid(struct cli *cli, int argc, char **argv)
{
    uint32_t domid;
    bool json;
    int rc;

    if (!take_json(argc, argv, &json))
        return cli_bad_option(cli, argv);
    rc = cli_one_domain(cli, argc, argv, &domid);
    if (rc == EXIT_DONE)
        printf("%u\n", domid);
    return rc;
}

int cmd_domname(struct cli *cli, int argc, char **argv)
{
    char name[GUEST_NAME_MAX + 1];
    uint32_t domid;
    bool json;
    int rc;

    if (!take_json(argc, argv, &json))
        return cli_bad_option(cli, argv);
    rc = cli_one_domain(cli, argc, argv, &domid);
    if (rc != EXIT_DONE)
        return rc;
    if (dom_name(cli->dom, domid, name))
        return cli_failed(cli);
    if (json)
        cli_print_json(text(name));
    else
        puts(name);
    return EXIT_DONE;
}

static void uptime_row(const struct dom_info *d, uint64_t s, bool brief)
{
    char time[48];

    snprintf(time, sizeof(time),
             "%" PRIu64 " days, %2" PRIu64 ":%02" PRIu64 ":%02" PRIu64,
             s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
    if (brief)
        printf("%s, %s (%u)\n", time, d->name, d->domid);
    else
        printf("%-33s %5u %s\n", d->name, d->domid, time);
}

int cmd_uptime(struct cli *cli, int argc, char **argv)
{
    struct json_object *all = json_object_new_array();
    bool json = false, brief = false;
    struct dom_info *list;
    int c, nr;

    while ((c = getopt_long(argc, argv, "js", json_option, NULL)) != -1) {
        if (c != 'j' && c != 's')
            return cli_bad_option(cli, argv);
        json |= c == 'j';
        brief |= c == 's';
    }
    nr = select_domains(cli, argc, argv, &list);
    if (!json && !brief && nr >= 0)
        printf("%-33s %5s Uptime\n", "Name", "ID");
    for (int i = 0; i < nr; i++) {
        struct json_object *o;
        uint64_t s;

        if (dom_uptime(cli->dom, list[i].domid, &s))
            continue;
        if (!json) {
            uptime_row(&list[i], s, brief);
            continue;
        }
        o = json_object_new_object();
        add(o, "name", text(list[i].name));
        add(o, "domid", number(list[i].domid));
        add(o, "uptime_seconds", number(s));
        json_object_array_add(all, o);
    }
    if (json && nr >= 0)
        cli_print_json(all);
    else
        json_object_put(all);
    if (nr >= 0)
        free(list);
    return nr < 0 ? EXIT_FAILED : EXIT_DONE;
}
