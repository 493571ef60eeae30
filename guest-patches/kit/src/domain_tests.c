/* SPDX-License-Identifier: MIT */
/*
 * Tests that run in another domain: its console ring is drained and its TEST
 * lines become ours.
 */
#include <kit/domain.h>

#include <kit/console.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/time.h>
#include <public/io/console.h>
#include <public/sched.h>

#define RING 6 /* window */

struct report {
    const char *label;
    unsigned int passed, failed;
    bool complete; /* RESULT was seen */
};

static bool ends_in(const char *s, size_t len, const char *end)
{
    size_t n = strlen(end);

    return len >= n && !memcmp(s + len - n, end, n);
}

static void take_line(const char *line, size_t len, struct report *r)
{
    if (!strncmp(line, "RESULT ", 7)) {
        r->complete = true;
        return;
    }
    if (strncmp(line, "TEST ", 5)) {
        printk("%s: %s\n", r->label, line);
        return;
    }
    printk("TEST %s: %s\n", r->label, line + 5);
    if (ends_in(line, len, " ok"))
        r->passed++;
    else if (strstr(line, " FAIL "))
        r->failed++;
}

/* What is in the ring; true if there was anything. */
static bool drain(struct kit_domain *d, volatile struct xencons_interface *ring,
                  struct report *r)
{
    uint32_t prod = ring->out_prod;
    bool any = prod != d->console_cons;

    barrier();
    for (; d->console_cons != prod; d->console_cons++) {
        char c = ring->out[MASK_XENCONS_IDX(d->console_cons, ring->out)];

        if (c == '\r')
            continue;
        if (c != '\n' && d->len < sizeof(d->line) - 1) {
            d->line[d->len++] = c;
            continue;
        }
        d->line[d->len] = '\0';
        take_line(d->line, d->len, r);
        d->len = 0;
    }
    barrier();
    ring->out_cons = prod;
    return any;
}

static const char *run(struct kit_domain *d, struct report *r,
                       unsigned int seconds)
{
    struct xencons_interface *ring = domain_map(d, d->console_pfn, RING);
    uint64_t patience = seconds * NS_PER_S, end;
    uint32_t flags;

    if (!ring)
        return "its console cannot be mapped";
    if (domain_unpause(d))
        return "it cannot be started";
    end = time_now() + patience;
    do {
        flags = domain_flags(d);
        if (drain(d, ring, r))
            end = time_now() + patience;
        if (time_now() > end)
            return "it says nothing";
        hc_sched_op(SCHEDOP_yield, NULL);
    } while (!(flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying)));
    if (flags >> XEN_DOMINF_shutdownshift != SHUTDOWN_poweroff)
        return "it crashed";
    return r->complete ? NULL : "it ended without RESULT";
}

void domain_run_tests(struct kit_domain *d, const char *label,
                      unsigned int seconds, unsigned int *passed,
                      unsigned int *failed)
{
    struct report r = {.label = label};
    const char *why = run(d, &r, seconds);

    if (why) {
        printk("TEST %s: domain FAIL %s\n", label, why);
        r.failed++;
    }
    domain_unmap(RING);
    *passed += r.passed;
    *failed += r.failed;
}
