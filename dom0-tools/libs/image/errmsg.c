/* SPDX-License-Identifier: MIT */
/*
 * Error lines: formatting only. The contract is in errmsg.h.
 */
#include "libs/image/errmsg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct errmsg *e, int rc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    e->hint[0] = '\0';
    return rc;
}

int err_wrap(struct errmsg *e, int rc, const char *fmt, ...)
{
    char was[sizeof(e->text)];
    va_list ap;
    size_t used;

    memcpy(was, e->text, sizeof(was));
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    used = strlen(e->text);
    snprintf(e->text + used, sizeof(e->text) - used, ": %s", was);
    return rc;
}

void err_hint(struct errmsg *e, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
    va_end(ap);
}
