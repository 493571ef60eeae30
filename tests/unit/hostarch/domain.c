/* SPDX-License-Identifier: MIT */
/* A guest that did what no guest may is counted. */
#include <stdio.h>

#include <hostarch.h>
#include <hv/domain.h>

unsigned int host_domain_crashes;

void domain_crash(struct domain *d, const char *fmt, ...)
{
    va_list ap;

    (void)d;
    va_start(ap, fmt);
    vsnprintf(host_last_log, sizeof(host_last_log), fmt, ap);
    va_end(ap);
    host_domain_crashes++;
}
