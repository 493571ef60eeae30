/* SPDX-License-Identifier: MIT */
/*
 * Facts about the hypervisor and the machine, its log, its debug keys.
 */
#include "libs/domain/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libs/domain/private.h"
#include "libs/sys/sysctl.h"
#include "libs/sys/version.h"

#define LOG_MAX   (4u << 20)
#define LOG_PIECE (64u << 10)

static const char *scheduler_name(int id)
{
    switch (id) {
    case XEN_SCHEDULER_CREDIT:
        return "credit";
    case XEN_SCHEDULER_CREDIT2:
        return "credit2";
    case XEN_SCHEDULER_RTDS:
        return "rtds";
    case XEN_SCHEDULER_NULL:
        return "null";
    default:
        return "unknown";
    }
}

static int version_info(struct dom *dom, struct host_info *h)
{
    struct xen_compile_info compile = {0};
    int rc = sys_version(dom->sys);

    if (rc < 0)
        return rc;
    h->major = (unsigned int)rc >> 16;
    h->minor = (unsigned int)rc & 0xffff;
    sys_version_extra(dom->sys, h->extra);
    sys_version_capabilities(dom->sys, h->capabilities);
    sys_version_changeset(dom->sys, h->changeset);
    sys_version_commandline(dom->sys, h->commandline);
    sys_version_virt_start(dom->sys, &h->virt_start);
    rc = sys_version_pagesize(dom->sys);
    h->page_size = rc > 0 ? (unsigned int)rc : 0;
    sys_version_compile(dom->sys, &compile);
    snprintf(h->compiler, sizeof(h->compiler), "%.63s", compile.compiler);
    snprintf(h->compile_by, sizeof(h->compile_by), "%.15s", compile.compile_by);
    snprintf(h->compile_domain, sizeof(h->compile_domain), "%.31s",
             compile.compile_domain);
    snprintf(h->compile_date, sizeof(h->compile_date), "%.31s",
             compile.compile_date);
    return 0;
}

static int machine_info(struct dom *dom, struct host_info *h)
{
    struct xen_sysctl_physinfo p = {0};
    int rc = sys_physinfo(dom->sys, &p);

    if (rc)
        return rc;
    h->nr_cpus = p.nr_cpus;
    h->max_cpu_id = p.max_cpu_id;
    h->nr_nodes = p.nr_nodes;
    h->cores_per_socket = p.cores_per_socket;
    h->threads_per_core = p.threads_per_core;
    h->cpu_khz = p.cpu_khz;
    memcpy(h->hw_cap, p.hw_cap, sizeof(h->hw_cap));
    h->can_hvm = p.capabilities & XEN_SYSCTL_PHYSCAP_hvm;
    h->can_pv = p.capabilities & XEN_SYSCTL_PHYSCAP_pv;
    h->can_directio = p.capabilities & XEN_SYSCTL_PHYSCAP_directio;
    h->total_mib = p.total_pages >> 8;
    h->free_mib = (p.free_pages + p.scrub_pages) >> 8;
    return 0;
}

int dom_host_info(struct dom *dom, struct host_info *info)
{
    int rc;

    memset(info, 0, sizeof(*info));
    rc = version_info(dom, info);
    if (!rc)
        rc = machine_info(dom, info);
    info->scheduler = scheduler_name(sys_sched_id(dom->sys));
    return rc ? err_set(&dom->err, rc, "cannot ask the hypervisor: %s",
                        strerror(-rc))
              : 0;
}

/* Piece by piece; what is cleared is just what was read. What was read is
 * returned even if the rest cannot be. */
int dom_host_log(struct dom *dom, bool clear, char **text)
{
    uint32_t index = 0;
    size_t len = 0;
    int rc;

    for (*text = NULL;;) {
        char *more = realloc(*text, len + LOG_PIECE + 1);

        if (!more) {
            rc = -ENOMEM;
            break;
        }
        *text = more;
        rc = sys_read_console(dom->sys, more + len, LOG_PIECE, clear, len > 0,
                              &index);
        if (rc <= 0)
            break;
        len += (size_t)rc;
        if (len >= LOG_MAX)
            break;
    }
    if (rc < 0 && len == 0) {
        free(*text);
        return err_set(&dom->err, rc, "cannot read the hypervisor's log: %s",
                       strerror(-rc));
    }
    (*text)[len] = '\0';
    return 0;
}

int dom_debug_keys(struct dom *dom, const char *keys)
{
    int rc = sys_debug_keys(dom->sys, keys);

    return rc ? err_set(&dom->err, rc, "cannot send debug keys: %s",
                        strerror(-rc))
              : 0;
}
