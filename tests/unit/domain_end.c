/* SPDX-License-Identifier: MIT */
/*
 * Guests that end, are restarted and are destroyed, at the same time: whoever
 * destroys a guest by name must not hear of success while it lives on under
 * another id, and a restart that cannot be must not cost the guest and its
 * configuration. The store is the real one; domains, locks and kept
 * configurations are played.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"
#include "xs_server.h"

#define NR_DOMAINS 16

static struct {
    uint32_t flags[NR_DOMAINS]; /* 0: there is none */
    unsigned int locks;
    void (*while_waiting)(void); /* somebody else has the lock: what it does */
    unsigned int forks_left;     /* before one fails; 0: none does */
    int exec_rc;                 /* errno of exec */
    int check_rc, create_rc;     /* of making a guest again */
    bool config[NR_DOMAINS];     /* is kept */
    char saved[GUEST_NAME_MAX + 1]; /* whose configuration went elsewhere */
    char log[1024];
} world;

static struct dom dom;

/* --- the hypervisor ------------------------------------------------------- */

int sys_open(struct sys **out)
{
    *out = NULL;
    return 0;
}

void sys_close(struct sys *sys)
{
    (void)sys;
}

int sys_domain_info(struct sys *sys, uint32_t domid,
                    struct xen_domctl_getdomaininfo *info)
{
    (void)sys;
    if (domid >= NR_DOMAINS || !world.flags[domid])
        return -ESRCH;
    memset(info, 0, sizeof(*info));
    info->domain = (domid_t)domid;
    info->flags = world.flags[domid];
    return 0;
}

int sys_domain_list(struct sys *sys, uint32_t first, uint32_t max,
                    struct xen_domctl_getdomaininfo *list)
{
    (void)sys;
    (void)first;
    (void)max;
    (void)list;
    return 0;
}

int sys_domain_pause(struct sys *sys, uint32_t domid)
{
    (void)sys;
    return world.flags[domid] ? 0 : -ESRCH;
}

int sys_domain_destroy(struct sys *sys, uint32_t domid)
{
    (void)sys;
    if (!world.flags[domid])
        return -ESRCH;
    world.flags[domid] = 0;
    return 0;
}

int sys_domain_set_handle(struct sys *sys, uint32_t domid,
                          const uint8_t handle[16])
{
    (void)sys;
    (void)domid;
    (void)handle;
    return 0;
}

/* --- processes --------------------------------------------------------------
 */

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
    if (world.forks_left && --world.forks_left == 0) {
        errno = EAGAIN;
        return -1;
    }
    return __real_fork();
}

int __wrap_execl(const char *program, const char *arg0, ...);
int __wrap_execl(const char *program, const char *arg0, ...)
{
    char *const argv[] = {(char[]){"true"}, NULL};

    (void)program;
    (void)arg0;
    if (!world.exec_rc)
        execv("/bin/true", argv);
    errno = world.exec_rc;
    return -1;
}

/* --- the rest of the library ---------------------------------------------- */

int state_mkdirs(struct errmsg *err)
{
    (void)err;
    return 0;
}

int state_lock(uint32_t domid, struct errmsg *err)
{
    void (*hook)(void) = world.while_waiting;

    (void)domid;
    (void)err;
    world.while_waiting = NULL;
    if (hook)
        hook();
    world.locks++;
    return 100;
}

void state_unlock(uint32_t domid, int fd)
{
    (void)domid;
    assert_int_equal(fd, 100);
    world.locks--;
}

int state_monitor_claim(uint32_t domid, struct errmsg *err)
{
    (void)domid;
    (void)err;
    return 101;
}

void state_monitor_drop(uint32_t domid, int fd)
{
    (void)domid;
    (void)fd;
}

int state_load(uint32_t domid, struct guest_config *g, struct errmsg *err)
{
    if (!world.config[domid])
        return err_set(err, -ENOENT, "not kept");
    snprintf(g->name, sizeof(g->name), "g1");
    return 0;
}

void state_remove(uint32_t domid)
{
    world.config[domid] = false;
}

int state_keep(const struct guest_config *g, char where[STORE_PATH_MAX],
               struct errmsg *err)
{
    (void)err;
    snprintf(world.saved, sizeof(world.saved), "%s", g->name);
    snprintf(where, STORE_PATH_MAX, "/kept/%s", g->name);
    return 0;
}

void nodes_remove(struct dom *d, uint32_t domid)
{
    char path_of[64];

    snprintf(path_of, sizeof(path_of), "/local/domain/%u", domid);
    xs_rm(d->xs, XS_NO_TX, path_of);
}

int device_list(struct dom *d, uint32_t domid, struct device **list)
{
    (void)d;
    (void)domid;
    *list = NULL;
    return 0;
}

void device_remove(struct dom *d, const struct device *device)
{
    (void)d;
    (void)device;
}

int create_again_check(struct dom *d, const struct guest_config *g)
{
    (void)g;
    return world.check_rc
               ? err_set(&d->err, world.check_rc, "no kernel any more")
               : 0;
}

static void make_domain(uint32_t domid, const char *name);

/* The new domain powers off at once. */
int dom_create(struct dom *d, const struct guest_config *g, uint32_t *domid)
{
    if (world.create_rc)
        return err_set(&d->err, world.create_rc, "no room");
    *domid = 6;
    make_domain(6, g->name);
    world.flags[6] = XEN_DOMINF_shutdown;
    world.config[6] = true;
    return 0;
}

int dom_unpause(struct dom *d, uint32_t domid)
{
    (void)d;
    (void)domid;
    return 0;
}

int dom_rename(struct dom *d, uint32_t domid, const char *name)
{
    (void)d;
    (void)domid;
    (void)name;
    return 0;
}

/* --- */

static void add_line(void *arg, const char *line)
{
    size_t used = strlen(world.log);

    (void)arg;
    snprintf(world.log + used, sizeof(world.log) - used, "%s\n", line);
}

static void make_domain(uint32_t domid, const char *name)
{
    char node[128];

    world.flags[domid] = XEN_DOMINF_running;
    snprintf(node, sizeof(node), "/local/domain/%u/name", domid);
    assert_int_equal(xs_write_str(dom.xs, XS_NO_TX, node, name), 0);
    snprintf(node, sizeof(node), "/tool/trellis/name/%s", name);
    assert_int_equal(xs_writef(dom.xs, XS_NO_TX, node, "%u", domid), 0);
}

static void end_domain(uint32_t domid)
{
    world.flags[domid] = 0;
    nodes_remove(&dom, domid);
}

static int fresh(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    memset(&dom, 0, sizeof(dom));
    dom.xs = connect_to();
    dom.log = add_line;
    xs_rm(dom.xs, XS_NO_TX, "/tool/trellis");
    xs_rm(dom.xs, XS_NO_TX, "/local");
    return 0;
}

static int clean(void **state)
{
    (void)state;
    assert_int_equal(world.locks, 0);
    xs_close(dom.xs);
    return 0;
}

/* --- destroying by name ----------------------------------------------------
 */

static void destroyed_by_name_or_id(void **state)
{
    (void)state;
    make_domain(5, "g1");
    assert_int_equal(dom_destroy_named(&dom, "g1"), 0);
    assert_int_equal(world.flags[5], 0);
    assert_int_equal(dom_destroy_named(&dom, "g1"), -ESRCH);
    make_domain(6, "g1");
    assert_int_equal(dom_destroy_named(&dom, "6"), 0);
    assert_int_equal(world.flags[6], 0);
    assert_int_equal(dom_destroy_named(&dom, "Domain-0"), -EPERM);
}

static void restart_5_as_6(void)
{
    end_domain(5);
    make_domain(6, "g1");
}

static void restart_is_followed(void **state)
{
    (void)state;
    make_domain(5, "g1");
    world.while_waiting = restart_5_as_6;
    assert_int_equal(dom_destroy_named(&dom, "g1"), 0);
    assert_int_equal(world.flags[6], 0);
}

/* on_reboot = "rename-restart": the old domain stays, under another name. */
static void set_5_aside_for_6(void)
{
    make_domain(5, "g1-1");
    make_domain(6, "g1");
}

static void one_set_aside_is_not_meant(void **state)
{
    (void)state;
    make_domain(5, "g1");
    world.while_waiting = set_5_aside_for_6;
    assert_int_equal(dom_destroy_named(&dom, "g1"), 0);
    assert_int_equal(world.flags[6], 0);
    assert_int_not_equal(world.flags[5], 0);
}

static void id_means_one_domain(void **state)
{
    (void)state;
    make_domain(5, "g1");
    world.while_waiting = restart_5_as_6;
    assert_int_equal(dom_destroy_named(&dom, "5"), 0);
    assert_int_not_equal(world.flags[6], 0);
}

static void rename_5(void)
{
    xs_rm(dom.xs, XS_NO_TX, "/tool/trellis/name/g1");
    make_domain(5, "g2");
}

static void end_5(void)
{
    end_domain(5);
}

static void renamed_or_gone_while_waiting(void **state)
{
    (void)state;
    make_domain(5, "g1");
    world.while_waiting = rename_5;
    assert_int_equal(dom_destroy_named(&dom, "g1"), 0);
    assert_int_equal(world.flags[5], 0);
    make_domain(5, "g1");
    world.while_waiting = end_5;
    assert_int_equal(dom_destroy_named(&dom, "g1"), 0);
}

/* --- restarting ------------------------------------------------------------
 */

static void reboot_5(void)
{
    make_domain(5, "g1");
    world.config[5] = true;
    world.flags[5] = XEN_DOMINF_shutdown | SHUTDOWN_reboot
                                               << XEN_DOMINF_shutdownshift;
}

static void restarted(void **state)
{
    (void)state;
    reboot_5();
    assert_int_equal(dom_monitor_run(&dom, 5), 0);
    assert_non_null(strstr(world.log, "g1 restarted as domain 6"));
    assert_int_equal(world.flags[5], 0);
    assert_int_equal(world.flags[6], 0);
    assert_string_equal(world.saved, "");
}

/* Its kernel was removed, its bridge is not there: nothing is taken away. */
static void kept_if_it_cannot_be_restarted(void **state)
{
    (void)state;
    reboot_5();
    world.check_rc = -ENOENT;
    assert_int_equal(dom_monitor_run(&dom, 5), -ENOENT);
    assert_int_not_equal(world.flags[5], 0);
    assert_true(world.config[5]);
    assert_non_null(strstr(world.log, "no kernel any more"));
    assert_non_null(strstr(world.log, "domain 5 stays as it is"));

    /* What the log says to do. */
    world.check_rc = 0;
    assert_int_equal(dom_monitor_run(&dom, 5), 0);
    assert_non_null(strstr(world.log, "g1 restarted as domain 6"));
}

/* What can be seen only then: the old domain is gone. */
static void configuration_survives_a_failed_restart(void **state)
{
    (void)state;
    reboot_5();
    world.create_rc = -ENOMEM;
    assert_int_equal(dom_monitor_run(&dom, 5), -ENOMEM);
    assert_string_equal(world.saved, "g1");
    assert_non_null(strstr(world.log, "no room"));
    assert_non_null(strstr(world.log, "is kept in /kept/g1"));
}

/* --- a monitor's start ------------------------------------------------------
 */

static void monitor_starts(void **state)
{
    (void)state;
    make_domain(5, "g1");
    assert_int_equal(dom_monitor_start(&dom, 5), 0);
}

static void monitor_does_not_start(void **state)
{
    (void)state;
    make_domain(5, "g1");
    for (unsigned int i = 1; i <= 2; i++) {
        world.forks_left = i;
        assert_int_equal(dom_monitor_start(&dom, 5), -EAGAIN);
    }
    world.forks_left = 0;
    world.exec_rc = ETXTBSY;
    assert_int_equal(dom_monitor_start(&dom, 5), -ETXTBSY);
    assert_non_null(strstr(dom.err.text, "monitor for domain 5"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(destroyed_by_name_or_id),
        TEST(restart_is_followed),
        TEST(one_set_aside_is_not_meant),
        TEST(id_means_one_domain),
        TEST(renamed_or_gone_while_waiting),
        TEST(restarted),
        TEST(kept_if_it_cannot_be_restarted),
        TEST(configuration_survives_a_failed_restart),
        TEST(monitor_starts),
        TEST(monitor_does_not_start),
    };

    return cmocka_run_group_tests_name("domain_end", tests, start, finish);
}
