/* SPDX-License-Identifier: MIT */
/*
 * Two writers of one image destroy it. Whatever the order in which guests come
 * and go, at most one has a disk that it may write to: also while its device
 * is still being made, and when many come at once. The store is the real one;
 * domains, loop devices and the driver are played.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/domain/loopdev.h"
#include "libs/domain/private.h"
#include "libs/sys/domctl.h"
#include "xs_server.h"

#define NR_DOMAINS 8

static struct {
    bool there, dying, driven;
    uint8_t handle;
} domains[NR_DOMAINS];

static char image[80];
static void (*while_opening)(void);

int sys_domain_info(struct sys *sys, uint32_t domid,
                    struct xen_domctl_getdomaininfo *info)
{
    (void)sys;
    if (domid >= NR_DOMAINS || !domains[domid].there)
        return -ESRCH;
    memset(info, 0, sizeof(*info));
    info->domain = (domid_t)domid;
    info->flags = domains[domid].dying ? XEN_DOMINF_dying : 0;
    info->handle[0] = domains[domid].handle;
    return 0;
}

int loopdev_attach(const char *file, bool readonly, char *dev, size_t room)
{
    void (*hook)(void) = while_opening;
    int fd;

    (void)readonly;
    while_opening = NULL;
    if (hook)
        hook();
    snprintf(dev, room, "/dev/loop7");
    fd = open(file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int __wrap_device_wait_backend(struct dom *dom, const struct device *d,
                               struct errmsg *err);
int __wrap_device_wait_backend(struct dom *dom, const struct device *d,
                               struct errmsg *err)
{
    (void)dom;
    (void)d;
    (void)err;
    return 0;
}

int __real_access(const char *name, int mode);
int __wrap_access(const char *name, int mode);
/* The driver has opened every device, and holds those that it is to hold. */
int __wrap_access(const char *name, int mode)
{
    unsigned int domid, devid;
    char rest[32] = "";

    if (sscanf(name, "/sys/bus/xen-backend/devices/vbd-%u-%u/%31s", &domid,
               &devid, rest) < 2)
        return __real_access(name, mode);
    if (*rest || (domid < NR_DOMAINS && domains[domid].driven))
        return 0;
    errno = ENOENT;
    return -1;
}

int dom_name(struct dom *dom, uint32_t domid, char name[GUEST_NAME_MAX + 1])
{
    (void)dom;
    snprintf(name, GUEST_NAME_MAX + 1, "guest%u", domid);
    return 0;
}

void dom_log(struct dom *dom, const char *fmt, ...)
{
    (void)dom;
    (void)fmt;
}

uint64_t now_ms(void)
{
    return 0;
}

static struct dom dom;

static int attach(uint32_t domid, const char *mode, struct errmsg *err)
{
    struct disk_config disk = {
        .vdev = "xvda",
        .number = 51712,
        .target = image,
        .readonly = *mode == 'r',
        .shared = strchr(mode, '!') != NULL,
    };

    return disk_attach(&dom, domid, &disk, err);
}

static void detach(uint32_t domid)
{
    const struct device d = {"vbd", domid, 51712};

    device_remove(&dom, &d);
}

static void assert_busy(uint32_t domid, const char *mode, const char *holder)
{
    struct errmsg err = {{0}, {0}};

    assert_int_equal(attach(domid, mode, &err), -EBUSY);
    assert_non_null(strstr(err.text, image));
    assert_non_null(strstr(err.text, holder));
    assert_non_null(strstr(err.hint, "w!"));
}

static void assert_attached(uint32_t domid, const char *mode)
{
    struct errmsg err = {{0}, {0}};

    if (attach(domid, mode, &err))
        fail_msg("%s", err.text);
}

/* A store that knows of no user, and domains 1 to 7, each with its handle. */
static int fresh(void **state)
{
    int fd;

    (void)state;
    dom.xs = connect_to();
    xs_rm(dom.xs, XS_NO_TX, "/tool/trellis");
    xs_rm(dom.xs, XS_NO_TX, "/local");
    memset(domains, 0, sizeof(domains));
    for (uint8_t i = 1; i < NR_DOMAINS; i++) {
        domains[i].there = true;
        domains[i].handle = i;
    }
    snprintf(image, sizeof(image), "%s/image", dir);
    fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) || close(fd))
        return -1;
    return 0;
}

static int clean(void **state)
{
    (void)state;
    xs_close(dom.xs);
    return unlink(image);
}

static void one_writer(void **state)
{
    (void)state;
    assert_attached(1, "w");
    assert_busy(2, "w", "domain 1 (guest1)");
    assert_busy(2, "r", "domain 1 (guest1)");
    assert_attached(2, "w!");
}

static void many_readers(void **state)
{
    (void)state;
    assert_attached(1, "r");
    assert_attached(2, "r");
    assert_busy(3, "w", "(guest");
}

static void second_while_first_opens(void)
{
    assert_busy(2, "w", "domain 1 (guest1)");
}

/* No node of the device is there yet. */
static void young_claim_counts(void **state)
{
    (void)state;
    while_opening = second_while_first_opens;
    assert_attached(1, "w");
    assert_null(while_opening);
    assert_busy(3, "w", "domain 1 (guest1)");
}

/* Another tool destroyed it: the store's nodes are still there. */
static void claim_ends_with_its_domain(void **state)
{
    (void)state;
    assert_attached(1, "w");
    domains[1].there = false;
    assert_attached(2, "w");
    assert_busy(3, "w", "domain 2 (guest2)");
    /* The id comes to mean another domain. */
    domains[2].handle = 99;
    assert_attached(3, "w");
    assert_busy(4, "w", "domain 3 (guest3)");
}

static void dying_domain_may_still_write(void **state)
{
    (void)state;
    assert_attached(1, "w");
    domains[1].dying = true;
    domains[1].driven = true;
    assert_busy(2, "w", "domain 1 (guest1)");
    domains[1].driven = false;
    assert_attached(2, "w");
}

static void claim_without_handle(void **state)
{
    char **dirs;
    char node[160];

    (void)state;
    assert_attached(1, "w");
    assert_int_equal(xs_directory(dom.xs, 0, "/tool/trellis/disk", &dirs), 1);
    snprintf(node, sizeof(node), "/tool/trellis/disk/%s/1-51712", dirs[0]);
    free(dirs);
    assert_int_equal(xs_write_str(dom.xs, 0, node, "w"), 0);
    assert_busy(2, "w", "domain 1 (guest1)");
    domains[1].there = false;
    assert_attached(2, "w");
}

static void assert_no_claims(void)
{
    char **dirs;
    int nr = xs_directory(dom.xs, 0, "/tool/trellis/disk", &dirs);

    if (nr >= 0)
        free(dirs);
    assert_int_equal(nr, 0);
}

static void detached_disk_is_free(void **state)
{
    (void)state;
    assert_attached(1, "w");
    detach(1);
    assert_no_claims();
    assert_attached(2, "w");
}

static void image_goes(void)
{
    char other[96];

    snprintf(other, sizeof(other), "%s.away", image);
    assert_int_equal(rename(image, other), 0);
}

static void failed_attach_leaves_nothing(void **state)
{
    char other[96];
    struct errmsg err;

    (void)state;
    while_opening = image_goes;
    assert_int_equal(attach(1, "w", &err), -ENOENT);
    assert_no_claims();
    snprintf(other, sizeof(other), "%s.away", image);
    assert_int_equal(rename(other, image), 0);
    assert_attached(2, "w");
}

#define RACERS 4
#define LAPS   150

/* Exit status: 0, or what went wrong. Who fails ends the race for all. */
static int race(uint32_t domid, atomic_int *writers, atomic_int *laps)
{
    struct errmsg err;

    dom.xs = connect_to();
    while (atomic_load(laps) < LAPS) {
        int rc = attach(domid, "w", &err);

        if (rc == -EBUSY)
            continue;
        if (rc || atomic_fetch_add(writers, 1)) {
            atomic_store(laps, LAPS);
            return rc ? 1 : 2;
        }
        sched_yield();
        atomic_fetch_add(laps, 1);
        atomic_fetch_sub(writers, 1);
        detach(domid);
    }
    return 0;
}

static void race_has_one_winner(void **state)
{
    atomic_int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid[RACERS];

    (void)state;
    assert_ptr_not_equal(shared, MAP_FAILED);
    for (uint32_t i = 0; i < RACERS; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(race(i + 1, &shared[0], &shared[1]));
    }
    for (uint32_t i = 0; i < RACERS; i++) {
        int status;

        waitpid(pid[i], &status, 0);
        assert_int_equal(status, 0);
    }
    munmap(shared, 4096);
    assert_no_claims();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_writer),
        TEST(many_readers),
        TEST(young_claim_counts),
        TEST(claim_ends_with_its_domain),
        TEST(dying_domain_may_still_write),
        TEST(claim_without_handle),
        TEST(detached_disk_is_free),
        TEST(failed_attach_leaves_nothing),
        TEST(race_has_one_winner),
    };

    return cmocka_run_group_tests_name("disk_claim", tests, start, finish);
}
