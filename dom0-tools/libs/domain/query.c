/* SPDX-License-Identifier: MIT */
/*
 * Looking at domains.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"
#include "libs/sys/sysctl.h"

#define LIST_CHUNK 256u
#define MAX_CPUS   1024u

const char *dom_shutdown_name(unsigned int code)
{
    static const char *const names[] = {
        [SHUTDOWN_poweroff] = "poweroff", [SHUTDOWN_reboot] = "reboot",
        [SHUTDOWN_suspend] = "suspend",   [SHUTDOWN_crash] = "crash",
        [SHUTDOWN_watchdog] = "watchdog", [SHUTDOWN_soft_reset] = "soft-reset",
    };

    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "unknown";
}

static void fill(struct dom *dom, const struct xen_domctl_getdomaininfo *in,
                 struct dom_info *out)
{
    memset(out, 0, sizeof(*out));
    out->domid = in->domain;
    if (dom_name(dom, in->domain, out->name))
        snprintf(out->name, sizeof(out->name), "(null)");
    uuid_unparse_lower(in->handle, out->uuid);
    out->running = in->flags & XEN_DOMINF_running;
    out->blocked = in->flags & XEN_DOMINF_blocked;
    out->paused = in->flags & XEN_DOMINF_paused;
    out->dying = in->flags & XEN_DOMINF_dying;
    out->shutdown = in->flags & XEN_DOMINF_shutdown;
    out->shutdown_code = out->shutdown ? sys_domain_shutdown_code(in) : 0;
    out->crashed = out->shutdown && out->shutdown_code == SHUTDOWN_crash;
    out->mem_kib = in->tot_pages * 4;
    out->max_kib =
        in->max_pages > UINT64_MAX / 4 ? UINT64_MAX : in->max_pages * 4;
    out->vcpus = in->nr_online_vcpus;
    out->max_vcpus = in->max_vcpu_id + 1;
    out->cpu_ns = in->cpu_time;
}

int dom_info(struct dom *dom, uint32_t domid, struct dom_info *info)
{
    struct xen_domctl_getdomaininfo raw;
    int rc = sys_domain_info(dom->sys, domid, &raw);

    if (rc)
        return err_set(&dom->err, rc,
                       rc == -ESRCH ? "there is no domain %u"
                                    : "cannot ask for domain %u",
                       domid);
    fill(dom, &raw, info);
    return 0;
}

int dom_list(struct dom *dom, struct dom_info **list)
{
    struct xen_domctl_getdomaininfo *raw = calloc(LIST_CHUNK, sizeof(*raw));
    struct dom_info *all = NULL;
    uint32_t first = 0;
    int nr = 0, got;

    do {
        struct dom_info *more;

        got = raw ? sys_domain_list(dom->sys, first, LIST_CHUNK, raw) : -ENOMEM;
        more = got < 0 ? NULL
                       : realloc(all, (size_t)(nr + got + 1) * sizeof(*more));
        if (!more) {
            free(all);
            free(raw);
            got = got < 0 ? got : -ENOMEM;
            return err_set(&dom->err, got, "cannot list domains: %s",
                           strerror(-got));
        }
        all = more;
        for (int i = 0; i < got; i++)
            fill(dom, &raw[i], &all[nr++]);
        if (got)
            first = raw[got - 1].domain + 1u;
    } while (got == (int)LIST_CHUNK);
    free(raw);
    *list = all;
    return nr;
}

int dom_config_json(struct dom *dom, uint32_t domid, char **text)
{
    int rc = state_load_text(domid, text);

    return rc ? err_set(&dom->err, rc, "domain %u has no kept configuration",
                        domid)
              : 0;
}

int dom_uptime(struct dom *dom, uint32_t domid, uint64_t *seconds)
{
    char path[STORE_PATH_MAX];
    char *vm, *start;
    long long then;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    rc = xs_read(dom->xs, XS_NO_TX, path, &vm, NULL);
    if (rc)
        return err_set(&dom->err, rc, "when domain %u was started is not known",
                       domid);
    snprintf(path, sizeof(path), "%.64s/start_time", vm);
    free(vm);
    rc = xs_read(dom->xs, XS_NO_TX, path, &start, NULL);
    if (rc)
        return err_set(&dom->err, rc, "when domain %u was started is not known",
                       domid);
    then = atoll(start);
    free(start);
    *seconds = then < (long long)time(NULL)
                   ? (uint64_t)((long long)time(NULL) - then)
                   : 0;
    return 0;
}

/* Bits to "0-3,5". */
static void ranges(const uint8_t *map, unsigned int nr, char *out, size_t room)
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned int i = 0; i < nr && used < room; i++) {
        unsigned int first = i;

        if (!(map[i / 8] >> i % 8 & 1))
            continue;
        while (i + 1 < nr && map[(i + 1) / 8] >> (i + 1) % 8 & 1)
            i++;
        used += (size_t)snprintf(out + used, room - used,
                                 i > first ? "%s%u-%u" : "%s%u",
                                 used ? "," : "", first, i);
    }
}

static void vcpu_affinity(struct dom *dom, uint32_t domid, unsigned int nr_cpus,
                          struct dom_vcpu *v)
{
    uint8_t map[MAX_CPUS / 8] = {0};
    unsigned int set = 0;

    snprintf(v->affinity, sizeof(v->affinity), "all");
    if (nr_cpus > MAX_CPUS)
        nr_cpus = MAX_CPUS;
    if (sys_vcpu_get_affinity(dom->sys, domid, v->vcpu, XEN_VCPUAFFINITY_HARD,
                              map, MAX_CPUS))
        return;
    for (unsigned int i = 0; i < nr_cpus; i++)
        set += map[i / 8] >> i % 8 & 1u;
    if (set < nr_cpus)
        ranges(map, nr_cpus, v->affinity, sizeof(v->affinity));
}

int dom_vcpu_list(struct dom *dom, uint32_t domid, struct dom_vcpu **list)
{
    struct xen_domctl_getvcpuinfo raw;
    struct xen_sysctl_physinfo machine = {0};
    struct dom_info info;
    int nr = 0, rc = dom_info(dom, domid, &info);

    if (rc)
        return rc;
    *list = calloc(info.max_vcpus + 1u, sizeof(**list));
    if (!*list)
        return err_set(&dom->err, -ENOMEM, "no memory");
    sys_physinfo(dom->sys, &machine);
    for (uint32_t i = 0; i < info.max_vcpus; i++) {
        struct dom_vcpu *v = &(*list)[nr];

        if (sys_vcpu_info(dom->sys, domid, i, &raw))
            continue;
        v->vcpu = i;
        v->online = raw.online;
        v->blocked = raw.blocked;
        v->running = raw.running;
        v->cpu_ns = raw.cpu_time;
        v->cpu = raw.cpu;
        vcpu_affinity(dom, domid, machine.max_cpu_id + 1, v);
        nr++;
    }
    return nr;
}
