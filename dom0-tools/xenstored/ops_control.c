/* SPDX-License-Identifier: MIT */
/* Commands to the daemon itself, from dom0 only. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "logkeep.h"
#include "request.h"

#define MAX_WORDS 4

/* Answer under construction; what does not fit is cut off. */
struct answer {
    char text[XENSTORE_PAYLOAD_MAX];
    size_t used;
};

static void __attribute__((format(printf, 2, 3)))
say(struct answer *a, const char *fmt, ...)
{
    size_t room = sizeof(a->text) - a->used;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(a->text + a->used, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        a->used += (size_t)n < room ? (size_t)n : room - 1;
}

static int do_help(struct store *st, int argc, const char **argv,
                   struct answer *a);

static int do_check(struct store *st, int argc, const char **argv,
                    struct answer *a)
{
    unsigned int faults = store_check(st);

    (void)argc;
    (void)argv;
    if (faults == 0)
        say(a, "OK");
    else
        say(a, "%u faults, see the log", faults);
    return 0;
}

static int do_log(struct store *st, int argc, const char **argv,
                  struct answer *a)
{
    (void)st;
    if (argc != 2)
        return -EINVAL;
    if (strcmp(argv[1], "on") == 0)
        log_requests = true;
    else if (strcmp(argv[1], "off") == 0)
        log_requests = false;
    else
        return -EINVAL;
    say(a, "OK");
    return 0;
}

static int do_logfile(struct store *st, int argc, const char **argv,
                      struct answer *a)
{
    int rc;

    (void)st;
    if (argc != 2)
        return -EINVAL;
    rc = logkeep_open(argv[1]);
    if (rc == 0)
        say(a, "OK");
    return rc;
}

static int do_memreport(struct store *st, int argc, const char **argv,
                        struct answer *a)
{
    (void)argc;
    (void)argv;
    say(a, "connections %u\ndomains %u\nwatches %u\nwatched-paths %u\n",
        st->nr_conns, st->nr_domains, st->watches.nr_watches,
        st->watches.nr_points);
    say(a,
        "accounts %u\ngeneration %" PRIu64 "\nrequests %" PRIu64
        "\ntransaction-conflicts %" PRIu64 "\n",
        st->accounts.nr, st->gen, st->nr_requests, st->nr_conflicts);
    return 0;
}

static void say_domain(struct store *st, uint32_t domid, struct answer *a)
{
    const struct account *acc = account_find(&st->accounts, domid);

    say(a, "nodes %lld\nmemory %lld\n", acc ? (long long)acc->nodes : 0,
        acc ? (long long)acc->bytes : 0);
}

/* quota | quota <domid> | quota set <name> <value> */
static int do_quota(struct store *st, int argc, const char **argv,
                    struct answer *a)
{
    uint32_t domid;
    int rc;

    if (argc == 4 && strcmp(argv[1], "set") == 0) {
        rc = quota_set(&st->quotas, argv[2], argv[3]);
        if (rc == 0)
            say(a, "OK");
        return rc;
    }
    if (argc == 2 && xs_parse_u32(argv[1], &domid) == 0) {
        say_domain(st, domid, a);
        return 0;
    }
    if (argc != 1)
        return -EINVAL;
    for (int i = 0; i < NR_QUOTAS; i++)
        say(a, "%-14s %8lld  %s\n", quota_name((enum quota)i),
            (long long)st->quotas.limit[i], quota_help((enum quota)i));
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct store *st, int argc, const char **argv, struct answer *a);
    const char *help;
} commands[] = {
    {"help", do_help, "this list"},
    {"check", do_check, "verify the whole tree and all accounts"},
    {"log", do_log, "on|off: log every request"},
    {"logfile", do_logfile, "<path>: log to this file from now on"},
    {"memreport", do_memreport, "what is held in memory"},
    {"quota", do_quota, "[<domid> | set <name> <value>]: limits and use"},
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int do_help(struct store *st, int argc, const char **argv,
                   struct answer *a)
{
    (void)st;
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < NR_COMMANDS; i++)
        say(a, "%-10s %s\n", commands[i].name, commands[i].help);
    return 0;
}

int ops_control(struct request *rq)
{
    const char *argv[MAX_WORDS];
    struct answer a = {.used = 0};
    int argc = xs_strings(rq->data, rq->hdr->len, argv, 1, MAX_WORDS);
    int rc;

    if (argc < 0)
        return argc;
    for (size_t i = 0; i < NR_COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        rc = commands[i].run(rq->c->st, argc, argv, &a);
        return rc != 0 ? rc : reply_data(rq, a.text, a.used + 1);
    }
    return -ENOENT;
}
