/* SPDX-License-Identifier: MIT */
/*
 * tl info, dmesg, debug-keys.
 */
#include "libs/domain/host.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <json-c/json.h>

#include "cli/cli.h"

/* One fact, printed now or collected. */
struct sheet {
    struct json_object *json; /* NULL: print */
};

__attribute__((format(printf, 3, 4))) static void fact(const struct sheet *s,
                                                       const char *key,
                                                       const char *fmt, ...)
{
    char value[1152];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    if (s->json)
        json_object_object_add(s->json, key, json_object_new_string(value));
    else
        printf("%-23s: %s\n", key, value);
}

static void fact_number(const struct sheet *s, const char *key, uint64_t n)
{
    if (s->json)
        json_object_object_add(s->json, key, json_object_new_uint64(n));
    else
        printf("%-23s: %llu\n", key, (unsigned long long)n);
}

static void facts_machine(const struct sheet *s, const struct host_info *h)
{
    const uint32_t *cap = h->hw_cap;
    struct utsname u;

    if (uname(&u) == 0) {
        fact(s, "host", "%s", u.nodename);
        fact(s, "release", "%s", u.release);
        fact(s, "version", "%s", u.version);
        fact(s, "machine", "%s", u.machine);
    }
    fact_number(s, "nr_cpus", h->nr_cpus);
    fact_number(s, "max_cpu_id", h->max_cpu_id);
    fact_number(s, "nr_nodes", h->nr_nodes);
    fact_number(s, "cores_per_socket", h->cores_per_socket);
    fact_number(s, "threads_per_core", h->threads_per_core);
    fact(s, "cpu_mhz", "%u.%03u", h->cpu_khz / 1000, h->cpu_khz % 1000);
    fact(s, "hw_caps", "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", cap[0],
         cap[1], cap[2], cap[3], cap[4], cap[5], cap[6], cap[7]);
    fact(s, "virt_caps", "%s%s%s", h->can_pv ? "pv " : "",
         h->can_hvm ? "hvm " : "", h->can_directio ? "directio" : "");
    fact_number(s, "total_memory", h->total_mib);
    fact_number(s, "free_memory", h->free_mib);
}

static void facts_hypervisor(const struct sheet *s, const struct host_info *h)
{
    fact_number(s, "xen_major", h->major);
    fact_number(s, "xen_minor", h->minor);
    fact(s, "xen_extra", "%s", h->extra);
    fact(s, "xen_version", "%u.%u%s", h->major, h->minor, h->extra);
    fact(s, "xen_caps", "%s", h->capabilities);
    fact(s, "xen_scheduler", "%s", h->scheduler);
    fact_number(s, "xen_pagesize", h->page_size);
    fact(s, "platform_params", "virt_start=0x%llx",
         (unsigned long long)h->virt_start);
    fact(s, "xen_changeset", "%s", h->changeset);
    fact(s, "xen_commandline", "%s", h->commandline);
    fact(s, "cc_compiler", "%s", h->compiler);
    fact(s, "cc_compile_by", "%s", h->compile_by);
    fact(s, "cc_compile_domain", "%s", h->compile_domain);
    fact(s, "cc_compile_date", "%s", h->compile_date);
}

/* Takes one option and nothing else; false if there is anything else. */
static bool take_flag(int argc, char **argv, char letter, const char *name,
                      bool *given)
{
    const struct option options[] = {{name, no_argument, NULL, letter},
                                     {NULL, 0, NULL, 0}};
    const char letters[] = {letter, '\0'};
    int c;

    *given = false;
    while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (c == '?')
            return false;
        *given = true;
    }
    if (optind == argc)
        return true;
    optind++; /* the word to complain about is the last one taken */
    return false;
}

int cmd_info(struct cli *cli, int argc, char **argv)
{
    struct sheet sheet = {NULL};
    struct host_info h;
    bool json;

    if (!take_flag(argc, argv, 'j', "json", &json))
        return cli_bad_option(cli, argv);
    if (!cli_open(cli))
        return EXIT_FAILED;
    if (dom_host_info(cli->dom, &h))
        return cli_failed(cli);
    if (json)
        sheet.json = json_object_new_object();
    facts_machine(&sheet, &h);
    facts_hypervisor(&sheet, &h);
    if (json)
        cli_print_json(sheet.json);
    return EXIT_DONE;
}

int cmd_dmesg(struct cli *cli, int argc, char **argv)
{
    char *text;
    bool clear;

    if (!take_flag(argc, argv, 'c', "clear", &clear))
        return cli_bad_option(cli, argv);
    if (!cli_open(cli))
        return EXIT_FAILED;
    if (dom_host_log(cli->dom, clear, &text))
        return cli_failed(cli);
    fputs(text, stdout);
    free(text);
    return EXIT_DONE;
}

int cmd_debug_keys(struct cli *cli, int argc, char **argv)
{
    if (argc != 2 || *argv[1] == '-')
        return cli_usage(cli, "which keys?");
    if (!cli_open(cli))
        return EXIT_FAILED;
    return dom_debug_keys(cli->dom, argv[1]) ? cli_failed(cli) : EXIT_DONE;
}
