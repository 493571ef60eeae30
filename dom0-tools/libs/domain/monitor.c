/* SPDX-License-Identifier: MIT */
/*
 * The process that stays with a guest: when it ends, do what its configuration
 * says. One per guest, so that nothing but that guest depends on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"

#define SHORT_LIFE_MS 10000
#define SHORT_LIVES   3

#define SUCCESSOR_GRACE_MS 1000
#define SUCCESSOR_MS       60000

struct monitor {
    struct dom *dom;
    uint32_t domid;
    int claim; /* on being domid's monitor */
    uint64_t born_ms;
    unsigned int short_lives; /* in a row */
};

/* --- starting ------------------------------------------------------------- */

static int log_open(const char *name)
{
    char path[sizeof(LOG_DIR) + GUEST_NAME_MAX + 16];

    snprintf(path, sizeof(path), LOG_DIR "/tl-%s.log", name);
    return open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
}

/* Tell who waits at the other end of fd what went wrong. */
static void tell(int fd, int error)
{
    if (write(fd, &error, sizeof(error)) < 0)
        _exit(126);
}

/*
 * In the child: leave the terminal and become `tl monitor DOMID`. Of what is
 * open only fd is left, which the kernel closes when that has worked.
 */
static void become_monitor(uint32_t domid, const char *name, int fd)
{
    const int kept = STDERR_FILENO + 1;
    char id[16], self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int null = open("/dev/null", O_RDWR), log = log_open(name);
    int error = ENOENT;

    snprintf(id, sizeof(id), "%u", domid);
    setsid();
    dup2(null, STDIN_FILENO);
    dup2(log < 0 ? null : log, STDOUT_FILENO);
    dup2(log < 0 ? null : log, STDERR_FILENO);
    if (fd != kept)
        dup3(fd, kept, O_CLOEXEC);
    close_range(kept + 1, ~0u, 0);
    signal(SIGINT, SIG_DFL);
    /* By its path, so that ps shows its name. */
    if (len > 0) {
        self[len] = '\0';
        execl(self, "tl", "monitor", id, (char *)NULL);
        error = errno;
    }
    tell(kept, error);
    _exit(127);
}

/* Twice, so that whoever waits for us does not wait for the monitor. */
static void fork_monitor(uint32_t domid, const char *name, int fd)
{
    pid_t pid = fork();

    if (pid == 0)
        become_monitor(domid, name, fd);
    if (pid < 0)
        tell(fd, errno);
    _exit(0);
}

/* What was told, or 0 if the other end was closed without a word. */
static int hear(int fd)
{
    int error = 0;
    ssize_t got;

    do
        got = read(fd, &error, sizeof(error));
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(error) ? -error : 0;
}

int dom_monitor_start(struct dom *dom, uint32_t domid)
{
    char name[GUEST_NAME_MAX + 1];
    int ends[2], rc = dom_name(dom, domid, name);
    pid_t pid = -1;

    if (!rc)
        rc = state_mkdirs(&dom->err);
    if (rc)
        return rc;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        pid = fork();
        if (pid == 0)
            fork_monitor(domid, name, ends[1]);
        rc = pid < 0 ? -errno : 0;
        close(ends[1]);
        if (!rc)
            rc = hear(ends[0]);
        close(ends[0]);
    } else {
        rc = -errno;
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return rc ? err_set(&dom->err, rc,
                        "cannot start a monitor for domain %u: %s", domid,
                        strerror(-rc))
              : 0;
}

/* --- acting ----------------------------------------------------------------
 */

static int end_of(unsigned int code, enum guest_end *end)
{
    switch (code) {
    case SHUTDOWN_poweroff:
        *end = END_POWEROFF;
        return 0;
    case SHUTDOWN_reboot:
    case SHUTDOWN_soft_reset:
        *end = END_REBOOT;
        return 0;
    case SHUTDOWN_crash:
        *end = END_CRASH;
        return 0;
    case SHUTDOWN_watchdog:
        *end = END_WATCHDOG;
        return 0;
    default:
        return -EINVAL;
    }
}

/* While this node exists, a guest called name is about to come back. */
static void restarting_path(const char *name, char out[STORE_PATH_MAX])
{
    char by_name[STORE_PATH_MAX];

    store_name_path(name, by_name);
    snprintf(out, STORE_PATH_MAX, "/tool/trellis/restarting/%.200s",
             strrchr(by_name, '/') + 1);
}

int dom_successor(struct dom *dom, const char *name, uint32_t old,
                  uint32_t *domid)
{
    uint64_t grace = now_ms() + SUCCESSOR_GRACE_MS;
    uint64_t end = now_ms() + SUCCESSOR_MS;
    char path[STORE_PATH_MAX];

    restarting_path(name, path);
    while (now_ms() < end) {
        const struct timespec pause = {.tv_nsec = 50000000};
        char *value;

        if (xs_read(dom->xs, XS_NO_TX, path, &value, NULL) == 0)
            free(value);
        else if (dom_find(dom, name, domid) == 0 && *domid != old)
            return 0;
        else if (now_ms() > grace)
            break;
        nanosleep(&pause, NULL);
    }
    return err_set(&dom->err, -ESRCH, "'%s' has ended", name);
}

static void keep_config(struct dom *dom, const struct guest_config *g)
{
    char path[STORE_PATH_MAX];
    struct errmsg err;

    if (state_keep(g, path, &err))
        dom_log(dom, "the configuration of %s is lost: %s", g->name, err.text);
    else
        dom_log(dom, "%s is gone; its configuration is kept in %s", g->name,
                path);
}

static int restart(struct monitor *m, const struct guest_config *g)
{
    uint32_t domid;
    int rc = dom_create(m->dom, g, &domid);

    if (rc) {
        keep_config(m->dom, g);
        return rc;
    }
    state_monitor_drop(m->domid, m->claim);
    m->domid = domid;
    m->born_ms = now_ms();
    m->claim = state_monitor_claim(domid, &m->dom->err);
    rc = dom_unpause(m->dom, domid);
    if (!rc)
        dom_log(m->dom, "%s restarted as domain %u", g->name, domid);
    return rc;
}

/* The old domain keeps its memory for study; name, UUID and devices go on. */
static int set_aside(struct monitor *m, const struct guest_config *g)
{
    char name[GUEST_NAME_MAX + 16], path[STORE_PATH_MAX];
    struct device *list;
    uint8_t uuid[16];
    int nr, rc = -EEXIST;

    for (unsigned int i = 1; i < 100 && rc == -EEXIST; i++) {
        snprintf(name, sizeof(name), "%s-%u", g->name, i);
        rc = dom_rename(m->dom, m->domid, name);
    }
    if (rc)
        return rc;
    nr = device_list(m->dom, m->domid, &list);
    for (int i = 0; i < nr; i++)
        device_remove(m->dom, &list[i]);
    if (nr >= 0)
        free(list);
    snprintf(path, sizeof(path), "/local/domain/%u/vm", m->domid);
    xs_rm(m->dom->xs, XS_NO_TX, path);
    uuid_generate_random(uuid);
    sys_domain_set_handle(m->dom->sys, m->domid, uuid);
    state_remove(m->domid);
    dom_log(m->dom, "%s is kept as domain %u (%s)", g->name, m->domid, name);
    return 0;
}

static enum guest_action choose(struct monitor *m, const struct guest_config *g,
                                enum guest_end end)
{
    enum guest_action action = g->on[end];

    if (end == END_POWEROFF || now_ms() - m->born_ms > SHORT_LIFE_MS)
        m->short_lives = 0;
    else
        m->short_lives++;
    if (m->short_lives < SHORT_LIVES || action == ACTION_DESTROY ||
        action == ACTION_PRESERVE)
        return action;
    dom_log(m->dom,
            "%s ended within %d s of its start %d times in a row; it is "
            "not started again",
            g->name, SHORT_LIFE_MS / 1000, SHORT_LIVES);
    return ACTION_DESTROY;
}

/*
 * Returns 1 to go on watching m->domid, 0 when done. Caller holds the lock.
 * What can be known before is checked while the old domain is there: with it
 * goes the configuration that is kept.
 */
static int act(struct monitor *m, const struct guest_config *g,
               enum guest_end end)
{
    enum guest_action action = choose(m, g, end);
    char path[STORE_PATH_MAX];
    int rc = 0;

    dom_log(m->dom, "%s (domain %u) ended: %s; action: %s", g->name, m->domid,
            guest_end_keys[end] + 3, guest_action_names[action]);
    if (action == ACTION_PRESERVE)
        return 0;
    if (action == ACTION_DESTROY)
        return destroy_locked(m->dom, m->domid);
    rc = create_again_check(m->dom, g);
    if (rc) {
        dom_log(m->dom,
                "%s cannot be restarted; domain %u stays as it is. "
                "`tl monitor %u` tries again",
                g->name, m->domid, m->domid);
        return rc;
    }
    restarting_path(g->name, path);
    xs_write_str(m->dom->xs, XS_NO_TX, path, "1");
    if (action == ACTION_RENAME_RESTART)
        rc = set_aside(m, g);
    else
        rc = destroy_locked(m->dom, m->domid);
    if (!rc)
        rc = restart(m, g);
    xs_rm(m->dom->xs, XS_NO_TX, path);
    return rc ? rc : 1;
}

/* Other tools rename guests too: the store's name counts, not the kept one. */
static void take_name(struct dom *dom, uint32_t domid, struct guest_config *g)
{
    char name[GUEST_NAME_MAX + 1];
    struct errmsg unused;

    if (dom_name(dom, domid, name) == 0 && guest_name_check(name, &unused) == 0)
        snprintf(g->name, sizeof(g->name), "%s", name);
}

/*
 * The domain is gone. If its configuration is still kept, another tool ended
 * it, which knows nothing of what we made beside the domain.
 */
static int clean_up(struct dom *dom, uint32_t domid)
{
    struct guest_config g;
    struct errmsg unused;
    int rc = 0;

    guest_config_init(&g);
    if (state_load(domid, &g, &unused) == 0) {
        dom_log(dom, "%s (domain %u) was destroyed by another tool", g.name,
                domid);
        rc = destroy_locked(dom, domid);
    }
    guest_config_free(&g);
    return rc;
}

static int act_locked(struct monitor *m)
{
    struct xen_domctl_getdomaininfo info;
    uint32_t domid = m->domid;
    struct guest_config g;
    enum guest_end end = END_POWEROFF;
    int rc, lock = state_lock(domid, &m->dom->err);

    if (lock < 0)
        return lock;
    guest_config_init(&g);
    rc = sys_domain_info(m->dom->sys, domid, &info);
    if (rc || info.flags & XEN_DOMINF_dying)
        rc = clean_up(m->dom, domid);
    else if (!(info.flags & XEN_DOMINF_shutdown) ||
             end_of(sys_domain_shutdown_code(&info), &end))
        rc = 1;
    else
        rc = state_load(domid, &g, &m->dom->err);
    if (!rc && *g.name) {
        take_name(m->dom, domid, &g);
        rc = act(m, &g, end);
    }
    guest_config_free(&g);
    state_unlock(domid, lock);
    return rc;
}

static int ended(struct dom *dom, void *arg)
{
    const struct monitor *m = arg;
    struct xen_domctl_getdomaininfo info;
    enum guest_end end;

    if (sys_domain_info(dom->sys, m->domid, &info) ||
        info.flags & XEN_DOMINF_dying)
        return 1;
    return info.flags & XEN_DOMINF_shutdown &&
           end_of(sys_domain_shutdown_code(&info), &end) == 0;
}

static int monitor_loop(struct monitor *m)
{
    int rc;

    do {
        rc = store_wait(m->dom, "@releaseDomain", -1, ended, m);
        if (rc < 0)
            return err_set(&m->dom->err, rc, "lost the store: %s",
                           strerror(-rc));
        rc = act_locked(m);
    } while (rc > 0);
    return rc;
}

int dom_monitor_run(struct dom *dom, uint32_t domid)
{
    struct monitor m = {.dom = dom, .domid = domid, .born_ms = now_ms()};
    int rc;

    m.claim = state_monitor_claim(domid, &dom->err);
    if (m.claim < 0)
        return m.claim;
    dom_log(dom, "watching domain %u", domid);
    rc = monitor_loop(&m);
    if (rc < 0)
        dom_log(dom, "domain %u: %s", m.domid, dom->err.text);
    if (m.claim >= 0)
        state_monitor_drop(m.domid, m.claim);
    return rc;
}
