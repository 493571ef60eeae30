/* SPDX-License-Identifier: MIT */
/*
 * Creating a guest: a table of steps, each undone when a later one fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/domain/private.h"
#include "libs/domain/steps.h"
#include "libs/image/pv_build.h"
#include "libs/sys/domctl.h"
#include "libs/sys/sysctl.h"

#define SLACK_KIB    1024u
#define PAGES_IN_MIB 256u
#define MAX_CPUS     4096u

struct create {
    struct dom *dom;
    const struct guest_config *g;
    struct bytes kernel, ramdisk;
    struct pv_image image;
    struct guest_nodes nodes; /* domid, ports and frames, as they are known */
};

/* --- files --------------------------------------------------------------- */

static int map_file(const char *what, const char *path, struct bytes *out,
                    struct errmsg *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *map;
    int rc;

    if (fd < 0 || fstat(fd, &st)) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return err_set(err, rc, "cannot open %s %s: %s", what, path,
                       strerror(-rc));
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        close(fd);
        return err_set(err, -EINVAL, "%s %s is %s", what, path,
                       S_ISREG(st.st_mode) ? "empty" : "not a file");
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    rc = map == MAP_FAILED ? -errno : 0;
    close(fd);
    if (rc)
        return err_set(err, rc, "cannot map %s: %s", path, strerror(-rc));
    *out = (struct bytes){map, (size_t)st.st_size};
    return 0;
}

static void unmap_file(struct bytes *b)
{
    if (b->p)
        munmap((void *)(uintptr_t)b->p, b->len);
    b->p = NULL;
    b->len = 0;
}

static void undo_files(void *arg)
{
    struct create *c = arg;

    pv_image_close(&c->image);
    unmap_file(&c->kernel);
    unmap_file(&c->ramdisk);
}

static int do_files(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    int rc = map_file("kernel", c->g->kernel, &c->kernel, err);

    if (!rc && c->g->ramdisk)
        rc = map_file("ramdisk", c->g->ramdisk, &c->ramdisk, err);
    if (!rc) {
        rc = pv_image_open(&c->image, c->kernel, c->ramdisk,
                           c->g->memory_mib * PAGES_IN_MIB, err);
        if (rc)
            err_wrap(err, rc, "kernel %s", c->g->kernel);
    }
    if (rc)
        undo_files(c);
    return rc;
}

static int do_check_devices(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    int rc = 0;

    for (uint32_t i = 0; i < c->g->nr_disks && !rc; i++)
        rc = disk_check(&c->g->disks[i], err);
    for (uint32_t i = 0; i < c->g->nr_vifs && !rc; i++)
        rc = vif_check(&c->g->vifs[i], err);
    return rc;
}

static int do_check_names(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    struct errmsg unused = c->dom->err;
    uint32_t other;
    int rc = 0;

    if (dom_find(c->dom, c->g->name, &other) == 0)
        rc = err_set(err, -EEXIST,
                     "there is a domain called '%s' already "
                     "(id %u)",
                     c->g->name, other);
    else
        c->dom->err = unused;
    for (uint32_t i = 0; i < c->g->nr_vifs && !rc; i++)
        rc = vif_check_name(&c->g->vifs[i], err);
    return rc;
}

/* --- the domain ---------------------------------------------------------- */

static int do_domain(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    struct xen_domctl_createdomain op = {
        .max_vcpus = c->g->max_vcpus,
        .max_evtchn_port = c->g->max_event_channels,
        .max_grant_frames = c->g->max_grant_frames,
        .max_maptrack_frames = c->g->max_maptrack_frames,
        .grant_opts = XEN_DOMCTL_GRANT_version(c->g->max_grant_version),
    };
    int rc;

    memcpy(op.handle, c->g->uuid, sizeof(op.handle));
    c->nodes.domid = 0;
    rc = sys_domain_create(c->dom->sys, &op, &c->nodes.domid);
    return rc ? err_set(err, rc, "the hypervisor refuses it: %s", strerror(-rc))
              : 0;
}

/*
 * The store and consoled let go when they hear that the domain is dead: a
 * release before that would leave consoled with its ring mapped.
 */
static void undo_domain(void *arg)
{
    struct create *c = arg;
    int rc = sys_domain_destroy(c->dom->sys, c->nodes.domid);

    if (rc)
        dom_log(c->dom, "cannot destroy domain %u: %s", c->nodes.domid,
                strerror(-rc));
    xs_release(c->dom->xs, c->nodes.domid);
}

static int do_limits(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    uint32_t id = c->nodes.domid;
    int rc = sys_domain_max_vcpus(c->dom->sys, id, c->g->max_vcpus);

    if (rc)
        return err_set(err, rc, "cannot give it %u vcpus: %s", c->g->max_vcpus,
                       strerror(-rc));
    rc = sys_domain_max_mem(c->dom->sys, id,
                            c->g->memory_mib * 1024 + SLACK_KIB);
    if (rc)
        return err_set(err, rc, "cannot limit its memory to %llu MiB: %s",
                       (unsigned long long)c->g->memory_mib, strerror(-rc));
    rc = sys_domain_set_address_size(c->dom->sys, id, 64);
    return rc ? err_set(err, rc, "cannot make it a 64-bit PV domain: %s",
                        strerror(-rc))
              : 0;
}

static int do_channels(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    int store = sys_evtchn_alloc_unbound(c->dom->sys, c->nodes.domid, 0);
    int console =
        store < 0 ? store
                  : sys_evtchn_alloc_unbound(c->dom->sys, c->nodes.domid, 0);

    if (console < 0)
        return err_set(err, console, "cannot allocate event channels: %s",
                       strerror(-console));
    c->nodes.store_port = (uint32_t)store;
    c->nodes.console_port = (uint32_t)console;
    return 0;
}

static int do_build(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    const struct pv_build_in in = {
        .domid = c->nodes.domid,
        .max_pages = c->g->maxmem_mib * PAGES_IN_MIB,
        .cmdline = c->g->cmdline,
        .store_port = c->nodes.store_port,
        .console_port = c->nodes.console_port,
    };
    struct pv_build_out out;
    int rc = pv_build(c->dom->sys, &c->image, &in, &out, err);

    if (rc)
        return rc;
    c->nodes.store_mfn = out.store_mfn;
    c->nodes.console_mfn = out.console_mfn;
    return 0;
}

/* --- scheduling ---------------------------------------------------------- */

/* "0-3,5,^1" to bits; numbers from MAX_CPUS on are refused. */
static int parse_cpus(const char *text, uint8_t *map)
{
    while (*text) {
        bool off;
        unsigned long first, last;
        char *stop;

        text += strspn(text, ", ");
        off = *text == '^';
        text += off;
        if (!*text)
            return off ? -EINVAL : 0;
        first = last = strtoul(text, &stop, 10);
        if (*stop == '-')
            last = strtoul(stop + 1, &stop, 10);
        if (stop == text || first > last || last >= MAX_CPUS)
            return -EINVAL;
        for (; first <= last; first++)
            if (off)
                map[first / 8] &= (uint8_t) ~(1u << first % 8);
            else
                map[first / 8] |= (uint8_t)(1u << first % 8);
        text = stop;
    }
    return 0;
}

static int set_affinity(struct create *c, struct errmsg *err)
{
    uint8_t map[MAX_CPUS / 8] = {0}, got[MAX_CPUS / 8];
    int rc = parse_cpus(c->g->cpus, map);

    if (rc)
        return err_set(err, rc, "cpus=\"%s\" is not a list of cpus",
                       c->g->cpus);
    for (uint32_t i = 0; i < c->g->max_vcpus && !rc; i++) {
        memcpy(got, map, sizeof(got));
        rc = sys_vcpu_set_affinity(c->dom->sys, c->nodes.domid, i,
                                   XEN_VCPUAFFINITY_HARD, got, MAX_CPUS);
    }
    return rc ? err_set(err, rc, "cannot bind it to cpus %s: %s", c->g->cpus,
                        strerror(-rc))
              : 0;
}

static int set_weight(struct create *c, struct errmsg *err)
{
    struct xen_domctl_scheduler_op op = {.cmd = XEN_DOMCTL_SCHEDOP_putinfo};
    int rc = sys_sched_id(c->dom->sys);

    if (rc < 0)
        return err_set(err, rc, "cannot ask for the scheduler: %s",
                       strerror(-rc));
    op.sched_id = (uint32_t)rc;
    op.u.credit2.weight = (uint16_t)c->g->cpu_weight;
    op.u.credit2.cap = (uint16_t)c->g->cap;
    rc = sys_domain_sched_op(c->dom->sys, c->nodes.domid, &op);
    return rc ? err_set(err, rc, "cannot set weight %u and cap %u: %s",
                        c->g->cpu_weight, c->g->cap, strerror(-rc))
              : 0;
}

static int do_scheduling(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    int rc = c->g->cpus ? set_affinity(c, err) : 0;

    if (!rc && (c->g->cpu_weight != 256 || c->g->cap))
        rc = set_weight(c, err);
    return rc;
}

/* --- the store ----------------------------------------------------------- */

static int do_nodes(void *arg, struct errmsg *err)
{
    struct create *c = arg;

    return nodes_write(c->dom, c->g, &c->nodes, err);
}

static void undo_nodes(void *arg)
{
    struct create *c = arg;

    nodes_remove(c->dom, c->nodes.domid);
}

static int do_introduce(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    int rc = xs_introduce(c->dom->xs, c->nodes.domid, c->nodes.store_mfn,
                          c->nodes.store_port);

    return rc ? err_set(err, rc, "the store refuses it: %s", strerror(-rc)) : 0;
}

static int do_state(void *arg, struct errmsg *err)
{
    struct create *c = arg;

    return state_save(c->nodes.domid, c->g, err);
}

static void undo_state(void *arg)
{
    struct create *c = arg;

    state_remove(c->nodes.domid);
}

/* --- devices ------------------------------------------------------------- */

static void undo_devices(void *arg)
{
    struct create *c = arg;
    struct device *list;
    int nr = device_list(c->dom, c->nodes.domid, &list);

    for (int i = 0; i < nr; i++)
        device_remove(c->dom, &list[i]);
    if (nr >= 0)
        free(list);
}

static int do_devices(void *arg, struct errmsg *err)
{
    struct create *c = arg;
    int rc = 0;

    for (uint32_t i = 0; i < c->g->nr_disks && !rc; i++)
        rc = disk_attach(c->dom, c->nodes.domid, &c->g->disks[i], err);
    for (uint32_t i = 0; i < c->g->nr_vifs && !rc; i++)
        rc = vif_attach(c->dom, c->nodes.domid, &c->g->vifs[i], err);
    if (rc)
        undo_devices(c);
    return rc;
}

/*
 * The checks come first: what they refuse has never existed. The first ones
 * hold for a guest that is there as well.
 */
static const struct step steps[] = {
    {"reading the files", do_files, undo_files},
    {"checking devices", do_check_devices, NULL},
    {"checking names", do_check_names, NULL},
    {"creating the domain", do_domain, undo_domain},
    {"setting its limits", do_limits, NULL},
    {"making event channels", do_channels, NULL},
    {"building its memory", do_build, NULL},
    {"setting scheduling", do_scheduling, NULL},
    {"writing its store nodes", do_nodes, undo_nodes},
    {"introducing it to the store", do_introduce, NULL},
    {"keeping its configuration", do_state, undo_state},
    {"attaching devices", do_devices, undo_devices},
};

/*
 * Ctrl-C shall not leave half a guest: these signals wait while the steps run,
 * and one that waits makes them stop and undo.
 */
static void held_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

static bool interrupted(void)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
           sigismember(&pending, SIGHUP);
}

#define NR_AGAIN_CHECKS 2
#define NR_CHECKS       3
#define NR_STEPS        (sizeof(steps) / sizeof(steps[0]))

static int check(struct dom *dom, const struct guest_config *g,
                 unsigned int nr_steps)
{
    struct create c = {.dom = dom, .g = g};
    int rc = steps_run(steps, nr_steps, &c, NULL, &dom->err);

    if (rc)
        return err_wrap(&dom->err, rc, "guest '%s'", g->name);
    steps_undo(steps, nr_steps, &c);
    return 0;
}

int dom_create_check(struct dom *dom, const struct guest_config *g)
{
    return check(dom, g, NR_CHECKS);
}

int create_again_check(struct dom *dom, const struct guest_config *g)
{
    return check(dom, g, NR_AGAIN_CHECKS);
}

int dom_create(struct dom *dom, const struct guest_config *g, uint32_t *domid)
{
    struct create c = {.dom = dom, .g = g};
    sigset_t held, before;
    int rc;

    held_signals(&held);
    sigprocmask(SIG_BLOCK, &held, &before);
    rc = steps_run(steps, NR_STEPS, &c, interrupted, &dom->err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return err_wrap(&dom->err, rc, "cannot create '%s'", g->name);
    undo_files(&c);
    *domid = c.nodes.domid;
    return 0;
}
