/* SPDX-License-Identifier: MIT */
/*
 * Runs the table of tests and speaks the protocol of kit/test.h.
 */
#include <kit/test.h>

#include <kit/calls.h>
#include <kit/console.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/trap.h>
#include <public/sysctl.h>

enum outcome {
    OK,
    FAILED,
    SKIPPED
};

static enum outcome outcome;
static char reason[200];

void test_fail(const char *file, int line, const char *format, ...)
{
    const char *base = file;
    va_list args;
    size_t used;

    if (outcome == FAILED)
        return;
    outcome = FAILED;
    for (const char *p = file; *p; p++) {
        if (*p == '/')
            base = p + 1;
    }
    used = format_to(reason, sizeof(reason), "%s:%d: ", base, line);
    va_start(args, format);
    format_v(reason + used, sizeof(reason) - used, format, args);
    va_end(args);
}

void test_skip(const char *why)
{
    if (outcome == FAILED)
        return;
    outcome = SKIPPED;
    format_to(reason, sizeof(reason), "%s", why);
}

bool test_failed(void)
{
    return outcome == FAILED;
}

void expect_equal(const char *file, int line, const char *what, uint64_t got,
                  uint64_t want)
{
    if (got == want)
        return;
    if ((int64_t)got < 0 && (int64_t)got > -4096)
        test_fail(file, line, "%s is %ld, not %ld", what, (long)got,
                  (long)want);
    else
        test_fail(file, line, "%s is %lx, not %lx", what, got, want);
}

static void call(void *fn)
{
    (*(void (**)(void))fn)();
}

static void run_one(const struct test *t)
{
    void (*fn)(void) = t->run;

    outcome = OK;
    if (trap_catch(call, &fn)) {
        const struct trap_record *last = trap_last();

        test_fail(t->name, 0, "exception %lu error %lx rip %lx cr2 %lx",
                  last->regs.vector, last->regs.error, last->regs.rip,
                  last->cr2);
    }
    trap_set_hook(NULL);
    if (outcome == OK)
        printk("TEST %s ok\n", t->name);
    else
        printk("TEST %s %s %s\n", t->name, outcome == FAILED ? "FAIL" : "skip",
               reason);
}

/* Have the hypervisor recount its page types and references; it reports on its
 * console, where the runner looks. A hypervisor without that key says nothing.
 */
static void audit(void)
{
    static const char key = 'A';
    static struct xen_sysctl op;

    if (!(start_info->flags & SIF_INITDOMAIN))
        return;
    op.cmd = XEN_SYSCTL_debug_keys;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    HANDLE_SET(op.u.debug_keys.keys, &key);
    op.u.debug_keys.nr_keys = 1;
    hcall1(__HYPERVISOR_sysctl, addr(&op));
}

void tests_run_part(const struct test *tests, unsigned int count,
                    unsigned int *passed, unsigned int *failed)
{
    char only[64];
    bool some = option("only", only, sizeof(only));

    for (unsigned int i = 0; i < count; i++) {
        if (some && !strstr(tests[i].name, only))
            continue;
        run_one(&tests[i]);
        *passed += outcome == OK;
        *failed += outcome == FAILED;
    }
}

/* Passed and failed are read again at the end: tests that run other domains
 * add to them. */
void tests_run_with(const struct test *tests, unsigned int count,
                    unsigned int *passed, unsigned int *failed)
{
    tests_run_part(tests, count, passed, failed);
    audit();
    calls_print();
    printk("RESULT %u passed %u failed\n", *passed, *failed);
}

void tests_run(const struct test *tests, unsigned int count)
{
    unsigned int passed = 0, failed = 0;

    tests_run_with(tests, count, &passed, &failed);
}

bool option(const char *key, char *value, size_t size)
{
    const char *p = (const char *)start_info->cmd_line;
    size_t len = strlen(key), n = 0;

    for (; *p; p++) {
        bool starts = p == (const char *)start_info->cmd_line || p[-1] == ' ';

        if (!starts || strncmp(p, key, len))
            continue;
        if (p[len] != '\0' && p[len] != ' ' && p[len] != '=')
            continue;
        p += len + (p[len] == '=');
        while (*p && *p != ' ' && n + 1 < size)
            value[n++] = *p++;
        if (size)
            value[n] = '\0';
        return true;
    }
    return false;
}
