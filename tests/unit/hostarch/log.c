/* SPDX-License-Identifier: MIT */
/* Log lines go to a buffer, failures to the test that expects them. */
#include <stdio.h>
#include <stdlib.h>

#include <hostarch.h>

char host_last_log[512];
bool host_log_to_stderr;
unsigned int host_warnings;
bool host_bug_armed;
jmp_buf host_bug_jmp;

void printk(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(host_last_log, sizeof(host_last_log), fmt, ap);
    va_end(ap);
    if (host_log_to_stderr)
        fputs(host_last_log, stderr);
}

static NORETURN void fatal(void)
{
    if (host_bug_armed)
        longjmp(host_bug_jmp, 1);
    fprintf(stderr, "%s\n", host_last_log);
    abort();
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(host_last_log, sizeof(host_last_log), fmt, ap);
    va_end(ap);
    fatal();
}

void bug(const char *file, int line, const char *expr)
{
    snprintf(host_last_log, sizeof(host_last_log), "%s:%d: BUG: %s", file, line,
             expr);
    fatal();
}

void warn(const char *file, int line, const char *expr)
{
    host_warnings++;
    printk("%s:%d: WARN: %s\n", file, line, expr);
}
